// Tabs of a page, or a switch between pages: links that Back returns from.
import { element, follow, icon, isPlainClick } from "./dom.js"

export default function ({ data, parentElement }) {
  const nav = parentElement.querySelector("nav")
  const focused = nav.getRootNode().activeElement?.dataset.label
  nav.setAttribute("aria-label", data.label)
  nav.className = data.look
  nav.replaceChildren(...data.links.map((link) => drawLink(link, data.name)))
  const links = [...nav.children]
  links.find((link) => link.dataset.label === focused)?.focus()
  links.find((link) => link.ariaCurrent)?.scrollIntoView({ block: "nearest", inline: "nearest" })
}

function drawLink({ label, icon: name, count, share, color, href, value, isCurrent }, parameter) {
  const link = element("a")
  link.dataset.label = label
  link.href = href ?? addressOf(parameter, value)
  link.onclick = (event) => {
    if (!isPlainClick(event)) return
    event.preventDefault()
    markCurrent(link)
    follow(href ?? addressOf(parameter, value))
  }
  if (isCurrent) link.ariaCurrent = "page"
  if (name) link.append(icon(name))
  link.append(element("span", "label", label))
  if (count) link.append(element("b", "", count))
  if (share !== undefined) link.append(drawShare(share, color))
  return link
}

/** Return the address of this page with another tab; the rest of it stays as it is. */
function addressOf(parameter, value) {
  const address = new URL(location.href)
  if (value) address.searchParams.set(parameter, value)
  else address.searchParams.delete(parameter)
  return address.pathname + address.search
}

/** Show at once which tab is opening; the next rerun draws what is true. */
function markCurrent(link) {
  for (const each of link.parentElement.children) each.ariaCurrent = each === link ? "page" : null
}

function drawShare(share, color) {
  const line = element("i")
  line.style.width = `${Math.max(2, share * 100)}%`
  if (color) line.style.background = `var(--st-${color}-color)`
  return line
}

// A row of links that change the address: tabs with counts, and filters that can be taken away.
import { element, follow, icon, isPlainClick } from "./dom.js"

const NUMBER = new Intl.NumberFormat("en-US")
const asked = new WeakMap() // the counts of each row, by the address that they were fetched for

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".links")
  root.className = `links ${data.look}`
  root.setAttribute("aria-label", data.label)
  const focused = root.getRootNode().activeElement?.dataset.name
  root.replaceChildren(...data.links.map((link) => drawLink(link, data)))
  root.querySelector(`[data-name="${CSS.escape(focused ?? "")}"]`)?.focus()
  if (data.countsFrom) showCounts(root, data)
}

function drawLink(link, { forgets, look }) {
  const address = () => changed(link.change, forgets)
  const made = element("a", link.isOn ? "on" : "")
  made.dataset.name = link.name
  made.style.setProperty("--color", link.color || "var(--st-text-color)")
  made.href = address()
  made.onpointerenter = made.onfocus = () => (made.href = address()) // others may have changed it
  if (link.isOn) made.setAttribute("aria-current", "true")
  if (link.hint) made.setAttribute("aria-label", link.hint)
  if (link.icon && look === "tabs") made.append(icon(link.icon))
  made.append(element("span", "label", link.label))
  if (link.icon && look !== "tabs") made.append(icon(link.icon))
  if (link.number !== null) setCount(made, link.number, link.share)
  made.onclick = (event) => {
    if (!isPlainClick(event)) return
    event.preventDefault()
    follow(address())
  }
  return made
}

/** Return the address of this page with other values of some parameters. */
function changed(change, forgets) {
  const address = new URL(location.href)
  for (const name of [...forgets, ...Object.keys(change)]) address.searchParams.delete(name)
  for (const [name, values] of Object.entries(change))
    for (const value of values) address.searchParams.append(name, value)
  return address.href
}

function setCount(link, count, share) {
  link.querySelector(".count")?.remove()
  link.append(element("span", "count", count))
  link.style.setProperty("--share", share ? Math.max(share, 0.02) : 0)
}

/** Fetch the counts once for each address, after everything else is drawn, and show them. */
async function showCounts(root, { countsFrom, most }) {
  const address = `${countsFrom}${location.search}`
  const known = asked.get(root)
  if (known?.address !== address) {
    known?.stop.abort()
    const stop = new AbortController()
    asked.set(root, { address, stop, counts: fetchCounts(address, stop.signal) })
  }
  const counts = await asked.get(root).counts
  if (!counts || asked.get(root).address !== address) return
  const isCapped = Object.values(counts).some((count) => count > most)
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0)
  for (const link of root.children) {
    const count = counts[link.dataset.name] ?? total
    const words = count > most ? `${NUMBER.format(most)}+` : NUMBER.format(count)
    setCount(link, words, isCapped || !total ? null : count / total)
  }
}

async function fetchCounts(address, signal) {
  await new Promise((done) => setTimeout(done, 100))
  if (signal.aborted) return null
  return fetch(address, { signal, headers: { accept: "application/json" } })
    .then((response) => (response.ok ? response.json() : null))
    .catch(() => null)
}

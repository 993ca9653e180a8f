// A row of links: tabs with counts, views, filters that can be removed, switches between pages.
import { addressWith, element, follow, icon, onPlainClick } from "./dom.js"

const NUMBER = new Intl.NumberFormat("en-US")
const asked = new WeakMap() // the counts of each row, and which they are

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".links")
  root.className = `links ${data.variant}`
  root.setAttribute("aria-label", data.label)
  const focused = root.getRootNode().activeElement?.dataset.name
  root.replaceChildren(...data.links.map((link) => drawLink(link, data)))
  root.querySelector(`[data-name="${CSS.escape(focused ?? "")}"]`)?.focus()
  if (data.countsFrom) showCounts(root, data)
}

function drawLink(link, { forgets, variant }) {
  const removed = Object.fromEntries(forgets.map((name) => [name, []]))
  const address = () => link.href || addressWith({ ...removed, ...link.change })
  const made = element("a")
  made.dataset.name = link.name
  made.style.setProperty("--color", link.color || "var(--st-text-color)")
  made.href = address()
  made.onpointerenter = made.onfocus = () => (made.href = address()) // others may have changed it
  if (link.isOn) made.ariaCurrent = link.href ? "page" : "true"
  if (link.hint) made.setAttribute("aria-label", link.hint)
  if (link.icon && variant === "tabs") made.append(icon(link.icon))
  made.append(element("span", "label", link.label))
  if (link.icon && variant !== "tabs") made.append(icon(link.icon))
  if (link.number !== null) setCount(made, link.number, link.share)
  onPlainClick(made, () => {
    if (variant === "views") markCurrent(made)
    follow(address())
  })
  return made
}

/** Show at once which view is opening; the next rerun draws what is true. */
function markCurrent(link) {
  for (const each of link.parentElement.children) each.ariaCurrent = each === link ? "true" : null
}

function setCount(link, count, share) {
  link.querySelector(".count")?.remove()
  link.append(element("span", "count", count))
  link.style.setProperty("--share", share ? Math.max(share, 0.02) : 0)
}

/** Fetch the counts after everything else is drawn, and show them; once until they change. */
async function showCounts(root, { countsFrom, countsAsOf, most }) {
  const address = `${countsFrom}${location.search}`
  const which = `${address} ${countsAsOf}`
  const known = asked.get(root)
  if (known?.which !== which) {
    known?.stop.abort()
    const stop = new AbortController()
    asked.set(root, { which, stop, counts: fetchCounts(address, stop.signal) })
  }
  const counts = await asked.get(root).counts
  if (!counts || asked.get(root).which !== which) return
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

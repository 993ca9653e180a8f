// Tells that others have changed what a table shows. The browser asks when somebody comes back to the
// page, and once a minute while it is in sight.
import { element } from "./dom.js"

const EVERY = 60_000
const SOONEST = 5_000

export function watchChanges(table, options) {
  const ask = () => check(table)
  const timer = setInterval(ask, EVERY)
  options.signal.addEventListener("abort", () => clearInterval(timer))
  document.addEventListener("visibilitychange", ask, options)
  addEventListener("focus", ask, options)
}

async function check(table) {
  const { data, root } = table
  const isDue = Date.now() - (table.checkedAt ?? 0) > SOONEST
  if (!data?.watched.length || !isDue || document.hidden || !root.isConnected || table.stale.firstChild) return
  table.checkedAt = Date.now()
  const query = new URLSearchParams([["since", data.now], ...data.watched.map((org) => ["org", org])])
  const answer = await fetch(`/changes?${query}`)
    .then((response) => (response.ok ? response.json() : null))
    .catch(() => null)
  if (answer?.changed && table.data === data) show(table)
}

function show(table) {
  const refresh = element("button", "", "Refresh")
  refresh.type = "button"
  refresh.onclick = () => table.ask("refresh", [])
  table.stale.replaceChildren(element("span", "", "Changed since you loaded"), refresh)
}

/** Forget it, as the table is drawn from what is true now. */
export function forgetChanges(table) {
  if (table.stale.contains(table.root.getRootNode().activeElement)) table.focusRow(table.current)
  table.stale.replaceChildren()
}

// Where a reader was in a list: kept when a row is opened, found again by Back and after a dialog.

/** Return the name of this stop of the tab's history, which Back leads to again. */
function stopName() {
  return `table place ${window.navigation?.currentEntry?.key ?? location.href}`
}

/** Remember the row that is being opened. */
export function keepPlace(table, id) {
  const place = { name: table.data.name, id, top: table.box.scrollTop }
  sessionStorage.setItem(stopName(), JSON.stringify(place))
}

/** Remember a row of whichever table is on the page, as it is opened from a quick view. */
export function rememberRow(id) {
  sessionStorage.setItem(stopName(), JSON.stringify({ id, top: null }))
}

/** Go back to the row that was opened at this stop of the history, if there was one. */
export function returnToPlace(table) {
  const place = JSON.parse(sessionStorage.getItem(stopName()) ?? "null")
  if ((place?.name ?? table.data.name) !== table.data.name || !table.rows.has(place?.id)) return
  if (place.top !== null) table.box.scrollTop = place.top
  table.focusRow(place.id)
}

/** Focus the current row again when the dialog that a row has opened is closed. */
export function waitForDialog(table) {
  table.watching?.disconnect()
  let wasOpen = false
  const watching = new MutationObserver(() => {
    const isOpen = Boolean(document.querySelector("[role=dialog]"))
    if (wasOpen && !isOpen) {
      watching.disconnect()
      if (document.activeElement === document.body) table.focusRow(table.current)
    }
    wasOpen = isOpen
  })
  watching.observe(document.body, { childList: true, subtree: true })
  table.closing.signal.addEventListener("abort", () => watching.disconnect())
  table.watching = watching
}

// The position of a reader in a list: saved when a row is opened, restored by Back and after a dialog.

/** Return the key of this entry of the browser's history, which Back leads to again. */
function positionKey() {
  return `table position ${window.navigation?.currentEntry?.key ?? location.href}`
}

/** Remember the row that is being opened. */
export function savePosition(table, id) {
  const position = { name: table.data.name, id, top: table.box.scrollTop }
  sessionStorage.setItem(positionKey(), JSON.stringify(position))
}

/** Remember a row of whichever table is on the page, as it is opened from a quick view. */
export function saveRow(id) {
  sessionStorage.setItem(positionKey(), JSON.stringify({ id, top: null }))
}

/** Return to the row that was opened at this entry of the history, if there was one. */
export function restorePosition(table) {
  const position = JSON.parse(sessionStorage.getItem(positionKey()) ?? "null")
  if ((position?.name ?? table.data.name) !== table.data.name || !table.rows.has(position?.id)) return
  if (position.top !== null) table.box.scrollTop = position.top
  table.focusRow(position.id)
}

const REDRAWN_FOR = 2000 // ms in which Streamlit may draw a closed dialog once more and drop the focus with it

/** Focus the current row again when the dialog that a row has opened is closed. */
export function waitForDialog(table) {
  table.watching?.disconnect()
  let closedAt = null
  let wasOpen = false
  const watching = new MutationObserver(() => {
    const isOpen = Boolean(document.querySelector("[role=dialog]"))
    if (wasOpen && !isOpen) closedAt ??= performance.now()
    wasOpen = isOpen
    if (closedAt === null || isOpen) return
    if (document.activeElement === document.body) table.focusRow(table.current)
    if (performance.now() - closedAt > REDRAWN_FOR) watching.disconnect()
  })
  watching.observe(document.body, { childList: true, subtree: true })
  table.watching = watching
}

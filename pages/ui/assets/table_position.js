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
  table.watching = watching
}

// The keyboard in a table. One row is reached by Tab; from there arrows lead to rows and cells.
import { element } from "./dom.js"

const LETTERS = { j: "ArrowDown", k: "ArrowUp", x: "select", "?": "keys" }
const CONTROLS = "a, button, select, input"

export function listenToKeys(table, options) {
  table.body.addEventListener("keydown", (event) => onKey(table, event), options)
  table.root.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "Escape" || !(table.isSelecting || table.selected.size || table.isAllSelected)) return
      table.clear()
      table.showSelection()
      table.focusRow(table.current)
    },
    options,
  )
}

function onKey(table, event) {
  if (event.altKey || event.ctrlKey || event.metaKey) return
  const row = event.target.closest("tr")
  if (!row) return
  const letter = table.data.hasLetterKeys ? LETTERS[event.key.toLowerCase()] : undefined
  const act = ACTS[letter ?? event.key]
  if (!act || act(table, row, event.target) === false) return
  event.preventDefault()
  event.stopPropagation()
}

/** What each key does; false leaves it to the browser. */
const ACTS = {
  ArrowDown: (table, row, target) => moveToRow(table, row, target, 1),
  ArrowUp: (table, row, target) => moveToRow(table, row, target, -1),
  Home: (table, row, target) => moveToRow(table, row, target, -Infinity),
  End: (table, row, target) => moveToRow(table, row, target, Infinity),
  ArrowRight: (table, row, target) => moveToCell(row, target, 1),
  ArrowLeft: (table, row, target) => moveToCell(row, target, -1),
  Enter: (table, row, target) => {
    if (target.matches("select")) target.showPicker()
    else if (target.matches(CONTROLS)) return target.matches("a") ? (table.followLink(target), true) : false
    else table.open(table.idOf(row))
    return true
  },
  " ": (table, row, target) => {
    if (target.matches("button, select, input")) return false
    table.activate(table.idOf(row))
    return true
  },
  select: (table, row) => {
    if (!table.data.bulk.length) return false
    table.toggle(table.idOf(row))
    return true
  },
  keys: (table) => openKeys(table),
}

/** Move the focus to another row, to the same place in it. */
function moveToRow(table, row, target, by) {
  const rows = [...table.body.children]
  const next = rows[Math.min(rows.length - 1, Math.max(0, rows.indexOf(row) + by))]
  const stops = stopsOf(next)
  const place = stopsOf(row).indexOf(target)
  const focused = place < 0 ? next : stops[Math.min(place, stops.length - 1)]
  focused.focus()
  next.scrollIntoView({ block: "nearest" })
}

/** Move the focus through the cells of a row; left of the first one is the row itself. */
function moveToCell(row, target, by) {
  const stops = [row, ...stopsOf(row)]
  const next = stops[stops.indexOf(target) + by]
  next?.focus()
  next?.scrollIntoView({ block: "nearest", inline: "nearest" })
}

/** Return what can have the focus in a row: the controls of each cell, or the cell itself. */
function stopsOf(row) {
  return [...row.cells].flatMap((cell) => {
    if (!cell.offsetParent) return []
    const controls = [...cell.querySelectorAll(CONTROLS)].filter((each) => each.offsetParent)
    return controls.length ? controls : [cell]
  })
}

/** Show what the keys do. */
export function openKeys(table) {
  const { hasLetterKeys, bulk, rowAction } = table.data
  const letter = (key) => (hasLetterKeys ? [key] : [])
  const lines = [
    [["↓", ...letter("J")], "Next row"],
    [["↑", ...letter("K")], "Previous row"],
    [["→", "←"], "Cells of the row"],
    [["Enter"], "Open, or use the cell"],
    ...(rowAction ? [[["Space"], "Quick view"]] : []),
    ...(bulk.length && hasLetterKeys ? [[["X"], "Select"]] : []),
    ...(bulk.length ? [[["Shift", "Click"], "Select up to here"]] : []),
    [["Ctrl", "C"], "Copy rows"],
    [["Esc"], "Close, or clear the selection"],
    ...(hasLetterKeys ? [[["?"], "Show this"]] : []),
  ]
  openKeysDialog(table.root, "Keys in this table", lines, () => table.focusRow(table.current))
}

/** Show a list of keys with what they do, and call `onClose` when it is closed. */
export function openKeysDialog(root, title, lines, onClose) {
  const list = element("dl")
  for (const [keys, meaning] of lines) {
    const term = element("dt")
    term.append(...keys.flatMap((key, at) => (at ? [" ", element("kbd", "", key)] : [element("kbd", "", key)])))
    list.append(term, element("dd", "", meaning))
  }
  const dialog = element("dialog")
  dialog.setAttribute("aria-label", title)
  const close = element("button", "act text", "Close")
  close.type = "button"
  close.onclick = () => dialog.close()
  dialog.append(element("h2", "", title), list, close)
  dialog.onkeydown = (event) => event.stopPropagation()
  dialog.onclose = () => {
    dialog.remove()
    onClose()
  }
  root.append(dialog)
  dialog.showModal()
}

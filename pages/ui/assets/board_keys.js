// The keyboard on the board. One card is reached by Tab; from there arrows lead to the others.
import { openKeysDialog } from "./table_keys.js"

const LETTERS = { j: "ArrowDown", k: "ArrowUp", m: "move", s: "snooze", e: "edit", "?": "keys" }
const CONTROLS = "a, button, input, select, form"

export function listenToKeys(board, options) {
  board.box.addEventListener("keydown", (event) => onKey(board, event), options)
}

function onKey(board, event) {
  if (event.key === "Escape") board.hideTip()
  const row = board.rowOf(event.target)
  if (!row || event.target.closest("form") || event.altKey || event.ctrlKey || event.metaKey) return
  const isMenu = event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey)
  const letter = board.data.hasLetterKeys ? LETTERS[event.key.toLowerCase()] : undefined
  const act = ACTS[isMenu ? "menu" : (letter ?? event.key)]
  if (!act || act(board, row, event.target) === false) return
  event.preventDefault()
  event.stopPropagation()
}

/** What each key does; false leaves it to the browser. */
const ACTS = {
  ArrowDown: (board, row) => step(board, row, 1),
  ArrowUp: (board, row) => step(board, row, -1),
  Home: (board, row) => step(board, row, -Infinity),
  End: (board, row) => step(board, row, Infinity),
  ArrowRight: (board, row) => cross(board, row, 1),
  ArrowLeft: (board, row) => cross(board, row, -1),
  Enter: (board, row, target) => (target.closest(CONTROLS) ? false : board.open(row.card.id)),
  " ": (board, row, target) => (target.closest(CONTROLS) ? false : board.ask("look", row.card.id)),
  move: (board, { card, column }) => {
    if (!column.to || !board.data.canMove) return false
    if (card.go) board.ask(column.go, card.id)
    else board.move(card.id)
    return true
  },
  snooze: (board, { card }) => board.can("snooze", card.id) && board.openSnoozes(card.id),
  edit: (board, { card }) => board.can("edit", card.id) && board.edit(card.id),
  menu: (board, { card }) => board.openMenu(card.id),
  keys: (board, { card }) => openKeys(board, card.id),
}

/** Move the focus within the column. */
function step(board, { card, column }, by) {
  const ids = column.cards.map(({ id }) => id)
  const next = ids[Math.min(ids.length - 1, Math.max(0, ids.indexOf(card.id) + by))]
  board.reveal(next)
}

/** Move the focus to the card at the same height in the next column that has cards. */
function cross(board, { card, column }, by) {
  const columns = board.data.columns.filter((each) => each.cards.length)
  const next = columns[columns.findIndex(({ key }) => key === column.key) + by]
  if (!next) return
  const at = column.cards.findIndex(({ id }) => id === card.id)
  board.reveal(next.cards[Math.min(at, next.cards.length - 1)].id)
}

/** Show what the keys do. */
function openKeys(board, id) {
  const { hasLetterKeys, canMove } = board.data
  const letter = (key) => (hasLetterKeys ? [key] : [])
  const lines = [
    [["↓", ...letter("J")], "Next card"],
    [["↑", ...letter("K")], "Previous card"],
    [["→", "←"], "Next column"],
    [["Enter"], "Open"],
    [["Space"], "Quick view"],
    ...(canMove && hasLetterKeys ? [[["M"], "Move on"], [["S"], "Snooze"], [["E"], "Edit the next step"]] : []),
    ...(canMove ? [[["Shift", "F10"], "Actions"]] : []),
    ...(hasLetterKeys ? [[["?"], "Show this"]] : []),
  ]
  openKeysDialog(board.root, "Keys on the board", lines, () => board.focusRow(id))
}

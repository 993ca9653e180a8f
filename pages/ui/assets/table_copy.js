// Copying rows as text for a spreadsheet, guarded against formulas as files are: the rule is that of
// core/base/formulas.py, and a test compares the two.
import { textOf } from "./table_cells.js"

const FORMULA = /^[\t\r\n\v\f \u00a0\u200b\u2060\u3000\ufeff"]*[=+\-@\uff1d\uff0b\uff0d\uff20\u2013\u2212]/
const BREAK = /^[\t\r\n]/
const PHONE_NUMBER = /^\+[0-9][0-9x]*$/

/** Put an apostrophe before text that a spreadsheet would run as a formula. */
export function harmless(text) {
  const isRisky = BREAK.test(text) || FORMULA.test(text)
  return isRisky && !PHONE_NUMBER.test(text) ? `'${text}` : text
}

/** Copy the selected rows, or else the one with the focus, unless some text is selected. */
export function copyRows(table, event) {
  if (String(getSelection())) return
  const current = table.rows.get(table.current)
  const rows = table.selected.size ? [...table.selected.values()] : current ? [current.values] : []
  if (!rows.length || table.isAllSelected) return
  const lines = linesOf(table, rows).map((line) => line.map((text) => text.replace(/[\t\r\n]+/g, " ")).join("\t"))
  event.clipboardData.setData("text/plain", lines.join("\n"))
  event.preventDefault()
}

/** Return the labels of the columns, then the texts of rows. */
function linesOf(table, rows) {
  const { columns } = table.data
  const texts = rows.map((cells) => columns.map((column, at) => textOf(column, cells[at])))
  return [columns.map((column) => column.label), ...texts].map((line) => line.map(harmless))
}

/** Copy one column of the selected rows, such as addresses for an email, and say so. */
export async function copyColumn(table, key) {
  const at = table.data.columns.findIndex((column) => column.key === key)
  const texts = [...table.selected.values()].map((cells) => textOf(table.data.columns[at], cells[at]))
  await navigator.clipboard.writeText(harmless(texts.join(", ")))
  table.footer.querySelector(".count").textContent = `${texts.length} copied`
  table.say(`${texts.length} copied`)
}

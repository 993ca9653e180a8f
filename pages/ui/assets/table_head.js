// The head of a table: columns that sort by a link, and the box that selects the page.
import { addressWith, element, follow, icon, onPlainClick } from "./dom.js"

export function drawHead(table) {
  const { columns, bulk, actions, sort, turns } = table.data
  const signature = JSON.stringify([columns, bulk.length, actions.length, sort, location.search])
  if (table.headSignature === signature) return
  table.headSignature = signature
  const cells = columns.map((column, at) => drawColumn(column, at, sort, turns))
  if (bulk.length) cells.unshift(drawSelectAll(table))
  if (actions.length) cells.push(headCell("actions", "last", "Actions", true))
  table.head.replaceChildren(...cells)
}

function drawColumn(column, at, sort, turns) {
  const cell = headCell(column.key, `${column.isNumeric ? "numeric" : ""} ${at ? "" : "pinned"}`)
  if (column.width) cell.style.width = cell.style.minWidth = `${column.width}px`
  if (column.short) cell.title = column.label
  if (!column.sort) {
    cell.append(column.short || column.label)
    return cell
  }
  const isFirst = sort === column.sort
  const isReversed = sort === column.reverse
  const isAscending = column.is_descending === isReversed
  if (isFirst || isReversed) cell.setAttribute("aria-sort", isAscending ? "ascending" : "descending")
  const link = element("a", "sort", column.label)
  const next = isFirst && column.reverse ? column.reverse : column.sort
  link.href = sorted(next, turns)
  onPlainClick(link, () => follow(sorted(next, turns)))
  if (isFirst || isReversed) link.append(icon(isAscending ? "arrow_upward" : "arrow_downward"))
  cell.append(link)
  return cell
}

/** Return this page's address in another order, from its first page on. */
function sorted(order, turns) {
  const names = turns.flatMap(({ change }) => Object.keys(change))
  return addressWith({ ...Object.fromEntries(names.map((name) => [name, ""])), sort: order })
}

function drawSelectAll(table) {
  const cell = headCell("select", "select pinned")
  const box = element("input")
  box.type = "checkbox"
  box.setAttribute("aria-label", "Select all rows on this page")
  box.onchange = () => table.select([...table.rows.keys()], box.checked)
  const label = element("label")
  label.append(box)
  cell.append(label)
  return cell
}

function headCell(key, className, label = "", isHidden = false) {
  const cell = element("th", `cell ${className}`)
  cell.setAttribute("role", "columnheader")
  cell.scope = "col"
  cell.dataset.column = key
  if (isHidden) cell.append(element("span", "hidden", label))
  return cell
}

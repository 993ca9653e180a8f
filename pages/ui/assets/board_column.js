// A column: its head, the strip of working days against the limit, its cards, and more of them.
import { element, follow, icon, iconButton, onPlainClick } from "./dom.js"
import { drawStrip } from "./strip.js"

/** Draw a column into the element that it had before, if any. */
export function drawColumn(board, column, known) {
  const section = known?.section ?? element(column.isRail ? "div" : "section", column.isRail ? "rail" : "column")
  const list = known?.list ?? element("ul", "list")
  const days = column.cards.map((card) => card.number)
  const { cards, ...head } = column
  const signature = JSON.stringify([head, days])
  if (known?.signature === signature) return known
  section.dataset.key = column.key
  section.style.setProperty("--color", column.color)
  if (column.isRail) section.replaceChildren(drawRail(column))
  else {
    section.setAttribute("aria-label", `${column.label}: ${column.total}`)
    section.replaceChildren(...[drawHead(board, column), drawDays(column, days), list, drawEnd(board, column)].filter(Boolean))
  }
  return { section, list, signature }
}

function drawHead(board, column) {
  const head = element("div", "head")
  const title = element("h2", "title")
  title.append(icon(column.icon), element("span", "", column.label), element("span", "number", column.total))
  head.append(title)
  if (column.note) head.append(element("span", "note", column.note))
  if (board.data.canEditAll && column.cards.length) head.append(drawEditAll(board, column))
  return head
}

/** Draw the button that edits all organizations of a column, also those without a card. */
function drawEditAll(board, column) {
  const button = iconButton("edit", `Edit all ${column.total}: ${column.label}`, "edit-all")
  button.onclick = () => board.ask("edit-all", 0, { column: column.key })
  return button
}

/** Draw the working days of each card against the limit. */
function drawDays(column, days) {
  if (!column.limit) return null
  const strip = drawStrip(days, column.limit)
  const over = days.filter((each) => each > column.limit).length
  strip.setAttribute("role", "img")
  strip.setAttribute("aria-label", `${over} of ${days.length} cards over the limit of ${column.limit} working days`)
  strip.title = `Working days in ${column.label}; the limit is ${column.limit}`
  return strip
}

function drawEnd(board, column) {
  if (!column.cards.length) return element("p", "empty", column.empty)
  if (!column.rest) return null
  if (!column.hasMore) return element("p", "empty", "Search or filter to see the rest.")
  const more = element("button", "all", column.rest)
  more.type = "button"
  more.onclick = () => board.ask("more", 0, { column: column.key })
  return more
}

/** A column without cards: its number, and a link to its organizations. */
function drawRail(column) {
  const link = element("a", "to")
  link.href = column.href
  link.title = `${column.label}: ${column.total}`
  link.append(icon(column.icon), element("span", "number", column.total), element("span", "label", column.label))
  onPlainClick(link, () => follow(column.href))
  return link
}

/** Return what chooses a column on a phone, where one is shown at a time. */
export function drawTab(board, column) {
  const tab = element(column.isRail ? "a" : "button", "tab")
  tab.append(element("span", "", column.label), element("span", "number", column.total))
  tab.dataset.key = column.key
  if (column.isRail) {
    tab.href = column.href
    onPlainClick(tab, () => follow(column.href))
  } else {
    tab.type = "button"
    tab.onclick = () => board.showTab(column.key)
  }
  return tab
}

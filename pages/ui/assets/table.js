// The table of the app. Python sends the rows of one page as arrays: [id, cell, cell, …]. Rows are
// kept by id from one redraw to the next, so focus, selection and scroll position survive.
import { element, fillWindow, follow, isPlainClick, setChildren, updateMoments } from "./dom.js"
import { drawActions, drawCell, textOf } from "./table_cells.js"
import { drawBar, drawFooter } from "./table_footer.js"
import { copyRows } from "./table_copy.js"
import { listenToKeys } from "./table_keys.js"
import { drawHead } from "./table_head.js"
import { openMenu } from "./table_menu.js"
import { forgetChanges, watchChanges } from "./table_changes.js"
import { listenToTouch } from "./table_touch.js"
import { drawSummary } from "./table_summary.js"
import { restorePosition, savePosition, waitForDialog } from "./table_position.js"

const tables = new WeakMap()

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".table")
  if (!tables.has(root)) tables.set(root, new Table(root))
  const table = tables.get(root)
  table.draw(data, (asked) => setTriggerValue("ask", asked))
  return () => table.close()
}

class Table {
  rows = new Map() // the rows on the page by id: { row, cells, signature, values }
  selected = new Map() // the values of the selected rows by id, also of those on other pages
  isSelecting = false // whether a tap on a row selects it
  isAllSelected = false // everything that matches, whether it was ever loaded or not
  excluded = new Set() // the ids of those that were taken out again
  current = null // the id of the row that Tab leads to: the one last visited, or the first
  visited = null
  lastToggled = null

  constructor(root) {
    this.root = root
    this.caption = root.querySelector(".caption")
    this.box = root.querySelector(".box")
    this.grid = root.querySelector("[role=grid]")
    this.head = root.querySelector(".head")
    this.body = root.querySelector(".body")
    this.empty = root.querySelector(".empty")
    this.legend = root.querySelector(".legend")
    this.footer = root.querySelector(".footer")
    this.stale = root.querySelector(".stale")
    this.status = root.querySelector(".hidden[role=status]")
    this.closing = new AbortController()
    const options = { signal: this.closing.signal }
    listenToKeys(this, options)
    listenToTouch(this, options)
    watchChanges(this, options)
    root.addEventListener("copy", (event) => copyRows(this, event), options)
    this.body.addEventListener("click", (event) => this.onClick(event), options)
    this.body.addEventListener("focusin", (event) => this.onFocus(event), options)
    addEventListener("resize", () => this.fit(), options)
  }

  close() {
    this.closing.abort()
    this.watching?.disconnect()
  }

  draw(data, send) {
    const before = this.data
    Object.assign(this, { data, send, now: data.now })
    if (before && (before.scope !== data.scope || before.cleared !== data.cleared)) this.clear()
    forgetChanges(this)
    const focus = this.findFocus()
    this.grid.setAttribute("aria-label", data.label)
    this.grid.setAttribute("aria-rowcount", data.isCapped ? -1 : data.total + 1)
    this.grid.setAttribute("aria-multiselectable", Boolean(data.bulk.length))
    drawSummary(this)
    drawHead(this)
    const isOtherPage = this.drawRows()
    if (before && isOtherPage) this.box.scrollTop = 0
    this.empty.hidden = this.rows.size > 0
    this.empty.replaceChildren(...data.empty.map((line, at) => element("p", at ? "quiet" : "", line)))
    this.grid.hidden = !this.rows.size
    this.showSelection()
    this.fit()
    this.focusAgain(focus)
    if (!before) restorePosition(this)
    if (data.focus !== null) this.focusRow(data.focus)
  }

  /** Draw the rows, and return whether none of them was there before. */
  drawRows() {
    const { columns, rows, actions } = this.data
    const shape = JSON.stringify([columns, actions, Boolean(this.data.bulk.length)])
    const drawn = new Map()
    let isOtherPage = this.rows.size > 0
    for (const values of rows) {
      const signature = `${JSON.stringify(values)}${shape}`
      const known = this.rows.get(values[0])
      if (known) isOtherPage = false
      drawn.set(values[0], known?.signature === signature ? known : this.drawRow(values, signature, known))
    }
    this.rows = drawn
    setChildren(this.body, [...drawn.values()].map(({ row }) => row))
    if (!drawn.has(this.visited)) this.visited = null
    this.current = this.visited ?? rows[0]?.[0] ?? null
    for (const [id, { row }] of drawn) row.tabIndex = id === this.current ? 0 : -1
    updateMoments(this.body, this.now)
    return isOtherPage
  }

  /** Fill a row, which is the same element as before if it was there. */
  drawRow(values, signature, known) {
    const [id, ...cells] = values
    const row = known?.row ?? element("tr", "row")
    row.setAttribute("role", "row")
    const context = this.contextOf(id, cells)
    const drawn = this.data.columns.map((column, at) => this.drawCell(column, cells[at], context, at))
    if (this.data.bulk.length) drawn.unshift(this.drawCheckbox(id, context))
    if (this.data.actions.length) drawn.push(this.drawActions(cells, context))
    row.replaceChildren(...drawn)
    this.drawDetails(row, cells)
    return { row, signature, values: cells }
  }

  /** Return what the cells of a row need to know of the table. */
  contextOf(id, cells) {
    const name = textOf(this.data.columns[0], cells[0], this.now)
    return {
      now: this.now,
      nameOf: () => name,
      ask: (action, more = {}) => this.ask(action, [id], more),
      openMenu: (button, actions) => openMenu(this, button, actions, id),
    }
  }

  drawCell(column, value, context, at) {
    const cell = newCell(column.key, column.isNumeric ? "numeric" : "", at ? "gridcell" : "rowheader")
    cell.dataset.phone = at ? column.phone : "title"
    if (!at) cell.classList.add("pinned")
    if (!column.isWhole) cell.classList.add("narrow")
    cell.tabIndex = -1
    cell.append(drawCell(column, value, context))
    return cell
  }

  drawCheckbox(id, context) {
    const cell = newCell("select", "select pinned")
    const box = element("input")
    box.type = "checkbox"
    box.tabIndex = -1
    box.setAttribute("aria-label", `Select ${context.nameOf()}`)
    box.onclick = (event) => this.toggle(id, event.shiftKey)
    const label = element("label")
    label.append(box)
    cell.append(label)
    return cell
  }

  drawActions(cells, context) {
    const cell = newCell("actions", "last")
    const allowed = cells[this.data.columns.length]
    const actions = this.data.actions.filter((_, at) => !allowed || allowed.includes(at))
    cell.append(drawActions(actions, context))
    return cell
  }

  /** Write the second line of a row on a phone: the columns that are not shown there. */
  drawDetails(row, cells) {
    const first = row.querySelector("[data-phone=title]")
    const place = first.querySelector(".details") ?? first.appendChild(element("span", "details"))
    place.classList.toggle("wraps", this.data.columns.some((column) => column.phone === "whole"))
    const lines = this.data.columns
      .map((column, at) => [column, cells[at]])
      .filter(([column], at) => at && ["detail", "whole"].includes(column.phone))
      .filter(([, value]) => value !== null && value !== "")
      .map(([column, value]) => `${column.prefix}${textOf(column, value, this.now)}`)
    place.textContent = lines.join(" · ")
  }

  ask(action, ids, more = {}) {
    waitForDialog(this)
    this.send({ action, ids, ...more })
  }

  askForSelected(action) {
    const ids = this.isAllSelected ? [...this.excluded] : [...this.selected.keys()]
    this.ask(action, ids, { isAll: this.isAllSelected })
  }

  /** Open a row: by its link, or else by what a click on it does. */
  open(id) {
    const link = this.rows.get(id).row.querySelector("a.name")
    if (link) this.followLink(link)
    else this.activate(id)
  }

  /** Do what a click on a row does, such as its quick view; without that, open it. */
  activate(id) {
    const link = this.rows.get(id).row.querySelector("a.name")
    if (this.data.rowAction) this.ask(this.data.rowAction, [id])
    else if (link) this.followLink(link)
  }

  followLink(link) {
    savePosition(this, this.idOf(link.closest("tr")))
    follow(link.href)
  }

  onClick(event) {
    const row = event.target.closest("tr")
    const link = event.target.closest("a")
    if (!row) return
    const id = this.idOf(row)
    if (this.wasPressed || (this.isSelecting && !event.target.closest("input, label"))) {
      event.preventDefault()
      if (!this.wasPressed) this.toggle(id)
      this.wasPressed = false
    } else if (link) {
      if (!isPlainClick(event)) return
      event.preventDefault()
      this.followLink(link)
    } else if (!event.target.closest("button, input, select, label")) {
      if (String(this.root.getRootNode().getSelection?.() ?? getSelection())) return
      if (this.data.bulk.length && (event.shiftKey || event.ctrlKey || event.metaKey))
        this.toggle(id, event.shiftKey)
      else this.activate(id)
    }
  }

  onFocus(event) {
    const row = event.target.closest("tr")
    if (!row) return
    this.current = this.visited = this.idOf(row)
    for (const each of this.body.children) each.tabIndex = each === row ? 0 : -1
  }

  /** Return the id of a row as Python knows it, a number or a text. */
  idOf(row) {
    for (const [id, { row: each }] of this.rows) if (each === row) return id
    return null
  }

  /** Select a row or take it out; with `isRange` all from the last one to it. */
  toggle(id, isRange = false) {
    const ids = [...this.rows.keys()]
    const isOn = !this.isSelected(id)
    const [from, to] = [ids.indexOf(isRange ? this.lastToggled : id), ids.indexOf(id)]
    const range = from < 0 ? [id] : ids.slice(Math.min(from, to), Math.max(from, to) + 1)
    this.select(range, isRange || isOn)
    this.lastToggled = id
  }

  /** Select rows of the page, or take them out, also of everything that matches. */
  select(ids, isOn) {
    for (const id of ids) {
      if (this.isAllSelected) this.excluded[isOn ? "delete" : "add"](id)
      else if (isOn) this.selected.set(id, this.rows.get(id).values)
      else this.selected.delete(id)
    }
    this.showSelection()
  }

  selectAll() {
    this.clear()
    this.isAllSelected = true
    this.showSelection()
  }

  clear() {
    this.selected.clear()
    this.excluded.clear()
    this.isAllSelected = this.isSelecting = false
    this.lastToggled = null
  }

  isSelected(id) {
    return this.isAllSelected ? !this.excluded.has(id) : this.selected.has(id)
  }

  showSelection() {
    let number = 0
    for (const [id, { row }] of this.rows) {
      const isOn = this.isSelected(id)
      number += isOn
      if (!this.data.bulk.length) continue
      row.setAttribute("aria-selected", isOn)
      row.querySelector(".select input").checked = isOn
    }
    const all = this.head.querySelector("input")
    if (all) {
      all.checked = number > 0 && number === this.rows.size
      all.indeterminate = number > 0 && !all.checked
    }
    this.root.classList.toggle("selecting", this.isSelecting)
    if (this.isSelecting || this.isAllSelected || this.selected.size) drawBar(this)
    else drawFooter(this)
  }

  /** Let the table reach down to the end of the window; longer ones scroll inside. */
  fit() {
    if (this.data.fillsWindow) fillWindow(this.box, this.footer.offsetHeight + 20)
  }

  /** Return where the focus is inside the table: the row, and the place in it or outside rows. */
  findFocus() {
    const focused = this.root.getRootNode().activeElement
    if (!focused || !this.root.contains(focused)) return null
    const cell = focused.closest("[data-column]")
    const row = focused.closest("tr.row")
    return {
      focused,
      id: row && this.idOf(row),
      column: cell?.dataset.column,
      stop: stopsIn(cell).indexOf(focused),
      name: focused.dataset.name,
    }
  }

  /** Put the focus back where it was if the redraw has replaced the element that had it. */
  focusAgain(focus) {
    if (!focus || (focus.focused.isConnected && !focus.focused.disabled)) return
    const parent = focus.id === null ? this.head : this.rows.get(focus.id)?.row
    const cell = parent?.querySelector(`[data-column="${focus.column}"]`)
    const named = focus.name && this.root.querySelector(`[data-name="${focus.name}"]:not([disabled])`)
    const target = named || stopsIn(cell)[focus.stop] || this.rows.get(this.current)?.row
    target?.focus({ preventScroll: true })
  }

  /** Tell screen readers what has happened. */
  say(sentence) {
    this.status.textContent = sentence
  }

  focusRow(id) {
    this.rows.get(id)?.row.focus()
  }
}

function newCell(column, className, role = "gridcell") {
  const cell = element("td", `cell ${className}`)
  cell.setAttribute("role", role)
  cell.dataset.column = column
  return cell
}

/** Return what can have the focus in a cell: the cell, and its controls. */
function stopsIn(cell) {
  return cell ? [cell, ...cell.querySelectorAll("a, button, select, input")] : []
}

// The board: organizations as cards in columns. Cards are kept by id from one redraw to the next, so
// focus, place and what is typed on them survive.
import { addressWith, element, fillWindow, follow, isPlainClick, setChildren } from "./dom.js"
import { drawCard, describeMissing } from "./board_card.js"
import { drawColumn, drawTab } from "./board_column.js"
import { listenToDrag } from "./board_drag.js"
import { Editor } from "./board_editor.js"
import { listenToKeys } from "./board_keys.js"
import { openMenu } from "./table_menu.js"
import { restorePosition, savePosition, waitForDialog } from "./table_position.js"

const boards = new WeakMap()

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".board")
  if (!boards.has(root)) boards.set(root, new Board(root))
  const board = boards.get(root)
  board.draw(data, (asked) => setTriggerValue("ask", asked))
  return () => board.close()
}

class Board {
  columns = new Map() // by key: { section, list, signature }
  rows = new Map() // the cards by id: { item, row, card, column, signature }; row has the focus
  current = null // the id of the card that Tab leads to
  editor = null
  tab = "onboarding" // the column that a phone shows

  constructor(root) {
    this.root = root
    this.box = root.querySelector(".columns")
    this.tip = root.querySelector(".tip")
    this.status = root.querySelector("[role=status]")
    this.closing = new AbortController()
    const options = { signal: this.closing.signal }
    listenToKeys(this, options)
    listenToDrag(this, options)
    this.box.addEventListener("click", (event) => this.onClick(event), options)
    this.box.addEventListener("focusin", (event) => this.onFocus(event), options)
    this.box.addEventListener("focusout", () => this.hideTip(), options)
    this.box.addEventListener("pointerover", (event) => this.onHover(event), options)
    this.box.addEventListener("pointerleave", () => this.hideTip(), options)
    this.box.addEventListener("scroll", () => this.hideTip(), { ...options, capture: true })
    addEventListener("resize", () => this.fit(), options)
  }

  close() {
    this.closing.abort()
    this.watching?.disconnect()
  }

  draw(data, send) {
    const before = this.data
    Object.assign(this, { data: { ...data, name: "board" }, send })
    const focus = this.findFocus()
    this.root.setAttribute("aria-label", data.label)
    this.root.classList.remove("asked")
    this.drawChips()
    if (this.editor?.isDone(data.refused)) this.editor = null
    this.drawColumns()
    this.hideTip()
    this.fit()
    this.focusAgain(focus)
    if (!before) restorePosition(this)
    if (data.focus !== null) this.focusRow(data.focus)
    if (data.refused && this.rows.has(data.refused.id)) this.showRefusal()
  }

  drawChips() {
    const place = this.root.querySelector(".chips")
    const focused = this.root.getRootNode().activeElement?.dataset.only
    place.replaceChildren(
      ...this.data.chips.map(({ only, label, number, isOn }) => {
        const chip = element("a", "chip", label)
        chip.href = addressWith({ only: isOn ? "" : only })
        chip.dataset.only = only
        if (isOn) chip.ariaCurrent = "true"
        if (number) chip.append(" ", element("b", "", number))
        return chip
      }),
    )
    if (focused) place.querySelector(`[data-only="${focused}"]`)?.focus()
    place.onclick = (event) => {
      const chip = event.target.closest("a")
      if (!chip || !isPlainClick(event)) return
      event.preventDefault()
      for (const each of place.children) each.ariaCurrent = each === chip && !chip.ariaCurrent ? "true" : null
      follow(addressWith({ only: chip.ariaCurrent ? chip.dataset.only : "" }))
    }
  }

  drawColumns() {
    const drawn = new Map()
    const keys = this.data.columns.map(({ key }) => key)
    if (!keys.includes(this.tab)) this.tab = keys[0]
    for (const column of this.data.columns) {
      const parts = drawColumn(this, column, this.columns.get(column.key))
      this.columns.set(column.key, parts)
      const items = column.cards.map((card) => {
        const row = this.drawRow(card, column, this.rows.get(card.id))
        drawn.set(card.id, row)
        return row.item
      })
      setChildren(parts.list, items)
    }
    for (const key of this.columns.keys()) if (!keys.includes(key)) this.columns.delete(key)
    this.rows = drawn
    setChildren(this.box, keys.map((key) => this.columns.get(key).section))
    this.box.style.setProperty("--tracks", this.data.columns.map(({ isRail }) => (isRail ? "44px" : "minmax(0, 1fr)")).join(" "))
    const tabs = this.data.columns.map((column) => drawTab(this, column))
    this.root.querySelector(".tabs").replaceChildren(...tabs)
    this.showTab(this.tab)
    if (!drawn.has(this.current)) this.current = drawn.keys().next().value ?? null
    this.setStops()
  }

  /** Fill the place of a card, which is the same element as before if it was there. */
  drawRow(card, column, known) {
    const refused = this.data.refused?.id === card.id ? this.data.refused : null
    const signature = JSON.stringify([card, column.key, column.actions, refused, this.data.canMove])
    known?.item.classList.remove("moving")
    if (known?.signature === signature || (known && this.editor?.id === card.id))
      return { ...known, card, column }
    const item = known?.item ?? element("li", "slot")
    item.dataset.id = card.id
    const row = drawCard(this, card, column, refused)
    item.replaceChildren(row)
    return { item, row, card, column, signature }
  }

  /** Let Tab lead to the current card and what is on it. */
  setStops() {
    for (const [id, { item, row }] of this.rows) {
      const stop = id === this.current ? 0 : -1
      row.tabIndex = stop
      if (this.editor?.id === id) continue
      for (const each of item.querySelectorAll("a, button")) each.tabIndex = stop
    }
  }

  showTab(key) {
    this.tab = key
    for (const [each, { section }] of this.columns) section.classList.toggle("shown", each === key)
    for (const tab of this.root.querySelectorAll("button.tab"))
      tab.setAttribute("aria-pressed", tab.dataset.key === key)
  }

  ask(action, id, more = {}) {
    waitForDialog(this)
    this.hideTip()
    this.root.classList.add("asked")
    this.send({ action, id, column: this.rows.get(id)?.column.key, ...more })
  }

  /** Do what was chosen in the menu of a card, or by a key. */
  act(name, id, button = null) {
    if (name === "edit") this.edit(id)
    else if (name === "snooze") this.openSnoozes(id, button)
    else this.ask(name, id)
  }

  actionsOf(id) {
    const { card, column } = this.rows.get(id)
    return card.acts.map((at) => column.actions[at])
  }

  can(name, id) {
    return this.actionsOf(id).some((action) => action.name === name)
  }

  openMenu(id) {
    const button = this.rows.get(id).item.querySelector(".more")
    if (button) openMenu(this.hostOf(id, button), button, this.actionsOf(id), id)
  }

  openSnoozes(id, button = null) {
    const { item } = this.rows.get(id)
    const place = button ?? item.querySelector(".more")
    const days = this.data.snoozes.map(([label, number]) => ({ name: number, label, icon: "snooze" }))
    const host = { root: this.root, ask: (number) => this.ask(number ? "snooze" : "snooze-until", id, { days: number }) }
    openMenu(host, place, days, id)
  }

  hostOf(id, button) {
    return { root: this.root, ask: (name) => this.act(name, id, button) }
  }

  edit(id) {
    if (!this.can("edit", id)) return
    this.editor?.cancel()
    const row = this.rows.get(id)
    row.signature = "" // so that it is drawn again afterwards
    this.editor = new Editor(this, row)
  }

  /** Draw a card again after its editor was closed. */
  redraw(id) {
    const known = this.rows.get(id)
    this.editor = null
    if (!known) return
    this.rows.set(id, this.drawRow(known.card, known.column, { ...known, signature: "" }))
    this.setStops()
    this.focusRow(id)
  }

  /** Move a card to its next stage, as a drop does: it is there until the page says otherwise. */
  move(id) {
    const { card, column, item } = this.rows.get(id)
    const target = this.columns.get(column.to)
    if (!column.asks && target) {
      item.classList.add("moving")
      target.list.prepend(item)
    }
    this.ask("drop", id)
  }

  open(id) {
    savePosition(this, id)
    follow(this.rows.get(id).row.querySelector("a.name").href)
  }

  onClick(event) {
    const row = this.rowOf(event.target)
    if (!row) return
    const link = event.target.closest("a.name")
    if (link) {
      if (!isPlainClick(event)) return
      event.preventDefault()
      this.open(row.card.id)
    } else if (!event.target.closest("button, input, select, form, .refusal")) this.ask("look", row.card.id)
  }

  onFocus(event) {
    const row = this.rowOf(event.target)
    if (!row) return
    this.current = row.card.id
    this.setStops()
    if (event.target === row.row && row.row.matches(":focus-visible")) this.showTip(row)
  }

  onHover(event) {
    const dots = event.target.closest(".dots")
    const row = dots && this.rowOf(dots)
    if (row) this.showTip(row)
    else this.hideTip()
  }

  showTip({ card, row }) {
    const missing = describeMissing(card)
    if (!missing.length || this.editor?.id === card.id) return
    this.tip.replaceChildren(element("b", "", "Missing"), ...missing.map((text) => element("span", "", text)))
    this.tip.hidden = false
    const at = row.getBoundingClientRect()
    const isAbove = at.bottom + this.tip.offsetHeight + 8 > innerHeight
    this.tip.style.top = `${isAbove ? at.top - this.tip.offsetHeight - 4 : at.bottom + 4}px`
    this.tip.style.left = `${at.left + 12}px`
  }

  hideTip() {
    this.tip.hidden = true
  }

  /** Read a refusal aloud, and focus the card that it is about. */
  showRefusal() {
    const { id, text } = this.data.refused
    if (this.status.textContent !== text) this.status.textContent = text
    if (this.editor?.id !== id) this.reveal(id)
  }

  rowOf(target) {
    const item = target.closest?.(".slot")
    return item ? this.rows.get(Number(item.dataset.id)) : undefined
  }

  findFocus() {
    const focused = this.root.getRootNode().activeElement
    const row = focused && this.rowOf(focused)
    return row ? { id: row.card.id, isRow: focused === row.row, focused } : null
  }

  /** Put the focus back if the redraw has moved or replaced what had it. */
  focusAgain(focus) {
    if (!focus || this.root.getRootNode().activeElement === focus.focused) return
    if (focus.focused.isConnected) focus.focused.focus()
    else if (this.editor?.id !== focus.id) this.focusRow(this.rows.has(focus.id) ? focus.id : this.current)
  }

  focusRow(id) {
    this.rows.get(id)?.row.focus()
  }

  /** Focus a card, on a phone in whichever column it is. */
  reveal(id) {
    const found = this.rows.get(id)
    if (!found) return
    this.showTab(found.column.key)
    this.focusRow(id)
    found.item.scrollIntoView({ block: "nearest" })
  }

  /** Let the columns reach down to the end of the window; longer ones scroll inside. */
  fit() {
    fillWindow(this.box, 14)
  }
}

// The search box that opens on every page, by Ctrl+K, by Cmd+K or by a button.
//
// Pages and actions are found here, organizations and people by our own route while one types.
// Before that it lists the organizations that this person opened last in this browser.
import { badge, drawAvatar, element, follow, icon, onPlainClick, words } from "./dom.js"

const OPEN = "orgdesk-search"
const OPENED = "orgdesk-opened"
const MAX_OPENED = 8
const MAX_FOUND = 5 // pages, and actions
const PATIENCE = 2000 // milliseconds in which the next page is drawn
const PAUSE = 60 // milliseconds between two requests while somebody types

let box = null // of the page that is open; none before somebody is signed in
let awaitedAt = -Infinity // when the shortcut came while the next page was being drawn

export default function ({ data, parentElement, setTriggerValue }) {
  const dialog = parentElement.querySelector("dialog")
  if (box?.dialog !== dialog) box = new Box(parentElement, dialog)
  box.update(data, setTriggerValue)
  if (performance.now() - awaitedAt < PATIENCE) openBox()
}

function openBox() {
  const isThere = box?.dialog.isConnected
  awaitedAt = isThere ? -Infinity : performance.now()
  if (isThere) box.open()
}

addEventListener(OPEN, openBox)
document.addEventListener("keydown", onShortcut, { capture: true })

function onShortcut(event) {
  const isShortcut = (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey
  if (!box || !isShortcut || event.key.toLowerCase() !== "k") return
  event.preventDefault()
  event.stopPropagation()
  if (box?.dialog.open) box.dialog.close()
  else openBox()
}

class Box {
  results = { organizations: [], people: [] }
  isWaiting = false // for results of the words in the field
  opensFirst = false // Enter came before the results
  at = 0 // the marked result

  constructor(root, dialog) {
    Object.assign(this, { dialog, list: dialog.querySelector("[role=listbox]") })
    this.input = dialog.querySelector("input")
    this.status = dialog.querySelector("[role=status]")
    dialog.querySelector(".field").prepend(icon("search"))
    const opener = root.querySelector(".opener")
    opener.replaceChildren(icon("search"))
    opener.onclick = () => this.open()
    this.input.oninput = () => this.search()
    this.input.onkeydown = (event) => this.onKey(event)
    dialog.onclick = ({ target }) => target === dialog && dialog.close()
    dialog.onclose = () => this.returnFocus()
  }

  update(data, send) {
    Object.assign(this, { data, send })
    if (data.opened) this.remember(data.opened)
    if (this.dialog.open) this.draw()
  }

  /** Open the box, unless another dialog is open: it would keep the focus. */
  open() {
    if (this.dialog.open || document.querySelector("[role=dialog]")) return
    this.returnTo = deepActiveElement()
    this.input.value = ""
    this.dialog.showModal()
    this.input.focus()
    this.search()
  }

  close() {
    this.returnTo = null
    this.dialog.close()
  }

  returnFocus() {
    this.request?.abort()
    if (this.returnTo?.isConnected) this.returnTo.focus()
  }

  /** Show what is known at once, and ask for the rest after a pause. */
  search() {
    const typed = this.input.value.trim()
    this.at = 0
    this.opensFirst = false
    this.isWaiting = true
    if (!typed) this.results = { organizations: [], people: [] }
    this.draw()
    clearTimeout(this.timer)
    this.timer = setTimeout(() => this.fetch(typed), typed ? PAUSE : 0)
  }

  async fetch(typed) {
    this.request?.abort()
    this.request = new AbortController()
    const query = typed ? { q: typed } : { opened: this.opened.join(",") }
    const results = query.opened === "" ? null : await ask(query, this.request.signal)
    if (typed !== this.input.value.trim()) return
    this.isWaiting = false
    this.results = results ?? { organizations: [], people: [] }
    this.draw()
    if (this.opensFirst) this.choose()
  }

  get opened() {
    const kept = JSON.parse(localStorage.getItem(OPENED) ?? "{}")
    return kept.user === this.data.user ? kept.ids : []
  }

  remember(id) {
    const ids = [id, ...this.opened.filter((each) => each !== id)].slice(0, MAX_OPENED)
    localStorage.setItem(OPENED, JSON.stringify({ user: this.data.user, ids }))
  }

  get groups() {
    const typed = this.input.value.trim()
    const { organizations, people } = this.results
    const find = (entries) =>
      typed ? entries.filter((each) => matches(each.label, typed)).slice(0, MAX_FOUND) : entries
    return [
      [typed ? "Organizations" : "Recently opened", organizations.map((each) => this.drawFound(each))],
      ["People", people.map((each) => this.drawFound(each))],
      ["Pages", find(this.data.pages).map((each) => this.drawPage(each))],
      ["Actions", find(this.data.commands).map((each) => this.drawCommand(each))],
    ].filter(([, options]) => options.length)
  }

  draw() {
    const groups = this.groups.map(([title, options]) => {
      const group = element("div", "group")
      group.setAttribute("role", "group")
      group.setAttribute("aria-label", title)
      const heading = element("p", "title", title)
      heading.setAttribute("aria-hidden", "true")
      group.append(heading, ...options)
      return group
    })
    this.list.replaceChildren(...groups)
    const count = this.options.length
    const none = this.isWaiting ? "" : "No matches"
    if (!count) this.list.append(element("p", "none", none))
    this.status.textContent = count ? `${count} result${count === 1 ? "" : "s"}` : none
    this.options.forEach((each, index) => (each.id = `result-${index}`))
    this.mark(Math.min(this.at, count - 1))
  }

  get options() {
    return [...this.list.querySelectorAll("[role=option]")]
  }

  drawFound({ name, note, stage, avatar, href }) {
    const link = this.drawLink(href, drawAvatar(avatar), words(name, "name"), words(note, "note"))
    if (!stage) return link
    link.append(badge(this.data.stages[stage]))
    link.dataset.organization = note
    return link
  }

  drawPage({ label, icon: name, note, href }) {
    return this.drawLink(href, icon(name), element("span", "name", label), words(note, "note"))
  }

  drawLink(href, ...parts) {
    const link = this.drawOption("a", parts)
    link.href = href
    onPlainClick(link, () => {
      this.close()
      follow(href)
    })
    return link
  }

  drawCommand({ label, icon: name }) {
    const button = this.drawOption("div", [icon(name), element("span", "name", label)])
    button.onclick = () => {
      this.close()
      this.send("command", label)
    }
    return button
  }

  drawOption(tag, parts) {
    const option = element(tag, "option")
    option.setAttribute("role", "option")
    option.tabIndex = -1
    option.append(...parts)
    option.onpointermove = () => this.mark(this.options.indexOf(option))
    return option
  }

  mark(at) {
    this.at = Math.max(at, 0)
    this.options.forEach((each, index) => each.setAttribute("aria-selected", String(index === this.at)))
    const marked = this.options[this.at]
    if (marked) this.input.setAttribute("aria-activedescendant", marked.id)
    else this.input.removeAttribute("aria-activedescendant")
    marked?.scrollIntoView({ block: "nearest" })
  }

  onKey(event) {
    const count = this.options.length
    const to = { ArrowDown: this.at + 1, ArrowUp: this.at - 1 }[event.key]
    if (event.isComposing) return
    if (to !== undefined && count) this.mark((to + count) % count)
    else if (event.key === "Escape") this.dialog.close() // Chromium would empty the field first
    else if (event.key === "Enter" && event.shiftKey) this.look()
    else if (event.key === "Enter") this.isWaiting ? (this.opensFirst = true) : this.choose()
    else return
    event.preventDefault()
  }

  choose() {
    this.options[this.at]?.click()
  }

  /** Ask for the quick view of the marked organization. */
  look() {
    const { organization } = this.options[this.at]?.dataset ?? {}
    if (!organization || this.isWaiting) return
    this.close()
    this.send("looked", organization)
  }
}

/** Return whether each word that was typed begins a word of the label. */
function matches(label, typed) {
  const known = label.toLowerCase().split(/\s+/)
  const wanted = typed.toLowerCase().split(/\s+/)
  return wanted.every((word) => known.some((each) => each.startsWith(word)))
}

function deepActiveElement() {
  let found = document.activeElement
  while (found?.shadowRoot?.activeElement) found = found.shadowRoot.activeElement
  return found
}

async function ask(query, signal) {
  return fetch(`/quick-search?${new URLSearchParams(query)}`, { signal })
    .then((response) => (response.ok ? response.json() : null))
    .catch(() => null)
}

// The sidebar: the organization switcher, the links to pages, and the user menu.
//
// The links are real addresses. A link to a page with choices in its address, such as a search,
// leads to the page as this person left it.
import { drawAvatar, element, follow, icon, onPlainClick, words } from "./dom.js"

const VIEWS = "orgdesk-views"
const MANY_ORGANIZATIONS = 8
let shown = null
window.navigation?.addEventListener("navigate", rememberView)

// Once the session has ended, by its time or in another tab, a reload clears the screen.
let idle = 0
new BroadcastChannel("orgdesk").onmessage = () => shown && location.reload()

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const root = parentElement.querySelector(".sidebar")
  shown = data
  clearTimeout(idle)
  idle = setTimeout(() => location.reload(), data.idleMinutes * 60_000 + 1_000)
  rememberView()
  drawSearchButton(root.querySelector(".search"))
  keepFocus(root, () => {
    root.querySelector(".pages").replaceChildren(...data.sections.map(drawSection))
    drawSwitcher(root.querySelector(".switcher"), data, setStateValue)
    drawUserMenu(root.querySelector(".user"), data, setTriggerValue)
  })
}

/** Redraw, and return the focus if it is lost to the element that had it, by its `data-name`. */
function keepFocus(root, redraw) {
  const name = root.getRootNode().activeElement?.dataset.name
  redraw()
  if (name && !root.getRootNode().activeElement) root.querySelector(`[data-name="${CSS.escape(name)}"]`)?.focus()
}

/** Draw the button of the search box, which is a component of its own. */
function drawSearchButton(button) {
  if (button.children.length) return
  const isMac = /Mac|iPhone|iPad/.test(navigator.platform)
  button.append(icon("search"), element("span", "name", "Search"), element("kbd", "", isMac ? "⌘ K" : "Ctrl K"))
  button.setAttribute("aria-keyshortcuts", isMac ? "Meta+K" : "Control+K")
  button.onclick = () => {
    closeDrawer()
    dispatchEvent(new Event("orgdesk-search"))
  }
}

function drawSection({ title, links }) {
  const nav = element("nav")
  nav.setAttribute("aria-label", title || "Pages")
  if (title) {
    const heading = element("p", "title", title)
    heading.setAttribute("aria-hidden", "true")
    nav.append(heading)
  }
  nav.append(...links.map(drawLink))
  return nav
}

function drawLink({ label, icon: name, href, isCurrent }) {
  const link = makeLink(isCurrent ? href : (readViews()[href] ?? href), "page")
  link.dataset.name = label
  if (isCurrent) link.setAttribute("aria-current", "page")
  link.append(icon(name), element("span", "", label))
  return link
}

function makeLink(href, className) {
  const link = element("a", className)
  link.href = href
  onPlainClick(link, () => {
    link.closest("[popover]")?.hidePopover()
    markCurrent(link)
    closeDrawer()
    follow(href)
  })
  return link
}

/** Show at once which page is opening; the next rerun draws what is true. */
function markCurrent(link) {
  const root = link.getRootNode()
  if (!link.matches(".page")) return
  root.querySelector("[aria-current]")?.removeAttribute("aria-current")
  link.setAttribute("aria-current", "page")
}

/** Close Streamlit's drawer, which covers the page on phones. */
function closeDrawer() {
  if (!matchMedia("(max-width: 768px)").matches) return
  document.querySelector("[data-testid=stSidebarCollapseButton] button")?.click()
}

/** Return the addresses with which this person left pages, in this tab of the browser. */
function readViews() {
  const kept = JSON.parse(sessionStorage.getItem(VIEWS) ?? "{}")
  return kept.user === shown.user.id ? kept.views : {}
}

function rememberView() {
  const links = shown?.sections.flatMap((section) => section.links) ?? []
  const current = links.find((link) => link.isCurrent && belongsHere(link))
  if (!current) return
  const views = { ...readViews(), [current.href]: location.pathname + location.search }
  sessionStorage.setItem(VIEWS, JSON.stringify({ user: shown.user.id, views }))
}

/** Return whether the address is still the one that a link is marked for. */
function belongsHere({ href, paths }) {
  const org = new URL(href, location.href).searchParams.get("org")
  const openOrg = new URLSearchParams(location.search).get("org")
  return paths.includes(location.pathname.slice(1)) && (!org || org === openOrg)
}

/** Draw a button that opens a box beneath or above it, and return the box. */
function drawOpener(place, { name, label, avatar, role }) {
  let [button, box] = place.children
  if (!button) {
    button = element("button", "opener")
    box = element("div", "box")
    place.append(button, box)
    button.type = "button"
    button.dataset.name = role
    button.setAttribute("aria-haspopup", role)
    button.setAttribute("aria-expanded", "false")
    box.popover = "auto"
    box.setAttribute("role", role)
    button.popoverTargetElement = box
    box.addEventListener("beforetoggle", (event) => placeBox(event, button, box))
    box.addEventListener("toggle", (event) => returnFocus(event, button, box))
    box.addEventListener("keydown", (event) => moveFocus(event, box))
  }
  button.setAttribute("aria-label", `${name}, ${label}`)
  button.title = name
  box.setAttribute("aria-label", label)
  button.replaceChildren(drawAvatar(avatar), words(name, "name"), icon("unfold_more"))
  return box
}

function placeBox({ newState }, button, box) {
  button.setAttribute("aria-expanded", String(newState === "open"))
  const { top, bottom, left, width } = button.getBoundingClientRect()
  box.style.left = `${left}px`
  box.style.minWidth = `${width}px`
  const isLow = top > innerHeight / 2
  box.style.top = isLow ? "auto" : `${bottom + 4}px`
  box.style.bottom = isLow ? `${innerHeight - top + 4}px` : "auto"
}

/** Return the focus to the button when its box is closed, unless it has gone elsewhere. */
function returnFocus({ newState }, button, box) {
  const root = box.getRootNode()
  const isElsewhere = ![document.body, root.host].includes(document.activeElement)
  const isOutside = root.activeElement && !box.contains(root.activeElement)
  if (newState === "closed" && !isElsewhere && !isOutside) button.focus()
}

/** Let the arrow keys walk the entries of a box, and Home and End reach the first and last. */
function moveFocus(event, box) {
  const entries = [...box.querySelectorAll("a, button, input")]
  const at = entries.indexOf(box.getRootNode().activeElement)
  const to = { ArrowDown: at + 1, ArrowUp: at - 1 }[event.key]
  const isTyping = entries[at]?.matches("input")
  if (to !== undefined) entries[(to + entries.length) % entries.length].focus()
  else if (event.key === "Home" && !isTyping) entries[0].focus()
  else if (event.key === "End" && !isTyping) entries.at(-1).focus()
  else return
  event.preventDefault()
}

function drawSwitcher(place, { org, organizations }, setStateValue) {
  place.hidden = !org
  if (!org) return
  const isNew = !place.children.length
  const box = drawOpener(place, { ...org, label: "switch organization", role: "dialog" })
  if (isNew) box.addEventListener("toggle", ({ newState }) => setStateValue("open", newState === "open"))
  const isOpen = box.matches(":popover-open")
  if (!organizations && !isOpen) return
  const typed = box.querySelector("input")?.value ?? ""
  const list = element("div", "list")
  const search = drawSearch(organizations ?? [], typed, list)
  const manage = makeEntry({ label: "Manage Organizations", href: "/organizations" })
  box.replaceChildren(...(search ? [search] : []), list, manage)
  listMatches(list, organizations, typed)
  if (isOpen && organizations && !box.contains(box.getRootNode().activeElement))
    box.querySelector("input, a")?.focus()
}

function drawSearch(organizations, typed, list) {
  if (organizations.length <= MANY_ORGANIZATIONS) return null
  const search = element("input")
  search.type = "search"
  search.value = typed
  search.dataset.name = "search"
  search.placeholder = "Search your organizations"
  search.setAttribute("aria-label", search.placeholder)
  search.oninput = () => listMatches(list, organizations, search.value)
  return search
}

function listMatches(list, organizations, typed) {
  const wanted = typed.trim().toLowerCase()
  const found = (organizations ?? []).filter(({ name }) => name.toLowerCase().includes(wanted))
  const entries = found.map(({ name, href, avatar, isCurrent }) => {
    const link = makeLink(href, "entry")
    link.dataset.name = href
    if (isCurrent) link.setAttribute("aria-current", "true")
    link.append(drawAvatar(avatar), words(name, "name"))
    return link
  })
  const note = organizations ? organizations.length && !found.length && "No matches" : "Loading…"
  list.replaceChildren(...entries, ...(note ? [element("p", "note", note)] : []))
}

function drawUserMenu(place, { user, menu }, setTriggerValue) {
  const box = drawOpener(place, { ...user, label: "user menu", role: "menu" })
  const logOut = element("button", "entry", "Log out")
  logOut.type = "button"
  logOut.dataset.name = "Log out"
  logOut.onclick = () => setTriggerValue("log_out", true)
  const entries = [...menu.map(makeEntry), logOut]
  for (const entry of entries) entry.setAttribute("role", "menuitem")
  box.replaceChildren(...entries)
  box.ontoggle = ({ newState }) => newState === "open" && entries[0].focus()
}

function makeEntry({ label, href }) {
  const link = makeLink(href, "entry")
  link.dataset.name = label
  link.textContent = label
  return link
}

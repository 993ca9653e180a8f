// What the scripts of our components share: elements, icons, avatars, links, moments.

const MIN_HEIGHT = 240

/** Return a new element. Text is shown letter by letter, never read as HTML. */
export function element(tag, className = "", text = null) {
  const made = document.createElement(tag)
  if (className) made.className = className
  if (text !== null) made.textContent = text
  return made
}

/** Return an icon of Material Symbols, which screen readers skip. */
export function icon(name) {
  const made = element("span", "icon", name)
  made.setAttribute("aria-hidden", "true")
  return made
}

/** Return an avatar, which screen readers skip: initials on a color, or the address of an image. */
export function drawAvatar([text, color, isRound]) {
  const made = element(color ? "span" : "img", isRound ? "avatar round" : "avatar")
  made.setAttribute("aria-hidden", "true")
  if (color) {
    made.textContent = text
    made.style.background = color
  } else {
    made.src = text
    made.alt = ""
  }
  return made
}

/** Return a badge; a plain one, or one without a color, has no background. */
export function badge(style) {
  const made = element("span", style.color && !style.isPlain ? "badge" : "mark")
  if (style.color) made.style.color = `var(--st-${style.color}-text-color)`
  if (style.color && !style.isPlain) made.style.background = `var(--st-${style.color}-background-color)`
  if (style.icon) made.append(icon(style.icon))
  made.append(style.label)
  return made
}

/** Return a button with an icon, named by `label` for screen readers and as a tooltip. */
export function iconButton(name, label, className = "") {
  const made = element("button", className)
  made.type = "button"
  made.title = label
  made.setAttribute("aria-label", label)
  made.append(icon(name))
  return made
}

/** Return text in the direction of its own script: people write from both sides. */
export function words(text, className = "") {
  const made = element("span", className, text)
  made.dir = "auto"
  return made
}

/** Replace the children of an element unless they are these already, so that they keep the focus. */
export function setChildren(parent, children) {
  if (children.length !== parent.children.length || children.some((each, at) => parent.children[at] !== each))
    parent.replaceChildren(...children)
}

/** Let a box reach down to the end of the window, but for the space below it. */
export function fillWindow(box, space) {
  const main = box.getRootNode().host?.closest("[data-testid=stMain]")
  const top = box.getBoundingClientRect().top + (main?.scrollTop ?? 0)
  box.style.setProperty("--height", `${Math.round(Math.max(MIN_HEIGHT, innerHeight - top - space))}px`)
}

/** Open an address of the app without loading the app again, as Back and Forward do. */
export function follow(href) {
  history.pushState({}, "", href)
  dispatchEvent(new PopStateEvent("popstate", { state: {} }))
}

/** Return the address of this page with other parameters; `""` or no value removes one. */
export function addressWith(change) {
  const address = new URL(location.href)
  for (const [name, values] of Object.entries(change)) {
    address.searchParams.delete(name)
    for (const value of [values].flat()) if (value !== "") address.searchParams.append(name, value)
  }
  return address.href
}

/** Return the link to another page of a list; a button that is off where there is none. */
export function drawTurn({ label, change, isOn }) {
  const turn = element(isOn ? "a" : "button", "turn", label)
  turn.dataset.name = label
  if (!isOn) {
    turn.disabled = true
    return turn
  }
  turn.href = addressWith(change)
  onPlainClick(turn, () => follow(addressWith(change)))
  return turn
}

/** Call `act` for a click that opens a link in this tab, in place of the browser. */
export function onPlainClick(link, act) {
  link.onclick = (event) => {
    if (!isPlainClick(event)) return
    event.preventDefault()
    act()
  }
}

/** Return whether a click opens a link in this tab; others are left to the browser. */
export function isPlainClick(event) {
  return !(event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
}

/** Return the letter that was pressed alone, in lower case, unless somebody is typing. */
export function letterOf(event) {
  if (event.altKey || event.ctrlKey || event.metaKey) return ""
  const target = event.composedPath()[0]
  if (target.matches?.("input, textarea, select, [contenteditable]")) return ""
  return event.key.toLowerCase()
}

const UNITS = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
]
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" })
const TIME = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" })

/** Return how long ago a moment was, or how far ahead: `3 days ago`, `in 2 hours`. */
export function ago(seconds, now) {
  const distance = Math.abs(now - seconds)
  const unit = UNITS.find(([, size]) => distance >= size)
  if (!unit) return "just now"
  const number = Math.floor(distance / unit[1])
  const length = `${number} ${unit[0]}${number === 1 ? "" : "s"}`
  return seconds > now ? `in ${length}` : `${length} ago`
}

/** Return the date of a moment in the reader's time zone: `23 Nov 2026`. */
export function day(seconds) {
  return DAY.format(seconds * 1000).replace("Sept", "Sep")
}

/** Return date and time of a moment in the reader's time zone: `23 Nov 2026, 14:05`. */
export function exact(seconds) {
  return `${day(seconds)}, ${TIME.format(seconds * 1000)}`
}

/** Return a moment with date and time as its tooltip: `text`, or else how long ago it was. */
export function drawMoment(seconds, now, text = null) {
  const made = element("time", "", text ?? ago(seconds, now))
  made.dateTime = new Date(seconds * 1000).toISOString()
  made.title = exact(seconds)
  if (text === null) made.dataset.at = seconds
  return made
}

/** Write anew how long ago the moments in an element were. */
export function updateMoments(root, now) {
  for (const time of root.querySelectorAll("time[data-at]")) time.textContent = ago(Number(time.dataset.at), now)
}

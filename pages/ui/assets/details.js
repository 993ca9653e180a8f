// Rows of what is known or left to do, some with a button that opens a form in their place.
import { drawAvatar, element, follow, icon, onPlainClick, words } from "./dom.js"

const ATTEMPTS = 40 // to find a form that the server has yet to draw

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".details")
  const focused = root.getRootNode().activeElement?.dataset.name
  const press = (name) => {
    setTriggerValue("pressed", name)
    focusForm(data.key)
  }
  root.replaceChildren(...drawHead(data), ...data.rows.map((row) => drawRow(row, press)))
  if (focused) find(root, focused)?.focus()
  else if (data.focus && isFree(data.key)) find(root, data.focus)?.focus()
}

const find = (root, name) => root.querySelector(`[data-name="${CSS.escape(name)}"]`)

/** Return whether the focus is nowhere, or in the form that is about to close. */
function isFree(key) {
  const at = document.activeElement
  return at === document.body || Boolean(at.closest(`.st-key-${CSS.escape(key)}-form`))
}

function drawHead({ title, note, bar }) {
  if (!title) return []
  const head = element("div", "head")
  head.append(element("h2", "", title), element("span", "quiet", note))
  if (!bar.length) return [head]
  const track = element("div", "bar")
  const legend = element("p", "legend")
  for (const { label, count, color } of bar) {
    const part = element("span")
    part.style.flexGrow = count
    part.style.background = color
    track.append(part)
    const sign = element("i")
    sign.style.background = color
    const entry = element("span")
    entry.append(sign, `${label} `, element("b", "", count.toLocaleString("en-US")))
    legend.append(entry)
  }
  track.setAttribute("aria-hidden", "true")
  return [head, track, legend]
}

function drawRow(row, press) {
  const made = element("div", row.is_quiet ? "row quiet" : "row")
  if (row.icon) {
    const sign = icon(row.icon)
    sign.style.color = row.color && `var(--st-${row.color}-text-color)`
    made.append(sign)
  }
  if (row.avatar.length) made.append(drawAvatar(row.avatar))
  if (row.label) made.append(element("span", "label", row.label))
  const value = words(row.value, "value")
  if (!row.is_quiet) value.title = row.value
  made.append(value)
  if (row.note) made.append(words(row.note, row.is_late ? "note late" : "note"))
  if (row.isSaved) made.append(drawSaved())
  if (row.action) made.append(row.href ? drawLink(row) : drawButton(row, press))
  return made
}

function drawSaved() {
  const made = element("span", "saved")
  made.setAttribute("role", "status")
  made.append(icon("check"), "Saved")
  return made
}

function drawButton(row, press) {
  const made = element("button", row.is_short ? "short" : "")
  made.type = "button"
  made.dataset.name = row.name
  if (row.action_icon) made.append(icon(row.action_icon))
  if (row.is_short) {
    made.title = row.action
    made.setAttribute("aria-label", row.action)
  } else made.append(row.action)
  made.onclick = () => press(row.name)
  return made
}

function drawLink(row) {
  const made = element("a", "", row.action)
  made.href = row.href
  made.dataset.name = row.name
  made.append(icon("arrow_forward"))
  onPlainClick(made, () => follow(row.href))
  return made
}

/** Put the focus into the form that opens, as soon as it is there. */
function focusForm(key, attempts = ATTEMPTS) {
  const form = document.querySelector(`.st-key-${CSS.escape(key)}-form`)
  const inside = form?.querySelector("[data-testid=stBidiComponentIsolated]")?.shadowRoot
  const field = (inside ?? form)?.querySelector("input, textarea")
  if (field) field.focus()
  else if (attempts) setTimeout(() => focusForm(key, attempts - 1), 50)
}

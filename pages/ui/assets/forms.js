// What is typed into a form goes to our own route while it is typed, for the person who is logged
// in, and at once when a field is left: a link may lead back before the pause is over. Streamlit
// learns of a text area only when it is left, and of nothing in a form before it is sent. Choices are
// looked at after each click and key. Enter sends every form.
import { choiceSelector, readChoice } from "./choices.js"

const PAUSE = 300
const DRAWN = 100 // after this, what was clicked is drawn
const TEXTS = ".stTextInput, .stTextArea"
const CHOICES = choiceSelector()
const SETTLING = 2000
const originals = new WeakMap()
const waiting = new Map()
const seen = new WeakMap() // what each choice was at the last look
const early = new Set() // fields that were typed into before the person was known
let person = 0
let focused = ""

const read = (node) => (node.matches(CHOICES) ? readChoice(node) : node.value)

const fieldOf = (node, kinds = TEXTS) => {
  if (!node.closest?.(kinds)) return null
  const element = node.closest(".stElementContainer[class*=st-key-]")
  const key = [...(element?.classList ?? [])].find((name) => name.startsWith("st-key-"))
  const name = key?.replace(/-\d+$/, "")
  const [, form, field] = name?.match(/^st-key-(.+)-(\w+)$/) ?? []
  // The block around a field of a form has the key of the field, too.
  if (!form || !element.parentElement.closest(`.${CSS.escape(name)}`)) return null
  return { form, field }
}

const subjectOf = (node) => {
  const block = node.closest("[class*=st-key-about-]")
  const key = [...(block?.classList ?? [])].find((name) => name.startsWith("st-key-about-"))
  return [new URLSearchParams(location.search).get("org"), key?.slice("st-key-about-".length)]
}

const isSecret = (node) => node.type === "password" || /password|code/.test(node.autocomplete)

const send = async (id, draft, node) => {
  waiting.delete(id)
  const body = JSON.stringify(draft)
  const keep = () => sessionStorage.setItem(`draft ${id}`, body)
  try {
    const response = await fetch("/drafts", {
      method: "POST",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json" },
      keepalive: body.length < 15000,
      body,
    })
    if (response.ok) sessionStorage.removeItem(`draft ${id}`)
    else if (response.status === 401 || response.status === 503) keep()
    else if (response.status === 409 || response.status === 429) {
      const again = () => node.isConnected && read(node) === draft.text && send(id, draft, node)
      setTimeout(again, SETTLING)
    }
  } catch {
    keep()
  }
}

const remember = ({ target }) => {
  if (fieldOf(target) && !originals.has(target)) originals.set(target, target.value)
}

const type = ({ target }) => schedule(target, fieldOf(target))

/** Send what was chosen since the last look; the first look at a field sees its original. */
const look = () => {
  for (const block of document.querySelectorAll(CHOICES)) {
    const field = fieldOf(block, CHOICES)
    const text = field && readChoice(block)
    if (!field || seen.get(block) === text) continue
    if (seen.has(block)) schedule(block, field)
    else originals.set(block, text)
    seen.set(block, text)
  }
}
const lookLater = () => setTimeout(look, DRAWN)

const schedule = (target, found) => {
  if (!found || isSecret(target)) return
  if (!person) {
    early.add(target)
    return
  }
  const form = [found.form, ...subjectOf(target)].filter(Boolean).join(" ")
  const original = originals.get(target) ?? ""
  const draft = { person, form, field: found.field, text: read(target), original }
  const id = `${form} ${found.field}`
  clearTimeout(waiting.get(id)?.timer)
  const now = () => send(id, draft, target)
  waiting.set(id, { now, timer: setTimeout(now, PAUSE) })
}

const flush = () => {
  for (const { now, timer } of [...waiting.values()]) {
    clearTimeout(timer)
    now()
  }
}

const submit = (event) => {
  if (event.key !== "Enter" || event.isComposing || event.target.tagName !== "INPUT") return
  const found = fieldOf(event.target)
  if (!found || event.target.closest(".stForm")) return
  const form = CSS.escape(found.form)
  const button = document.querySelector(`:is(.st-key-${form}-submit, .st-key-${form}-save) button`)
  setTimeout(() => button?.click()) // after Streamlit has taken over what was typed
}

document.addEventListener("focusin", remember, true)
document.addEventListener("beforeinput", remember, true)
document.addEventListener("input", type, true)
for (const name of ["focusin", "pointerdown"]) document.addEventListener(name, look, true)
for (const name of ["click", "keyup", "change"]) document.addEventListener(name, lookLater, true)
document.addEventListener("focusout", flush, true)
document.addEventListener("visibilitychange", flush)
document.addEventListener("keydown", submit, true)
addEventListener("pagehide", flush)
addEventListener("popstate", flush)

// A link to a field of a form, such as `?field=profile-phone`, puts the focus there.
const focus = (attempts = 50) => {
  const name = new URLSearchParams(location.search).get("field")
  if (!name || focused === location.href) return
  const block = document.querySelector(`.st-key-${CSS.escape(name)}`)
  const component = block?.querySelector("[data-testid=stBidiComponentIsolated]")
  const field = (component?.shadowRoot ?? block)?.querySelector("input, textarea")
  if (!field && attempts) setTimeout(() => focus(attempts - 1), 100)
  if (!field) return
  focused = location.href
  field.focus()
  field.scrollIntoView({ block: "center" })
}

export default function ({ data }) {
  person = data.person
  for (const target of early) if (target.isConnected) schedule(target, fieldOf(target, `${TEXTS}, ${CHOICES}`))
  if (early.size) flush()
  early.clear()
  focus()
}

// Previous and next in a list: two buttons, and the keys K and J wherever the focus is.
import { element, follow, icon, iconButton, letterOf, onPlainClick } from "./dom.js"
import { saveRow } from "./table_position.js"

const steppers = new WeakMap()

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".stepper")
  const stepper = steppers.get(root) ?? new Stepper(root, data)
  steppers.set(root, stepper)
  stepper.draw(data, setStateValue)
  return () => stepper.stop.abort()
}

class Stepper {
  wanted = null // the id that was asked for last, until the server has drawn it

  constructor(root, data) {
    Object.assign(this, { root, data })
    this.stop = new AbortController()
    const { signal } = this.stop
    this.previous = this.button("keyboard_arrow_up", "Previous", "K")
    this.next = this.button("keyboard_arrow_down", "Next", "J")
    this.previous.onclick = () => this.step(-1)
    this.next.onclick = () => this.step(1)
    this.open = element("a", "act open")
    this.open.append(icon("open_in_full"), "Open")
    onPlainClick(this.open, () => {
      saveRow(this.data.current)
      follow(this.open.href)
    })
    root.replaceChildren(this.open, this.previous, this.next)
    document.addEventListener("keydown", (event) => this.onKey(event), { signal })
  }

  button(icon, label, letter) {
    const keys = this.data.hasLetterKeys
    const made = iconButton(icon, keys ? `${label} (${letter})` : label, "act")
    if (keys) made.append(element("kbd", "", letter))
    return made
  }

  draw(data, send) {
    Object.assign(this, { data, send })
    if (this.wanted === data.current) this.wanted = null
    this.root.setAttribute("aria-label", data.label)
    this.open.href = data.href
    this.show()
  }

  get at() {
    return this.data.ids.indexOf(this.wanted ?? this.data.current)
  }

  show() {
    this.previous.disabled = this.at <= 0
    this.next.disabled = this.at < 0 || this.at >= this.data.ids.length - 1
  }

  /** Ask for another row; several presses in a row ask for the one that is so far away. */
  step(by) {
    const id = this.data.ids[this.at + by]
    if (id === undefined) return
    this.wanted = id
    this.show()
    this.send("id", id)
  }

  onKey(event) {
    const by = { j: 1, k: -1 }[letterOf(event)]
    if (!by || !this.data.hasLetterKeys) return
    event.preventDefault()
    event.stopPropagation()
    this.step(by)
  }
}

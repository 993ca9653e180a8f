// Previous and next in the list that an organization was opened from, also by K and J, who else is on
// that list, and the way back to it.
import { addressWith, element, follow, icon, letterOf, onPlainClick } from "./dom.js"

const KEPT = ["tab"] // what stays in the address from one organization to the next
const bars = new WeakMap()

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".worklist")
  if (!bars.has(root)) bars.set(root, new Worklist(root))
  const bar = bars.get(root)
  bar.draw(data)
  return () => bar.stop.abort()
}

class Worklist {
  left = null // the organization that was left for another one, which is not drawn yet
  ahead = null // the link that was pressed meanwhile

  constructor(root) {
    this.stop = new AbortController()
    this.back = element("a", "back")
    this.others = element("span", "others")
    this.number = element("span", "number")
    this.previous = this.link("previous", "Previous", "K")
    this.next = this.link("next", "Next", "J")
    this.back.append(icon("arrow_back"), "Back to list")
    onPlainClick(this.back, () => follow(this.back.href))
    this.number.setAttribute("role", "status")
    root.replaceChildren(this.back, this.others, this.number, this.previous, this.next)
    const { signal } = this.stop
    document.addEventListener("keydown", (event) => this.onKey(event), { signal })
  }

  link(name, label, letter) {
    const made = element("a", "act")
    made.dataset.name = name
    made.append(element("span", "", label), element("kbd", "", letter))
    made.onpointerenter = made.onfocus = () => this.point(made) // the page may have changed since
    onPlainClick(made, () => this.go(made))
    return made
  }

  draw(data) {
    this.data = data
    this.back.href = data.list
    this.others.textContent = data.others
    this.number.textContent = data.number
    for (const link of [this.previous, this.next]) {
      const neighbor = data[link.dataset.name]
      this.point(link)
      link.setAttribute("aria-disabled", !neighbor)
      link.title = neighbor?.name ?? ""
      link.querySelector("kbd").hidden = !data.hasLetterKeys
    }
    if (data.here !== this.left) this.goAhead()
  }

  /** Follow the link that was pressed before this organization was drawn. */
  goAhead() {
    const link = this.ahead
    this.left = this.ahead = null
    if (link) this.go(link)
  }

  /** Return whether the address has moved on, but the neighbors are still those of the last one. */
  isBehind() {
    const org = new URLSearchParams(location.search).get("org") ?? ""
    return this.left === this.data.here && org.toUpperCase() !== this.left
  }

  /** Let a link lead to this page, about the next or the previous organization if there is one. */
  point(link) {
    const neighbor = this.data[link.dataset.name]
    if (neighbor) link.href = addressOf(neighbor)
    else link.removeAttribute("href")
  }

  go(link) {
    this.point(link)
    if (!link.href) return
    this.left = this.data.here
    follow(link.href)
  }

  onKey(event) {
    const letter = letterOf(event)
    const link = { j: this.next, k: this.previous }[letter]
    if (!link || !this.data.hasLetterKeys || document.querySelector("[role=dialog]")) return
    event.preventDefault()
    if (this.isBehind()) this.ahead = link
    else this.go(link)
  }
}

/** Return the address of this page about another organization. */
function addressOf({ public_id: org, at }) {
  const address = new URL(location.href)
  const others = [...address.searchParams.keys()].filter((name) => name !== "list" && !KEPT.includes(name))
  return addressWith({ ...Object.fromEntries(others.map((name) => [name, []])), org, at })
}

// The editor on a card: its next step, the date and the sales rep.
import { element } from "./dom.js"

export class Editor {
  isSent = false

  constructor(board, { item, row, card }) {
    Object.assign(this, { board, row, id: card.id })
    this.form = element("form", "editor")
    this.form.setAttribute("aria-label", `Next step of ${card.name}`)
    this.step = field("input", "Next step", { value: card.next ?? "", maxLength: 200, placeholder: "Next step", autocomplete: "off" })
    this.on = field("input", "Due", { type: "date", value: card.on ?? "" })
    this.rep = field("select", "Sales rep")
    this.rep.append(...optionsOf(board.data, card.rep))
    this.error = element("p", "refusal")
    this.error.hidden = true
    const save = element("button", "go main", "Save")
    const cancel = element("button", "go", "Cancel")
    cancel.type = "button"
    cancel.onclick = () => this.cancel()
    const where = element("div", "line fields")
    where.append(this.on, this.rep)
    const end = element("div", "line ends")
    end.append(cancel, save)
    this.form.append(this.step, where, this.error, end)
    this.form.onsubmit = (event) => this.save(event)
    this.form.onkeydown = (event) => {
      if (event.key === "Escape") this.cancel()
    }
    for (const each of row.querySelectorAll(".next, .foot, .refusal")) each.remove()
    row.draggable = false
    row.append(this.form)
    item.scrollIntoView({ block: "nearest" })
    this.step.focus()
    this.step.select()
  }

  save(event) {
    event.preventDefault()
    this.isSent = true
    this.board.ask("edit", this.id, {
      next_step: this.step.value,
      next_step_on: this.on.value,
      rep_id: Number(this.rep.value) || null,
    })
  }

  cancel() {
    this.board.redraw(this.id)
  }

  /** Return whether what was sent is saved; what is refused stays, with the reason. */
  isDone(refused) {
    if (!this.isSent) return false
    this.isSent = false
    if (refused?.id !== this.id) return true
    this.error.textContent = refused.text
    this.error.hidden = false
    return false
  }
}

function field(tag, label, values = {}) {
  const made = Object.assign(element(tag, "field"), values)
  made.setAttribute("aria-label", label)
  return made
}

/** Return the sales reps to choose from, with the present one if it is none of them. */
function optionsOf({ reps, people }, present) {
  const options = reps.map(([id, name]) => new Option(name, id, id === present, id === present))
  if (reps.some(([id]) => id === present)) return options
  return [new Option(people[present]?.[0] ?? "Unassigned", present ?? "", true, true), ...options]
}

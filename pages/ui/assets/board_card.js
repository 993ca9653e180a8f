// One card: who, what next and by when, and how far it is from the next stage.
import { drawAvatar, element, icon, iconButton, words } from "./dom.js"

/** Return the open checks of a card. */
export function describeMissing(card) {
  return card.missing ?? []
}

export function drawCard(board, card, column, refused) {
  const row = element("div", "card")
  row.setAttribute("role", "group")
  row.setAttribute("aria-label", describe(card, column))
  row.classList.toggle("stuck", Boolean(card.why))
  row.draggable = board.data.canMove && Boolean(column.to)
  row.append(drawName(board, card, column), drawNext(board, card, column), drawFoot(board, card, column))
  if (refused) row.append(element("p", "refusal", refused.text))
  return row
}

/** Return what a screen reader says of a card. */
function describe(card, column) {
  const missing = describeMissing(card)
  const parts = [
    card.name,
    card.quote ?? card.next ?? "No next step",
    card.due && `due ${card.due}`,
    card.why || card.days,
    card.why && "stuck",
    card.snoozed,
    missing.length ? `Missing: ${missing.join(", ")}` : column.checks && "All checks met",
  ]
  return parts.filter(Boolean).join(". ")
}

function drawName(board, card, column) {
  const line = element("div", "line")
  const name = words(card.name)
  const link = element("a", "name")
  link.href = card.href + column.listQuery
  link.title = card.name
  link.draggable = false
  link.append(name)
  line.append(drawAvatar(card.avatar), link)
  if (card.acts.length) {
    const more = iconButton("more_vert", `Actions: ${card.name}`, "more")
    more.setAttribute("aria-haspopup", "menu")
    more.setAttribute("aria-expanded", "false")
    more.onclick = () => board.openMenu(card.id)
    line.append(more)
  }
  return line
}

function drawNext(board, card, column) {
  const line = element("div", "line next")
  if (card.quote !== undefined) {
    line.append(words(card.quote ? `“${card.quote}”` : "No note", "quote"))
    return line
  }
  const canEdit = board.data.canMove && column.hasPlan
  const step = words(card.next ?? (canEdit ? "Add a next step" : "No next step"), card.next ? "step" : "step none")
  step.title = card.next ?? ""
  if (canEdit) {
    const button = element("button", "edit")
    button.type = "button"
    button.setAttribute("aria-label", `${card.next ? "Edit" : "Add"} next step: ${card.name}`)
    button.append(step)
    button.onclick = () => board.edit(card.id)
    line.append(button)
  } else line.append(step)
  if (card.due) line.append(element("span", card.isLate ? "due late" : "due", card.due))
  return line
}

function drawFoot(board, card, column) {
  const line = element("div", "line foot")
  if (column.checks) line.append(drawDots(column.checks, describeMissing(card).length))
  line.append(element("span", column.limit && card.number > column.limit ? "days over" : "days", card.days))
  if (card.snoozed) {
    const snoozed = element("span", "days snoozed")
    snoozed.append(icon("snooze"), card.snoozed)
    line.append(snoozed)
  }
  line.append(element("span", "space"))
  if (card.go) {
    const go = element("button", "go", card.go)
    go.type = "button"
    go.setAttribute("aria-label", `${card.go}: ${card.name}`)
    go.onclick = () => board.ask(column.go, card.id)
    line.append(go)
  }
  const rep = board.data.people[card.rep]
  if (rep) {
    const avatar = drawAvatar(rep[1])
    avatar.title = rep[0]
    line.append(avatar)
  }
  return line
}

/** Return a dot for each check: those that are met, then those that are open. */
function drawDots(checks, missing) {
  const dots = element("span", "dots")
  dots.setAttribute("aria-hidden", "true")
  for (let at = 0; at < checks; at++) dots.append(element("i", at < checks - missing ? "met" : ""))
  return dots
}

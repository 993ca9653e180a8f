// A list of events as sentences, newest first, under the days of the reader's time zone.
import { day, drawAvatar, drawMoment, drawTurn, element, follow, iconButton, onPlainClick, updateMoments, words } from "./dom.js"

const drawn = new WeakMap() // what each list shows, as JSON
const TIME = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" })
const DAY_SECONDS = 86_400

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".timeline")
  const { now, focus, ...shown } = data
  const signature = JSON.stringify(shown)
  root.ask = (action, id) => setTriggerValue("ask", { action, id })
  if (drawn.get(root) === signature) updateMoments(root, now)
  else redraw(root, data, signature)
  focusLook(root, focus)
}

function redraw(root, data, signature) {
  drawn.set(root, signature)
  const focused = root.getRootNode().activeElement?.dataset.name
  root.classList.toggle("short", data.isShort)
  root.replaceChildren(...(data.events.length ? drawDays(data) : drawEmpty(data.empty)), ...drawFooter(data))
  if (focused) root.querySelector(`[data-name="${CSS.escape(focused)}"]`)?.focus()
}

/** Focus the button for the quick view of one of these events: the one that was pressed, or the first. */
function focusLook(root, ids) {
  const id = ids.includes(root.looked) ? root.looked : ids[0]
  root.querySelector(`[data-name="${id} look"]`)?.focus()
}

/** Return a list for each day below its date, or one list where it is short. */
function drawDays(data) {
  if (data.isShort) return [drawList(data.events, data)]
  const days = Map.groupBy(data.events, (event) => day(event.at))
  return [...days].flatMap(([date, events]) => [drawDay(date, events[0].at, data), drawList(events, data)])
}

/** Return the heading of a day, with a link to how things were at its end unless it is today. */
function drawDay(date, at, { now, asOf }) {
  const heading = element("h2", "day", nameDay(date, now))
  if (!asOf || date === day(now)) return heading
  const row = element("div", "day-row")
  const href = asOf + new Date(at * 1000).toLocaleDateString("sv-SE") // 2026-11-23
  const link = element("a", "as-of", "Show as of this day")
  link.dataset.name = `${date} as of`
  link.href = href
  link.setAttribute("aria-label", `Show as of ${date}`)
  onPlainClick(link, () => follow(href))
  row.append(heading, link)
  return row
}

function nameDay(date, now) {
  if (date === day(now)) return `Today, ${date}`
  return date === day(now - DAY_SECONDS) ? `Yesterday, ${date}` : date
}

function drawList(events, data) {
  const list = element("ol", "list")
  list.setAttribute("aria-label", data.isShort ? data.label : `${data.label}, ${day(events[0].at)}`)
  list.append(...events.map((event) => drawEvent(event, data)))
  return list
}

function drawEvent(event, data) {
  const item = element("li", "event")
  item.dataset.id = event.id
  const sentence = element("p", "sentence")
  sentence.append(words(event.who, "who"), " ", ...event.parts.map(drawPart), ...drawLogos(event.logos))
  const text = element("div", "text")
  text.append(sentence)
  if (event.reason) text.append(words(`“${event.reason}”`, "reason"))
  const facts = element("span", "facts")
  if (event.organization.length) facts.append(drawLink(event, "organization", ...event.organization, data.rest))
  if (event.organization.length && data.canLook) facts.append(drawLook(event))
  if (event.place.length) facts.append(drawLink(event, "place", ...event.place, data.rest))
  if (event.undone.length) facts.append(drawUndone(event.undone, data.now))
  if (event.offer) facts.append(drawOffer(event))
  facts.append(drawMoment(event.at, data.now, data.isShort ? null : TIME.format(event.at * 1000)))
  item.append(drawAvatar(event.avatar), text, facts)
  return item
}

function drawPart([text, style]) {
  return style ? words(text, style) : text
}

/** Return the thumbnails of a logo before and after. */
function drawLogos(logos) {
  if (!logos.length) return []
  const images = logos.map((digest, number) => {
    const word = number ? "after" : "before"
    if (!digest) return element("span", "old", "none")
    const image = element("img", "logo")
    image.src = `/logos/${digest}-thumb.png`
    image.alt = `Logo ${word}`
    return image
  })
  return [" ", images[0], " → ", images[1]]
}

function drawLink(event, name, label, address, rest) {
  const href = address + rest
  const link = words(label, "label")
  const made = element("a", name)
  made.dataset.name = `${event.id} ${name}`
  made.href = href
  made.append(link)
  onPlainClick(made, () => follow(href))
  return made
}

function drawUndone([who, at], now) {
  const undone = element("span", "undone", "Undone by ")
  undone.append(words(who, "name"), ", ", drawMoment(at, now))
  return undone
}

function drawOffer(event) {
  const button = element("button", "offer", event.offer)
  button.dataset.name = `${event.id} offer`
  const sentence = event.parts.map(([text]) => text).join("")
  button.setAttribute("aria-label", `${event.offer}: ${event.who} ${sentence}`)
  button.addEventListener("click", () => button.closest(".timeline").ask("offer", event.id))
  return button
}

/** Return the button that opens the quick view of the organization that an event is about. */
function drawLook(event) {
  const button = iconButton("right_panel_open", `Quick view: ${event.organization[0]}`, "look")
  button.dataset.name = `${event.id} look`
  button.onclick = () => {
    const root = button.closest(".timeline")
    root.looked = event.id
    root.ask("look", event.id)
  }
  return button
}

function drawEmpty(lines) {
  const empty = element("div", "empty")
  empty.append(...lines.map((line, number) => element("p", number ? "quiet" : "", line)))
  return [empty]
}

function drawFooter({ text, turns }) {
  if (!text && !turns.length) return []
  const footer = element("div", "footer")
  footer.append(element("span", "quiet", text), element("span", "space"), ...turns.map(drawTurn))
  return [footer]
}

// The cells of a table by the kind of their column: what they show, and their text when copied.
import { ago, badge, day, drawAvatar, drawMoment, element, exact, icon, iconButton, words } from "./dom.js"
import { drawStrip } from "./strip.js"

const LARGE = 100_000
const BRIEF = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 3 })

const MOMENTS = { day, exact } // how a column shows its moments; without one, how long ago they were

/** Return what a cell shows; an empty cell shows the column's word for it. */
export function drawCell(column, value, table) {
  if (value === null) return element("span", "quiet", column.empty)
  return KINDS[column.kind].draw(value, column, table)
}

/** Return the text of a cell, as it is copied and as it is read on a phone. */
export function textOf(column, value, now) {
  if (value === null) return column.empty
  return KINDS[column.kind].text(value, column, now)
}

const KINDS = {
  text: {
    draw: (value, column) => cut(words(value, column.isCode ? "code" : ""), value),
    text: (value) => value,
  },
  number: {
    draw: (value) => numberOf(value),
    text: (value) => String(value),
  },
  moment: {
    draw: (value, column, table) => {
      const moment = drawMoment(value, table.now, MOMENTS[column.shows]?.(value))
      moment.className = "quiet"
      return moment
    },
    text: (value, column, now) => (column.shows === "ago" && now ? ago(value, now) : exact(value)),
  },
  badge: {
    draw: (value, column) => badge(column.styles[value]),
    text: (value, column) => column.styles[value].label,
  },
  person: {
    draw: ([name, ...avatar]) => withAvatar(avatar, cut(words(name), name)),
    text: ([name]) => name,
  },
  link: {
    draw: ([name, href, note, ...avatar], column, table) => {
      const link = href ? element("a", "name") : element("span", "name")
      link.append(cut(words(name), name))
      if (href) link.href = href + column.rest
      link.tabIndex = -1
      const block = element("span", "title")
      block.append(link)
      if (note) block.append(element("span", "quiet", ` ${note}`))
      block.append(element("span", "details"))
      return avatar.length ? withAvatar(avatar, block) : block
    },
    text: ([name]) => name,
  },
  meter: {
    draw: (value) => {
      const meter = element("span", "meter")
      const track = element("span", "track")
      const bar = element("span", "bar")
      bar.style.width = `${value}%`
      track.setAttribute("aria-hidden", "true")
      track.append(bar)
      meter.append(track, element("span", "quiet", `${value} %`))
      return meter
    },
    text: (value) => `${value} %`,
  },
  tower: {
    draw: (value, column) => {
      const tower = element("span", "tower", value.toLocaleString("en-US"))
      if (!value) return tower
      const bar = element("span", "bar")
      bar.style.height = `${Math.round((value / (column.most || 1)) * 100)}px`
      tower.append(bar)
      return tower
    },
    text: (value) => String(value),
  },
  bars: {
    draw: (parts, column) => {
      const bars = element("span", "bars")
      bars.setAttribute("aria-hidden", "true")
      parts.forEach((part, at) => {
        const bar = element("span")
        bar.style.width = `${part}%`
        bar.style.background = column.colors[at]
        bars.append(bar)
      })
      return bars
    },
    text: () => "",
  },
  dots: {
    draw: ([limit, ...days]) => drawStrip(days, limit),
    text: () => "",
  },
  choice: {
    draw: (value, column, table) => {
      const [chosen, isFixed] = [value].flat()
      const style = column.styles[chosen]
      if (isFixed) return badge(style)
      const list = element("select", "choice")
      list.setAttribute("aria-label", `${column.label} of ${table.nameOf()}`)
      list.style.background = `var(--st-${style.color}-background-color)`
      list.style.color = `var(--st-${style.color}-text-color)`
      list.tabIndex = -1
      for (const [option, { label }] of Object.entries(column.styles)) {
        if (!column.options.includes(option) && option !== chosen) continue
        list.append(new Option(label, option, option === chosen, option === chosen))
      }
      list.onchange = () => {
        table.ask(column.action, { value: list.value })
        list.value = chosen // until the change has been saved
      }
      return list
    },
    text: (value, column) => column.styles[[value].flat()[0]].label,
  },
}

/** Return a number; a large one has a short form as well, for phones. */
function numberOf(value) {
  const whole = value.toLocaleString("en-US")
  if (value < LARGE) return element("span", "", whole)
  const made = element("span")
  const brief = element("span", "brief", BRIEF.format(value))
  brief.setAttribute("aria-hidden", "true")
  made.append(element("span", "whole", whole), brief)
  return made
}

/** Let text end in dots where it is too long, with all of it as a tooltip. */
function cut(shown, whole) {
  shown.classList.add("cut")
  shown.title = whole
  return shown
}

/** Return the avatar of a person or an organization, followed by the name. */
function withAvatar(avatar, name) {
  const row = element("span", "who")
  row.append(drawAvatar(avatar), name)
  return row
}

/** Return the buttons of a row: those with an icon appear on hover, the others are in a menu. */
export function drawActions(actions, table) {
  const cell = element("span", "actions")
  const inMenu = actions.filter((action) => action.shows === "menu")
  for (const action of actions.filter((each) => each.shows !== "menu")) {
    const label = `${action.label}: ${table.nameOf()}`
    const button = action.shows === "icon" ? iconButton(action.icon, label, "act hover") : textButton(action, label)
    button.tabIndex = -1
    button.onclick = () => table.ask(action.name)
    cell.append(button)
  }
  if (inMenu.length) {
    const more = iconButton("more_vert", `Actions: ${table.nameOf()}`, "act more")
    more.tabIndex = -1
    more.setAttribute("aria-haspopup", "menu")
    more.onclick = () => table.openMenu(more, inMenu)
    cell.append(more)
  }
  return cell
}

function textButton(action, label) {
  const button = element("button", "act text", action.label)
  button.type = "button"
  button.setAttribute("aria-label", label)
  return button
}

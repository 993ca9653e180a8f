// The menu of a row, which opens at its button and closes with Escape or a click elsewhere.
import { element, icon } from "./dom.js"

export function openMenu(table, button, actions, id) {
  const menu = element("div", "menu")
  menu.setAttribute("role", "menu")
  menu.setAttribute("aria-label", button.getAttribute("aria-label"))
  menu.popover = "auto"
  const items = actions.map((action) => {
    const item = element("button", "item")
    item.type = "button"
    item.setAttribute("role", "menuitem")
    item.append(icon(action.icon), action.label)
    item.onclick = () => {
      menu.hidePopover()
      table.ask(action.name, [id])
    }
    return item
  })
  menu.append(...items)
  menu.onkeydown = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key]
    if (event.key === "Tab") menu.hidePopover()
    event.stopPropagation()
    if (!step) return
    const at = items.indexOf(event.target)
    items[Math.min(items.length - 1, Math.max(0, at + step))].focus()
    event.preventDefault()
  }
  menu.ontoggle = (event) => {
    if (event.newState !== "closed") return
    button.setAttribute("aria-expanded", "false")
    if (menu.contains(table.root.getRootNode().activeElement)) button.focus()
    menu.remove()
  }
  table.root.append(menu)
  menu.showPopover()
  place(menu, button)
  button.setAttribute("aria-expanded", "true")
  items[0].focus()
}

/** Put the menu below its button, or above it where there is no room. */
function place(menu, button) {
  const at = button.getBoundingClientRect()
  const isAbove = at.bottom + menu.offsetHeight > innerHeight
  menu.style.top = `${isAbove ? at.top - menu.offsetHeight : at.bottom}px`
  menu.style.left = `${Math.max(8, at.right - menu.offsetWidth)}px`
}

// Below a table: how much it shows, and the pages; or, while rows are selected, what to do with them.
import { drawTurn, element, icon } from "./dom.js"
import { copyColumn } from "./table_copy.js"
import { openKeys } from "./table_keys.js"

export function drawFooter(table) {
  const { range, turns, summary } = table.data
  table.footer.hidden = Boolean(summary)
  const keys = element("button", "quiet keys")
  keys.type = "button"
  keys.dataset.name = "keys"
  keys.append(icon("keyboard"), "Keys")
  keys.onclick = () => openKeys(table)
  const parts = [element("span", "quiet range", range), element("span", "space")]
  if (table.rows.size) parts.push(keys)
  if (table.rows.size && table.data.bulk.length) parts.push(selectButton(table))
  parts.push(...turns.map(drawTurn))
  table.footer.className = "footer"
  table.footer.replaceChildren(...parts)
}

/** Return the button, for phones, after which a tap on a row selects it. */
function selectButton(table) {
  const made = button("select", "Select", () => {
    table.isSelecting = true
    table.showSelection()
  }, "check_box")
  made.classList.add("by-finger")
  return made
}

export function drawBar(table) {
  const { bulk, total, isCapped, turns } = table.data
  const selectsAll = bulk.some((action) => action.takes_all)
  const many = isCapped ? `${(total - 1).toLocaleString("en-US")}+` : total.toLocaleString("en-US")
  const selected = `${describeSelected(table, many)} selected`
  const parts = [element("span", "count", selected)]
  table.say(selected)
  const isWholePage = [...table.rows.keys()].every((id) => table.isSelected(id))
  if (selectsAll && !table.isAllSelected && isWholePage && total > table.selected.size)
    parts.push(button("all", `Select all ${many} that match`, () => table.selectAll()))
  parts.push(element("span", "space"))
  for (const action of table.selected.size || table.isAllSelected ? bulk : []) {
    if (table.isAllSelected && !action.takes_all) continue
    const act = () => (action.copies ? copyColumn(table, action.copies) : table.askForSelected(action.name))
    const label = action.has_count ? `${action.label} ${describeChosen(table, many)}` : action.label
    parts.push(button(action.name, label, act, action.icon))
  }
  parts.push(button("clear", table.isSelecting ? "Done" : "Clear", () => clear(table)), ...turns.filter(({ isOn }) => isOn).map(drawTurn))
  const focus = table.findFocus()
  table.footer.className = "footer bar"
  table.footer.replaceChildren(...parts)
  table.focusAgain(focus)
}

/** Return how many rows are selected; of those that were not all counted, how many are not. */
function describeSelected({ isAllSelected, excluded, selected, data }, many) {
  if (!isAllSelected) return selected.size.toLocaleString("en-US")
  const without = excluded.size.toLocaleString("en-US")
  if (data.isCapped && excluded.size) return `All but ${without}`
  return data.isCapped ? many : (data.total - excluded.size).toLocaleString("en-US")
}

/** Return what an action with a number is about: `12 selected`, `all 1,234`, `all but 3`. */
function describeChosen({ isAllSelected, excluded, selected }, many) {
  if (!isAllSelected) return `${selected.size.toLocaleString("en-US")} selected`
  return excluded.size ? `all but ${excluded.size.toLocaleString("en-US")}` : `all ${many}`
}

function clear(table) {
  table.clear()
  table.showSelection()
  table.focusRow(table.current)
}

function button(name, label, onClick, iconName = "") {
  const made = element("button", "", null)
  made.type = "button"
  made.dataset.name = name
  if (iconName) made.append(icon(iconName))
  made.append(label)
  made.onclick = onClick
  return made
}

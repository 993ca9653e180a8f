// What is chosen in a field that is no text, as its draft has it: labels, a date, a number, or whether
// it is on. `draft_values.py` reads it again.
const LABEL = "[data-testid=stMarkdownContainer]"

const find = (block, selector) => [...block.querySelectorAll(selector)].filter((each) => !each.closest("template"))
const labels = (block, selector) => find(block, selector).map((each) => each.textContent.trim()).join("\n")
const value = (block, selector) => find(block, selector)[0]?.value ?? ""

const READERS = {
  stSelectbox: (block) => value(block, "input[role=combobox]"),
  stMultiSelect: (block) => labels(block, "[data-tag]"),
  stButtonGroup: (block) => labels(block, `:is([aria-checked=true], [aria-pressed=true]) ${LABEL}`),
  stRadio: (block) => labels(block, `label[data-selected=true] ${LABEL}`),
  stCheckbox: (block) => String(find(block, "input")[0]?.checked ?? ""),
  stNumberInput: (block) => value(block, "input"),
  stDateInput: readDate,
}

/** Return the selector of the fields in which something is chosen. */
export function choiceSelector() {
  return Object.keys(READERS).map((name) => `[data-testid=${name}]`).join(", ")
}

export function readChoice(block) {
  return READERS[block.dataset.testid](block)
}

/** Return a date in ISO 8601, or `""` while a part of it is missing. */
function readDate(block) {
  const parts = ["year", "month", "day"].map((type) => find(block, `[data-type=${type}]`)[0]?.getAttribute("aria-valuenow"))
  if (!parts.every(Boolean)) return ""
  const [year, month, day] = parts
  return `${year.padStart(4, "0")}-${month.padStart(2, "0")}-${day.padStart(2, "0")}`
}

// Selecting rows by finger: a long press on one begins, then a tap on others selects them, too.
const LONG = 500
const FAR = 10

export function listenToTouch(table, options) {
  let timer = 0
  let from = null
  const cancel = () => clearTimeout(timer)
  table.body.addEventListener(
    "pointerdown",
    (event) => {
      table.wasPressed = false
      const row = event.target.closest("tr.row")
      if (event.pointerType !== "touch" || !row || !table.data.bulk.length) return
      from = event
      cancel()
      timer = setTimeout(() => press(table, row), LONG)
    },
    options,
  )
  table.body.addEventListener(
    "pointermove",
    (event) => {
      if (from && Math.hypot(event.clientX - from.clientX, event.clientY - from.clientY) > FAR) cancel()
    },
    options,
  )
  for (const name of ["pointerup", "pointercancel"]) table.body.addEventListener(name, cancel, options)
  table.body.addEventListener("contextmenu", (event) => table.wasPressed && event.preventDefault(), options)
}

function press(table, row) {
  table.wasPressed = true
  table.isSelecting = true
  table.toggle(table.idOf(row))
}

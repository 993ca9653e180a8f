// Dragging a card: only the column of its next stage takes it. By finger there is the card's menu.

export function listenToDrag(board, options) {
  let held = null
  const { box } = board

  function release() {
    held?.item.classList.remove("held")
    for (const { section } of board.columns.values()) section.classList.remove("can", "cannot", "over")
    held = null
  }

  function targetOf(event) {
    const section = event.target.closest?.("[data-key]")
    return held && section?.dataset.key === held.column.to ? section : null
  }

  box.addEventListener(
    "dragstart",
    (event) => {
      held = board.rowOf(event.target)
      if (!held?.column.to) return
      board.hideTip()
      event.dataTransfer.effectAllowed = "move"
      event.dataTransfer.setData("text/plain", held.card.name)
      held.item.classList.add("held")
      for (const [key, { section }] of board.columns) {
        section.classList.toggle("can", key === held.column.to)
        section.classList.toggle("cannot", key !== held.column.to && key !== held.column.key)
      }
    },
    options,
  )
  box.addEventListener("dragend", release, options)
  box.addEventListener(
    "dragover",
    (event) => {
      const target = targetOf(event)
      for (const { section } of board.columns.values()) section.classList.toggle("over", section === target)
      if (target) event.preventDefault()
    },
    options,
  )
  box.addEventListener(
    "drop",
    (event) => {
      if (!targetOf(event)) return
      event.preventDefault()
      const { id } = held.card
      release()
      board.move(id)
    },
    options,
  )
}

// A small table of numbers: its title with the download above it, and what the colors of bars mean.
import { element, icon } from "./dom.js"

const saved = new Set() // the files that were handed over, each of which is saved once

export function drawSummary(table) {
  const { summary, label } = table.data
  table.root.classList.toggle("list", !summary)
  table.root.classList.toggle("totalled", Boolean(summary?.hasTotal))
  table.caption.hidden = table.legend.hidden = !summary
  if (!summary) return
  const parts = [element("h2", "", label)]
  if (summary.isDownloadable) parts.push(downloadButton(table))
  const focus = table.findFocus()
  table.caption.replaceChildren(...parts)
  table.legend.replaceChildren(...(summary.legend.length > 1 ? summary.legend.map(drawPart) : []))
  if (focus?.name === "download") table.caption.querySelector("button")?.focus()
  if (summary.file && !saved.has(summary.file.id)) save(summary.file)
}

function downloadButton(table) {
  const button = element("button", "act")
  button.type = "button"
  button.dataset.name = "download"
  button.setAttribute("aria-label", `Download ${table.data.label}`)
  button.append(icon("download"), "Download")
  button.onclick = () => table.ask("download", [])
  return button
}

function drawPart([label, color]) {
  const part = element("span", "part", label)
  part.style.setProperty("--color", color)
  return part
}

function save(file) {
  saved.add(file.id)
  const link = document.createElement("a")
  link.href = URL.createObjectURL(new Blob([file.text], { type: "text/csv" }))
  link.download = file.name
  link.click()
  URL.revokeObjectURL(link.href)
}

// A strip of dots, one for each number of days; those beyond the dotted line are over the limit.
import { element } from "./dom.js"

const STACK = 3
const STEPS = 44 // places side by side

export function drawStrip(days, limit) {
  const strip = element("div", "strip")
  const end = Math.max(limit * 1.6, ...days)
  strip.style.setProperty("--limit", `${(100 * limit) / end}%`)
  const stacks = new Map()
  for (const each of days) {
    const place = Math.round((STEPS * each) / end)
    const height = stacks.get(place) ?? 0
    stacks.set(place, height + 1)
    if (height >= STACK) continue
    const dot = element("i", each > limit ? "over" : "")
    dot.style.left = `${(100 * place) / STEPS}%`
    dot.style.bottom = `${height * 6}px`
    strip.append(dot)
  }
  return strip
}

// The stages of an organization side by side, each with how far it got there, and since when.
import { badge, element } from "./dom.js"

export default function ({ data, parentElement }) {
  const stages = data.stages.map(({ share, badges, note, isHere }) => {
    const stage = element("li")
    if (isHere) stage.setAttribute("aria-current", "step")
    const bar = element("span", "bar")
    const done = element("span")
    done.style.width = `${share * 100}%`
    bar.append(done)
    const line = element("span", "badges")
    line.append(...badges.map(badge))
    stage.append(bar, line, element("span", "note", note))
    return stage
  })
  parentElement.querySelector(".path").replaceChildren(...stages)
}

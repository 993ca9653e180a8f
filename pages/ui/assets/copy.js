// A short text with a button that copies it.
import { iconButton } from "./dom.js"

const SHOWN_MS = 1500

export default function ({ data, parentElement }) {
  const place = parentElement.querySelector(".copy")
  place.classList.toggle("block", data.isBlock)
  place.querySelector("code").textContent = data.text
  place.querySelector("button")?.remove()
  const button = iconButton("content_copy", data.label)
  button.onclick = async () => {
    await navigator.clipboard.writeText(data.text)
    button.firstChild.textContent = "check"
    setTimeout(() => (button.firstChild.textContent = "content_copy"), SHOWN_MS)
  }
  place.append(button)
}

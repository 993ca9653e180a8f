// A large icon that screen readers skip: the words are beneath it.
import { icon } from "./dom.js"

export default function ({ data, parentElement }) {
  parentElement.querySelector("div").replaceChildren(icon(data.name))
}

// A file goes to our own route as it is; Streamlit learns only its number and its name.
const UNREACHABLE = "The file did not arrive. Check your connection, then try again."

export default function ({ data, parentElement, setStateValue }) {
  const find = (selector) => parentElement.querySelector(selector)
  const field = find(".field")
  const input = find("input")
  const status = find(".status")

  find(".label").textContent = data.label
  find(".action").textContent = data.picture ? "Choose another file" : "Choose a file or drop it here"
  input.accept = data.accept
  find(".picture").hidden = !data.picture
  if (data.picture) find(".picture").src = data.picture

  const say = (sentence, isRefusal) => {
    status.textContent = sentence
    status.classList.toggle("refused", isRefusal)
  }

  const send = async (file) => {
    if (!file) return
    setStateValue("file", null)
    if (file.size > data.max) {
      say(data.tooLarge.replace("{size}", (file.size / 2 ** 20).toFixed(1)), true)
      return
    }
    say(`Sending ${file.name} …`, false)
    try {
      const answer = await fetch("/uploads", {
        method: "POST",
        credentials: "same-origin",
        headers: { "X-File-Name": encodeURIComponent(file.name) },
        body: file,
      })
      if (!answer.ok) {
        say(await answer.text(), true)
        return
      }
      const kept = await answer.json()
      say(kept.name, false)
      setStateValue("file", kept)
    } catch {
      say(UNREACHABLE, true)
    }
  }

  input.onchange = () => {
    send(input.files[0])
    input.value = ""
  }
  field.ondragover = (event) => {
    event.preventDefault()
    field.classList.add("over")
  }
  field.ondragleave = () => field.classList.remove("over")
  field.ondrop = (event) => {
    event.preventDefault()
    field.classList.remove("over")
    send(event.dataTransfer.files[0])
  }
}

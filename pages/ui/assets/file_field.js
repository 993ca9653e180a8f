// A file goes to our own route as it is; Streamlit learns only its id and its name.
const UNREACHABLE = "The upload failed. Check your connection, then try again."

export default function ({ data, parentElement, setStateValue }) {
  const find = (selector) => parentElement.querySelector(selector)
  const field = find(".field")
  const input = find("input")
  const image = find("img")
  const status = find(".status")

  field.style.opacity = "" // until here, without its style, it would be the browser's own
  const show = (picture) => {
    image.hidden = !picture
    if (picture && image.src !== picture) image.src = picture
  }
  find(".picture").hidden = Boolean(data.plain)
  find(".label").textContent = data.label
  find(".action").textContent = `${data.picture ? "Replace" : "Choose a file"} or drop one here`
  input.accept = data.accept
  show(image.chosen || data.picture)
  image.onerror = () => show(data.picture) // what the browser cannot read is judged by the server

  const say = (sentence, isRefusal) => {
    status.textContent = sentence
    status.classList.toggle("refused", isRefusal)
    if (isRefusal) choose(null)
  }

  const choose = (file) => {
    if (image.chosen) URL.revokeObjectURL(image.chosen)
    image.chosen = file ? URL.createObjectURL(file) : ""
    show(image.chosen || data.picture)
  }

  const send = async (file) => {
    if (!file) return
    setStateValue("file", null)
    if (file.size > data.max_bytes) {
      say(data.too_large.replace("{size}", (file.size / 2 ** 20).toFixed(1)), true)
      return
    }
    say(`Sending ${file.name} …`, false)
    choose(file)
    try {
      const response = await fetch(data.route || "/uploads", {
        method: "POST",
        credentials: "same-origin",
        headers: { "X-File-Name": encodeURIComponent(file.name) },
        body: file,
      })
      if (!response.ok) {
        say(await response.text(), true)
        return
      }
      const upload = await response.json()
      say(upload.name, false)
      setStateValue("file", upload)
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

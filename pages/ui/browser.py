"""Components that run in the browser: session cookie, URL fragment, autocomplete, forms."""

from typing import Any, cast

import streamlit as st
from streamlit.components import v2

from core.accounts import request_info
from pages.ui import component

FRAGMENT = "fragment"
"""The key of the URL fragment in the session state."""

_EXCHANGE_TICKET = """
const sent = new Set()

export default async function ({ data, parentElement }) {
  if (sent.has(data.ticket)) return
  sent.add(data.ticket)
  const response = await fetch("/auth/cookie", {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ticket: data.ticket }),
  })
  for (const key of Object.keys(sessionStorage)) {
    if (!key.startsWith("draft ")) continue
    await fetch("/drafts", { method: "POST", body: sessionStorage[key] })
    sessionStorage.removeItem(key)
  }
  if (!response.ok) parentElement.querySelector("p").textContent = await response.text()
  if (response.ok && !data.ticket) new BroadcastChannel("orgdesk").postMessage("logged out")
  if (response.ok && data.page) location.replace(data.page)
  else if (response.ok) {
    if (data.fragment) history.replaceState(history.state, "", "#" + data.fragment)
    location.reload()
  }
}
"""

_READ_FRAGMENT = """
const key = () => "link of " + location.pathname
let page = ""

function takeFragment() {
  const fragment = location.hash.slice(1)
  if (!fragment || fragment === "stMain") return ""
  sessionStorage.setItem(key(), fragment)
  history.replaceState(history.state, "", location.pathname + location.search)
  return fragment
}

addEventListener("hashchange", () => {
  if (location.pathname === page && takeFragment()) location.reload()
})

export default function ({ data, setStateValue }) {
  page = location.pathname
  const fragment = takeFragment() || (data.known ? "" : sessionStorage.getItem(key()) || "")
  if (fragment || !data.known) setStateValue("read", fragment)
}
"""

_SET_AUTOCOMPLETE = """
export default function ({ data }) {
  const fields = document.querySelectorAll(`.st-key-${data.key} input`)
  data.names.forEach((name, i) => fields[i]?.setAttribute("autocomplete", name))
}
"""

_exchange_ticket = v2.component("orgdesk_cookie", html='<p role="status"></p>', js=_EXCHANGE_TICKET)
_read_fragment = v2.component("orgdesk_fragment", js=_READ_FRAGMENT)
_set_autocomplete = v2.component("orgdesk_autocomplete", js=_SET_AUTOCOMPLETE)
_forms = component.load("forms")


def device() -> str:
    """Return a description of the browser and its operating system, from its User-Agent."""
    return request_info.describe_device(st.context.headers.get("User-Agent", ""))


def exchange_ticket(ticket: str, fragment: str = "", page: str = "") -> None:
    """Make the browser exchange a ticket for the session cookie, once, and reload the page.

    An empty ticket deletes the cookie. `page` is another page to load instead.
    """
    _exchange_ticket(key="cookie", data={"ticket": ticket, "fragment": fragment, "page": page})


def read_fragment(*, known: bool) -> str | None:
    """Remove the fragment from the address and return it; None until the browser has sent it.

    The tab keeps the last one for this page, so that a reload finds it again.
    """
    result: Any = _read_fragment(
        key="address-fragment", data={"known": known}, height=1, on_read_change=component.ignore
    )
    return cast(str | None, result.read)


def set_autocomplete(key: str, *names: str) -> None:
    """Set the `autocomplete` attributes of the fields in a keyed container, in their order."""
    _set_autocomplete(key=f"{key}-autocomplete", data={"key": key, "names": names}, height=1)


def watch_forms(person: int) -> None:
    """Keep what this person types into forms as drafts, and let Enter send every form.

    `field` in the address, such as `profile-phone`, is the field that gets the focus.
    """
    data = {"person": person, "field": st.query_params.get("field", "")}
    _forms(key="forms", data=data, height=1)

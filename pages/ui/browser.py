"""What only the browser can do: keep the cookie, read the address's fragment, fill in passwords."""

from typing import Any, cast

import streamlit as st
from streamlit.components import v2

from core.accounts import request_info

FRAGMENT = "fragment"
"""Where the session state keeps the fragment of the address."""

_HAND_OVER = """
const sent = new Set()

export default async function ({ data, parentElement }) {
  if (sent.has(data.ticket)) return
  sent.add(data.ticket)
  const answer = await fetch("/auth/cookie", {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ticket: data.ticket }),
  })
  if (!answer.ok) parentElement.querySelector("p").textContent = await answer.text()
  else if (data.page) location.replace(data.page)
  else {
    if (data.fragment) history.replaceState(history.state, "", "#" + data.fragment)
    location.reload()
  }
}
"""

_READ_FRAGMENT = """
export default function ({ data, setStateValue }) {
  const fragment = location.hash.slice(1)
  if (fragment) history.replaceState(history.state, "", location.pathname + location.search)
  if (fragment || !data.known) setStateValue("read", fragment)
}
"""

_NAME_FIELDS = """
export default function ({ data }) {
  const fields = document.querySelectorAll(`.st-key-${data.key} input`)
  data.seed.names.forEach((name, i) => fields[i]?.setAttribute("autocomplete", name))
}
"""

_UNCOVER = """
let shown = ""

export default function ({ data }) {
  const isElsewhere = shown && shown !== data.shown
  shown = data.shown
  if (!isElsewhere || !matchMedia("(max-width: 768px)").matches) return
  document.querySelector("[data-testid=stSidebarCollapseButton] button")?.click()
}
"""

_hand_over = v2.component("orgdesk_cookie", html='<p role="status"></p>', js=_HAND_OVER)
_read_fragment = v2.component("orgdesk_fragment", js=_READ_FRAGMENT)
_name_fields = v2.component("orgdesk_autocomplete", js=_NAME_FIELDS)
_uncover = v2.component("orgdesk_uncover", js=_UNCOVER)


def device() -> str:
    """Return what the browser says that it is, and where it runs."""
    return request_info.describe_device(st.context.headers.get("User-Agent", ""))


def hand_over(ticket: str, fragment: str = "", page: str = "") -> None:
    """Have the browser exchange a ticket for its cookie and load the page again, once.

    Without a ticket the cookie goes. `page` is another page to load instead.
    """
    _hand_over(key="cookie", data={"ticket": ticket, "fragment": fragment, "page": page})


def read_fragment(*, known: bool) -> str | None:
    """Take the fragment out of the address and return it; None until the browser has answered."""
    result: Any = _read_fragment(
        key="address-fragment", data={"known": known}, height=1, on_read_change=_nothing
    )
    return cast(str | None, result.read)


def name_fields(key: str, *names: str) -> None:
    """Tell password managers what the fields in a keyed container are, in their order."""
    _name_fields(key=f"{key}-autocomplete", data={"key": key, "names": names}, height=1)


def uncover(shown: str) -> None:
    """Close the sidebar, which covers a phone, as soon as something else is `shown`."""
    _uncover(key="uncover", data={"shown": shown}, height=1)


def _nothing() -> None:
    """Streamlit wants a callback for each value that a component may send."""

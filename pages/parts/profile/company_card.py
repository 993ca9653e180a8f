"""The company card: what Connected solutions shows of an organization."""

from typing import Final
from urllib.parse import quote

import streamlit as st

from core.base import validation
from pages.ui.elements import row
from pages.ui.text import esc

MAX_OVERVIEW: Final = 220
"""Characters of an overview that fit on a card; the rest is in a tooltip."""

FIELDS: Final = ("name", "overview", "website", "sales_email", "twitter")
"""The fields of a profile that `draw` takes, beside the avatar; the phone is not public."""

_LONG_WORD: Final = 30
_NOT_IN_LINKS: Final = "<>()[]\\`\"' \n"


def draw(
    avatar: str,
    *,
    name: str,
    overview: str,
    website: str,
    sales_email: str,
    twitter: str,
) -> None:
    """Draw the card of an organization without its empty fields; `avatar` is an image URL."""
    with row(wrap=False):
        st.image(avatar, width=36, alt="")
        st.markdown(f"**{esc(name)}**", width="stretch", wrap=False)
    if overview:
        short = _truncated(overview)
        st.markdown(f":small[{esc(short)}]", help=esc(overview) if short[-1] == "…" else None)
    lines = []
    if website:
        lines.append(_card_line("language", _web_link(website)))
    if sales_email:
        address = quote(sales_email, safe="@+")
        lines.append(_card_line("mail", f"[{esc(sales_email)}](mailto:{address})"))
    if twitter:
        handle = twitter.removeprefix("@")
        lines.append(
            _card_line("alternate_email", f"[{esc(handle)}](https://x.com/{quote(handle)})")
        )
    if lines:
        st.markdown("  \n".join(lines), wrap=False)


def _card_line(icon: str, markdown: str) -> str:
    return f":small[:gray[:material/{icon}:] {markdown}]"


def _truncated(overview: str) -> str:
    """Return an overview on one line of `MAX_OVERVIEW` characters, cut between words."""
    line = " ".join(overview.split())
    if len(line) <= MAX_OVERVIEW:
        return line
    head, _, tail = line[:MAX_OVERVIEW].rpartition(" ")
    return f"{head if len(tail) < _LONG_WORD else line[:MAX_OVERVIEW]} …"


def _web_link(website: str) -> str:
    """Return Markdown for a website, linked only if it has the scheme http or https."""
    label = esc(validation.shown_website(website))
    if not website.startswith(("https://", "http://")):
        return label
    target = "".join(f"%{ord(c):02X}" if c in _NOT_IN_LINKS else c for c in website)
    target = target.replace(":material/", "%3Amaterial/")  # Streamlit takes it for an icon
    return f"[{label}](<{target}>)"

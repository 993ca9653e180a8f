"""Pieces of pages: faces, the head of an organization's page, lines and cards."""

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote, urlsplit

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.base import validation
from core.base.settings import settings
from core.models import Organization, Role, Stage
from pages.ui import avatars, badges
from pages.ui.text import esc, quiet

OVERVIEW_SHOWN: Final = 220
"""How many characters of an overview stand on a card; the rest is at hand."""

ON_THE_CARD: Final = ("name", "overview", "website", "sales_email", "phone", "twitter")
"""What `company_card` draws beside the face."""

_LONG_WORD: Final = 30
_LONG_NAME: Final = 40
"""Characters that a title may have to cut."""
_BAR_WIDTH: Final = 400
_APART: Final = "\u2003"

_NOT_IN_LINKS: Final = "<>()[]\\`\"' \n"


def row(**options: Any) -> DeltaGenerator:
    """Return a container that lays things side by side; `wrap=False` keeps them on one line."""
    layout = {"vertical_alignment": "center", "gap": "xsmall"} | options
    return st.container(horizontal=True, **layout)


def logo_url(digest: str, *, thumbnail: bool = True) -> str:
    """Return the whole address of a logo, by the digest that its organization keeps."""
    here = urlsplit(st.context.url or settings().public_url)
    return f"{here.scheme}://{here.netloc}/logos/{digest}{'-thumb' if thumbnail else ''}.png"


def face_url(name: str, seed: str | int, logo: str | None = None) -> str:
    """Return the picture of an organization or a person: the logo if there is one, else initials.

    `seed` chooses the colour behind the initials: the Organization ID, or the id of a person,
    whose face is round.
    """
    if logo:
        return logo_url(logo)
    return avatars.face(name, str(seed), round=isinstance(seed, int))


def face(name: str, seed: str | int, logo: str | None = None, *, width: int = 24) -> None:
    """Draw a face, `width` pixels wide; the name stands beside it, so it is not read out."""
    st.image(face_url(name, seed, logo), width=width, alt="")


def page_head(
    org: Organization, title: str = "", *, actions: Callable[[], None] | None = None
) -> None:
    """Draw the head of an organization's page: face, name, stage, copyable ID, the few actions.

    `title` names the page where it is not the Overview.
    """
    with row(gap="small", key="head"):
        face(org.name, org.public_id, org.logo, width=48)
        with st.container(gap=None, width="stretch"):
            whole = esc(org.name) if len(org.name) > _LONG_NAME and not title else None
            st.title(esc(title or org.name), anchor=False, wrap=False, help=whole)
            with row():
                if title:
                    st.markdown(f"**{esc(org.name)}**", width="content")
                badges.badge(org.stage)
                organization_id(org.public_id)
        if actions is not None:
            with row(width="content", key="head-actions"):
                actions()


def organization_id(public_id: str) -> None:
    """Draw an Organization ID that can be copied with one click."""
    with st.container(key="oid", width="content"):
        st.code(public_id, language=None, width="content")


def bar(parts: Mapping[Stage | Role, int]) -> None:
    """Draw how many there are of each stage or role: one bar in their colours, words below it."""
    whole, start, drawn = sum(parts.values()) or 1, 0.0, ""
    for what, number in parts.items():
        width = _BAR_WIDTH * number / whole
        drawn += f'<rect x="{start}" width="{width}" height="10" fill="{badges.FILLS[what]}"/>'
        start += width
    numbers = [f"{what} {number:,}" for what, number in parts.items()]
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_BAR_WIDTH} 10">{drawn}</svg>'
    st.image(svg, width="stretch", alt=", ".join(numbers))
    marks = [
        f':color[■]{{foreground="{badges.FILLS[what]}"}} {what} **{number:,}**'
        for what, number in parts.items()
    ]
    st.markdown(f":small[{_APART.join(marks)}]")


def empty(icon: str, head: str, what_next: str) -> None:
    """Draw what stands where there is nothing yet: what it is, and what to do next."""
    with st.container(horizontal_alignment="center", gap="xxsmall"):
        st.space("medium")
        st.markdown(f"## :gray[:material/{icon}:]", width="content", anchors=False)
        st.markdown(f"**{esc(head)}**", width="content", text_alignment="center")
        st.markdown(quiet(esc(what_next)), width="content", text_alignment="center")
        st.space("small")


def ask_words(
    placeholder: str, *, width: int = 240, on_change: Callable[[], None] | None = None
) -> str:
    """Draw a search that answers while one types and stands in the address as `q`."""
    return st.text_input(
        "Search",
        type="search",
        live=True,
        placeholder=placeholder,
        width=width,
        label_visibility="collapsed",
        key="q",
        bind="query-params",
        on_change=on_change or "rerun",
    )


def company_card(
    face: str,
    *,
    name: str,
    overview: str,
    website: str,
    sales_email: str,
    phone: str,
    twitter: str,
) -> None:
    """Draw what Connected solutions shows of an organization; what is empty takes no line."""
    with row(wrap=False):
        st.image(face, width=36, alt="")
        st.markdown(f"**{esc(name)}**", width="stretch", wrap=False)
    if overview:
        short = _shortened(overview)
        st.markdown(f":small[{esc(short)}]", help=esc(overview) if short[-1] == "…" else None)
    lines = []
    if website:
        lines.append(_card_line("language", _web_link(website)))
    if sales_email:
        address = quote(sales_email, safe="@+")
        lines.append(_card_line("mail", f"[{esc(sales_email)}](mailto:{address})"))
    if phone:
        lines.append(_card_line("call", esc(validation.show_phone(phone))))
    if twitter:
        handle = twitter.removeprefix("@")
        lines.append(
            _card_line("alternate_email", f"[{esc(handle)}](https://x.com/{quote(handle)})")
        )
    if lines:
        st.markdown("  \n".join(lines), wrap=False)


def _card_line(icon: str, markdown: str) -> str:
    return f":small[:gray[:material/{icon}:] {markdown}]"


def _shortened(overview: str) -> str:
    """Return an overview as one line that a card has room for, cut between words where it can."""
    line = " ".join(overview.split())
    if len(line) <= OVERVIEW_SHOWN:
        return line
    head, _, tail = line[:OVERVIEW_SHOWN].rpartition(" ")
    return f"{head if len(tail) < _LONG_WORD else line[:OVERVIEW_SHOWN]} …"


def _web_link(website: str) -> str:
    """Return Markdown for an address, a link only where it is surely one of the web."""
    shown = esc(website.removeprefix("https://").rstrip("/"))
    if not website.startswith(("https://", "http://")):
        return shown
    target = "".join(f"%{ord(c):02X}" if c in _NOT_IN_LINKS else c for c in website)
    return f"[{shown}](<{target}>)"

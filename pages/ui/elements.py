"""Elements that pages are drawn with: rows, avatars, headers, bars, empty states, search fields."""

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.base import avatars
from core.base.settings import settings
from core.models import Organization, Role, Stage
from pages.ui import badges, component
from pages.ui.text import esc, quiet

_copy = component.load("copy")
_icon = component.load("icon")
_LONG_NAME: Final = 40
"""Characters from which a title is likely to be cut off, and gets a tooltip."""
_BAR_WIDTH: Final = 400
_GAP: Final = "\u2003"
LIVE_PAUSE: Final = "100ms"
"""The pause in typing after which a list is searched; Streamlit's own, 250 ms, is felt."""


def row(**options: Any) -> DeltaGenerator:
    """Return a container that lays out its elements side by side; `wrap=False` keeps one line."""
    layout = {"vertical_alignment": "center", "gap": "xsmall"} | options
    return st.container(horizontal=True, **layout)


def logo_url(digest: str, *, thumbnail: bool = True) -> str:
    """Return the absolute URL of the logo with this digest."""
    return absolute_url(f"/logos/{digest}{'-thumb' if thumbnail else ''}.png")


def absolute_url(path: str) -> str:
    """Return the absolute URL of a path on the host that the reader's browser is connected to."""
    here = urlsplit(st.context.url or settings().public_url)
    return f"{here.scheme}://{here.netloc}{path}"


def avatar_url(name: str, seed: str | int, logo: str | None = None) -> str:
    """Return the image URL of an organization or a person: the logo, or else the initials.

    `seed` chooses the color behind the initials. It is the Organization ID of an organization, or
    the numeric id of a person, whose avatar is round.
    """
    if logo:
        return logo_url(logo)
    return avatars.initials_url(name, str(seed), round=isinstance(seed, int))


def avatar(name: str, seed: str | int, logo: str | None = None, *, width: int = 24) -> None:
    """Draw an avatar, `width` pixels wide, hidden from screen readers: the name is beside it."""
    st.image(avatar_url(name, seed, logo), width=width, alt="")


def page_header(
    org: Organization, title: str = "", *, actions: Callable[[], None] | None = None
) -> None:
    """Draw the header of an organization's page: avatar, name, stage, ID and action buttons.

    `title` is the title of the page; without it the name of the organization is the title.
    """
    with row(gap="small", key="head"):
        avatar(org.name, org.public_id, org.logo, width=48)
        with st.container(gap=None, width="stretch"):
            tooltip = esc(org.name) if len(org.name) > _LONG_NAME and not title else None
            st.title(esc(title or org.name), anchor=False, wrap=False, help=tooltip)
            with row():
                if title:
                    st.markdown(f"**{esc(org.name)}**", width="content")
                badges.badge(org.stage)
                organization_id(org.public_id)
        if actions is not None:
            with row(width="content", key="head-actions"):
                actions()


def organization_id(public_id: str) -> None:
    """Draw an Organization ID with a button that copies it."""
    copyable(public_id, "Copy Organization ID", key="oid")


def copyable(text: str, label: str, *, key: str) -> None:
    """Draw a short code with a button, named by `label`, that copies it."""
    _copy(key=key, data={"text": text, "label": label, "isBlock": False}, width="content")


def code_block(text: str, label: str, *, key: str) -> None:
    """Draw a link or lines of code in a box of their own, with a button that copies them.

    `st.code` would load its syntax highlighter, as large as all scripts of a page together.
    """
    _copy(key=key, data={"text": text, "label": label, "isBlock": True})


def fact(label: str, value: str, *, key: str, is_code: bool = False) -> None:
    """Draw a value below its label, as fields are drawn; code has a button that copies it."""
    with st.container(gap="xxsmall", key=key):
        st.markdown(f":small[{label}]")
        if is_code:
            copyable(value, f"Copy {label}", key=f"{key}-copy")
        else:
            st.text(value)


def bar(counts: Mapping[Stage | Role, int]) -> None:
    """Draw counts by stage or role as a stacked bar with a legend."""
    total, start, segments = sum(counts.values()) or 1, 0.0, ""
    for what, number in counts.items():
        width = _BAR_WIDTH * number / total
        segments += f'<rect x="{start}" width="{width}" height="10" fill="{badges.FILLS[what]}"/>'
        start += width
    description = ", ".join(f"{what} {number:,}" for what, number in counts.items())
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_BAR_WIDTH} 10">{segments}</svg>'
    st.image(svg, width="stretch", alt=description)
    legend(
        {
            f"{what.capitalize()} **{number:,}**": badges.FILLS[what]
            for what, number in counts.items()
        }
    )


def legend(colors: Mapping[str, str]) -> None:
    """Draw what the colors of bars mean; the words are Markdown."""
    parts = [f':color[■]{{foreground="{color}"}} {words}' for words, color in colors.items()]
    st.markdown(f":small[{_GAP.join(parts)}]")


def large_icon(name: str) -> None:
    """Draw a large icon that screen readers skip, and that is no heading."""
    _icon(key=f"icon-{name}", data={"name": name}, width="content")


def empty_state(icon: str, title: str, hint: str) -> None:
    """Draw the placeholder of an empty list: what is missing, and what to do next."""
    with st.container(horizontal_alignment="center", gap="xxsmall"):
        st.space("medium")
        large_icon(icon)
        st.markdown(f"**{esc(title)}**", width="content", text_alignment="center")
        st.markdown(quiet(esc(hint)), width="content", text_alignment="center")
        st.space("small")


def missing_link() -> None:
    """Draw what a page says that was opened without the emailed link it needs."""
    st.markdown("Open the link in your email again. This page works only with that link.")
    st.page_link("home.py", label="Go home", icon=":material/arrow_back:")


def search_field(
    placeholder: str,
    *,
    width: int = 240,
    key: str = "q",
    on_change: Callable[[], None] | None = None,
) -> str:
    """Draw a search field that searches while you type; the address has its text as `key`."""
    return st.text_input(
        "Search",
        type="search",
        live=LIVE_PAUSE,
        placeholder=placeholder,
        width=width,
        label_visibility="collapsed",
        key=key,
        bind="query-params",
        on_change=on_change or "rerun",
    )

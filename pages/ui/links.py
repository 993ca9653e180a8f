"""Rows of links: tabs, the views of a page, its filters, and switches between pages."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import urlencode

import streamlit as st

from pages.ui import component

_PAGES: Final = {
    "Onboarding": {"board": "Board", "charts": "Charts"},
    "Activity": {"activity": "All", "notes": "Notes", "runs": "Runs"},
}
"""The pages that share one entry in the sidebar, by its label."""

_links = component.load("links")


class Link(NamedTuple):
    """A link to another page, or to this page with other parameters in its address."""

    name: str
    label: str
    change: Mapping[str, Sequence[str]] | None = None
    """The new values of parameters in the address; an empty list removes one."""
    href: str = ""
    """The address of another page, in place of `change`."""
    icon: str = ""
    hint: str = ""
    """What a screen reader says in place of the label."""
    is_on: bool = False
    color: str = ""
    """The color of the line below a tab."""
    number: str | None = None
    share: float | None = None
    """The part of the line below a tab that is colored, from 0 to 1."""


def draw(
    links: Sequence[Link],
    *,
    key: str,
    label: str,
    variant: Literal["tabs", "views", "chips"] = "tabs",
    forgets: Sequence[str] = (),
    counts_from: str = "",
    counts_as_of: Hashable = None,
    max_count: int = 0,
) -> None:
    """Draw links side by side, and mark those that are on.

    A click also removes the parameters `forgets` from the address, such as the page number. The
    browser requests the count of each link, by name, from the path `counts_from` with the query of
    the address, again when `counts_as_of` changes, and shows the sum on the first link. Counts
    above `max_count` are cut: `1,000+`.
    """
    data = {
        "label": label,
        "variant": variant,
        "forgets": list(forgets),
        "countsFrom": counts_from,
        "countsAsOf": str(counts_as_of),
        "most": max_count,
        "links": [_describe(link) for link in links],
    }
    width = "content" if variant == "views" else "stretch"
    _links(key=key, height="content", width=width, data=data)


def tabs(labels: Mapping[str, str], *, key: str, label: str) -> str:
    """Draw the tabs of a page and return the name of the open one: `tab` in the address.

    `labels` has the label of each tab by its name; the first one is open by default.
    """
    first = next(iter(labels))
    asked = st.query_params.get("tab", first)
    here = asked if asked in labels else first
    links = [
        Link(name, words, {"tab": [] if name == first else [name]}, is_on=name == here)
        for name, words in labels.items()
    ]
    draw(links, key=key, label=label)
    return here


def page_switch(label: str, here: str, *, keeps: Sequence[str] = ()) -> None:
    """Draw links to the pages of an entry in the sidebar, beside a title; `here` is this page.

    The other pages are opened with the parameters `keeps` of this one.
    """
    kept = {name: st.query_params[name] for name in keeps if name in st.query_params}
    query = f"?{urlencode(kept)}" if kept else ""
    links = [
        Link(address, name, href=f"/{address}{query}", is_on=address == here)
        for address, name in _PAGES[label].items()
    ]
    draw(links, key="page-switch", label=label, variant="views")


def _describe(link: Link) -> dict[str, Any]:
    change = {name: list(values) for name, values in (link.change or {}).items()}
    return link._asdict() | {"change": change, "isOn": link.is_on}

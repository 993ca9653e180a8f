"""Rows of links that change the address of the page: tabs, the views of a page, its filters."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from pages.ui import component

_links = component.load("links")


class Link(NamedTuple):
    """A link to this page with other values of the parameters in `change`; of none without them."""

    name: str
    label: str
    change: Mapping[str, Sequence[str]]
    icon: str = ""
    hint: str = ""
    """What a screen reader says in place of the label."""
    is_on: bool = False
    color: str = ""
    """Of the line below a tab."""
    number: str | None = None
    share: float | None = None
    """The part of the line below a tab that is colored, from 0 to 1."""


def draw(
    links: Sequence[Link],
    *,
    key: str,
    label: str,
    look: Literal["tabs", "views", "chips"] = "tabs",
    forgets: Sequence[str] = (),
    counts_from: str = "",
    max_count: int = 0,
) -> None:
    """Draw links side by side, of which those that are on say so.

    A click also takes the parameters `forgets` out of the address, such as the number of the page.
    The path `counts_from` answers for the query of the address with the count of each link by name,
    which are shown when they are there; the first link has the sum. Above `max_count` they end.
    """
    data = {
        "label": label,
        "look": look,
        "forgets": list(forgets),
        "countsFrom": counts_from,
        "most": max_count,
        "links": [_describe(link) for link in links],
    }
    width = "content" if look == "views" else "stretch"
    _links(key=key, height="content", width=width, data=data)


def _describe(link: Link) -> dict[str, Any]:
    change = {name: list(values) for name, values in link.change.items()}
    return link._asdict() | {"change": change, "isOn": link.is_on}

"""Tabs: links in one element, so that the chosen tab is in the address, and Back returns to it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import streamlit as st

from pages.ui import component

_SWITCHES: Final = {
    "Onboarding": {"board": "Board", "charts": "Charts"},
    "Activity": {"activity": "All", "notes": "Notes"},
}
"""The pages that are one entry in the sidebar, by its label."""

_tabs = component.load("tabs")


@dataclass(frozen=True)
class Tab:
    """A tab: its label, and what else it shows, each as far as it is given."""

    label: str
    icon: str = ""
    count: str = ""
    """A number beside the label, such as `1,000+`."""
    share: float | None = None
    """The part of its line that is colored, from 0 to 1."""
    color: str = ""
    """A color of the theme, such as `orange`, for the line."""


def tabs(
    label: str,
    choices: Mapping[str, str | Tab],
    *,
    name: str = "tab",
    look: Literal["tabs", "switch"] = "tabs",
) -> str:
    """Draw tabs and return the chosen one; the address has it as `name`, except for the first.

    `label` names them for screen readers. A `switch` fits beside a title.
    """
    first, *_ = choices
    requested = st.query_params.get(name, first)
    chosen = requested if requested in choices else first
    links = [
        {"value": value if value != first else "", "isCurrent": value == chosen, **_describe(tab)}
        for value, tab in choices.items()
    ]
    data = {"label": label, "name": name, "look": look, "links": links}
    _tabs(key=f"tabs-{name}", data=data, width="content" if look == "switch" else "stretch")
    return chosen


def page_switch(label: str, here: str) -> None:
    """Draw links to the pages of an entry in the sidebar, beside a title; `here` is this page."""
    links = [
        {"href": f"/{address}", "isCurrent": address == here, **_describe(name)}
        for address, name in _SWITCHES[label].items()
    ]
    _tabs(
        key="page-switch", data={"label": label, "look": "switch", "links": links}, width="content"
    )


def _describe(tab: str | Tab) -> dict[str, Any]:
    shown = Tab(tab) if isinstance(tab, str) else tab
    return {name: value for name, value in asdict(shown).items() if value not in ("", None)}

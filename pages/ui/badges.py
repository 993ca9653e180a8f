"""Badges of stages and roles: the same word, color and icon on every page."""

from typing import Final, Literal

import streamlit as st

from core.models import Role, Stage

Color = Literal["gray", "orange", "blue", "green", "violet"]

_STYLES: Final[dict[Stage | Role, tuple[Color, str]]] = {
    Stage.FREE: ("gray", ":material/radio_button_unchecked:"),
    Stage.ONBOARDING: ("orange", ":material/pending:"),
    Stage.PREPRODUCTION: ("blue", ":material/science:"),
    Stage.PRODUCTION: ("green", ":material/verified:"),
    Role.OWNER: ("violet", ":material/key:"),
    Role.ADMIN: ("gray", ":material/shield_person:"),
    Role.MEMBER: ("gray", ":material/person:"),
}
FILLS: Final[dict[Stage | Role, str]] = {
    Stage.FREE: "#8b94a3",
    Stage.ONBOARDING: "#c97b12",
    Stage.PREPRODUCTION: "#4a84f0",
    Stage.PRODUCTION: "#1fa06a",
    Role.OWNER: "#6d5fe8",
    Role.ADMIN: "#9085ee",
    Role.MEMBER: "#8b94a3",
}
"""The colors of bars and charts, visible on light and dark backgrounds."""


def badge(what: Stage | Role) -> None:
    """Draw the badge of a stage or a role, which stands alone."""
    color, icon = _STYLES[what]
    st.badge(what.capitalize(), icon=icon, color=color)


def inline(what: Stage | Role) -> str:
    """Return Markdown for the badge of a stage or a role within a line of text."""
    color, icon = _STYLES[what]
    return f":{color}-badge[{icon} {what.capitalize()}]"


def color_and_icon(what: Stage | Role) -> tuple[Color, str]:
    """Return the color and the bare name of the icon of a stage or a role."""
    color, icon = _STYLES[what]
    return color, icon.removeprefix(":material/").rstrip(":")


def describe(what: Stage | Role) -> dict[str, str]:
    """Return the badge of a stage or a role for browsers to draw."""
    color, icon = color_and_icon(what)
    return {"label": what.capitalize(), "color": color, "icon": icon}


def label(what: Stage | Role) -> str:
    """Return the icon and the name of a stage or a role, for pills and menus."""
    return f"{_STYLES[what][1]} {what.capitalize()}"

"""Details: rows of what is known or left to do, some with a button that opens a form in its place.

A box is one component, so that it costs one element whatever it shows; while a form is open it is
two, with the form between them.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import streamlit as st

from core.models import Role
from pages.ui import badges, component
from pages.ui.forms import saved_notice

_details = component.load("details")
_Json = dict[str, Any]


class Row(NamedTuple):
    """One row: its value, and what can be done about it."""

    value: str
    name: str = ""
    """What its button asks for, such as the name of a field."""
    label: str = ""
    """What the value is, before it."""
    icon: str = ""
    color: str = ""
    """The color of the icon: `orange`, `green` or `red`."""
    avatar: Sequence[Any] = ()
    note: str = ""
    """Quiet words after the value."""
    is_late: bool = False
    """Whether the note is a warning."""
    is_quiet: bool = False
    action: str = ""
    """The label of its button; of a link, if there is `href`."""
    action_icon: str = ""
    is_short: bool = False
    """Whether the button shows its icon only."""
    opens_form: bool = False
    href: str = ""


NOT_SET: Final = "Not set"


def draw(
    key: str,
    rows: Sequence[Row],
    *,
    title: str = "",
    note: str = "",
    counts: Mapping[Role, int] | None = None,
    form: Callable[[str], None] | None = None,
) -> str:
    """Draw rows below a title with a note, and `counts` as a bar between.

    `form` draws the form of a row that `opens_form`, called with its name; it is a `Form` by the
    name of `form_name`, which closes once it is saved. Return the name of any other row whose
    button was just pressed.
    """
    opened = _find_opened(key, rows)
    names = [row.name if row.opens_form else None for row in rows]
    at = names.index(opened) if opened else len(rows)
    head = {"title": title, "note": note, "bar": _describe_bar(counts or {})}
    pressed = _draw_part(key, f"{key}-rows", rows[:at], head)
    if opened and form is not None:
        with st.container(key=f"{key}-form"):
            form(opened)
        pressed = _draw_part(key, f"{key}-more", rows[at + 1 :], {}) or pressed
    return "" if pressed in names else pressed


def form_name(key: str, row: str) -> str:
    """Return the name of the form of a row."""
    return f"{key}-{row}"


def close(key: str) -> None:
    """Close the form that is open, if any; the focus returns to the button that opened it."""
    st.session_state[f"{key} left"] = st.session_state.pop(f"{key} opened", "")


def _find_opened(key: str, rows: Sequence[Row]) -> str:
    """Return the row whose form is open; one that has been saved closes, and is marked as saved."""
    opened: str = st.session_state.get(f"{key} opened", "")
    if opened and saved_notice(form_name(key, opened)):
        st.session_state.pop(f"{form_name(key, opened)} saved")
        st.session_state[f"{key} saved"] = opened
        close(key)
        return ""
    return opened if any(row.opens_form and row.name == opened for row in rows) else ""


def _draw_part(key: str, part: str, rows: Sequence[Row], head: _Json) -> str:
    saved = st.session_state.get(f"{key} saved", "")
    result: Any = _details(
        key=part,
        data={
            "key": key,
            "rows": [row._asdict() | {"isSaved": row.name and row.name == saved} for row in rows],
            "focus": st.session_state.pop(f"{key} left", "") if head else "",
            **head,
        },
        height="content",
        on_pressed_change=partial(_open, key, part, [row.name for row in rows if row.opens_form]),
    )
    pressed: str = result.pressed or ""
    return pressed


def _open(key: str, part: str, openable: list[str]) -> None:
    pressed = st.session_state[part].pressed
    st.session_state.pop(f"{key} saved", None)
    if pressed in openable:
        st.session_state[f"{key} opened"] = pressed


def _describe_bar(counts: Mapping[Role, int]) -> list[_Json]:
    return [
        {"label": role.capitalize(), "count": count, "color": badges.FILLS[role]}
        for role, count in counts.items()
    ]

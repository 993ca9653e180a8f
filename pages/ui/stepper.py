"""Previous and next in a list, by buttons, and by K and J for people who use letter keys."""

from collections.abc import Sequence

import streamlit as st

from pages.ui import component
from pages.ui.table import has_letter_keys

_stepper = component.load("stepper")


def find_current(key: str, opened: int) -> int:
    """Return the id of the row that was stepped to, or of the one that was opened first."""
    current = st.session_state.get(key, {}).get("id", opened)
    return current if isinstance(current, int) else opened


def draw(ids: Sequence[int], current: int, *, key: str, href: str) -> None:
    """Draw the buttons and a link `Open` to the address of the current row.

    `find_current` returns what the buttons lead to in the next rerun.
    """
    data = {
        "ids": list(ids),
        "current": current,
        "href": href,
        "label": "Previous and next",
        "hasLetterKeys": has_letter_keys(),
    }
    _stepper(key=key, data=data, on_id_change=component.ignore)

"""Dialogs that are open because the state says so: they survive reruns and can be tested."""

from collections.abc import Callable
from typing import Any, Literal, TypeVar

import streamlit as st

from pages.ui import error_display, rerun_cache
from pages.ui.open_page import ensure_signed_in

T = TypeVar("T")

_OPEN = "dialog"
_SHOWN = "dialog showed"


def open_dialog(name: str, about: Any = None) -> None:
    """Open a dialog on this run or the next, about one thing, such as a member's id."""
    st.session_state[_OPEN] = (name, about)
    st.session_state.pop(_SHOWN, None)


def close_dialog() -> None:
    """Close whatever dialog is open."""
    st.session_state.pop(_OPEN, None)
    st.session_state.pop(_SHOWN, None)


def shown_first(name: str, value: T) -> T:
    """Return what this was when the open dialog was drawn first, whatever it is by now.

    What a person decides in a dialog is about what the person saw there.
    """
    shown: dict[str, T] = st.session_state.setdefault(_SHOWN, {})
    return shown.setdefault(name, value)


def draw_dialog(
    name: str,
    title: str,
    drawn: Callable[..., None],
    *args: Any,
    width: Literal["small", "medium", "large"] = "small",
    icon: str | None = None,
) -> None:
    """Draw the dialog if it is the open one; `drawn` is told last what it is about, if anything."""
    opened, about = st.session_state.get(_OPEN, (None, None))
    if opened != name:
        return

    @st.dialog(title, width=width, icon=icon, on_dismiss=close_dialog)
    def body() -> None:
        with rerun_cache.one_look(), error_display.told(name):
            ensure_signed_in()
            drawn(*args) if about is None else drawn(*args, about)

    body()

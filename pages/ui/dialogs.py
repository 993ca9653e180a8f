"""Dialogs whose open state is kept in the session: they survive reruns and can be tested."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from hashlib import sha256
from itertools import takewhile
from numbers import Integral
from typing import Any, Literal, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.ui import authentication, error_display, rerun_cache
from pages.ui.open_page import OPEN_DIALOG, ensure_signed_in

T = TypeVar("T")

_OPENED_WITH = "dialog opened with"


def open_dialog(name: str, about: Any = None) -> None:
    """Open a dialog in this rerun or the next, about one thing, such as the id of a member."""
    st.session_state[OPEN_DIALOG] = (name, about)
    st.session_state.pop(_OPENED_WITH, None)


def close_dialog() -> None:
    """Close the dialog that is open, if any."""
    st.session_state.pop(OPEN_DIALOG, None)
    st.session_state.pop(_OPENED_WITH, None)


def is_open(name: str) -> bool:
    """Return whether this dialog is the open one."""
    opened, _ = st.session_state.get(OPEN_DIALOG, (None, None))
    return bool(opened == name)


def as_opened(name: str, value: T) -> T:
    """Return the value that `name` had when the open dialog was first drawn.

    People decide on what they saw then, even if it has changed since.
    """
    values: dict[str, T] = st.session_state.setdefault(_OPENED_WITH, {})
    return values.setdefault(name, value)


def draw_dialog(
    name: str,
    title: str,
    draw: Callable[..., None],
    *args: Any,
    width: Literal["small", "medium", "large"] = "small",
    icon: str | None = None,
    position: Literal["center", "right"] = "center",
    on_close: Callable[[], None] | None = None,
) -> None:
    """Draw a dialog if it is the open one; `draw` gets what it is about as its last argument.

    One at the `right` is a drawer. `on_close` is called when the person closes it.
    """
    opened, about = st.session_state.get(OPEN_DIALOG, (None, None))
    if opened != name:
        return

    is_signed_in = authentication.actor() is not None
    roles = authentication.roles()

    def dismiss() -> None:
        if is_open(name):  # a key may have opened another one meanwhile
            close_dialog()
        if on_close is not None:
            on_close()
        if _redraws_only_a_fragment():
            st.rerun()  # a key in the same tick: only the closed dialog would be drawn, once more

    @st.dialog(title, width=width, icon=icon, position=position, on_dismiss=dismiss)
    def body() -> None:
        with rerun_cache.rerun_scope(), error_display.show_errors(name), _inside(about):
            if is_signed_in:  # a public page has dialogs, too
                ensure_signed_in()
                authentication.identify(roles)
            draw(*args) if about is None else draw(*args, about)

    body()


def _redraws_only_a_fragment() -> bool:
    """Return whether this rerun draws a part of the page.

    A rerun of the page needs no other after it: between the two, the browser would open the
    dialog again.
    """
    context = get_script_run_ctx()
    return bool(context and context.fragment_ids_this_run)


def is_inside() -> bool:
    """Return whether a dialog is being drawn, rather than the page."""
    return _about.get() is not None


def find_about() -> str:
    """Return the id of what the dialog that is being drawn is about; empty outside of dialogs."""
    return _about.get() or ""


_about: ContextVar[str | None] = ContextVar("about", default=None)


@contextmanager
def _inside(about: Any) -> Iterator[None]:
    """Mark what is drawn as part of a dialog, for forms, and its id in the page for scripts."""
    found = _find_id(about)
    token = _about.set(found)
    try:
        with st.container(key=f"about-{found}") if found else nullcontext():
            yield
    finally:
        _about.reset(token)


def _find_id(about: Any) -> str:
    """Return the id of one thing or of its row, the digest of a selection, or else nothing.

    A selection is a list of ids, a tuple that begins with several, or has a digest of its own.
    """
    if isinstance(digest := getattr(about, "digest", None), str):
        return digest
    if isinstance(about, Mapping):
        about = about.get("user_id", about.get("id"))
    parts = about if isinstance(about, list | tuple) else [about]
    ids = [str(each) for each in takewhile(lambda part: isinstance(part, Integral), parts)]
    return sha256(" ".join(ids).encode()).hexdigest()[:12] if len(ids) > 1 else "".join(ids)

"""What people see when something could not be drawn: a sentence, never a traceback."""

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from core.base.errors import DomainError
from pages.ui import rerun_cache
from pages.ui.text import esc

log = logging.getLogger(__name__)

_FIELDS = "fields that were not drawn"


def show_uncaught(error: Exception) -> bool:
    """Draw a refusal as its sentence, and log anything else under an id that the page shows.

    Streamlit calls it for every exception of a script; True means that it is handled.
    """
    if isinstance(error, DomainError):
        st.markdown(esc(str(error)))
        return True
    error_id = secrets.token_hex(4)
    log.error("unexpected error %s", error_id, exc_info=error)
    st.markdown("**Something went wrong on our side.** Your earlier changes are saved.")
    st.markdown(
        f"Try again. If it keeps happening, give your administrator the error id {error_id}."
    )
    return True


@contextmanager
def show_errors(part: str) -> Iterator[None]:
    """Draw a refusal and a button to try again if a page, or `part` of one, cannot be drawn.

    What was typed into its forms is kept for the next try, as drafts cannot be read or kept now. To
    be used within `rerun_cache.rerun_scope`.
    """
    rerun_cache.cached(_restore_fields)
    try:
        yield
    except DomainError as error:
        _keep_fields()
        st.markdown(esc(str(error)))
        st.button("Try again", key=f"try-again-{part}", icon=":material/refresh:")


def _keep_fields() -> None:
    """Keep the text of form fields (`<form>.<field>`), which Streamlit drops if not drawn."""
    fields = ((str(key), value) for key, value in st.session_state.items())
    texts = {key: value for key, value in fields if "." in key and isinstance(value, str)}
    st.session_state[_FIELDS] = texts


def _restore_fields() -> None:
    """Fill the form fields with what was kept, before the first of them is drawn."""
    for key, value in st.session_state.pop(_FIELDS, {}).items():
        st.session_state[key] = value

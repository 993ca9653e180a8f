"""What a person sees instead of what could not be drawn: a sentence, never a traceback."""

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from core.base.errors import DomainError
from pages.ui import rerun_cache
from pages.ui.text import esc

log = logging.getLogger(__name__)

_TYPED = "typed"


def show(error: Exception) -> bool:
    """Draw what can be told, log the rest under an id; True: Streamlit draws nothing else."""
    if isinstance(error, DomainError):
        st.markdown(esc(str(error)))
        return True
    error_id = secrets.token_hex(4)
    log.error("unexpected error %s", error_id, exc_info=error)
    st.markdown("**This did not work, and it is our mistake.** What was saved before is kept.")
    st.markdown(f"Try again; if it happens again, give your administrator the error id {error_id}.")
    return True


@contextmanager
def told(place: str) -> Iterator[None]:
    """Draw a refusal with a way to try again where a page, or a part of it, could not be drawn.

    What stands in its forms is there again after the next try. `place` tells the parts apart.
    Within `moment.one_look`.
    """
    rerun_cache.once(_give_back)
    try:
        yield
    except DomainError as error:
        _keep_typed()
        st.markdown(esc(str(error)))
        st.button("Try again", key=f"try-again-{place}", icon=":material/refresh:")


def _keep_typed() -> None:
    """Put aside what stands in the fields of forms, `<form>.<field>`: if not drawn they forget."""
    fields = ((str(key), value) for key, value in st.session_state.items())
    typed = {key: value for key, value in fields if "." in key and isinstance(value, str)}
    st.session_state[_TYPED] = typed


def _give_back() -> None:
    """Fill the fields with what was put aside; only before the first of them is drawn."""
    for key, value in st.session_state.pop(_TYPED, {}).items():
        st.session_state[key] = value

"""The last act of a person in this session, to undo it from the line that says it was saved."""

from collections.abc import Sequence
from typing import Final

import streamlit as st

_ENTRIES: Final = "entries of the last act"


def remember(entry_ids: Sequence[int]) -> None:
    """Remember which entries of history an act has recorded."""
    st.session_state[_ENTRIES] = tuple(entry_ids)


def find_entries() -> tuple[int, ...]:
    """Return the entries of the last act; empty if there was none, or it was dismissed."""
    entry_ids: tuple[int, ...] = st.session_state.get(_ENTRIES, ())
    return entry_ids


def forget() -> None:
    """Forget the last act, so that nothing is offered any more."""
    st.session_state.pop(_ENTRIES, None)

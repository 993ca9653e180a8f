"""What a person sees of an error that nobody expected: a sentence with an id, never a traceback."""

import logging
import secrets

import streamlit as st

from core.errors import DomainError
from pages.ui.words import esc

log = logging.getLogger(__name__)


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

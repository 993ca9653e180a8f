"""The second step of signing in: the code, asked in the connection that brought the password."""

from collections.abc import Callable
from typing import NoReturn

import streamlit as st

from core.accounts import sessions, two_factor
from core.base.errors import DomainError
from core.database import db
from pages.ui.text import quiet, refusal

_KEY = "second-step"


def is_due(connection: str) -> bool:
    """Return whether this connection has brought a password that waits for its code."""
    with db.read() as session:
        return two_factor.find_asked(session, connection) is not None


def draw(connection: str, enter: Callable[[str], NoReturn], *, device: str, place: str) -> None:
    """Ask for the code, and `enter` with the ticket of the session that it has begun."""
    with st.form(_KEY, border=True, enter_to_submit=True):
        code = st.text_input("Code", key="second-step.code", autocomplete="one-time-code")
        below = st.empty()
        below.markdown(quiet("What your authenticator app shows, or one of your recovery codes."))
        pressed = st.form_submit_button(
            "Log in", key="second-step-submit", type="primary", width="stretch"
        )
    st.button(
        "Start over",
        key="second-step-over",
        type="tertiary",
        on_click=db.run,
        args=(two_factor.start_over, connection),
    )
    if not pressed:
        return
    ticket = sessions.new_token()
    try:
        two_factor.answer(connection, code, ticket, device=device, place=place)
    except DomainError as error:
        below.markdown(refusal(str(error)))
    else:
        enter(ticket)

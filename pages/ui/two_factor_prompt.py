"""The two-factor prompt: ask for a code in the connection that verified the password."""

from collections.abc import Callable
from typing import NoReturn

import streamlit as st

from core.accounts import sessions, two_factor
from core.base.errors import DomainError
from core.database import db
from pages.ui.text import quiet, refusal

_KEY = "second-step"


def is_pending(connection: str) -> bool:
    """Return whether this connection has verified a password and still needs a code."""
    with db.read() as session:
        return two_factor.find_challenged_user_id(session, connection) is not None


def draw(
    connection: str, enter: Callable[[str], NoReturn], *, device: str, ip_address: str
) -> None:
    """Draw the prompt; after a correct code, call `enter` with the ticket of the new session.

    `where` is the `device` and the `ip_address` of the session.
    """
    with st.form(_KEY, border=True, enter_to_submit=True):
        code = st.text_input("Code", key="second-step.code", autocomplete="one-time-code")
        below = st.empty()
        below.markdown(quiet("From your authenticator app, or a recovery code."))
        pressed = st.form_submit_button(
            "Log in", key="second-step-submit", type="primary", width="stretch"
        )
    if st.button("Back", key="second-step-over", type="tertiary"):
        db.run(two_factor.cancel_challenge, connection)
        st.rerun()
    if not pressed:
        return
    ticket = sessions.new_token()
    try:
        two_factor.complete_challenge(
            connection, code, ticket, device=device, ip_address=ip_address
        )
    except DomainError as error:
        below.markdown(refusal(str(error)))
    else:
        enter(ticket)

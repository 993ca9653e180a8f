"""The ways to answer an invitation: as who is signed in, as a stranger, as somebody else."""

from base64 import b64encode
from typing import Final

import streamlit as st

from core.access import roles
from core.access.permissions import NOBODY, Actor
from core.accounts import accounts
from core.members import acceptance
from core.members.acceptance import Offer
from pages import ui
from pages.ui import authentication, badges, browser, elements

DECLINED: Final = "declined invitation"
LOGS_IN: Final = "logs in for invitation"
ACCEPT: Final = "Accept Invitation"


def draw_offer(offer: Offer) -> None:
    """Draw who invites to what, and what one may do there."""
    org, role = offer.organization, offer.invitation.role
    face = elements.avatar_url(org.name, org.public_id)
    if offer.logo is not None:
        face = f"data:image/png;base64,{b64encode(offer.logo).decode()}"
    st.image(face, width=64, alt="")
    st.title(f"Join {ui.esc(org.name)}", anchor=False)
    st.markdown(f"**{ui.esc(offer.inviter)}** invites you as {badges.inline(role)}")
    with st.expander("What you may do there", type="compact", key="invitation-rights"):
        for action in roles.difference(role, role).kept:
            st.markdown(f":gray[:material/check: {roles.permission(action)}]")


def ask(offer: Offer, actor: Actor, token: str) -> None:
    """Let the invited person, who is signed in, accept or decline."""
    form = ui.fields("invitation-answer")
    form.reserve_footer()
    with elements.row():
        accepted = st.button(ACCEPT, key="invitation-accept", type="primary")
        _draw_decline(actor, token)
    joined = form.prepare(ui.change, acceptance.accept, actor, token) if accepted else None
    if joined is not None:
        ui.show_notice(f"You belong to {offer.organization.name} now.")
        st.switch_page("overview.py", query_params={"org": offer.organization.public_id})


def ask_to_join(offer: Offer, token: str) -> None:
    """Let a stranger make an account and accept in one go: the mailed link proves the address."""
    with ui.form("join") as form:
        name = form.field(st.text_input, "name", "Your name", autocomplete="name")
        password = form.field(
            st.text_input,
            "password",
            "Password",
            type="password",
            hint="Four or five unrelated words are strong and easy to remember.",
            autocomplete="new-password",
        )
        st.markdown(ui.quiet(f"Your account will be {ui.esc(offer.invitation.email)}."))
        accepted = form.submit(ACCEPT, width="stretch")
    _draw_decline(NOBODY, token)
    if not accepted:
        return
    new = form.prepare(accounts.prepare_account, name, offer.invitation.email, password)
    if new is None:
        return
    joined = form.prepare(ui.change, acceptance.accept_with_new_account, NOBODY, token, new)
    if joined is not None:
        st.session_state.pop(browser.FRAGMENT, None)
        authentication.enter(joined.user_id)


def ask_to_log_in(offer: Offer, token: str) -> None:
    """Send a stranger who has an account to the sign-in form, and back here."""
    st.markdown(f"The invitation is for **{ui.esc(offer.invitation.email)}**, who has an account.")
    with elements.row():
        if st.button("Log in to accept", key="invitation-log-in", type="primary"):
            st.session_state[LOGS_IN] = token
            st.rerun()
        _draw_decline(NOBODY, token)


def ask_to_sign_up(offer: Offer, token: str) -> None:
    """Tell a stranger whose link was handed over how the address is proven first."""
    email = ui.esc(offer.invitation.email)
    st.markdown(
        f"The invitation is for **{email}**. This link did not come by mail, so create an account "
        "with that address first, then open the link again."
    )
    with elements.row():
        st.page_link("sign_up.py", label="Create an account", icon=":material/person_add:")
        _draw_decline(NOBODY, token)


def send_away(offer: Offer, actor: Actor) -> None:
    """Tell somebody else how the invited person gets here."""
    st.markdown(
        f"The invitation is for **{ui.esc(offer.invitation.email)}**, and you are signed in as "
        f"**{ui.esc(actor.name)}**. Log out to go on with that address; you come back to this page."
    )
    label = "Log out and come back"
    if st.button(label, key="invitation-log-out", type="primary", icon=":material/logout:"):
        authentication.log_out(stay=True)
    st.page_link("home.py", label="Stay signed in", icon=":material/arrow_back:")


def _draw_decline(actor: Actor, token: str) -> None:
    if st.button("Decline", key="invitation-decline", type="tertiary"):
        st.session_state[DECLINED] = token
        ui.save("You declined the invitation.", acceptance.decline, actor, token)
        del st.session_state[DECLINED]

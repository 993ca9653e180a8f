"""The card of an invitation: its organization, inviter and role, and the ways to answer it."""

from base64 import b64encode
from typing import Final

import streamlit as st

from core.access.permissions import ANONYMOUS, Actor
from core.accounts import accounts
from core.members import acceptance
from core.members.acceptance import OpenInvitation, WaitingInvitation
from pages import ui
from pages.parts.members import dialogs
from pages.ui import authentication, badges, browser, elements

DECLINED: Final = "declined invitation"
LOGS_IN: Final = "logs in for invitation"
ACCEPT: Final = "Accept Invitation"


def draw_head(invitation: OpenInvitation) -> None:
    """Draw the organization, the inviter and the role with its permissions."""
    org, role = invitation.organization, invitation.role
    avatar = elements.avatar_url(org.name, org.public_id)
    if invitation.logo is not None:
        avatar = f"data:image/png;base64,{b64encode(invitation.logo).decode()}"
    st.image(avatar, width=64, alt="")
    st.title(f"Join {ui.esc(org.name)}", anchor=False)
    st.markdown(f"**{ui.esc(invitation.inviter)}** invited you as {badges.inline(role)}")
    with st.expander("What you'll be able to do", type="compact", key="invitation-rights"):
        dialogs.draw_permissions(role)


def draw_answer(invitation: OpenInvitation, actor: Actor, token: str) -> None:
    """Draw Accept and Decline for the invited person, who is logged in."""
    form = ui.fields("invitation-answer")
    form.reserve_footer()
    with elements.row():
        accepted = st.button(ACCEPT, key="invitation-accept", type="primary")
        _draw_decline(invitation, token)
    joined = form.change(acceptance.accept, actor, token) if accepted else None
    if joined is not None:
        ui.show_notice(f"You joined {invitation.organization.name}")
        st.switch_page("overview.py", query_params={"org": invitation.organization.public_id})


def draw_sign_up(invitation: OpenInvitation, token: str) -> None:
    """Draw a form that creates an account and accepts; the emailed link proves the address."""
    with ui.form("join") as form:
        name = form.field(st.text_input, "name", "Your name", autocomplete="name")
        password = form.new_password("password", "Password")
        st.markdown(ui.quiet(f"You'll log in as {ui.esc(invitation.email)}."))
        accepted = form.submit(ACCEPT, width="stretch")
    _draw_decline(invitation, token)
    if not accepted:
        return
    new = form.prepare(accounts.prepare_account, name, invitation.email, password)
    if new is None:
        return
    joined = form.change(acceptance.accept_with_new_account, ANONYMOUS, token, new)
    if joined is not None:
        st.session_state.pop(browser.FRAGMENT, None)
        page = f"/overview?org={invitation.organization.public_id}"
        authentication.enter(joined.user_id, page=page)


def draw_log_in(invitation: OpenInvitation, token: str) -> None:
    """Send a person who has an account to the login form and back."""
    st.markdown(
        f"This invitation is for **{ui.esc(invitation.email)}**, who already has an account."
    )
    with elements.row():
        if st.button("Log in to accept", key="invitation-log-in", type="primary"):
            st.session_state[LOGS_IN] = token
            st.rerun()
        _draw_decline(invitation, token)


def draw_sign_up_first(invitation: OpenInvitation, token: str) -> None:
    """Ask for an account first: a copied link does not prove the address."""
    st.markdown(
        f"This invitation is for **{ui.esc(invitation.email)}**. This link was not sent to you by "
        "email, so create an account with that address first, then open the link again."
    )
    with elements.row():
        st.page_link("sign_up.py", label="Create an account", icon=":material/person_add:")
        _draw_decline(invitation, token)


def draw_switch_account(invitation: OpenInvitation, actor: Actor) -> None:
    """Ask a person logged in with another address to switch accounts."""
    st.markdown(
        f"This invitation is for **{ui.esc(invitation.email)}**, and you are logged in as "
        f"**{ui.esc(actor.name)}**. Switch to that account, and you'll come back to this page."
    )
    label = "Switch account"
    if st.button(label, key="invitation-log-out", type="primary", icon=":material/logout:"):
        authentication.log_out(stay=True)
    st.page_link("home.py", label="Stay logged in", icon=":material/arrow_back:")


def _draw_decline(invitation: OpenInvitation, token: str) -> None:
    if st.button("Decline", key="invitation-decline", type="tertiary"):
        open_decline(invitation, token)


def open_decline(invitation: OpenInvitation | WaitingInvitation, token: str) -> None:
    """Open the dialog that asks before an invitation is declined."""
    ui.open_dialog("decline", (token, invitation.inviter, invitation.organization.name))


def draw_decline_dialog(actor: Actor) -> None:
    """Draw the dialog if it is open."""
    ui.draw_dialog("decline", "Decline invitation", _draw_question, actor)


def _draw_question(actor: Actor, about: tuple[str, str, str]) -> None:
    token, inviter, organization = about
    st.markdown(
        f"**{ui.esc(inviter)}** is notified by email. To join **{ui.esc(organization)}** later, "
        "you need a new invitation."
    )
    form = ui.fields("decline")
    if form.buttons("Decline"):
        st.session_state[DECLINED] = token
        form.save("Invitation declined", acceptance.decline, actor, token)
        del st.session_state[DECLINED]

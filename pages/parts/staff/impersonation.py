"""Impersonation: an administrator starts to act as an owner, and ends it from a banner."""

from contextlib import suppress

import streamlit as st

from core.access.permissions import Actor
from core.base.errors import DomainError
from core.database import db
from core.models import Organization
from core.staff import impersonation
from pages.ui import authentication
from pages.ui.forms import form
from pages.ui.open_page import callback, find_current
from pages.ui.text import esc, local, quiet


def draw_start(actor: Actor, org: Organization) -> None:
    """Draw the form that starts to act as an owner."""
    minutes = int(impersonation.IMPERSONATION_TTL.total_seconds() // 60)
    st.markdown(
        f"For {minutes} minutes you can do anything owners can in **{esc(org.name)}**. "
        "They are notified now, with your reason, which is kept with each of your changes."
    )
    with form("act-as-owner") as drawn:
        hint = f"Up to {impersonation.MAX_REASON} characters. Owners can see this."
        reason = drawn.field(st.text_input, "reason", "Reason", hint=hint)
        password = drawn.current_password()
        pressed = drawn.submit("Act as owner")
    st.markdown(
        quiet(
            "You can end it early on any page of the organization. Invitations that you send "
            "meanwhile are revoked when it ends."
        )
    )
    if pressed and drawn.prepare(authentication.verify_password, actor, password):
        notice = f"You are acting as an owner of {org.name}"
        drawn.save(notice, impersonation.start, actor, org.id, reason=reason)


def draw_banner(actor: Actor) -> None:
    """Draw the banner that shows an active impersonation, with a button to end it."""
    found = find_current(actor)
    if found is None or found.impersonation is None:
        return
    org, acting = found.org, found.impersonation
    until = f"until {local(acting.until):%H:%M}: {esc(acting.reason)}"
    banner = st.container(
        horizontal=True,
        wrap=False,
        border=True,
        vertical_alignment="center",
        gap="small",
        key="standing-in",
    )
    banner.markdown(
        ":orange[:material/shield_person:] "
        f"**You are acting as an owner of {esc(org.name)}** {until}",
        width="stretch",
    )
    banner.button("End", key="standing-in-end", on_click=callback(_end), args=(actor, org.id))


def _end(actor: Actor, org_id: int) -> None:
    with suppress(DomainError):  # it has ended already
        db.run(impersonation.end, actor, org_id)

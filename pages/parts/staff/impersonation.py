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
from pages.ui.open_page import find_current
from pages.ui.text import esc, local, quiet


def draw_start(actor: Actor, org: Organization) -> None:
    """Ask why, and let the administrator act as an owner for an hour."""
    minutes = int(impersonation.LASTS.total_seconds() // 60)
    st.markdown(
        f"For {minutes} minutes you may do in **{esc(org.name)}** whatever its owners may. "
        "They are told now, with your reason, and it stands beside each of your changes."
    )
    with form("act-as-owner") as drawn:
        hint = f"At most {impersonation.REASON_LONGEST} characters, for the owners to read."
        reason = drawn.field(st.text_input, "reason", "Reason", hint=hint)
        password = drawn.current_password("Your password")
        pressed = drawn.submit("Act as owner")
    st.markdown(quiet("You can end it before its time on every page of the organization."))
    if pressed and drawn.prepare(authentication.ask_password, actor, password):
        told = f"You act as an owner of {org.name}."
        drawn.save(told, impersonation.start, actor, org.id, reason=reason)


def draw_banner(actor: Actor) -> None:
    """Draw the banner that says that an administrator acts as an owner, with a button to end it."""
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
        f":orange[:material/shield_person:] **You act as an owner of {esc(org.name)}** {until}",
        width="stretch",
    )
    banner.button("End", key="standing-in-end", on_click=_end, args=(actor, org.id))


def _end(actor: Actor, org_id: int) -> None:
    with suppress(DomainError):  # it has ended already
        db.run(impersonation.end, actor, org_id)

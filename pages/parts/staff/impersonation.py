"""An administrator acts as an owner: how it begins, with a reason and the password asked again."""

import streamlit as st

from core.access.permissions import Actor
from core.models import Organization
from core.staff import impersonation
from pages.ui import authentication
from pages.ui.forms import form
from pages.ui.text import esc, quiet


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

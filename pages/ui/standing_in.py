"""An administrator acts as an owner: how it begins, with a reason and the password asked again."""

import streamlit as st

from core import stand_ins
from core.models import Organization
from core.permissions import Actor
from pages.ui import gate, password_fields
from pages.ui.forms import form
from pages.ui.words import esc, quiet


def draw_start(actor: Actor, org: Organization) -> None:
    """Ask why, and let the administrator act as an owner for an hour."""
    minutes = int(stand_ins.LASTS.total_seconds() // 60)
    st.markdown(
        f"For {minutes} minutes you may do in **{esc(org.name)}** whatever its owners may. "
        "They are told now, with your reason, and it stands beside each of your changes."
    )
    with form("act-as-owner") as drawn:
        hint = f"At most {stand_ins.REASON_LONGEST} characters, for the owners to read."
        reason = drawn.field(st.text_input, "reason", "Reason", hint=hint)
        password = password_fields.ask_own(drawn, "Your password")
        pressed = drawn.submit("Act as owner")
    st.markdown(quiet("You can end it before its time on every page of the organization."))
    if pressed and drawn.prepare(gate.ask_password, actor, password):
        told = f"You act as an owner of {org.name}."
        drawn.save(told, stand_ins.start, actor, org.id, reason=reason)

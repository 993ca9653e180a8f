"""Alerts of an organization: the state of their address, and which of them are sent."""

import streamlit as st

from core.access.permissions import Actor
from core.base import clock
from core.database import db
from core.mail import digests
from core.models import Organization
from core.notifications import alerts
from core.profile import alert_address
from pages import ui
from pages.ui import elements

_HINT = (
    "We group events within a minute into one email. We always tell you when this choice changes, "
    "when the organization is deleted or restored, and when an administrator acts as an owner."
)


def draw_address(actor: Actor, org: Organization, *, may_edit: bool) -> None:
    """Draw the state of the alert address, with the action that it needs next."""
    with st.container(gap="xxsmall", key="profile-alert-state"):
        st.markdown(":small[Alert status]")
        with elements.row():
            if org.alert_email_new is not None:
                color, icon, state = "orange", "schedule", _pending(actor, org)
            elif org.alert_email is not None:
                color, icon, state = "green", "check_circle", "Confirmed. Alerts go here."
            else:
                color, icon, state = "gray", "info", "Alerts start once an address is confirmed."
            st.markdown(f":small[:{color}[:material/{icon}: {state}]]", width="stretch")
            if may_edit:
                _draw_action(actor, org)


def _pending(actor: Actor, org: Organization) -> str:
    with db.read() as session:
        sent_at = alert_address.alert_link_sent_at(session, actor, org.id)
    if sent_at is None:
        return "Confirmation link expired."
    until = " Until then, alerts go to the previous address." if org.alert_email else ""
    return f"Not confirmed yet. Link sent {ui.ago(sent_at, clock.now())}.{until}"


def _draw_action(actor: Actor, org: Organization) -> None:
    if org.alert_email_new is not None:
        if st.button("Send again", key="profile-resend"):
            notice = f"New link sent to {org.alert_email_new}"
            ui.save(notice, alert_address.resend_alert_link, actor, org.id)
    elif org.alert_email is not None and st.button("Send test", key="profile-test"):
        ui.save(f"Test sent to {org.alert_email}", alert_address.send_test, actor, org.id)


def draw_choice(actor: Actor, org: Organization, *, may_edit: bool) -> None:
    """Draw which alerts are sent, for owners as a form."""
    if not may_edit:
        for alert, label in alerts.LABELS.items():
            mark = "check" if digests.is_alert_enabled(org, alert) else "remove"
            st.markdown(ui.quiet(f":material/{mark}: {label}"))
        st.markdown(ui.quiet("Only owners can change this. They are listed under Access Control."))
        return
    enabled = alerts.list_enabled(org)
    with ui.form("alerts") as form:
        grid = st.grid(2, min_column_width=280, gap="xsmall")
        wanted = []
        for alert, label in alerts.LABELS.items():
            with grid.cell():
                if form.field(st.toggle, alert.name.lower(), label, value=alert in enabled):
                    wanted.append(alert)
        with elements.row():
            st.markdown(ui.quiet(_HINT), width="stretch")
            pressed = form.submit("Save alerts", kind="secondary")
    if pressed:
        form.save("Alerts saved", alerts.choose, actor, org.id, wanted)

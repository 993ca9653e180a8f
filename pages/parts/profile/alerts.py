"""Alerts on the tab Settings: where they go, and which of them."""

import streamlit as st

from core.access.permissions import Action, Actor, Rights
from core.mail import digests
from core.models import Alert, Organization
from core.notifications import alerts
from core.profile import alert_address
from pages import ui
from pages.ui import elements


def draw(actor: Actor, org: Organization, rights: Rights) -> None:
    """Draw the alert address with its state, and what goes there; owners choose it."""
    may_choose = Action.EDIT_PROFILE in rights
    with st.container(border=True, key="settings-alerts"):
        with elements.row():
            with st.container(width="stretch", gap=None):
                st.markdown("**Alerts**")
                _address(org)
            if may_choose and org.alert_email and st.button("Send test alert", key="alerts-test"):
                told = f"A test is on its way to {org.alert_email}."
                ui.save(told, alert_address.send_test, actor, org.id)
        if may_choose:
            _choose(actor, org)
        else:
            _show(org)


def _address(org: Organization) -> None:
    if org.alert_email is not None:
        with elements.row():
            st.markdown(ui.quiet("They go to"), width="content")
            st.text(org.alert_email, width="content")
            st.markdown(":small[:green[:material/check_circle: Confirmed]]", width="content")
    if org.alert_email_new is not None:
        waits = "Another one is used as soon as the mailed link has confirmed it:"
        with elements.row():
            st.markdown(f":small[:orange[:material/schedule: {waits}]]", width="content")
            st.text(org.alert_email_new, width="content")
    elif org.alert_email is None:
        where = "Write an address under Organization Info; once a mailed link has confirmed it"
        st.markdown(ui.quiet(f"{where}, alerts go there."))


def _choose(actor: Actor, org: Organization) -> None:
    chosen = alerts.list_enabled(org)
    with ui.form("alerts") as form:
        grid = st.grid(2, min_column_width=280, gap="xsmall")
        wanted = []
        for alert, label in alerts.LABELS.items():
            with grid.cell():
                if form.field(st.toggle, _name(alert), label, value=alert in chosen):
                    wanted.append(alert)
        with elements.row():
            st.markdown(ui.quiet(_HOW), width="stretch")
            pressed = form.submit("Save alerts", kind="secondary")
    if pressed:
        form.save("The alerts are saved.", alerts.choose, actor, org.id, wanted)


_HOW = (
    "What happens within a minute comes in one mail. A change of this choice, the end of the "
    "organization, and that an administrator stands in for an owner are always told."
)


def _show(org: Organization) -> None:
    for alert, label in alerts.LABELS.items():
        mark = "check" if digests.is_alert_enabled(org, alert) else "remove"
        st.markdown(ui.quiet(f":material/{mark}: {label}"))
    st.markdown(
        ui.quiet("Only an owner chooses. Ask one of them; they stand under Access Control.")
    )


def _name(alert: Alert) -> str:
    return alert.name.lower()

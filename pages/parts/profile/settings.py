"""The tab Settings of Organization Profile: confirmation, alerts and deletion."""

import streamlit as st

from core.access.permissions import Action, Actor, Rights
from core.base import clock
from core.base.settings import settings
from core.mail import digests
from core.models import Alert, Organization, Stage
from core.notifications import alerts
from core.organizations import organizations
from core.profile import alert_address, profile
from pages import ui
from pages.ui import authentication, elements

_ALERTS_HINT = (
    "What happens within a minute comes in one mail. A change of this choice, the end of the "
    "organization, and that an administrator stands in for an owner are always told."
)


def draw(actor: Actor, org: Organization, rights: Rights) -> None:
    """Draw when the profile was last confirmed, the alerts, and the deletion."""
    may_edit = authentication.is_allowed(rights, Action.EDIT_PROFILE)
    with st.container(border=True, key="settings-confirmed"), elements.row():
        with st.container(width="stretch", gap=None):
            st.markdown("**Up to date**")
            st.markdown(ui.quiet(_last_confirmed(org)))
        if may_edit and st.button("Still right", key="settings-confirm"):
            ui.save("Thank you: the profile is up to date.", profile.confirm, actor, org.id)

    _draw_alerts(actor, org, may_edit=may_edit)

    may_delete = authentication.is_allowed(rights, Action.DELETE)
    in_production = org.stage is Stage.PRODUCTION
    with st.container(border=True, key="settings-delete"), elements.row():
        with st.container(width="stretch", gap=None):
            st.markdown("**Delete this organization**")
            if not may_delete:
                what = "Only an owner deletes it. Ask one of them; they stand under Access Control."
            elif in_production:
                what = (
                    f"In production it cannot be deleted here. Write to {settings().sales_contact}."
                )
            else:
                what = "It is gone at once. An administrator of Orgdesk can restore it for 30 days."
            st.markdown(ui.quiet(ui.esc(what)))
        if may_delete and st.button(
            "Delete", key="settings-delete-open", icon=":material/delete:", disabled=in_production
        ):
            ui.open_dialog("delete")
    ui.draw_dialog("delete", "Delete organization", _delete, actor, org)


def _last_confirmed(org: Organization) -> str:
    if org.confirmed_at is None:
        return "Nobody has confirmed yet that all of it is right."
    ago = ui.ago(org.confirmed_at, clock.now())
    return f"Last confirmed {ago}, on {ui.day(org.confirmed_at)}. Owners are asked once a year."


def _delete(actor: Actor, org: Organization) -> None:
    st.markdown(
        f"**{ui.esc(org.name)}** goes out of sight at once, for its members too. "
        "An administrator of Orgdesk can restore it for 30 days."
    )
    with ui.form("delete") as form:
        name = form.field(st.text_input, "name", "Type the exact name", placeholder=org.name)
        password = form.current_password()
        pressed = form.submit("Delete")
    if (
        pressed
        and form.prepare(authentication.verify_password, actor, password)
        and form.prepare(ui.change, organizations.delete, actor, org.id, name=name)
    ):
        ui.close_dialog()
        ui.show_notice(f"{org.name} is deleted.")
        st.switch_page("organizations.py")


def _draw_alerts(actor: Actor, org: Organization, *, may_edit: bool) -> None:
    """Draw the alert address with its state, and the alerts sent to it, which owners choose."""
    with st.container(border=True, key="settings-alerts"):
        with elements.row():
            with st.container(width="stretch", gap=None):
                st.markdown("**Alerts**")
                _draw_alert_address(org)
            if may_edit and org.alert_email and st.button("Send test alert", key="alerts-test"):
                notice = f"A test is on its way to {org.alert_email}."
                ui.save(notice, alert_address.send_test, actor, org.id)
        if may_edit:
            _draw_alert_form(actor, org)
        else:
            _draw_alert_list(org)


def _draw_alert_address(org: Organization) -> None:
    if org.alert_email is not None:
        with elements.row():
            st.markdown(ui.quiet("They go to"), width="content")
            st.text(org.alert_email, width="content")
            st.markdown(":small[:green[:material/check_circle: Confirmed]]", width="content")
    if org.alert_email_new is not None:
        text = "Another one is used as soon as the mailed link has confirmed it:"
        with elements.row():
            st.markdown(f":small[:orange[:material/schedule: {text}]]", width="content")
            st.text(org.alert_email_new, width="content")
    elif org.alert_email is None:
        where = "Write an address under Organization Info; once a mailed link has confirmed it"
        st.markdown(ui.quiet(f"{where}, alerts go there."))


def _draw_alert_form(actor: Actor, org: Organization) -> None:
    chosen = alerts.list_enabled(org)
    with ui.form("alerts") as form:
        grid = st.grid(2, min_column_width=280, gap="xsmall")
        wanted = []
        for alert, label in alerts.LABELS.items():
            with grid.cell():
                if form.field(st.toggle, _name(alert), label, value=alert in chosen):
                    wanted.append(alert)
        with elements.row():
            st.markdown(ui.quiet(_ALERTS_HINT), width="stretch")
            pressed = form.submit("Save alerts", kind="secondary")
    if pressed:
        form.save("The alerts are saved.", alerts.choose, actor, org.id, wanted)


def _draw_alert_list(org: Organization) -> None:
    for alert, label in alerts.LABELS.items():
        mark = "check" if digests.is_alert_enabled(org, alert) else "remove"
        st.markdown(ui.quiet(f":material/{mark}: {label}"))
    st.markdown(
        ui.quiet("Only an owner chooses. Ask one of them; they stand under Access Control.")
    )


def _name(alert: Alert) -> str:
    return alert.name.lower()

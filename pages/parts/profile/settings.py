"""The tab Settings of Organization Profile: confirmation, alerts and deletion."""

import streamlit as st

from core.access.permissions import Action, Actor, Rights
from core.base import clock
from core.base.settings import settings
from core.models import Organization, Stage
from core.organizations import organizations
from core.profile import profile
from pages import ui
from pages.parts.profile import alerts
from pages.ui import authentication, elements


def draw(actor: Actor, org: Organization, rights: Rights) -> None:
    """Draw when the profile was last confirmed, the alerts, and the deletion."""
    may_edit = authentication.is_allowed(rights, Action.EDIT_PROFILE)
    with st.container(border=True, key="settings-confirmed"), elements.row():
        with st.container(width="stretch", gap=None):
            st.markdown("**Up to date**")
            st.markdown(ui.quiet(_last_confirmed(org)))
        if may_edit and st.button("Still right", key="settings-confirm"):
            ui.save("Profile confirmed", profile.confirm, actor, org.id)
    with st.container(border=True, key="settings-alerts"):
        st.markdown("**Alerts**")
        _draw_sent_to(org)
        alerts.draw_choice(actor, org, may_edit=may_edit)
    _draw_deletion(org, may_delete=authentication.is_allowed(rights, Action.DELETE))
    ui.draw_dialog("delete", "Delete organization", _delete, actor, org)


def ask_for_confirmation(actor: Actor, org: Organization) -> None:
    """Ask an owner, once a year, whether the profile is still correct."""
    with st.container(border=True, key="profile-due"), elements.row():
        ago = ui.ago(org.confirmed_at or org.created_at, clock.now())
        created = f"Not confirmed since it was created {ago}."
        last = f"Last confirmed {ago}." if org.confirmed_at else created
        st.markdown(f"**Is this still correct?** {last}", width="stretch")
        if st.button("Still right", key="profile-due-confirm", icon=":material/check:"):
            ui.save("Profile confirmed", profile.confirm, actor, org.id)


def _last_confirmed(org: Organization) -> str:
    if org.confirmed_at is None:
        return "Not confirmed yet."
    ago = ui.ago(org.confirmed_at, clock.now())
    return f"Last confirmed {ago}, on {ui.day(org.confirmed_at)}. We ask owners once a year."


def _draw_sent_to(org: Organization) -> None:
    with elements.row(gap="xxsmall"):
        if org.alert_email is not None:
            st.markdown(ui.quiet("Sent to"), width="content")
            st.text(org.alert_email, width="content")
        else:
            hint = "Add an address under Organization Info; alerts start once it is confirmed."
            st.markdown(ui.quiet(hint))


def _draw_deletion(org: Organization, *, may_delete: bool) -> None:
    in_production = org.stage is Stage.PRODUCTION
    if not may_delete:
        what = "Only owners can delete it. They are listed under Access Control."
    elif in_production:
        what = f"In production it can't be deleted here. Contact {settings().sales_contact}."
    else:
        what = "This takes effect immediately. An administrator can restore it within 30 days."
    with st.container(border=True, key="settings-delete"), elements.row():
        with st.container(width="stretch", gap=None):
            st.markdown("**Delete this organization**")
            st.markdown(ui.quiet(ui.esc(what)))
        if may_delete and st.button(
            "Delete", key="settings-delete-open", icon=":material/delete:", disabled=in_production
        ):
            ui.open_dialog("delete")


def _delete(actor: Actor, org: Organization) -> None:
    st.markdown(
        f"**{ui.esc(org.name)}** will be deleted immediately for all members. "
        "An administrator can restore it within 30 days."
    )
    with ui.form("delete") as form:
        name = form.field(st.text_input, "name", "Type the exact name", placeholder=org.name)
        password = form.current_password()
        pressed = form.submit("Delete")
    if (
        pressed
        and form.prepare(authentication.verify_password, actor, password)
        and form.change(organizations.delete, actor, org.id, name=name)
    ):
        ui.close_dialog()
        ui.show_notice(f"{org.name} deleted")
        st.switch_page("organizations.py")

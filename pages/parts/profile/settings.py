"""The tab Settings of Organization Profile: what concerns the organization as a whole."""

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
    """Draw when the profile was confirmed, what alerts tell, and the end of the organization."""
    with st.container(border=True, key="settings-confirmed"), elements.row():
        with st.container(width="stretch", gap=None):
            st.markdown("**Up to date**")
            st.markdown(ui.quiet(_last_confirmed(org)))
        if Action.EDIT_PROFILE in rights and st.button("Still right", key="settings-confirm"):
            ui.save("Thank you: the profile is up to date.", profile.confirm, actor, org.id)

    alerts.draw(actor, org, rights)

    in_production = org.stage is Stage.PRODUCTION
    with st.container(border=True, key="settings-delete"), elements.row():
        with st.container(width="stretch", gap=None):
            st.markdown("**Delete this organization**")
            if Action.DELETE not in rights:
                what = "Only an owner deletes it. Ask one of them; they stand under Access Control."
            elif in_production:
                what = (
                    f"In production it cannot be deleted here. Write to {settings().sales_contact}."
                )
            else:
                what = "It is gone at once. An administrator of Orgdesk can restore it for 30 days."
            st.markdown(ui.quiet(ui.esc(what)))
        if Action.DELETE in rights and st.button(
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
        password = form.field(st.text_input, "password", "Your password", type="password")
        pressed = form.submit("Delete")
    if (
        pressed
        and form.prepare(authentication.ask_password, actor, password)
        and form.prepare(ui.change, organizations.delete, actor, org.id, name=name)
    ):
        ui.close_dialog()
        ui.show_notice(f"{org.name} is deleted.")
        st.switch_page("organizations.py")

"""Organization Profile: the fields, logo and alert address of an organization, and its settings."""

import streamlit as st

from core.access.permissions import Action
from core.base import clock
from core.profile import profile
from pages import ui
from pages.parts.profile import contact, info, settings
from pages.ui import authentication, elements

actor, org, rights = ui.open_page("Organization Profile", Action.VIEW)
may_edit = authentication.is_allowed(rights, Action.EDIT_PROFILE)
may_edit_contact = Action.EDIT_CONTACT in rights and not may_edit


def draw_actions() -> None:
    if may_edit_contact:
        contact.draw_button(org)


elements.page_header(org, actions=draw_actions)

if may_edit and profile.is_confirmation_due(org):
    with st.container(border=True, key="profile-due"), elements.row():
        last = ui.ago(org.confirmed_at or org.created_at, clock.now())
        said = (
            f"An owner last said so {last}."
            if org.confirmed_at
            else f"Created {last}, and not confirmed since."
        )
        st.markdown(f"**Is all of this still right?** {said}", width="stretch")
        if st.button("Still right", key="profile-due-confirm", icon=":material/check:"):
            ui.save("Thank you: the profile is up to date.", profile.confirm, actor, org.id)

info_tab, settings_tab = st.tabs(["Organization Info", "Settings"])
with info_tab:
    if may_edit:
        info.edit(actor, org)
    else:
        info.show(org, may_edit_contact=may_edit_contact)
with settings_tab:
    settings.draw(actor, org, rights)

contact.draw_dialog(actor, org)

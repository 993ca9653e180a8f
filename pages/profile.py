"""Organization Profile: the fields, logo and alert address of an organization, and its settings."""

import streamlit as st

from core.access.permissions import Action
from core.base import validation
from core.profile import directory, profile
from pages import ui
from pages.parts.profile import alerts, contact, facts, in_place, logo, settings
from pages.ui import authentication, elements

actor, org, rights = ui.open_page("Organization Profile")
may_edit = authentication.is_allowed(rights, Action.EDIT_PROFILE)
may_edit_contact = Action.EDIT_CONTACT in rights and not may_edit
saved = profile.form_texts(org)
missing = directory.missing_for_listing(org)


@ui.fragment
def edit_info() -> None:
    left, right = st.columns([5, 2], gap="large")
    with left:
        logo.draw_form(actor, org)
        form = ui.EditForm("profile", profile.FIELDS, saved)
        grid = st.grid(2, min_column_width=240, gap="small")
        with grid.cell():
            form.text("name")
        with grid.cell():
            elements.fact("Organization ID", org.public_id, key="profile-id", is_code=True)
        with grid.cell():
            form.text("alert_email", hint=in_place.HINTS["alert_email"])
        with grid.cell():
            alerts.draw_address(actor, org, may_edit=True)
        with grid.cell(column_span="all"):
            length = f"{len(form.text_of('overview')):,} of {validation.MAX_OVERVIEW_LENGTH:,}"
            form.text("overview", widget=st.text_area, height=120, hint=f"{length} characters")
        with grid.cell():
            form.text("sales_email", hint=in_place.HINTS["sales_email"])
        with grid.cell():
            form.text("phone", hint=in_place.HINTS["phone"])
        with grid.cell():
            form.text("website", hint=in_place.HINTS["website"])
        with grid.cell():
            form.text("twitter", hint=in_place.HINTS["twitter"])
        if form.submit_changes():
            form.save_changes("Profile saved", profile.save, actor, org.id)
    with right:
        switch_listing()
        st.markdown(ui.quiet("Preview"))
        facts.draw_card(org, profile.preview(form.typed))


def show_info() -> None:
    who = "You can edit contact details." if may_edit_contact else "They're under Access Control."
    st.markdown(ui.quiet(f":material/lock: Only owners can edit this. {who}"))
    facts.draw(org)


def switch_listing() -> None:
    key = f"profile-listed-{'on' if org.is_listed else 'off'}"
    disabled = bool(missing) and not org.is_listed
    label = "List in connected solutions"
    listed = st.toggle(label, value=org.is_listed, disabled=disabled, key=key)
    if missing:
        st.markdown(f":small[:orange[:material/info: Not shown until you add {missing}.]]")
    if listed != org.is_listed:
        notice = "Now listed in Connected solutions" if listed else "No longer listed"
        ui.save(notice, directory.list_in_solutions, actor, org.id, listed=listed)


elements.page_header(org, actions=contact.draw_button if may_edit_contact else None)
if may_edit and profile.is_confirmation_due(org):
    settings.ask_for_confirmation(actor, org)
tabs = {"info": "Organization Info", "settings": "Settings"}
if ui.tabs(tabs, key="profile-tabs", label="Organization Profile") == "settings":
    settings.draw(actor, org, rights)
elif may_edit:
    edit_info()
else:
    show_info()
contact.draw_dialog(actor, org)

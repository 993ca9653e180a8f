"""Beside the fields of a profile: the logo, the state of the alert address, the card."""

from collections.abc import Mapping

import streamlit as st

from core.access.permissions import Actor
from core.accounts import uploads
from core.base import clock
from core.database import db
from core.models import Organization
from core.profile import alert_address, directory, logos
from pages import ui
from pages.parts.profile import company_card
from pages.ui import elements
from pages.ui.file_field import file_field


def edit_logo(actor: Actor, org: Organization) -> None:
    """Draw the logo, and what replaces or removes it."""
    form = ui.fields("logo")
    with elements.row(gap="small", vertical_alignment="bottom", key="profile-logo"):
        elements.avatar(org.name, org.public_id, org.logo, width=72)
        with st.container(width="stretch"):
            chosen = form.field(
                file_field,
                "logo",
                "Logo",
                accept="image/png,image/jpeg,image/webp",
                max_bytes=logos.MAX_BYTES,
                too_large=logos.TOO_LARGE,
            )
            if chosen is not None and st.button("Save Logo", key="logo-save"):
                picture = form.prepare(_decode, actor, chosen.upload_id)
                if picture is not None:
                    form.save("The logo is saved.", logos.set_logo, actor, org.id, picture)
        if org.logo and st.button("Remove", key="logo-remove", type="tertiary"):
            form.save("The logo is removed.", logos.remove_logo, actor, org.id)


def _decode(actor: Actor, upload_id: int) -> logos.CleanLogo:
    with db.read() as session:
        upload = uploads.get(session, actor, upload_id)
    return logos.clean(upload.content)


def alert_state(actor: Actor, org: Organization) -> None:
    """Say where alerts go now, with what can be done about it."""
    with elements.row(gap="xsmall", key="profile-alert-state"):
        if org.alert_email_new is not None:
            st.markdown(f":small[:orange[{_waiting(actor, org)}]]", width="stretch")
            if st.button("Send again", key="profile-resend", type="tertiary"):
                told = f"A new link is on its way to {org.alert_email_new}."
                ui.save(told, alert_address.resend_alert_link, actor, org.id)
        elif org.alert_email is not None:
            state = ":material/check_circle: Confirmed. Alerts go here."
            st.markdown(f":small[:green[{state}]]", width="stretch")
            if st.button("Send test", key="profile-test", type="tertiary"):
                told = f"A test is on its way to {org.alert_email}."
                ui.save(told, alert_address.send_test, actor, org.id)
        else:
            st.markdown(ui.quiet("Alerts go here, once a mailed link has confirmed it."))


def card(actor: Actor | None, org: Organization, texts: Mapping[str, str]) -> None:
    """Draw the card from what is typed; with its switch for an `actor` who may change it."""
    if actor is not None:
        _switch(actor, org)
    st.markdown(ui.quiet("This is how the card will look" if actor else "The card"))
    with st.container(border=True, key="profile-card", gap="small"):
        face = elements.avatar_url(org.name, org.public_id, org.logo)
        company_card.draw(face, **{field: texts[field] for field in company_card.FIELDS})


def _waiting(actor: Actor, org: Organization) -> str:
    """Return Markdown for what the new alert address waits for."""
    with db.read() as session:
        sent_at = alert_address.alert_link_sent_at(session, actor, org.id)
    if sent_at is None:
        state = "Not confirmed in time: the link no longer works."
    else:
        state = f"Not confirmed yet. The link was sent {ui.ago(sent_at, clock.now())}."
    if org.alert_email:
        state += " Until then alerts go to the address before."
    return f":material/schedule: {state}"


def _switch(actor: Actor, org: Organization) -> None:
    missing = directory.missing_for_listing(org)
    listed = st.toggle(
        "List in connected solutions",
        value=org.is_listed,
        disabled=bool(missing) and not org.is_listed,
        key=f"profile-listed-{'on' if org.is_listed else 'off'}",
    )
    if missing:
        what = "The card is not shown now" if org.is_listed else "The card is not complete"
        st.markdown(f":small[:orange[:material/info: {what}: add {' and '.join(missing)}.]]")
    if listed != org.is_listed:
        told = "Connected solutions shows the card." if listed else "The card is hidden."
        ui.save(told, directory.list_in_solutions, actor, org.id, listed=listed)

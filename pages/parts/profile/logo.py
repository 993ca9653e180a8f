"""The form for the logo of an organization."""

from collections.abc import Callable

import streamlit as st

from core.access.permissions import Actor
from core.accounts import uploads
from core.database import db
from core.models import Organization
from core.profile import logos
from pages import ui
from pages.ui import elements
from pages.ui.file_field import file_field


def draw_form(
    actor: Actor,
    org: Organization,
    *,
    name: str = "logo",
    on_cancel: Callable[[], None] | None = None,
) -> None:
    """Draw the field of a logo with its buttons; `Cancel` is one if there is `on_cancel`."""
    form = ui.fields(name)
    with elements.row(gap="small", key=f"{name}-field"):
        picture = elements.logo_url(org.logo) if org.logo else ""
        chosen = form.field(file_field, "logo", "Logo", limits=logos.UPLOADS, picture=picture)
        if on_cancel is not None and st.button("Cancel", key=f"{name}-cancel"):
            on_cancel()
            st.rerun()
        if chosen and st.button("Save Logo", key=f"{name}-save"):
            logo = form.prepare(_clean, actor, chosen.upload_id)
            if logo is not None:
                form.save("Logo saved", logos.set_logo, actor, org.id, logo)
        if org.logo and not chosen:
            with st.popover("Remove", key=f"{name}-removal", type="tertiary"):
                st.markdown("Your card and the checks for production need a logo.")
                if st.button("Remove logo", key=f"{name}-remove"):
                    form.save("Logo removed", logos.remove_logo, actor, org.id)


def _clean(actor: Actor, upload_id: int) -> logos.CleanLogo:
    with db.read() as session:
        upload = uploads.get(session, actor, upload_id)
    return logos.clean(upload.content)

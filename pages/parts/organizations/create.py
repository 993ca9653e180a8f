"""The dialog `Create New Organization`, which warns of organizations with a similar name."""

import streamlit as st

from core.access.permissions import Actor
from core.database import db
from core.organizations import organizations
from pages import ui


def draw_create(actor: Actor) -> None:
    """Draw the button `Create New Organization` and its dialog."""
    st.button(
        "Create New Organization",
        type="primary",
        icon=":material/add:",
        key="create-organization",
        on_click=ui.open_dialog,
        args=("create",),
    )
    ui.draw_dialog("create", "Add New Organization", _draw, actor)


def _draw(actor: Actor) -> None:
    form = ui.fields("create")
    name = form.field(
        st.text_input,
        "name",
        "Organization name",
        hint="As people know it, up to 80 characters. You will be its owner.",
        live=True,
    )
    with db.read() as session:
        similar = organizations.list_similar_names(session, actor, name)
    if similar:
        known = ", ".join(f"**{ui.esc(other)}**" for other in similar)
        exist = "already exists" if len(similar) == 1 else "already exist"
        st.markdown(
            f":small[:orange[:material/info:] {known} {exist}; ask one of its owners for an "
            "invitation. If yours is another one, go on.]"
        )
    form.reserve_footer()
    if st.button("Save", type="primary", key="create-save"):
        org = form.prepare(ui.change, organizations.create, actor, name)
        if org is not None:
            form.reset()
            ui.close_dialog()
            ui.show_notice(f"{org.name} is yours. Fill out its profile, then invite your people.")
            st.switch_page("overview.py", query_params={"org": org.public_id})

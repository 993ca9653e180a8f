"""The dialog `Create New Organization`, which warns of organizations with a similar name."""

from typing import Final

import streamlit as st

from core.access.permissions import Actor
from core.database import db
from core.organizations import organizations
from core.organizations.organizations import SimilarNames
from pages import ui

_SIMILAR: Final = "create-similar-names"
"""The key of the name that was looked up last, and what was found."""


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
        hint="The name people know. You'll be its owner.",
        live=True,
    )
    is_new = _draw_similar(actor, name)
    if form.buttons("Save"):
        if is_new:  # typed and saved in one go: they have not read it yet
            form.set_error("name", "Check the similar names below, then save again.")
            return
        org = form.change(organizations.create, actor, name)
        if org is not None:
            form.reset()
            ui.close_dialog()
            ui.show_notice(f"{org.name} created. Next, complete its profile and invite your team.")
            st.switch_page("overview.py", query_params={"org": org.public_id})


def _draw_similar(actor: Actor, name: str) -> bool:
    """Draw which organizations have a similar name, and return whether that is news.

    Each name is looked up once, as look-ups are limited.
    """
    looked_up, similar = st.session_state.get(_SIMILAR, ("", SimilarNames()))
    is_new = looked_up != name
    if is_new:
        similar = db.run(organizations.list_similar_names, actor, name)
        st.session_state[_SIMILAR] = (name, similar)
    notes = []
    others = [other for other in similar.names if other not in similar.own]
    notes += [
        f"[{ui.esc(name)}](overview?org={public_id}) is yours already."
        for name, public_id in similar.own.items()
    ]
    if others:
        known = ", ".join(f"**{ui.esc(other)}**" for other in others)
        exist = "already exists" if len(others) == 1 else "already exist"
        notes.append(
            f"{known} {exist}. Ask an owner for an invitation, or continue if yours is different."
        )
    if similar.has_others:
        other = "Another organization" if others else "An organization"
        notes.append(
            f"{other} with a similar name already exists. Ask an owner for an invitation, or "
            "continue if yours is different."
        )
    if similar.wait:
        minutes = "a minute" if similar.wait == 1 else f"{similar.wait} minutes"
        notes.append(f"Similar names are shown again in {minutes}. You can continue without them.")
    for note in notes:
        st.markdown(f":small[:orange[:material/info:] {note}]")
    return is_new and bool(similar.names or similar.has_others)

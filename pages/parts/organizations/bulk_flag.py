"""Bulk flagging for onboarding: the dialogs that start it."""

from typing import Final

import streamlit as st

from core.access.permissions import Actor
from core.database import db
from core.onboarding import bulk_flag, onboarding
from core.onboarding.bulk_flag import Selected
from core.organizations.filters import Filters
from core.runs.items import MAX_ITEMS, Selection
from pages import ui
from pages.parts.onboarding.forms import note_field, plan_fields
from pages.parts.runs import progress
from pages.ui.dialogs import as_opened

ACTION: Final = ui.Action("flag", "Flag for onboarding", "flag", takes_all=True)


def open_dialog(asked: ui.Asked, filters: Filters) -> None:
    """Open the dialog about what is selected: some organizations, or all that match."""
    selection = Selection(asked.rows, filters if asked.is_all else None)
    ui.open_dialog("flag-all" if asked.is_all else "flag", selection)


def draw_dialogs(actor: Actor) -> None:
    """Draw the open dialog: `flag` is about single organizations, `flag-all` about all."""
    ui.draw_dialog("flag", "Flag for onboarding", _draw, actor, "flag")
    ui.draw_dialog("flag-all", "Flag all matching", _draw, actor, "flag-all")


def _draw(actor: Actor, name: str, selection: Selection) -> None:
    with db.read() as session:
        selected = as_opened("selected", bulk_flag.count(session, actor, selection))
        reps = onboarding.list_reps(session)
    if selected.all > MAX_ITEMS:
        st.markdown(
            f"More than **{MAX_ITEMS:,} organizations** match. Narrow the list with a filter first."
        )
        return
    if not selected.free:
        st.markdown("Only free organizations can be flagged, and none of these is free.")
        return
    st.markdown(_describe(selected, is_all=selection.matching is not None))
    with ui.form(name) as form:
        plan = plan_fields(form, actor.user_id, reps)
        note = note_field(form)
        number = ui.count(selected.free, "organization")
        pressed = form.submit("Flag for onboarding" if name == "flag" else f"Flag {number}")
    if pressed:
        progress.expect_new()
        ui.clear_selection("organizations")
        message, expected = "Flagging started", selected.all
        form.save(message, bulk_flag.start, actor, selection, plan, note=note, expected=expected)


def _describe(selected: Selected, *, is_all: bool) -> str:
    one, many = ("matches", "match") if is_all else ("selected", "selected")
    chosen = ui.count(selected.all, f"organization {one}", f"organizations {many}")
    every = selected.free == selected.all
    are = "is" if selected.free == 1 else "are"
    free = f"{'All' if every else f'{selected.free:,}'} of them {are} free"
    return (
        f"**{chosen}.** {free}. Any that can't be flagged are listed with a reason. You can leave "
        "this page or cancel anytime."
    )

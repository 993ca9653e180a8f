"""Handing over the organizations of a sales rep: a bulk edit that gives them to another one."""

import streamlit as st

from core.access.permissions import Action, Actor, Rights
from core.bulk_edit.fields import Field
from core.database import db
from core.onboarding import onboarding
from core.organizations.filters import Filters
from core.runs import items
from core.runs.items import MAX_ITEMS, Selection
from pages import ui
from pages.parts.organizations import bulk_edit
from pages.ui.dialogs import as_opened


def draw_button(filters: Filters, rights: Rights) -> None:
    """Draw the button for what matches, where a single sales rep is filtered."""
    if filters.rep_id and not filters.is_deleted and Action.MOVE_STAGES in rights:
        _draw_button("Hand over", filters)


def draw_button_for(user_id: int) -> None:
    """Draw the button for all organizations of a person, and their number, if there are any."""
    of_rep = Filters(rep_id=user_id)
    with db.read() as session:
        number = items.count(session, Selection(matching=of_rep))
    if number:
        counted = ui.count(number, "organization", limit=MAX_ITEMS)
        _draw_button(f"Hand over {counted}", of_rep)


def _draw_button(label: str, filters: Filters) -> None:
    icon = ":material/swap_horiz:"
    if st.button(label, icon=icon, type="tertiary", key="hand-over"):
        bulk_edit.open_for(Selection(matching=filters), "hand-over")
        st.rerun(scope="app")


def draw_dialog(actor: Actor) -> None:
    """Draw the dialog if it is open: who gets the organizations, or the preview of that."""
    ui.draw_dialog("hand-over", "Hand over organizations", _draw, actor, width="medium")


def _draw(actor: Actor, selection: Selection) -> None:
    if bulk_edit.draw_preview(actor):
        return
    from_id = selection.matching.rep_id if selection.matching is not None else None
    with db.read() as session:
        number = as_opened("number", items.count(session, selection))
        reps, former = onboarding.list_current_and_former_reps(session)
    if number > MAX_ITEMS:
        bulk_edit.draw_too_many()
        return
    name = ui.esc((reps | former).get(from_id or 0, "A deleted account"))
    st.markdown(f"**{ui.count(number, 'organization')}** of {name}")
    form = ui.fields(f"hand-over-{from_id}")
    rep_id = form.field(
        st.selectbox,
        "rep_id",
        "New sales rep",
        options=[rep for rep in reps if rep != from_id],
        index=None,
        format_func=reps.__getitem__,
        hint="Plans and snoozes stay as they are. Sales reps get one email about all of it.",
    )
    if form.buttons("Preview", key="hand-over-submit"):
        bulk_edit.propose(form, actor, selection, {Field.REP: rep_id or ""})

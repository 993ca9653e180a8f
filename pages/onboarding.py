"""Onboarding: how far an organization has come, what is missing, and who helps."""

import streamlit as st

from core import db, gates, moves, notes, onboarding
from core.models import Stage
from core.permissions import Action
from pages import ui
from pages.ui import cards, onboarding_forms, path
from pages.ui.notes import draw_notes, shown_count

actor, org, rights = ui.open_page("Onboarding")
may_move = Action.MOVE_STAGES in rights

with db.read() as session:
    checks = gates.checks(session, org)
    visits = moves.path(session, actor, org.id)
    reps = onboarding.list_reps(session)
    written = notes.about(session, actor, org.id, most=shown_count())
    made = moves.table(session, actor, org.id) if Action.VIEW_HISTORY in rights else None


def draw_actions() -> None:
    if may_move and org.stage is not Stage.FREE:
        onboarding_forms.draw_move(org, checks, rights)


cards.page_head(org, "Onboarding", actions=draw_actions)
if may_move:
    onboarding_forms.draw_pressed(actor, org)
    onboarding_forms.draw_dialogs(actor, org, reps, checks, rights)
with st.container(border=True, key="path"):
    path.draw_path(org, visits)
    if Action.VIEW_ALL in rights:
        path.draw_stuck(org)
    path.draw_checks(org, checks, may_mend=Action.EDIT_PROFILE in rights)
path.watch(actor, org, checks)

helped, worked = st.columns(2, gap="large")

with helped:
    path.draw_help(org, reps)
    if may_move and org.stage is not Stage.FREE:
        onboarding_forms.draw_carry(actor, org)
with worked:
    onboarding_forms.draw_requested(org)
    if org.stage is Stage.FREE and may_move:
        onboarding_forms.draw_flag(actor, org, reps)
    elif org.stage is Stage.FREE and Action.REQUEST_ONBOARDING in rights and not org.requested_at:
        onboarding_forms.draw_request(actor, org)
    elif org.stage is Stage.FREE and Action.VIEW_ALL not in rights and not org.requested_at:
        onboarding_forms.draw_whom_to_ask(org)

draw_notes(actor, org, rights, written)

if made is not None:
    path.draw_moves(made)

"""Onboarding of one organization: its stage, open checks, plan, notes and moves."""

import streamlit as st

from core.access.permissions import Action
from core.database import db
from core.models import Stage
from core.onboarding import onboarding, stages
from core.staff import notes
from pages import ui
from pages.parts.onboarding import forms, stage_path
from pages.parts.staff.notes import count_to_load, draw_notes
from pages.ui import authentication, elements

actor, org, rights = ui.open_page("Onboarding")
may_move = Action.MOVE_STAGES in rights
may_edit = authentication.is_allowed(rights, Action.EDIT_PROFILE)
may_request = authentication.is_allowed(rights, Action.REQUEST_ONBOARDING)

with db.read() as session:
    checks = stages.list_checks(session, org)
    stays = stages.path(session, actor, org.id)
    reps = onboarding.list_reps(session)
    found_notes = notes.list_about(session, actor, org.id, limit=count_to_load())
    moves = stages.move_history(session, actor, org.id) if Action.VIEW_HISTORY in rights else None


def draw_actions() -> None:
    if may_move and org.stage is not Stage.FREE:
        forms.draw_move(org, checks, rights)


elements.page_header(org, "Onboarding", actions=draw_actions)
if may_move:
    forms.save_pressed(actor, org)
    forms.draw_dialogs(actor, org, reps, checks, rights)
with st.container(border=True, key="path"):
    stage_path.draw_path(org, stays)
    if Action.VIEW_ALL in rights:
        stage_path.draw_stuck(org)
    stage_path.draw_checks(org, checks, may_fix=may_edit)
stage_path.watch(actor, org, checks)

left, right = st.columns(2, gap="large")

with left:
    stage_path.draw_help(org, reps)
    if may_move and org.stage is not Stage.FREE:
        forms.draw_plan_actions(actor, org)
with right:
    forms.draw_requested(org)
    if org.stage is Stage.FREE and may_move:
        forms.draw_flag(actor, org, reps)
    elif org.stage is Stage.FREE and may_request and not org.requested_at:
        forms.draw_request(actor, org)
    elif org.stage is Stage.FREE and Action.VIEW_ALL not in rights and not org.requested_at:
        forms.draw_request_hint(org)

draw_notes(actor, org, rights, found_notes)

if moves is not None:
    stage_path.draw_moves(moves)

"""Onboarding of one organization: its stage, what is missing, its plan, notes and history."""

import pandas as pd
import streamlit as st

from core.access.permissions import Action
from core.database import db
from core.models import Stage
from core.onboarding import onboarding, stages
from core.onboarding.stuck import LIMITED, is_snoozed
from core.staff import notes
from pages import ui
from pages.parts.onboarding import forms, stage_path
from pages.parts.staff.notes import count_to_load, draw_notes
from pages.ui import authentication, elements

actor, org, rights = ui.open_page("Onboarding")
is_staff, may_move = Action.VIEW_ALL in rights, Action.MOVE_STAGES in rights
may_edit = authentication.is_allowed(rights, Action.EDIT_PROFILE)
may_request = authentication.is_allowed(rights, Action.REQUEST_ONBOARDING)

with db.read() as session:
    checks = stages.list_checks(session, org)
    stays = stages.path(session, actor, org.id)
    reps = onboarding.list_reps(session)
    found_notes = notes.list_about(session, actor, org.id, limit=count_to_load())
    moves = stages.move_history(session, actor, org.id) if Action.VIEW_HISTORY in rights else None
is_ready = all(check.is_met for check in checks)
to_stage = stages.FORWARD.get(org.stage)


def draw_actions() -> None:
    if not may_move or org.stage is Stage.FREE:
        return
    if not is_ready and Action.OVERRIDE_GATE in rights:
        forms.draw_opener("Override", "gavel", "override")
    forms.draw_opener("Withdraw", "undo", "withdraw")
    if to_stage is not None:
        st.button(
            f"Move to {to_stage}",
            type="primary" if is_ready else "secondary",
            icon=":material/arrow_forward:",
            disabled=not is_ready,
            help=None if is_ready else "Complete the checks below first.",
            key="move",
            on_click=ui.open_dialog,
            args=("move", org.stage),
        )


def draw_plan_actions() -> None:
    with elements.row(key="carry"):
        forms.draw_opener("Plan", "edit_calendar", "plan")
        if is_snoozed(org):
            if st.button("End snooze", icon=":material/alarm:", key="wake"):
                ui.save("Snooze ended", onboarding.snooze, actor, org.id, until=None)
        elif org.stage in LIMITED:
            forms.draw_opener("Snooze", "snooze", "snooze")


def draw_next_step_of_free() -> None:
    if org.requested_at is not None:
        st.markdown(":orange-badge[:material/front_hand: Onboarding requested]")
        st.markdown(ui.quiet(f"Requested on {ui.day(org.requested_at)}"))
        st.text(org.request_note or "")
    if may_move:
        st.header("Start onboarding", anchor=False)
        forms.flag(actor, org, reps)
    elif may_request and org.requested_at is None:
        st.header("Ready for more?", anchor=False)
        with ui.form("request") as form:
            hint = "Optional: dates, systems, plans."
            note = form.field(st.text_area, "note", "Anything we should know?", hint=hint)
            pressed = form.submit("Request onboarding")
        if pressed:
            notice = "Onboarding requested. Your sales contact will get back to you."
            form.save(notice, onboarding.request, actor, org.id, note=note)
    elif not is_staff and org.requested_at is None:
        st.header("Ready for more?", anchor=False)
        st.markdown(f"Owners and admins of {ui.esc(org.name)} can request onboarding.")


def draw_history(history: pd.DataFrame) -> None:
    st.header("Stage history", anchor=False)
    shown = {
        "who": ui.column.person("By", seed="who_id", width=150),
        "from_stage": ui.column.stage("From", phone="detail"),
        "to_stage": ui.column.stage("To"),
        "days": ui.column.number("Days", width=64, phone="hide"),
        "rep": ui.column.text("Sales rep", width=130, phone="hide"),
        "at": ui.column.moment("When", width=110),
        "why": ui.column.text("Reason", is_whole=True),
    }
    rows = stage_path.describe_moves(history)
    ui.table(rows, shown, key="moves", label="Stage history", fills_window=False)


elements.page_header(org, "Onboarding", actions=draw_actions)
if may_move:
    forms.refuse_late_flag(actor, org)
    forms.draw_dialogs(actor, org, reps, checks, rights)
with st.container(border=True, key="path"):
    stage_path.draw_path(org, stays)
    if is_staff:
        stage_path.draw_stuck(org)
    stage_path.draw_checks(org, checks, may_fix=may_edit)
stage_path.watch(actor, org, checks)

left, right = st.columns([1, 2], gap="large")
with left:
    stage_path.draw_help(org, reps, is_staff=is_staff)
    if may_move and org.stage is not Stage.FREE:
        draw_plan_actions()
with right:
    if org.stage is Stage.FREE:
        draw_next_step_of_free()
    draw_notes(actor, org, rights, found_notes)
if moves is not None and not moves.empty:
    draw_history(moves)

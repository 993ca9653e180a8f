"""Onboarding: how far an organization has come, what is missing, and who helps."""

import streamlit as st

from core import activity, db, gates, onboarding
from core.models import Stage
from core.permissions import Action
from pages import ui
from pages.ui import cards, path
from pages.ui.onboarding_forms import draw_flag, draw_move, draw_plan, draw_request, draw_withdraw

actor, org, rights = ui.open_page("Onboarding")

with db.read() as session:
    checks = gates.checks(session, org)
    entered = activity.stages(session, actor, org.id)
    reps = onboarding.list_reps(session)

cards.page_head(org, "Onboarding")

with st.container(border=True, key="path"):
    path.draw_path(org, entered)
    path.draw_checks(org, checks, may_mend=Action.EDIT_PROFILE in rights)

helped, worked = st.columns(2, gap="large")

with helped:
    path.draw_help(org, reps)
    if org.stage is Stage.FREE and org.requested_at is not None:
        st.text(f"Onboarding was requested on {ui.day(org.requested_at)}.")
        st.text(org.request_note or "")
    elif org.stage is Stage.FREE and Action.REQUEST_ONBOARDING in rights:
        draw_request(actor, org)

if Action.MOVE_STAGES in rights:
    with worked:
        st.subheader("Carry it on", anchor=False)
        if org.stage is Stage.FREE:
            draw_flag(actor, org, reps)
        else:
            draw_move(actor, org, checks)
            draw_plan(actor, org, reps)
            draw_withdraw(actor, org)

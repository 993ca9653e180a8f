"""Overview of an organization: its stage, people, profile and recent activity."""

import streamlit as st

from core.access.permissions import Action
from core.audit import activity
from core.database import db
from core.members import membership_rows, statistics
from core.models import Role, organizations
from core.onboarding import onboarding, stages
from core.staff import notes
from pages import ui
from pages.parts.onboarding import stage_path
from pages.parts.staff import changes, impersonation
from pages.parts.staff.notes import draw_notes
from pages.ui import authentication, badges, elements

MAX_OWNERS = 5
MAX_NOTES = 3

actor, org, rights = ui.open_page("Overview")
may_edit = authentication.is_allowed(rights, Action.EDIT_PROFILE)
may_invite = authentication.is_allowed(rights, Action.INVITE)

with db.read() as session:
    checks = stages.list_checks(session, org)
    stays = stages.path(session, actor, org.id)
    numbers = statistics.summary(session, actor, org.id)
    owners = membership_rows.list_owners(session, org)
    latest = activity.latest(session, actor, org.id)
    reps = onboarding.list_reps(session)
    found_notes = notes.list_about(session, actor, org.id, limit=MAX_NOTES + 1)


def draw_actions() -> None:
    here = {"org": org.public_id}
    if may_invite and st.button("Invite user", icon=":material/person_add:"):
        ui.open_dialog("invite")
        st.switch_page("members.py", query_params=here)
    if may_edit and st.button("Edit profile", icon=":material/edit:"):
        st.switch_page("profile.py", query_params=here)
    may_act = Action.ACT_AS_OWNER in rights and not may_edit
    if may_act and st.button("Act as owner", icon=":material/shield_person:"):
        ui.open_dialog("act-as-owner")


def draw_people() -> None:
    st.header("People", anchor=False)
    elements.bar({role: int(numbers[role]) for role in (Role.OWNER, Role.ADMIN, Role.MEMBER)})
    for owner in owners[:MAX_OWNERS]:
        with elements.row(wrap=False):
            elements.avatar(owner.name, owner.id)
            st.markdown(ui.esc(owner.name), width="stretch", wrap=False)
            badges.badge(Role.OWNER)
    others = len(owners) - MAX_OWNERS
    facts = [f"{ui.count(others, 'more owner')}"] if others > 0 else []
    if Action.VIEW_INVITATIONS in rights:
        facts.append(ui.count(int(numbers["pending"]), "pending invitation"))
    st.markdown(ui.quiet(" · ".join(facts)))


def draw_contact() -> None:
    st.header("Profile", anchor=False)
    percent = organizations.completeness(org)
    st.progress(percent / 100, text=f":small[{percent}% filled in]")
    stage_path.draw_help(org, reps, is_staff=Action.VIEW_ALL in rights)


elements.page_header(org, actions=draw_actions)
with st.container(border=True, key="path"):
    stage_path.draw_path(org, stays)
    if Action.VIEW_ALL in rights:
        stage_path.draw_stuck(org)
    stage_path.draw_checks(org, checks, may_fix=may_edit)

left, right = st.columns([3, 2], gap="medium")
with left:
    st.header("Recent activity", anchor=False)
    changes.draw_latest(latest, key="overview-changes")
    draw_notes(actor, org, rights, found_notes, limit=MAX_NOTES)
with right:
    draw_people()
    draw_contact()

ui.draw_dialog("act-as-owner", "Act as owner", impersonation.draw_start, actor, org)

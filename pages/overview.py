"""Overview: where an organization stands, who is in it, and what changed last."""

import streamlit as st

from core import activity, completeness, db, gates, members, memberships, moves, notes, onboarding
from core.models import Role
from core.permissions import Action
from pages import ui
from pages.ui import badges, cards, changes, path, standing_in
from pages.ui.notes import draw_notes

OWNERS_SHOWN = 5
NOTES_SHOWN = 3

actor, org, rights = ui.open_page("Overview")

with db.read() as session:
    checks = gates.checks(session, org)
    visits = moves.path(session, actor, org.id)
    numbers = members.summary(session, actor, org.id)
    owners = memberships.list_owners(session, org)
    latest = activity.latest(session, actor, org.id)
    reps = onboarding.list_reps(session)
    written = notes.about(session, actor, org.id, most=NOTES_SHOWN + 1)


def draw_actions() -> None:
    here = {"org": org.public_id}
    if Action.INVITE in rights and st.button("Invite user", icon=":material/person_add:"):
        ui.open_dialog("invite")
        st.switch_page("members.py", query_params=here)
    if Action.EDIT_PROFILE in rights and st.button("Edit profile", icon=":material/edit:"):
        st.switch_page("profile.py", query_params=here)
    may_act = Action.ACT_AS_OWNER in rights and Action.EDIT_PROFILE not in rights
    if may_act and st.button("Act as owner", icon=":material/shield_person:"):
        ui.open_dialog("act-as-owner")


def draw_people() -> None:
    st.subheader("People", anchor=False)
    cards.bar({role: int(numbers[role]) for role in (Role.OWNER, Role.ADMIN, Role.MEMBER)})
    for owner in owners[:OWNERS_SHOWN]:
        with cards.row(wrap=False):
            cards.face(owner.name, owner.id)
            st.markdown(ui.esc(owner.name), width="stretch", wrap=False)
            badges.badge(Role.OWNER)
    others = len(owners) - OWNERS_SHOWN
    told = [f"{ui.count(others, 'more owner')}"] if others > 0 else []
    if Action.VIEW_INVITATIONS in rights:
        told.append(ui.count(int(numbers["pending"]), "pending invitation"))
    st.markdown(ui.quiet(" · ".join(told)))


def draw_contact() -> None:
    st.subheader("Profile", anchor=False)
    percent = completeness.percent(org)
    st.progress(percent / 100, text=f":small[{percent}% filled in]")
    path.draw_help(org, reps)


cards.page_head(org, actions=draw_actions)
with st.container(border=True, key="path"):
    path.draw_path(org, visits)
    if Action.VIEW_ALL in rights:
        path.draw_stuck(org)
    path.draw_checks(org, checks, may_mend=Action.EDIT_PROFILE in rights)

told, beside = st.columns([3, 2], gap="medium")
with told:
    st.subheader("Last changes", anchor=False)
    changes.draw_changes(latest, key="overview-changes", is_short=True)
    draw_notes(actor, org, rights, written, most=NOTES_SHOWN)
with beside:
    draw_people()
    draw_contact()

ui.draw_dialog("act-as-owner", "Act as owner", standing_in.draw_start, actor, org)

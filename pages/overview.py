"""Overview: what is left to do, contact details that are edited in place, people, activity."""

from functools import partial

import streamlit as st

from core.access.permissions import Action
from core.audit import activity
from core.base import avatars
from core.database import db
from core.duplicates import merging
from core.members import members, membership_rows, statistics
from core.models import Role, Stage, organizations
from core.onboarding import getting_started, onboarding, stages
from core.staff import notes
from pages import ui
from pages.parts.imports import owner
from pages.parts.members import invitations
from pages.parts.onboarding import stage_path
from pages.parts.organizations.merges import draw_merges
from pages.parts.profile import contact, in_place
from pages.parts.staff import changes, impersonation
from pages.parts.staff.notes import draw_notes
from pages.ui import authentication, details, elements
from pages.ui.details import Row

MAX_OWNERS = 3
MAX_NOTES = 1
MAX_CHANGES = 6

actor, org, rights = ui.open_page("Overview")
is_staff, is_new = Action.VIEW_ALL in rights, org.stage is Stage.FREE
may_edit = authentication.is_allowed(rights, Action.EDIT_PROFILE)
may_invite = authentication.is_allowed(rights, Action.INVITE)
may_act = {
    "invite": may_invite,
    "owners": authentication.is_allowed(rights, Action.CHANGE_ROLES),
    "request": authentication.is_allowed(rights, Action.REQUEST_ONBOARDING),
}

with db.read() as session:
    steps = getting_started.list_steps(session, actor, org.id)
    checks = steps or stages.list_checks(session, org)
    stays = stages.path(session, actor, org.id)
    numbers = statistics.summary(session, actor, org.id)
    owners = membership_rows.list_owners(session, org)
    latest = activity.latest(session, actor, org.id, limit=MAX_CHANGES)
    reps = onboarding.list_reps(session) if org.rep_id is not None else {}
    found_notes = notes.list_about(session, actor, org.id, limit=MAX_NOTES + 1)
    may_review = Action.VIEW_HISTORY in rights
    merges = merging.list_merged_in(session, actor, org.id) if may_review else []
    grantable = members.list_grantable_roles(session, actor, org.id) if may_invite else []


def draw_actions() -> None:
    if may_invite and st.button("Invite user", type="primary", key="invite-user"):
        ui.open_dialog("invite")
    if may_edit and st.button("Edit profile", icon=":material/edit:"):
        st.switch_page("profile.py", query_params=ui.query_about(org.public_id))
    if Action.EDIT_CONTACT in rights and not may_edit:
        contact.draw_button()
    may_start = Action.ACT_AS_OWNER in rights and not may_edit
    if may_start and st.button("Act as owner", icon=":material/shield_person:"):
        ui.open_dialog("act-as-owner")


@ui.fragment
def draw_checks() -> None:
    done = sum(check.is_met for check in checks)
    title = f"{len(checks) - done} left before {stages.FORWARD.get(org.stage)}"
    title = "Get started" if is_new else title if done < len(checks) else "All checks passed"
    rows = in_place.list_checks(checks, org.public_id, may_edit=may_edit, may_act=may_act)
    note, form = f"{done} of {len(checks)} done", partial(in_place.draw_form, actor, org, "left")
    if details.draw("left", rows, title=title, note=note, form=form):
        ui.open_dialog("invite")
        st.rerun()


@ui.fragment
def draw_contact() -> None:
    rows = in_place.list_contact_details(org, may_edit=may_edit)
    note, form = (
        f"{organizations.completeness(org)} % complete",
        partial(in_place.draw_form, actor, org, "details"),
    )
    details.draw("details", rows, title="Contact details", note=note, form=form)


def draw_people() -> None:
    counts = {role: int(numbers[role]) for role in reversed(Role)}
    rows = [Row(each.name, avatar=avatars.describe(each.name, each.id)) for each in owners]
    others = len(owners) - MAX_OWNERS
    more = [Row(ui.count(others, "more owner"), is_quiet=True)] if others > 0 else []
    pending = ui.count(int(numbers.get("pending", 0)), "pending invitation")
    note = pending if Action.VIEW_INVITATIONS in rights else ""
    title = ui.count(sum(counts.values()), "person", "people")
    details.draw("people", [*rows[:MAX_OWNERS], *more], title=title, note=note, counts=counts)


elements.page_header(org, actions=draw_actions)
draw_merges(merges)
left, right = st.columns([5, 3], gap="medium")
with left:
    with st.container(border=True, key="path"):
        stage_path.draw_path(org, stays)
        if is_staff:
            stage_path.draw_stuck(org)
        if checks:
            draw_checks()
    st.header("Recent activity", anchor=False)
    changes.draw_latest(latest, key="overview-changes")
    draw_notes(actor, org, rights, found_notes, limit=MAX_NOTES)
with right:
    with st.container(border=True, key="contact-details"):
        draw_contact()
    with st.container(border=True, key="people"):
        draw_people()
        owner.draw_awaited_owner(actor, org, rights)
    with st.container(border=True, key="sales-rep"):
        stage_path.draw_help(org, reps, is_staff=is_staff)

if may_invite:
    invitations.draw_invite_dialog(actor, org, grantable)
contact.draw_dialog(actor, org)
ui.draw_dialog("act-as-owner", "Act as owner", impersonation.draw_start, actor, org)

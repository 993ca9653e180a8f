"""The forms of onboarding: ask for it, flag, plan, move on, override, snooze, withdraw."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import streamlit as st

from core.access.permissions import Action, Actor, Rights
from core.models import Organization, Stage
from core.onboarding import onboarding, working_days
from core.onboarding.onboarding import Plan
from core.onboarding.stages import BACK, FORWARD, Check
from core.onboarding.stuck import LIMITED, is_snoozed
from pages.ui.dialogs import as_opened, draw_dialog, open_dialog
from pages.ui.forms import Form, fields, form, save
from pages.ui.text import day, esc, quiet

_A_WEEK = timedelta(days=7)
_PRESSED = "onboarding-pressed"
"""The move that was pressed as it was shown: which organization, from where, to where."""


def draw_request(actor: Actor, org: Organization) -> None:
    """Draw how owners and admins raise a hand."""
    st.subheader("Go further", anchor=False)
    with form("request") as asked:
        note = asked.field(
            st.text_area, "note", "What should we know", hint="Optional: dates, systems, plans."
        )
        pressed = asked.submit("Request onboarding")
    if pressed:
        told = "Onboarding is requested. Your sales contact will come back to you."
        asked.save(told, onboarding.request, actor, org.id, note=note)


def draw_whom_to_ask(org: Organization) -> None:
    """Draw who may raise a hand, for who may not."""
    st.subheader("Go further", anchor=False)
    st.markdown(f"An owner or an admin of {esc(org.name)} can request onboarding; ask one of them.")


def draw_requested(org: Organization) -> None:
    """Draw the hand that is raised."""
    if org.requested_at is not None:
        raised = f"Onboarding was requested on {day(org.requested_at)}"
        st.markdown(f":orange-badge[:material/front_hand: hand raised] {esc(raised)}")
        st.text(org.request_note or "")


def draw_flag(actor: Actor, org: Organization, reps: Mapping[int, str]) -> None:
    """Draw how sales takes a free organization into onboarding."""
    st.subheader("Take it into onboarding", anchor=False)
    flag(actor, org, reps)


def flag(actor: Actor, org: Organization, reps: Mapping[int, str]) -> None:
    """Draw the form that flags an organization."""
    with form("flag") as flagging:
        planned = plan_fields(flagging, actor.user_id, reps)
        note = note_field(flagging)
        pressed = flagging.submit("Flag for onboarding", **_press(org, Stage.ONBOARDING))
    if pressed:
        told = f"{org.name} is in onboarding."
        flagging.save(told, onboarding.flag_one, actor, org.id, planned, note=note)


def draw_move(org: Organization, checks: Sequence[Check], rights: Rights) -> None:
    """Draw the ways back, round the gate and through it; `draw_pressed` goes through."""
    is_ready = all(check.is_met for check in checks)
    if not is_ready and Action.OVERRIDE_GATE in rights:
        _opens("Override", "gavel", "override")
    _opens("Withdraw", "undo", "withdraw")
    to = FORWARD.get(org.stage)
    if to is not None:
        st.button(
            f"Move to {to}",
            type="primary" if is_ready else "secondary",
            icon=":material/arrow_forward:",
            disabled=not is_ready,
            help=None if is_ready else "Some checks are missing; they stand below.",
            key="move",
            **_press(org, to),
        )


def draw_pressed(actor: Actor, org: Organization) -> None:
    """Do the move that was pressed, from the stage that was shown then, or show why not."""
    org_id, shown, to = st.session_state.pop(_PRESSED, (None, None, None))
    is_by_form = shown is Stage.FREE and org.stage is Stage.FREE
    if org_id == org.id and not is_by_form:
        form = fields("move")
        form.reserve_footer()
        form.save(f"{org.name} is in {to}.", onboarding.move, actor, org.id, to, from_stage=shown)


def draw_dialogs(
    actor: Actor,
    org: Organization,
    reps: Mapping[int, str],
    checks: Sequence[Check],
    rights: Rights,
) -> None:
    """Draw the dialog that is open."""
    draw_dialog("withdraw", "Withdraw", withdraw, actor, org)
    draw_dialog("plan", "Plan", plan, actor, org, reps)
    draw_dialog("snooze", "Snooze", snooze, actor, org)
    if Action.OVERRIDE_GATE in rights:
        failed = [check.open_text for check in checks if not check.is_met]
        draw_dialog("override", "Override", override, actor, org, failed)


def draw_carry(actor: Actor, org: Organization) -> None:
    """Draw how sales plans an onboarding, and puts off hearing of it."""
    with st.container(horizontal=True, gap="xsmall", key="carry"):
        _opens("Plan", "edit_calendar", "plan")
        if is_snoozed(org):
            if st.button("Wake up", icon=":material/alarm:", key="wake"):
                told = f"{org.name} is awake."
                save(told, onboarding.snooze, actor, org.id, until=None)
        elif org.stage in LIMITED:
            _opens("Snooze", "snooze", "snooze")


def _press(org: Organization, to: Stage) -> dict[str, Any]:
    """Return the options of a button that remembers what was shown beside it."""

    def press(org_id: int, shown: Stage) -> None:
        st.session_state[_PRESSED] = (org_id, shown, to)

    return {"on_click": press, "args": (org.id, org.stage)}


def _opens(label: str, icon: str, dialog: str) -> None:
    st.button(
        label,
        icon=f":material/{icon}:",
        key=f"open-{dialog}",
        on_click=open_dialog,
        args=(dialog,),
    )


def plan(actor: Actor, org: Organization, reps: Mapping[int, str]) -> None:
    """Draw the form of who carries an onboarding, until when, and what comes next."""
    with form("plan") as planning:
        planned = plan_fields(planning, org.rep_id, reps, org)
        pressed = planning.submit("Save plan")
    if pressed:
        planning.save("The plan is saved.", onboarding.plan, actor, org.id, planned)


def snooze(actor: Actor, org: Organization) -> None:
    """Draw the form that puts off hearing of an organization."""
    st.markdown(f"{esc(org.name)} does not count as stuck until this day.")
    with form("snooze") as sleeping:
        until = sleeping.field(
            st.date_input,
            "until",
            "Until",
            value=working_days.today() + _A_WEEK,
            format="YYYY-MM-DD",
        )
        pressed = sleeping.submit("Snooze")
    if pressed:
        told = f"{org.name} is snoozed."
        sleeping.save(told, onboarding.snooze, actor, org.id, until=until)


def override(actor: Actor, org: Organization, failed: Sequence[str]) -> None:
    """Draw the form that lets an organization through although checks fail."""
    shown, failed = as_opened("stage", org.stage), as_opened("failed", failed)
    to = FORWARD[shown]
    st.markdown(f"{esc(org.name)} goes to {to} although this is missing:")
    st.markdown("\n".join(f"- :orange[:material/error:] {lack}" for lack in failed))
    with form("override") as overriding:
        reason = overriding.field(
            st.text_area, "reason", "Why", hint="The owners will read this, and it stays for good."
        )
        pressed = overriding.submit("Override")
    if pressed:
        overriding.save(
            f"{org.name} is in {to}, by override.",
            onboarding.move,
            actor,
            org.id,
            to,
            from_stage=shown,
            reason=reason,
            override=True,
        )


def withdraw(actor: Actor, org: Organization) -> None:
    """Draw the form that takes an organization back, with a reason."""
    shown = as_opened("stage", org.stage)
    st.markdown(quiet("Back to an earlier stage, or out of onboarding."))
    with form("withdraw") as leaving:
        to = leaving.field(
            st.segmented_control,
            "to",
            "Back to",
            options=BACK[shown],
            default=BACK[shown][0],
            required=True,
        )
        reason = leaving.field(
            st.text_area, "reason", "Why", hint="The owners of the organization will read this."
        )
        pressed = leaving.submit("Withdraw")
    if pressed:
        told = f"{org.name} is back in {to}."
        leaving.save(told, onboarding.move, actor, org.id, to, from_stage=shown, reason=reason)


def plan_fields(
    drawn: Form, rep_id: int | None, reps: Mapping[int, str], org: Organization | None = None
) -> Plan:
    """Draw the fields of a plan and return what they say."""
    ids = list(reps)
    left, right = st.columns(2, gap="small")
    with left:
        rep = drawn.field(
            st.selectbox,
            "rep_id",
            "Sales rep",
            options=ids,
            index=ids.index(rep_id) if rep_id in ids else None,
            format_func=reps.__getitem__,
            placeholder="Choose",
            hint="Who carries it.",
        )
    with right:
        target_on = _day_field(drawn, "target_on", "Target date", "For the next stage.", org)
    next_step = drawn.field(
        st.text_input,
        "next_step",
        "Next step",
        value=(org.next_step or "") if org else "",
        placeholder="Call about …",
    )
    next_step_on = _day_field(
        drawn, "next_step_on", "Next step due", "Past this day it counts as stuck.", org
    )
    return Plan(rep, target_on, next_step, next_step_on)


def _day_field(
    drawn: Form, name: str, label: str, hint: str, org: Organization | None
) -> date | None:
    day: date | None = drawn.field(
        st.date_input,
        name,
        label,
        value=getattr(org, name, None),
        format="YYYY-MM-DD",
        hint=hint,
    )
    return day


def note_field(drawn: Form) -> str:
    """Draw the field for why an organization is flagged, and return what it says."""
    note: str = drawn.field(
        st.text_area, "note", "Note", height=68, hint="Optional: why; the owners can read it."
    )
    return note

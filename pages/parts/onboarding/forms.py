"""Forms of onboarding: request, flag, move, plan, snooze, override, withdraw."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

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

_DEFAULT_SNOOZE: Final = timedelta(days=7)
_PRESSED: Final = "onboarding-pressed"
"""Session state: the organization, the stage that was displayed, and the stage to move to."""


def draw_request(actor: Actor, org: Organization) -> None:
    """Draw the form with which owners and admins request onboarding."""
    st.subheader("Go further", anchor=False)
    with form("request") as requesting:
        note = requesting.field(
            st.text_area, "note", "What should we know", hint="Optional: dates, systems, plans."
        )
        pressed = requesting.submit("Request onboarding")
    if pressed:
        notice = "Onboarding is requested. Your sales contact will come back to you."
        requesting.save(notice, onboarding.request, actor, org.id, note=note)


def draw_request_hint(org: Organization) -> None:
    """Draw the hint for members that owners and admins can request onboarding."""
    st.subheader("Go further", anchor=False)
    st.markdown(f"An owner or an admin of {esc(org.name)} can request onboarding; ask one of them.")


def draw_requested(org: Organization) -> None:
    """Draw an open request with its note."""
    if org.requested_at is not None:
        when = f"Onboarding was requested on {day(org.requested_at)}"
        st.markdown(f":orange-badge[:material/front_hand: hand raised] {esc(when)}")
        st.text(org.request_note or "")


def draw_flag(actor: Actor, org: Organization, reps: Mapping[int, str]) -> None:
    """Draw the form that flags a free organization, with its heading."""
    st.subheader("Take it into onboarding", anchor=False)
    flag(actor, org, reps)


def flag(actor: Actor, org: Organization, reps: Mapping[int, str]) -> None:
    """Draw the form that flags an organization for onboarding."""
    with form("flag") as flagging:
        planned = plan_fields(flagging, actor.user_id, reps)
        note = note_field(flagging)
        pressed = flagging.submit("Flag for onboarding", **_press(org, Stage.ONBOARDING))
    if pressed:
        notice = f"{org.name} is in onboarding."
        flagging.save(notice, onboarding.flag_one, actor, org.id, planned, note=note)


def draw_move(org: Organization, checks: Sequence[Check], rights: Rights) -> None:
    """Draw the buttons to override, withdraw and move on; `save_pressed` carries out the move."""
    is_ready = all(check.is_met for check in checks)
    if not is_ready and Action.OVERRIDE_GATE in rights:
        _draw_opener("Override", "gavel", "override")
    _draw_opener("Withdraw", "undo", "withdraw")
    to_stage = FORWARD.get(org.stage)
    if to_stage is not None:
        st.button(
            f"Move to {to_stage}",
            type="primary" if is_ready else "secondary",
            icon=":material/arrow_forward:",
            disabled=not is_ready,
            help=None if is_ready else "Some checks are missing; they stand below.",
            key="move",
            **_press(org, to_stage),
        )


def save_pressed(actor: Actor, org: Organization) -> None:
    """Carry out the move that was pressed, from the stage that was displayed then."""
    org_id, from_stage, to_stage = st.session_state.pop(_PRESSED, (None, None, None))
    is_by_form = from_stage is Stage.FREE and org.stage is Stage.FREE
    if org_id == org.id and not is_by_form:
        form = fields("move")
        form.reserve_footer()
        notice = f"{org.name} is in {to_stage}."
        form.save(notice, onboarding.move, actor, org.id, to_stage, from_stage=from_stage)


def draw_dialogs(
    actor: Actor,
    org: Organization,
    reps: Mapping[int, str],
    checks: Sequence[Check],
    rights: Rights,
) -> None:
    """Draw the open dialog."""
    draw_dialog("withdraw", "Withdraw", withdraw, actor, org)
    draw_dialog("plan", "Plan", plan, actor, org, reps)
    draw_dialog("snooze", "Snooze", snooze, actor, org)
    if Action.OVERRIDE_GATE in rights:
        failed = [check.open_text for check in checks if not check.is_met]
        draw_dialog("override", "Override", override, actor, org, failed)


def draw_plan_actions(actor: Actor, org: Organization) -> None:
    """Draw the buttons to plan and snooze an onboarding."""
    with st.container(horizontal=True, gap="xsmall", key="carry"):
        _draw_opener("Plan", "edit_calendar", "plan")
        if is_snoozed(org):
            if st.button("Wake up", icon=":material/alarm:", key="wake"):
                notice = f"{org.name} is awake."
                save(notice, onboarding.snooze, actor, org.id, until=None)
        elif org.stage in LIMITED:
            _draw_opener("Snooze", "snooze", "snooze")


def _press(org: Organization, to_stage: Stage) -> dict[str, Any]:
    """Return the options of a button that remembers the stage displayed when it was drawn."""

    def press(org_id: int, from_stage: Stage) -> None:
        st.session_state[_PRESSED] = (org_id, from_stage, to_stage)

    return {"on_click": press, "args": (org.id, org.stage)}


def _draw_opener(label: str, icon: str, dialog: str) -> None:
    st.button(
        label,
        icon=f":material/{icon}:",
        key=f"open-{dialog}",
        on_click=open_dialog,
        args=(dialog,),
    )


def plan(actor: Actor, org: Organization, reps: Mapping[int, str]) -> None:
    """Draw the form for the plan of an onboarding."""
    with form("plan") as planning:
        planned = plan_fields(planning, org.rep_id, reps, org)
        pressed = planning.submit("Save plan")
    if pressed:
        planning.save("The plan is saved.", onboarding.plan, actor, org.id, planned)


def snooze(actor: Actor, org: Organization) -> None:
    """Draw the form that snoozes an organization."""
    st.markdown(f"{esc(org.name)} does not count as stuck until this day.")
    with form("snooze") as snoozing:
        until = snoozing.field(
            st.date_input,
            "until",
            "Until",
            value=working_days.today() + _DEFAULT_SNOOZE,
            format="YYYY-MM-DD",
        )
        pressed = snoozing.submit("Snooze")
    if pressed:
        notice = f"{org.name} is snoozed."
        snoozing.save(notice, onboarding.snooze, actor, org.id, until=until)


def override(actor: Actor, org: Organization, failed: Sequence[str]) -> None:
    """Draw the form that moves an organization on although checks fail."""
    from_stage, failed = as_opened("stage", org.stage), as_opened("failed", failed)
    to_stage = FORWARD[from_stage]
    st.markdown(f"{esc(org.name)} goes to {to_stage} although this is missing:")
    st.markdown("\n".join(f"- :orange[:material/error:] {check}" for check in failed))
    with form("override") as overriding:
        reason = overriding.field(
            st.text_area, "reason", "Why", hint="The owners will read this, and it stays for good."
        )
        pressed = overriding.submit("Override")
    if pressed:
        overriding.save(
            f"{org.name} is in {to_stage}, by override.",
            onboarding.move,
            actor,
            org.id,
            to_stage,
            from_stage=from_stage,
            reason=reason,
            override=True,
        )


def withdraw(actor: Actor, org: Organization) -> None:
    """Draw the form that withdraws an organization to an earlier stage."""
    from_stage = as_opened("stage", org.stage)
    st.markdown(quiet("Back to an earlier stage, or out of onboarding."))
    with form("withdraw") as withdrawing:
        to_stage = withdrawing.field(
            st.segmented_control,
            "to",
            "Back to",
            options=BACK[from_stage],
            default=BACK[from_stage][0],
            required=True,
        )
        reason = withdrawing.field(
            st.text_area, "reason", "Why", hint="The owners of the organization will read this."
        )
        pressed = withdrawing.submit("Withdraw")
    if pressed:
        notice = f"{org.name} is back in {to_stage}."
        withdrawing.save(
            notice,
            onboarding.move,
            actor,
            org.id,
            to_stage,
            from_stage=from_stage,
            reason=reason,
        )


def plan_fields(
    drawn: Form, rep_id: int | None, reps: Mapping[int, str], org: Organization | None = None
) -> Plan:
    """Draw the fields of a plan and return their values."""
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
        target_on = _date_field(drawn, "target_on", "Target date", "For the next stage.", org)
    next_step = drawn.field(
        st.text_input,
        "next_step",
        "Next step",
        value=(org.next_step or "") if org else "",
        placeholder="Call about …",
    )
    next_step_on = _date_field(
        drawn, "next_step_on", "Next step due", "Past this day it counts as stuck.", org
    )
    return Plan(rep, target_on, next_step, next_step_on)


def _date_field(
    drawn: Form, name: str, label: str, hint: str, org: Organization | None
) -> date | None:
    chosen: date | None = drawn.field(
        st.date_input,
        name,
        label,
        value=getattr(org, name, None),
        format="YYYY-MM-DD",
        hint=hint,
    )
    return chosen


def note_field(drawn: Form) -> str:
    """Draw the field for the note of a flagging and return its value."""
    note: str = drawn.field(
        st.text_area, "note", "Note", height=68, hint="Optional: why; the owners can read it."
    )
    return note

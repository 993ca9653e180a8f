"""Forms of onboarding: request, flag, move, plan, snooze, override, withdraw."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final

import streamlit as st

from core.access.permissions import Action, Actor, Rights
from core.models import Organization, Stage
from core.onboarding import onboarding, working_days
from core.onboarding.onboarding import Plan
from core.onboarding.stages import BACK, FORWARD, Check
from pages.ui.dialogs import as_opened, draw_dialog, open_dialog
from pages.ui.forms import Form, fields, form
from pages.ui.text import esc, quiet

_DEFAULT_SNOOZE: Final = timedelta(days=7)
_SENT: Final = "onboarding-flag-sent"
"""Session state: the id of the organization whose flag form was sent, until it is handled."""


def flag(actor: Actor, org: Organization, reps: Mapping[int, str]) -> None:
    """Draw the form that flags an organization for onboarding."""
    with form("flag") as flagging:
        planned = plan_fields(flagging, actor.user_id, reps)
        note = note_field(flagging)
        pressed = flagging.submit("Flag for onboarding", on_click=_note_sent, args=(org.id,))
    if pressed:
        notice = f"{org.name} moved to onboarding"
        flagging.save(notice, onboarding.flag_one, actor, org.id, planned, note=note)


def refuse_late_flag(actor: Actor, org: Organization) -> None:
    """Refuse the flag form that was sent while somebody else moved the organization."""
    org_id = st.session_state.pop(_SENT, None)
    if org_id == org.id and org.stage is not Stage.FREE:
        sent = fields("flagged")
        sent.reserve_footer()
        sent.save("", onboarding.move, actor, org.id, Stage.ONBOARDING, from_stage=Stage.FREE)


def draw_dialogs(
    actor: Actor,
    org: Organization,
    reps: Mapping[int, str],
    checks: Sequence[Check],
    rights: Rights,
) -> None:
    """Draw the open dialog."""
    draw_dialog("move", "Move to the next stage", move, actor, org)
    draw_dialog("withdraw", "Withdraw", withdraw, actor, org)
    draw_dialog("plan", "Plan", plan, actor, org, reps)
    draw_dialog("snooze", "Snooze", snooze, actor, org)
    if Action.OVERRIDE_GATE in rights:
        failed = [check.open_text for check in checks if not check.is_met]
        draw_dialog("override", "Override", override, actor, org, failed)


def _note_sent(org_id: int) -> None:
    st.session_state[_SENT] = org_id


def draw_opener(label: str, icon: str, dialog: str) -> None:
    """Draw the button that opens a dialog."""
    st.button(
        label,
        icon=f":material/{icon}:",
        key=f"open-{dialog}",
        on_click=open_dialog,
        args=(dialog,),
    )


def move(actor: Actor, org: Organization, from_stage: Stage) -> None:
    """Draw the confirmation of a move to the next stage, from the stage that was displayed."""
    to_stage = FORWARD[from_stage]
    st.markdown(f"Move **{esc(org.name)}** to {to_stage}? Owners are notified by email.")
    with form("move-on") as moving:
        pressed = moving.submit(f"Move to {to_stage}")
    if pressed:
        notice = f"{org.name} moved to {to_stage}"
        moving.save(notice, onboarding.move, actor, org.id, to_stage, from_stage=from_stage)


def plan(actor: Actor, org: Organization, reps: Mapping[int, str]) -> None:
    """Draw the form for the plan of an onboarding."""
    with form("plan") as planning:
        planned = plan_fields(planning, org.rep_id, reps, org)
        pressed = planning.submit("Save plan")
    if pressed:
        planning.save("Plan saved", onboarding.plan, actor, org.id, planned)


def snooze(actor: Actor, org: Organization) -> None:
    """Draw the form that snoozes an organization."""
    st.markdown(f"Hide {esc(org.name)} from Stuck until this date.")
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
        notice = f"{org.name} snoozed until {until:%-d %b}"
        snoozing.save(notice, onboarding.snooze, actor, org.id, until=until)


def override(actor: Actor, org: Organization, failed: Sequence[str]) -> None:
    """Draw the form that moves an organization on although checks fail."""
    from_stage, failed = as_opened("stage", org.stage), as_opened("failed", failed)
    to_stage = FORWARD[from_stage]
    st.markdown(f"Move **{esc(org.name)}** to {to_stage} with these checks open?")
    st.markdown("\n".join(f"- :orange[:material/error:] {check}" for check in failed))
    with form("override") as overriding:
        reason = overriding.field(
            st.text_area,
            "reason",
            "Reason",
            hint="Owners will see this. It can't be changed later.",
        )
        pressed = overriding.submit("Override")
    if pressed:
        overriding.save(
            f"Moved to {to_stage} (checks overridden)",
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
    st.markdown(quiet("Move this organization to an earlier stage."))
    with form("withdraw") as withdrawing:
        to_stage = withdrawing.field(
            st.segmented_control,
            "to",
            "Move back to",
            options=BACK[from_stage],
            default=BACK[from_stage][0],
            format_func=str.capitalize,
            required=True,
        )
        reason = withdrawing.field(st.text_area, "reason", "Reason", hint="Owners will see this.")
        pressed = withdrawing.submit("Withdraw")
    if pressed:
        notice = f"{org.name} moved back to {to_stage}"
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
        )
    with right:
        target_on = _date_field(
            drawn, "target_on", "Target date", "Planned date for the next stage.", org
        )
    next_step = drawn.field(
        st.text_input,
        "next_step",
        "Next step",
        value=(org.next_step or "") if org else "",
        placeholder="For example, call about alert routing",
    )
    next_step_on = _date_field(
        drawn, "next_step_on", "Next step due", "Counts as stuck after this date.", org
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
        st.text_area, "note", "Note", height=68, hint="Optional. Owners can see this."
    )
    return note

"""The forms of onboarding: ask for it, flag, plan, move on, withdraw."""

from collections.abc import Mapping, Sequence

import streamlit as st

from core import onboarding
from core.gates import BACK, FORWARD, Check
from core.models import Organization
from core.onboarding import Plan
from core.permissions import Actor
from pages.ui.forms import Form, form, save


def draw_request(actor: Actor, org: Organization) -> None:
    """Draw how owners and admins raise a hand."""
    with form("request") as asked:
        note = asked.field(
            st.text_area, "note", "What should we know", hint="Optional: dates, systems, plans."
        )
        pressed = asked.submit("Request onboarding")
    if pressed:
        told = "Onboarding is requested. Your sales contact will come back to you."
        asked.save(told, onboarding.request, actor, org.id, note=note)


def draw_flag(actor: Actor, org: Organization, reps: Mapping[int, str]) -> None:
    """Draw how sales takes a free organization into onboarding."""
    with form("flag") as flagging:
        plan = plan_fields(flagging, actor.user_id, reps)
        pressed = flagging.submit("Flag for onboarding")
    if pressed:
        flagging.save(
            f"{org.name} is in onboarding.",
            onboarding.flag,
            actor,
            [org.id],
            plan,
        )


def draw_move(actor: Actor, org: Organization, checks: Sequence[Check]) -> None:
    """Draw the way through the gate; it is judged again when pressed."""
    to = FORWARD.get(org.stage)
    if to is None:
        return
    ready = all(check.is_met for check in checks)
    pressed = st.button(
        f"Move to {to}",
        type="primary" if ready else "secondary",
        icon=":material/arrow_forward:",
        disabled=not ready,
        help=None if ready else "Some checks are missing; they stand above.",
        key="move",
    )
    if pressed:
        told = f"{org.name} is in {to}."
        save(told, onboarding.move, actor, org.id, to, shown=org.stage)


def draw_plan(actor: Actor, org: Organization, reps: Mapping[int, str]) -> None:
    """Draw who carries an onboarding, until when, and what comes next."""
    with form("plan", border=True) as planning:
        plan = plan_fields(planning, org.rep_id, reps, org)
        pressed = planning.submit("Save plan", kind="secondary")
    if pressed:
        planning.save("The plan is saved.", onboarding.plan, actor, org.id, plan)


def draw_withdraw(actor: Actor, org: Organization) -> None:
    """Draw the way back, always with a reason."""
    with st.expander("Withdraw"), form("withdraw") as leaving:
        to = leaving.field(
            st.segmented_control,
            "to",
            "Back to",
            options=BACK[org.stage],
            default=BACK[org.stage][0],
            required=True,
        )
        reason = leaving.field(
            st.text_area, "reason", "Why", hint="The owners of the organization will read this."
        )
        pressed = leaving.submit("Withdraw", kind="secondary")
    if pressed:
        told = f"{org.name} is back in {to}."
        leaving.save(told, onboarding.move, actor, org.id, to, shown=org.stage, reason=reason)


def plan_fields(
    drawn: Form, rep_id: int | None, reps: Mapping[int, str], org: Organization | None = None
) -> Plan:
    """Draw the fields of a plan and return what they say."""
    ids = list(reps)
    rep = drawn.field(
        st.selectbox,
        "rep_id",
        "Sales rep",
        options=ids,
        index=ids.index(rep_id) if rep_id in ids else None,
        format_func=reps.__getitem__,
        placeholder="Choose who carries it",
        hint="Who carries it from here.",
    )
    target_on = drawn.field(
        st.date_input,
        "target_on",
        "Target date",
        value=org.target_on if org else None,
        format="YYYY-MM-DD",
        hint="Optional: when the next stage should be reached.",
    )
    next_step = drawn.field(
        st.text_input,
        "next_step",
        "Next step",
        value=(org.next_step or "") if org else "",
        placeholder="Call about …",
        hint="Optional.",
    )
    next_step_on = drawn.field(
        st.date_input,
        "next_step_on",
        "Next step due",
        value=org.next_step_on if org else None,
        format="YYYY-MM-DD",
        hint="Optional: past this day it counts as stuck.",
    )
    return Plan(rep, target_on, next_step, next_step_on)

"""The fields of a plan: who carries an onboarding, until when, and what comes next."""

from collections.abc import Mapping
from datetime import date

import streamlit as st

from core.models import Organization
from core.onboarding.onboarding import Plan
from pages.ui.forms import Form


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

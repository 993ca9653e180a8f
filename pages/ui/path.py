"""The way of an organization: its stages as a path, and what the next one still needs."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import streamlit as st

from core.clock import now
from core.gates import FORWARD, Check
from core.models import Organization, Stage
from core.settings import settings
from pages.ui import badges
from pages.ui.words import count, day, esc, quiet


def draw_path(org: Organization, entered: Mapping[Stage, datetime]) -> None:
    """Draw the four stages, each with the day it was entered and how long it lasted."""
    order = list(Stage)
    here = order.index(org.stage)
    grid = st.grid(len(order), min_column_width=150, gap="xsmall")
    for place, stage in enumerate(order):
        with grid.cell().container(gap="xxsmall"):
            st.progress(1.0 if place <= here else 0.0)
            if place <= here:
                badges.badge(stage)
                left = entered.get(order[place + 1]) if place < here else None
                st.markdown(quiet(_lasted(entered.get(stage), left)))
            else:
                st.markdown(quiet(f"{badges.icon(stage)} {stage}"))
                st.markdown(quiet("not yet"))


def draw_checks(org: Organization, checks: Sequence[Check], *, may_mend: bool) -> None:
    """Draw what the gate to the next stage asks, each missing thing with the way to mend it."""
    if not checks:
        return
    missing = sum(not check.is_met for check in checks)
    head = f"{missing} of {len(checks)} checks are missing" if missing else "All checks are met"
    st.markdown(f"**{head} for {FORWARD[org.stage]}**")
    with st.container(gap="xxsmall", key="checks"):
        for check in sorted(checks, key=lambda check: check.is_met):
            with st.container(horizontal=True, vertical_alignment="center", wrap=False):
                color, icon = ("green", "check_circle") if check.is_met else ("orange", "error")
                words = f":gray[{check.name}]" if check.is_met else check.name
                st.markdown(f":{color}[:material/{icon}:] {words}", width="stretch")
                if may_mend and not check.is_met:
                    st.page_link(
                        f"{check.page}.py",
                        label="Mend",
                        icon=":material/arrow_forward:",
                        icon_position="right",
                        query_params={"org": org.public_id},
                    )


def draw_help(org: Organization, reps: Mapping[int, str]) -> None:
    """Draw who carries the organization or whom to ask, and what comes next."""
    st.subheader("Who helps", anchor=False)
    if org.rep_id is not None and org.rep_id in reps:
        st.markdown(f":gray[Sales rep] {esc(reps[org.rep_id])}")
    else:
        st.markdown(f"Ask {esc(settings().sales_contact)} about going further.")
    if org.next_step:
        due = f", due {org.next_step_on:%-d %b %Y}" if org.next_step_on else ""
        st.markdown(f":gray[Next step] {esc(org.next_step)}{due}")


def _lasted(entered: datetime | None, left: datetime | None) -> str:
    if entered is None:
        return "passed"
    return f"{day(entered)} · {count(((left or now()) - entered).days, 'day')}"

"""The way of an organization: its stages as a path, and what the next one still needs."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd
import streamlit as st

from core.access.permissions import Actor
from core.base.settings import settings
from core.database import db
from core.models import Organization, Stage
from core.onboarding import stages, stuck, working_days
from core.onboarding.stages import FORWARD, Check, Stay
from pages.ui import badges
from pages.ui.elements import avatar, avatar_url, row
from pages.ui.open_page import find_context, fragment
from pages.ui.text import count, day, esc, quiet

LOOKS_EVERY: Final = 5.0
"""Seconds after which the page looks whether its checks have changed."""
LOOKS: Final = 120
"""How often it does, which is for ten minutes after somebody did something there."""
_ENDED: Final = "path-watched"
OVERRIDE: Final = ":red-badge[:material/gavel: override]"
"""Stands wherever failed checks were overridden, for good."""


def draw_path(org: Organization, stays: Sequence[Stay]) -> None:
    """Draw the four stages, each with the day it was entered and how many working days it took."""
    been = {stay.stage: stay for stay in stays}
    grid = st.grid(len(Stage), min_column_width=150, gap="xsmall")
    for stage in Stage:
        with grid.cell().container(gap="xxsmall"):
            st.progress(_share(org, been.get(stage)))
            if stage in been:
                stay = been[stage]
                again = f" :gray-badge[{stay.times} times]" if stay.times > 1 else ""
                override = f" {OVERRIDE}" if stay.is_override else ""
                st.markdown(badges.inline(stage) + override + again)
                st.markdown(quiet(_lasted(org, stay)))
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
                words = f":gray[{check.text}]" if check.is_met else check.text
                st.markdown(f":{color}[:material/{icon}:] {words}", width="stretch")
                if not check.is_met:
                    st.page_link(
                        f"{check.page}.py",
                        label="Mend" if may_mend else "Look",
                        icon=":material/arrow_forward:",
                        icon_position="right",
                        query_params={"org": org.public_id},
                    )


def watch(actor: Actor, org: Organization, checks: Sequence[Check]) -> None:
    """Draw the page anew when somebody mends a check, or moves the organization, meanwhile.

    It ends after a while, so that a page which is left open does not keep its session alive.
    """
    if not st.session_state.pop(_ENDED, False):
        _look_again(actor, org.public_id, (org.stage, *(check.is_met for check in checks)), [])


def _look(actor: Actor, public_id: str, shown: tuple[object, ...], looks: list[None]) -> None:
    looks.append(None)
    if len(looks) == 1:
        return  # this is the run that draws the page
    if len(looks) > LOOKS:
        st.session_state[_ENDED] = True
        st.rerun(scope="app")
    found = find_context(actor, public_id)
    with db.read() as session:
        now = found and (found[0].stage, *(c.is_met for c in stages.list_checks(session, found[0])))
    if now != shown:
        st.rerun(scope="app")


_look_again = fragment(_look, every=LOOKS_EVERY)


def draw_help(org: Organization, reps: Mapping[int, str]) -> None:
    """Draw who carries the organization or whom to ask, what comes next, and what is late."""
    st.subheader("Who helps", anchor=False)
    if org.rep_id is not None and org.rep_id in reps:
        with row(wrap=False):
            avatar(reps[org.rep_id], org.rep_id)
            st.markdown(f"{esc(reps[org.rep_id])} :small[:gray[sales rep]]")
    else:
        st.markdown(f"Ask {esc(settings().sales_contact)} about going further.")
    if org.next_step:
        st.markdown(f":gray[Next step] {esc(org.next_step)}{_due(org)}")
    if org.target_on:
        st.markdown(f":gray[Target date] {org.target_on:%-d %b %Y}")


def draw_stuck(org: Organization) -> None:
    """Draw why an organization is stuck, or until when nobody wants to hear of it."""
    if stuck.is_snoozed(org) and org.snoozed_until is not None:
        st.markdown(f":gray-badge[:material/snooze: snoozed until {org.snoozed_until:%-d %b %Y}]")
    elif why := stuck.reasons(org):
        st.markdown(f":orange-badge[:material/hourglass_bottom: stuck] {esc('; '.join(why))}")


def draw_moves(moves: pd.DataFrame) -> None:
    """Draw the moves of an organization, the latest first, overrides marked."""
    if moves.empty:
        return
    st.subheader("Moves", anchor=False)
    people = zip(moves["who"].fillna("Orgdesk"), moves["who_id"].fillna(0), strict=True)
    told: dict[str, Any] = {
        "before": [[str(stage)] for stage in moves["from_stage"]],
        "after": [[str(stage)] for stage in moves["to_stage"]],
        "mark": [["override"] if is_override else [] for is_override in moves["is_override"]],
    }
    shown = moves.assign(
        **told,
        avatar=[avatar_url(who, int(who_id)) for who, who_id in people],
        who=moves["who"].fillna("Orgdesk"),
        why=[_why(*told) for told in zip(moves["missing"], moves["reason"], strict=True)],
    )
    marked = ["mark"] if moves["is_override"].any() else []
    why = ["why"] if shown["why"].any() else []
    middle = ["before", "after", *marked, "days", "rep", "at", *why]
    st.dataframe(
        shown,
        key="moves",
        hide_index=True,
        row_height=36,
        column_order=["avatar", "who", *middle],
        column_config=_move_columns(),
        alt="Moves",
    )


def _move_columns() -> dict[str, Any]:
    column, stages = st.column_config, [str(stage) for stage in Stage]
    tags: dict[str, Any] = {"options": stages, "color": badges.STAGE_COLORS, "width": 108}
    return {
        "avatar": column.ImageColumn("", width=36),
        "who": column.TextColumn("Who", width=124),
        "before": column.MultiselectColumn("From", **tags),
        "after": column.MultiselectColumn("To", **tags),
        "mark": column.MultiselectColumn("Mark", options=["override"], color=["red"], width=84),
        "days": column.NumberColumn(
            "Days", width=52, help="Working days in the stage that was left"
        ),
        "rep": column.TextColumn("Sales rep", width=112),
        "why": column.TextColumn("Why", width=210),
        "at": column.DatetimeColumn("When", format="distance", width=96),
    }


def _why(missing: str, reason: str) -> str:
    lines = missing.splitlines()
    return f"{reason} (Overridden: {'; '.join(lines)}.)" if lines else reason


def _share(org: Organization, stay: Stay | None) -> float:
    """Return how full the bar of a stage is: where a stage has a limit, the days of it."""
    most = stuck.limit(org.stage)
    if stay is None:
        return 0.0
    if stay.stage is not org.stage or most is None:
        return 1.0
    return min(1.0, max(0.05, stay.days / most))


def _lasted(org: Organization, stay: Stay) -> str:
    if stay.entered_at is None:
        return "passed"
    most = stuck.limit(stay.stage) if stay.stage is org.stage else None
    lasted = f"{count(stay.days, 'working day')}{f' of {most}' if most else ''}"
    return f"{day(stay.entered_at)} · {lasted}"


def _due(org: Organization) -> str:
    if org.next_step_on is None:
        return ""
    is_late = org.next_step_on < working_days.today()
    color, icon = ("red", "event_busy") if is_late else ("gray", "event")
    return f" :small[:{color}[:material/{icon}: due {org.next_step_on:%-d %b %Y}]]"

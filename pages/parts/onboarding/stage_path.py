"""The stage path of an organization, with the checks of its next gate and its moves."""

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

POLL_INTERVAL: Final = 5.0
"""Seconds between two polls for changes."""
MAX_POLLS: Final = 120
"""Polls after the last rerun, which is ten minutes."""
_POLLING_ENDED: Final = "path-watched"
OVERRIDE: Final = ":red-badge[:material/gavel: override]"
"""Marks every move whose failed checks were overridden."""


def draw_path(org: Organization, stays: Sequence[Stay]) -> None:
    """Draw the stages, each with the date it was entered and its working days."""
    by_stage = {stay.stage: stay for stay in stays}
    grid = st.grid(len(Stage), min_column_width=150, gap="xsmall")
    for stage in Stage:
        with grid.cell().container(gap="xxsmall"):
            st.progress(_progress(org, by_stage.get(stage)))
            if stage in by_stage:
                stay = by_stage[stage]
                again = f" :gray-badge[{stay.times} times]" if stay.times > 1 else ""
                override = f" {OVERRIDE}" if stay.is_override else ""
                st.markdown(badges.inline(stage) + override + again)
                st.markdown(quiet(_duration(org, stay)))
            else:
                st.markdown(quiet(f"{badges.icon(stage)} {stage}"))
                st.markdown(quiet("not yet"))


def draw_checks(org: Organization, checks: Sequence[Check], *, may_fix: bool) -> None:
    """Draw the checks of the gate to the next stage, with links to the pages that fix them."""
    if not checks:
        return
    open_checks = sum(not check.is_met for check in checks)
    heading = (
        f"{open_checks} of {count(len(checks), 'check')} left"
        if open_checks
        else "All checks are met"
    )
    st.markdown(f"**{heading} for {FORWARD[org.stage]}**")
    with st.container(gap="xxsmall", key="checks"):
        for check in sorted(checks, key=lambda check: check.is_met):
            with st.container(horizontal=True, vertical_alignment="center", wrap=False):
                color, icon = ("green", "check_circle") if check.is_met else ("orange", "error")
                words = f":gray[{check.text}]" if check.is_met else check.text
                st.markdown(f":{color}[:material/{icon}:] {words}", width="stretch")
                if not check.is_met:
                    st.page_link(
                        f"{check.page}.py",
                        label="Mend" if may_fix else "Look",
                        icon=":material/arrow_forward:",
                        icon_position="right",
                        query_params={"org": org.public_id},
                    )


def watch(actor: Actor, org: Organization, checks: Sequence[Check]) -> None:
    """Rerun the page when its stage or its checks change, by polling.

    Polling ends after a while, so that an open page does not keep its session alive.
    """
    if not st.session_state.pop(_POLLING_ENDED, False):
        _poll_again(actor, org.public_id, (org.stage, *(check.is_met for check in checks)), [])


def _poll(actor: Actor, public_id: str, drawn: tuple[object, ...], polls: list[None]) -> None:
    polls.append(None)
    if len(polls) == 1:
        return  # the rerun that draws the page
    if len(polls) > MAX_POLLS:
        st.session_state[_POLLING_ENDED] = True
        st.rerun(scope="app")
    found = find_context(actor, public_id)
    with db.read() as session:
        now = found and (found[0].stage, *(c.is_met for c in stages.list_checks(session, found[0])))
    if now != drawn:
        st.rerun(scope="app")


_poll_again = fragment(_poll, every=POLL_INTERVAL)


def draw_help(org: Organization, reps: Mapping[int, str]) -> None:
    """Draw the sales rep or the sales contact, the next step and the target date."""
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
    """Draw why an organization is stuck, or until when it is snoozed."""
    if stuck.is_snoozed(org) and org.snoozed_until is not None:
        st.markdown(f":gray-badge[:material/snooze: snoozed until {org.snoozed_until:%-d %b %Y}]")
    elif why := stuck.reasons(org):
        st.markdown(f":orange-badge[:material/hourglass_bottom: stuck] {esc('; '.join(why))}")


def draw_moves(moves: pd.DataFrame) -> None:
    """Draw the moves of an organization, newest first, with overrides marked."""
    if moves.empty:
        return
    st.subheader("Moves", anchor=False)
    people = zip(moves["who"].fillna("Orgdesk"), moves["who_id"].fillna(0), strict=True)
    tags: dict[str, Any] = {
        "before": [[str(stage)] for stage in moves["from_stage"]],
        "after": [[str(stage)] for stage in moves["to_stage"]],
        "mark": [["override"] if is_override else [] for is_override in moves["is_override"]],
    }
    rows = moves.assign(
        **tags,
        avatar=[avatar_url(who, int(who_id)) for who, who_id in people],
        who=moves["who"].fillna("Orgdesk"),
        why=[_reason(*row) for row in zip(moves["missing"], moves["reason"], strict=True)],
    )
    marked = ["mark"] if moves["is_override"].any() else []
    why = ["why"] if rows["why"].any() else []
    middle = ["before", "after", *marked, "days", "rep", "at", *why]
    st.dataframe(
        rows,
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


def _reason(missing: str, reason: str) -> str:
    failed = missing.splitlines()
    return f"{reason} (Overridden: {'; '.join(failed)}.)" if failed else reason


def _progress(org: Organization, stay: Stay | None) -> float:
    """Return how full the bar of a stage is; in a stage with a limit, by its days."""
    max_days = stuck.limit(org.stage)
    if stay is None:
        return 0.0
    if stay.stage is not org.stage or max_days is None:
        return 1.0
    return min(1.0, max(0.05, stay.days / max_days))


def _duration(org: Organization, stay: Stay) -> str:
    if stay.entered_at is None:
        return "passed"
    max_days = stuck.limit(stay.stage) if stay.stage is org.stage else None
    duration = f"{count(stay.days, 'working day')}{f' of {max_days}' if max_days else ''}"
    return f"{day(stay.entered_at)} · {duration}"


def _due(org: Organization) -> str:
    if org.next_step_on is None:
        return ""
    is_overdue = org.next_step_on < working_days.today()
    color, icon = ("red", "event_busy") if is_overdue else ("gray", "event")
    return f" :small[:{color}[:material/{icon}: due {org.next_step_on:%-d %b %Y}]]"

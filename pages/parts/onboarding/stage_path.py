"""The stage path of an organization, with the checks of its next gate and its moves."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd
import streamlit as st

from core.access.permissions import Actor
from core.base import avatars
from core.base.settings import settings
from core.database import db
from core.models import Organization, Stage
from core.onboarding import stages, stuck, working_days
from core.onboarding.stages import FORWARD, Check, Stay
from pages.ui import badges, component, details
from pages.ui.details import Row
from pages.ui.elements import row
from pages.ui.open_page import find_context, fragment, query_about
from pages.ui.text import count, day, esc

POLL_INTERVAL: Final = 5.0
"""Seconds between two polls for changes."""
MAX_POLLS: Final = 120
"""Polls after the last rerun, which is ten minutes."""
_POLLING_ENDED: Final = "path-watched"
_OVERRIDDEN: Final = {"label": "Overridden", "color": "red", "icon": "gavel"}
"""Marks every move whose failed checks were overridden."""

_path = component.load("stage_path")


def draw_path(org: Organization, stays: Sequence[Stay]) -> None:
    """Draw the stages, each with the date it was entered and its working days."""
    by_stage = {stay.stage: stay for stay in stays}
    data = {"stages": [_describe_stage(org, stage, by_stage.get(stage)) for stage in Stage]}
    _path(key="stage-path", data=data, height="content")


def _describe_stage(org: Organization, stage: Stage, stay: Stay | None) -> dict[str, Any]:
    drawn: dict[str, Any] = badges.describe(stage)
    if stay is None:
        marks, note = [drawn | {"isPlain": True, "color": ""}], "Not started"
    else:
        marks = [drawn, *([_OVERRIDDEN] if stay.is_override else ())]
        note = _describe_stay(org, stay)
    share, is_here = _progress(org, stay), stage is org.stage
    return {"share": share, "badges": marks, "note": note, "isHere": is_here}


def draw_checks(org: Organization, checks: Sequence[Check], *, may_fix: bool) -> None:
    """Draw what the next stage still needs, each with a link to its field, and what is done."""
    if not checks:
        return
    left = [check for check in checks if not check.is_met]
    to_stage = FORWARD[org.stage]
    with st.container(gap="xsmall", key="checks"):
        if left:
            text = f"{len(left)} of {count(len(checks), 'check')} left before {to_stage}"
            st.markdown(f"**{text}**")
        else:
            st.markdown(f"**Ready for {to_stage}**")
        for check in left:
            with row(wrap=False):
                st.markdown(f":orange[:material/error:] {check.open_text}", width="stretch")
                st.page_link(
                    f"{check.page}.py",
                    label=check.action if may_fix else "View",
                    icon=":material/arrow_forward:",
                    icon_position="right",
                    query_params=query_about(org.public_id, field=check.field),
                )
        if done := [check.met_text for check in checks if check.is_met]:
            st.markdown(f":green[:material/check_circle:] :gray[{' · '.join(done)}]")


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


def draw_help(org: Organization, reps: Mapping[int, str], *, is_staff: bool) -> None:
    """Draw the sales rep or the sales contact, the next step and the target date."""
    rows = [_describe_rep(org, reps)]
    if org.next_step:
        rows.append(_describe_next_step(org))
    if org.target_on:
        rows.append(Row(f"{org.target_on:%-d %b %Y}", label="Target date"))
    details.draw("help", rows, title="Sales rep" if is_staff else "Your sales rep")


def _describe_rep(org: Organization, reps: Mapping[int, str]) -> Row:
    if org.rep_id is None or org.rep_id not in reps:
        contact = settings().sales_contact
        return Row(f"Questions about the next stage? Contact {contact}.", is_quiet=True)
    return Row(reps[org.rep_id], avatar=avatars.describe(reps[org.rep_id], org.rep_id))


def _describe_next_step(org: Organization) -> Row:
    row = Row(org.next_step or "", label="Next step")
    if org.next_step_on is None:
        return row
    is_overdue = org.next_step_on < working_days.today()
    due = f"due {org.next_step_on:%-d %b %Y}"
    return row._replace(note=f"over{due}" if is_overdue else due, is_late=is_overdue)


def draw_stuck(org: Organization) -> None:
    """Draw why an organization is stuck, or until when it is snoozed."""
    if stuck.is_snoozed(org) and org.snoozed_until is not None:
        st.markdown(f":gray-badge[:material/snooze: Snoozed until {org.snoozed_until:%-d %b %Y}]")
    elif why := stuck.reasons(org):
        st.markdown(f":orange-badge[:material/hourglass_bottom: Stuck] {esc('; '.join(why))}")


def describe_moves(moves: pd.DataFrame) -> pd.DataFrame:
    """Return moves as people read them, each with its reason and the checks it overrode."""
    why = zip(moves["missing"], moves["reason"], moves["merged"], strict=True)
    return moves.assign(
        who=moves["who"].fillna("Orgdesk"),
        who_id=moves["who_id"].fillna(0).astype(int),
        why=[_reason(*each) for each in why],
    )


def _reason(missing: str, reason: str, merged: str) -> str:
    failed = missing.splitlines()
    why = f"{reason} (Overridden: {'; '.join(failed)}.)" if failed else reason
    return f"In {merged}, before the merge. {why}".strip() if merged else why


def _ordinal(number: int) -> str:
    return {2: "2nd", 3: "3rd"}.get(number, f"{number}th")


def _progress(org: Organization, stay: Stay | None) -> float:
    """Return how full the bar of a stage is; in a stage with a limit, by its days."""
    max_days = stuck.limit(org.stage)
    if stay is None:
        return 0.0
    if stay.stage is not org.stage or max_days is None:
        return 1.0
    return min(1.0, max(0.05, stay.days / max_days))


def _describe_stay(org: Organization, stay: Stay) -> str:
    """Return since when it is or was there, and in a second line how long."""
    if stay.entered_at is None:
        return "Done"
    max_days = stuck.limit(stay.stage) if stay.stage is org.stage else None
    again = f" · {_ordinal(stay.times)} time" if stay.times > 1 else ""
    duration = f"{count(stay.days, 'working day')}{f' of {max_days}' if max_days else ''}"
    return f"{day(stay.entered_at)}{again}\n{duration}"

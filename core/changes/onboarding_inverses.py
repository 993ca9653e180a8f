"""Inverses of moves between stages, plans, snoozes and requests for onboarding."""

from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final

from core.access.permissions import Action, access
from core.base.errors import InvalidInput
from core.changes.cells import ORGANIZATION, Cell
from core.changes.inverse import Inverse, Undoing, ask_reason
from core.database import change_tracking
from core.models import Organization, Stage
from core.onboarding import onboarding, stages, working_days
from core.onboarding.onboarding import Plan

_PLAN: Final = frozenset({"rep_id", "target_on", "next_step", "next_step_on"})
_STEP: Final = frozenset({"next_step", "next_step_on"})
_REQUEST: Final = frozenset({"requested_at", "request_note"})
_WITH_STAGE: Final = frozenset({"stage_entered_at", "snoozed_until", *_PLAN, *_REQUEST})
"""The columns that a move changes besides the stage."""


def _put_back_stage(undoing: Undoing) -> None:
    """Move back with the days in stage, the plan, the snooze and the request of before.

    What someone has changed since is left as it is now.
    """
    org = undoing.call(access, undoing.org_id, Action.MOVE_STAGES)
    to_stage, from_stage = Stage(undoing.old("stage")), Stage(undoing.new("stage"))
    if (from_stage, to_stage) not in stages.TRANSITIONS:
        way = f"No move leads from {from_stage} to {to_stage}. Flag it, then move it on."
        raise InvalidInput({"stage": way})
    restored = {field: _value(undoing, field) for field in undoing.fields & _WITH_STAGE}
    kept = {field: getattr(org, field) for field in _WITH_STAGE - restored.keys()}
    undoing.call(
        stages.move,
        org,
        to_stage,
        from_stage=from_stage,
        reason=undoing.reason,
        restore=kept | restored,
    )


def _put_back_plan(undoing: Undoing) -> None:
    org = undoing.call(access, undoing.org_id, Action.MOVE_STAGES)
    then = {field: _value(undoing, field) for field in undoing.fields & _PLAN}
    if "next_step" in then:
        then["next_step"] = then["next_step"] or ""
    plan = replace(Plan.of(org), **then)
    undoing.call(onboarding.plan, undoing.org_id, plan, earlier=plan)


def _put_back_snooze(undoing: Undoing) -> None:
    """Snooze until the date before; one that has passed is none."""
    until = _value(undoing, "snoozed_until")
    if isinstance(until, date) and until <= working_days.today():
        until = None
    undoing.call(onboarding.snooze, undoing.org_id, until=until)


def _put_back_request(undoing: Undoing) -> None:
    at, note = _value(undoing, "requested_at"), undoing.old("request_note") or ""
    if isinstance(at, datetime):
        undoing.call(onboarding.request, undoing.org_id, note=note, at=at)
    else:
        undoing.call(onboarding.withdraw_request, undoing.org_id)


def _value(undoing: Undoing, field: str) -> Any:
    old = undoing.changes[Cell(ORGANIZATION, field)].old
    return change_tracking.as_stored(Organization.__table__.c[field], old)


_STAGE: Final = Inverse(
    _put_back_stage,
    _WITH_STAGE | {"stage"},
    lead="stage",
    asks=ask_reason,
    caution="Both moves stay in the stage history.",
)
_REQUESTING: Final = Inverse(_put_back_request, _REQUEST, lead="requested_at")

INVERSES: Final = {
    "stage.flagged": _STAGE,
    "stage.moved": _STAGE,
    "stage.withdrawn": _STAGE,
    "stage.overridden": _STAGE,
    "onboarding.planned": Inverse(_put_back_plan, _PLAN, pairs=_STEP),
    "onboarding.snoozed": Inverse(
        _put_back_snooze,
        frozenset({"snoozed_until"}),
        caution="A date that has passed isn't put back; the snooze ends instead.",
    ),
    "onboarding.requested": _REQUESTING,
    "onboarding.request_withdrawn": _REQUESTING,
}

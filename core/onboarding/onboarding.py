"""Onboarding: flag organizations, move them from stage to stage, plan who carries them and when."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Final

from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access, staff_rights
from core.audit import history
from core.base import clock, validation
from core.base.errors import InvalidInput, WrongStage
from core.models import Organization, Stage
from core.onboarding import flags, stages, stuck, working_days
from core.onboarding.flags import NO_PLAN, Flagged, Plan, list_reps

__all__ = ["Flagged", "Plan", "flag", "flag_one", "list_reps", "move", "plan", "request", "snooze"]

LONGEST_SNOOZE: Final = timedelta(days=366)


def flag(
    session: Session, actor: Actor, org_ids: Sequence[int], plan: Plan = NO_PLAN, *, note: str = ""
) -> Flagged:
    """Take free organizations into onboarding, and return which went through and which did not.

    The rep who carries them is who flags, unless the plan names another. `note` says why and
    stands in history. Flagging twice is harmless.
    """
    if Action.MOVE_STAGES not in staff_rights(session, actor):
        access(session, actor, min(org_ids, default=0), Action.MOVE_STAGES)
    return flags.flag_all(session, actor, org_ids, _clean(session, actor, plan), note)


def flag_one(
    session: Session, actor: Actor, org_id: int, plan: Plan = NO_PLAN, *, note: str = ""
) -> Organization:
    """Take one free organization into onboarding, as `flag`; raises `WrongStage` otherwise."""
    access(session, actor, org_id, Action.MOVE_STAGES)
    return flags.flag(session, actor, org_id, _clean(session, actor, plan), note)


def move(
    session: Session,
    actor: Actor,
    org_id: int,
    to: Stage,
    *,
    shown: Stage,
    reason: str = "",
    override: bool = False,
) -> Organization:
    """Move an organization from the stage that was shown to another, forward or back.

    Back and out need a reason that its owners will read. `override` lets it through a gate whose
    checks fail: administrators only, with a reason, marked as an override for good. Raises
    `WrongStage` when it is elsewhere by now or no way leads there, `GateNotMet` with what is
    missing. Into onboarding it is carried by who moves it; `flag` says more.
    """
    action = Action.OVERRIDE_GATE if override else Action.MOVE_STAGES
    org = access(session, actor, org_id, action)
    if org.stage is shown is Stage.FREE and to is Stage.ONBOARDING:
        return flag_one(session, actor, org_id, note=reason)
    return stages.move(session, actor, org, to, shown=shown, reason=reason, override=override)


def request(session: Session, actor: Actor, org_id: int, *, note: str = "") -> Organization:
    """Raise a hand for onboarding; it stands in the reps' list until somebody flags."""
    org = access(session, actor, org_id, Action.REQUEST_ONBOARDING)
    check = validation.Check()
    said = check("note", validation.optional(validation.note), note)
    check.done()
    if org.stage is not Stage.FREE:
        raise WrongStage(org.stage, Stage.FREE)
    if org.requested_at is not None:
        return org
    org.requested_at, org.request_note = clock.now(), said
    history.record(session, actor, org, "onboarding.requested", org)
    return org


def plan(session: Session, actor: Actor, org_id: int, plan: Plan) -> Organization:
    """Say who carries an onboarding, until when, and what comes next."""
    org = access(session, actor, org_id, Action.MOVE_STAGES)
    flags.put(org, flags.clean(session, plan, org))
    history.record(session, actor, org, "onboarding.planned", org)
    return org


def snooze(session: Session, actor: Actor, org_id: int, *, until: date | None) -> Organization:
    """Let an organization not count as stuck until a day; None wakes it up now."""
    org = access(session, actor, org_id, Action.MOVE_STAGES)
    today = working_days.today()
    if until is not None and not today < until <= today + LONGEST_SNOOZE:
        raise InvalidInput({"until": "Choose a day after today, at most a year ahead."})
    if until is not None and org.stage not in stuck.LIMITED:
        raise WrongStage(org.stage, " or ".join(stuck.LIMITED))
    org.snoozed_until = until
    history.record(session, actor, org, "onboarding.snoozed", org)
    return org


def _clean(session: Session, actor: Actor, plan: Plan) -> Plan:
    rep_id = actor.user_id if plan.rep_id is None else plan.rep_id
    return flags.clean(session, replace(plan, rep_id=rep_id))

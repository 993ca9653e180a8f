"""Onboarding: flag organizations, move them from stage to stage, plan who carries them and when."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock, fields, history, stages, stuck, working_days
from core.errors import DomainError, InvalidInput, WrongStage
from core.models import Organization, Staff, Stage, User
from core.permissions import Action, Actor, access, staff_rights

LONGEST_STEP: Final = 200
"""Characters of a next step."""
LONGEST_SNOOZE: Final = timedelta(days=366)


@dataclass(frozen=True)
class Plan:
    """Who carries an onboarding, until when, what comes next, and until when that."""

    rep_id: int | None = None
    target_on: date | None = None
    next_step: str = ""
    next_step_on: date | None = None


@dataclass(frozen=True)
class Flagged:
    """What became of a flagging: names that went through, names that did not and why."""

    done: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)


def flag(
    session: Session, actor: Actor, org_ids: Sequence[int], plan: Plan = Plan(), *, note: str = ""
) -> Flagged:
    """Take free organizations into onboarding, and return which went through and which did not.

    The rep who carries them is who flags, unless the plan names another. `note` says why and
    stands in history. Flagging twice is harmless.
    """
    rep_id = plan.rep_id if plan.rep_id is not None else actor.user_id
    clean = _clean(session, Plan(rep_id, plan.target_on, plan.next_step, plan.next_step_on))
    flagged = Flagged()
    is_staff = Action.MOVE_STAGES in staff_rights(session, actor)
    for org_id in sorted(set(org_ids)):
        try:
            org = _flag_one(session, actor, org_id, clean, note)
        except InvalidInput:
            raise
        except DomainError as refusal:
            if not is_staff:
                raise
            flagged.refused.append((_name_of(session, org_id), str(refusal)))
        else:
            flagged.done.append(org.name)
    return flagged


def _flag_one(session: Session, actor: Actor, org_id: int, plan: Plan, note: str) -> Organization:
    org = access(session, actor, org_id, Action.MOVE_STAGES)
    stages.judge(session, org, Stage.ONBOARDING, shown=Stage.FREE)
    _put_plan(org, plan)
    org.requested_at, org.request_note = None, None
    return stages.move(session, actor, org, Stage.ONBOARDING, shown=Stage.FREE, reason=note)


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
    if shown is Stage.FREE and to is Stage.ONBOARDING:
        return _flag_one(session, actor, org_id, _clean(session, Plan(actor.user_id)), reason)
    return stages.move(session, actor, org, to, shown=shown, reason=reason, override=override)


def request(session: Session, actor: Actor, org_id: int, *, note: str = "") -> Organization:
    """Raise a hand for onboarding; it stands in the reps' list until somebody flags."""
    org = access(session, actor, org_id, Action.REQUEST_ONBOARDING)
    check = fields.Check()
    said = check("note", fields.optional(fields.note), note)
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
    _put_plan(org, _clean(session, plan, org))
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


def list_reps(session: Session) -> dict[int, str]:
    """Return the names, by id, of everybody who may carry an onboarding."""
    reps = (
        select(User.id, User.name)
        .where(User.staff.in_([Staff.SALES, Staff.ADMINISTRATOR]), User.disabled_at.is_(None))
        .order_by(User.name)
    )
    return dict(session.execute(reps).all())


def _put_plan(org: Organization, plan: Plan) -> None:
    org.rep_id, org.target_on = plan.rep_id, plan.target_on
    org.next_step, org.next_step_on = plan.next_step or None, plan.next_step_on


def _clean(session: Session, plan: Plan, before: Organization | None = None) -> Plan:
    """Return a plan that can be kept; days that have passed stay only where they stood before."""
    check, today = fields.Check(), working_days.today()
    step = check("next_step", fields.optional(fields.note), plan.next_step)
    if step is not None and len(step) > LONGEST_STEP:
        check.refuse("next_step", f"Shorten it to {LONGEST_STEP} characters.")
    if step is None and plan.next_step_on is not None:
        check.refuse("next_step", "Say what is to be done by that day, or clear the day.")
    for name in ("target_on", "next_step_on"):
        day = getattr(plan, name)
        if day is not None and day < today and day != getattr(before, name, None):
            check.refuse(name, "Choose today or a later day.")
    if not _is_rep(session, plan.rep_id):
        check.refuse("rep_id", "Choose somebody who works in sales.")
    check.done()
    return Plan(plan.rep_id, plan.target_on, step or "", plan.next_step_on)


def _is_rep(session: Session, user_id: int | None) -> bool:
    rep = session.get(User, user_id) if user_id else None
    return (
        rep is not None
        and rep.staff in {Staff.SALES, Staff.ADMINISTRATOR}
        and rep.disabled_at is None
    )


def _name_of(session: Session, org_id: int) -> str:
    org = session.get(Organization, org_id)
    if org is None:
        return "An organization that is gone"
    return org.name

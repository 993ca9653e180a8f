"""Onboarding use cases: flag, move, request, plan and snooze organizations."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from core.access import throttling
from core.access.permissions import Action, Actor, access, staff_rights
from core.accounts import user_rows
from core.audit import history
from core.base import clock, validation
from core.base.errors import DomainError, InvalidInput, Unavailable, WrongStage
from core.models import Organization, Staff, Stage, User
from core.onboarding import stages, stuck, working_days
from core.organizations.filters import UNASSIGNED

MAX_SNOOZE: Final = timedelta(days=366)
MAX_NEXT_STEP: Final = 200
"""Characters of a next step."""
_REP_ROLES: Final = (Staff.SALES, Staff.ADMINISTRATOR)
_IS_REP: Final = User.staff.in_(_REP_ROLES) & User.disabled_at.is_(None)
_NOT_A_REP: Final = "Choose someone who works in sales."


@dataclass(frozen=True)
class Plan:
    """The sales rep, the target date and the next step of an onboarding."""

    rep_id: int | None = None
    target_on: date | None = None
    next_step: str = ""
    next_step_on: date | None = None

    @classmethod
    def of(cls, org: Organization) -> "Plan":
        """Return the plan of an organization as it is now."""
        return cls(org.rep_id, org.target_on, org.next_step or "", org.next_step_on)

    def as_json(self) -> dict[str, Any]:
        """Return the plan as values that JSON can store."""
        return {
            name: value.isoformat() if isinstance(value, date) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Plan":
        """Return the plan that `as_json` stored; other keys are ignored."""
        target_on, next_step_on = (
            stored[name] and date.fromisoformat(stored[name])
            for name in ("target_on", "next_step_on")
        )
        return cls(stored["rep_id"], target_on, stored["next_step"], next_step_on)


NO_PLAN: Final = Plan()


class Refusal(NamedTuple):
    """An organization that could not be flagged, and the reason."""

    org_id: int
    name: str
    reason: str


@dataclass(frozen=True)
class FlagResult:
    """The names of the organizations that were flagged, and those that could not be."""

    flagged: list[str] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)


def flag(
    session: Session, actor: Actor, org_ids: Sequence[int], plan: Plan = NO_PLAN, *, note: str = ""
) -> FlagResult:
    """Move free organizations to onboarding, and report those that could not be moved.

    The actor becomes their sales rep unless the plan names another. The note is kept in history.
    Flagging an organization twice is harmless.
    """
    if Action.MOVE_STAGES not in staff_rights(session, actor):
        access(session, actor, min(org_ids, default=0), Action.MOVE_STAGES)
    plan, result = _clean_for(session, actor, plan), FlagResult()
    for org_id in sorted(set(org_ids)):
        try:
            result.flagged.append(flag_planned(session, actor, org_id, plan, note=note).name)
        except (InvalidInput, Unavailable):
            raise
        except DomainError as refusal:
            result.refused.append(Refusal(org_id, _name_of(session, org_id), str(refusal)))
    return result


def flag_one(
    session: Session, actor: Actor, org_id: int, plan: Plan = NO_PLAN, *, note: str = ""
) -> Organization:
    """Move one free organization to onboarding, like `flag`; raises `WrongStage` otherwise."""
    access(session, actor, org_id, Action.MOVE_STAGES)
    return flag_planned(session, actor, org_id, _clean_for(session, actor, plan), note=note)


def flag_planned(
    session: Session, actor: Actor, org_id: int, plan: Plan, *, note: str = ""
) -> Organization:
    """Flag an organization with a plan that `clean_plan` has accepted before."""
    org = access(session, actor, org_id, Action.MOVE_STAGES)
    stages.failed_checks(session, org, Stage.ONBOARDING, from_stage=Stage.FREE)
    _apply(org, plan)
    org.requested_at, org.request_note = None, None
    return stages.move(session, actor, org, Stage.ONBOARDING, from_stage=Stage.FREE, reason=note)


def ensure_rep(session: Session, user_id: int | None) -> None:
    """Raise `InvalidInput` unless a person works in sales."""
    if not _is_rep(session, user_id):
        raise InvalidInput({"rep_id": _NOT_A_REP})


def move(
    session: Session,
    actor: Actor,
    org_id: int,
    to_stage: Stage,
    *,
    from_stage: Stage,
    reason: str = "",
    override: bool = False,
) -> Organization:
    """Move an organization to another stage, forward or back.

    `from_stage` is the stage that the actor saw. Withdrawals need a reason, which the owners can
    read. Administrators may `override` failed checks, with a reason; the move stays marked. Raises
    `WrongStage` when the organization is in another stage or the move is not allowed, and
    `GateNotMet` when checks fail. A move to onboarding is the same as `flag_one`.
    """
    action = Action.OVERRIDE_GATE if override else Action.MOVE_STAGES
    org = access(session, actor, org_id, action)
    if org.stage is from_stage is Stage.FREE and to_stage is Stage.ONBOARDING:
        return flag_one(session, actor, org_id, note=reason)
    return stages.move(
        session, actor, org, to_stage, from_stage=from_stage, reason=reason, override=override
    )


def request(
    session: Session, actor: Actor, org_id: int, *, note: str = "", at: datetime | None = None
) -> Organization:
    """Request onboarding for a free organization; a second request changes nothing.

    `at` is when it was requested first, for a request that was withdrawn.
    """
    org = access(session, actor, org_id, Action.REQUEST_ONBOARDING)
    check = validation.Check()
    cleaned = check("note", validation.optional(validation.note), note)
    check.done()
    if org.stage is not Stage.FREE:
        raise WrongStage(org.stage, Stage.FREE)
    if org.requested_at is not None:
        return org
    throttling.ensure_allowed(
        throttling.hit(session, "requests of", str(actor.user_id), throttling.REQUESTS)
    )
    org.requested_at, org.request_note = at or clock.now(), cleaned
    history.record(session, actor, org, "onboarding.requested", org)
    return org


def withdraw_request(session: Session, actor: Actor, org_id: int) -> Organization:
    """Withdraw the request of a free organization; harmless where there is none."""
    org = access(session, actor, org_id, Action.REQUEST_ONBOARDING)
    if org.stage is not Stage.FREE:
        raise WrongStage(org.stage, Stage.FREE)
    org.requested_at, org.request_note = None, None
    history.record(session, actor, org, "onboarding.request_withdrawn", org)
    return org


def plan(
    session: Session, actor: Actor, org_id: int, plan: Plan, *, earlier: Plan | None = None
) -> Organization:
    """Change the plan of an onboarding; what stood in an `earlier` plan is always accepted."""
    org = access(session, actor, org_id, Action.MOVE_STAGES)
    _apply(org, clean_plan(session, plan, org, earlier=earlier))
    history.record(session, actor, org, "onboarding.planned", org)
    return org


def set_next_step(
    session: Session,
    actor: Actor,
    org_id: int,
    *,
    rep_id: int | None,
    next_step: str,
    next_step_on: date | None,
) -> Organization:
    """Change the sales rep and the next step of an onboarding, and keep its target date."""
    org = access(session, actor, org_id, Action.MOVE_STAGES)
    changed = Plan(rep_id, org.target_on, next_step, next_step_on)
    _apply(org, clean_plan(session, changed, org))
    history.record(session, actor, org, "onboarding.planned", org)
    return org


def snooze(session: Session, actor: Actor, org_id: int, *, until: date | None) -> Organization:
    """Hide an organization from the stuck list until a date; None ends the snooze."""
    org = access(session, actor, org_id, Action.MOVE_STAGES)
    if until is not None:
        ensure_snooze(until)
    if until is not None and org.stage not in stuck.LIMITED:
        raise WrongStage(org.stage, " or ".join(stuck.LIMITED))
    org.snoozed_until = until
    history.record(session, actor, org, "onboarding.snoozed", org)
    return org


def ensure_snooze(until: date) -> None:
    """Raise `InvalidInput` unless a date is after today and not too far ahead."""
    today = working_days.today()
    if not today < until <= today + MAX_SNOOZE:
        raise InvalidInput({"until": "Choose a date after today, at most one year ahead."})


def clean_plan(
    session: Session,
    plan: Plan,
    org: Organization | None = None,
    *,
    earlier: Plan | None = None,
) -> Plan:
    """Return a plan with valid values.

    Dates in the past are accepted only where `org` or the `earlier` plan has them. So are a former
    sales rep, and none at all. Raises `InvalidInput` with every field that is not valid.
    """
    check, today = validation.Check(), working_days.today()
    next_step = check("next_step", validation.optional(validation.note), plan.next_step)
    if next_step is not None and len(next_step) > MAX_NEXT_STEP:
        check.refuse("next_step", f"Shorten it to {MAX_NEXT_STEP} characters.")
    if next_step is None and plan.next_step_on is not None:
        check.refuse("next_step", "Describe the step that is due, or clear the date.")
    for name in ("target_on", "next_step_on"):
        on = getattr(plan, name)
        is_kept = on in (getattr(org, name, None), getattr(earlier, name, None))
        if on is not None and on < today and not is_kept:
            check.refuse(name, "Choose today or a later date.")
    was_rep = any(each and each.rep_id == plan.rep_id for each in (org, earlier))
    if not was_rep and not _is_rep(session, plan.rep_id):
        check.refuse("rep_id", _NOT_A_REP)
    check.done()
    return replace(plan, next_step=next_step or "")


def list_reps(session: Session) -> dict[int, str]:
    """Return everyone who can be a sales rep by id, for lists to choose from."""
    return user_rows.labels(session.scalars(select(User).where(_IS_REP)))


def list_reps_to_filter(session: Session) -> dict[int, str]:
    """Return `UNASSIGNED`, everyone who can be a sales rep, and former ones with organizations."""
    current, former = list_current_and_former_reps(session)
    return {UNASSIGNED: "Unassigned"} | current | former


def list_current_and_former_reps(session: Session) -> tuple[dict[int, str], dict[int, str]]:
    """Return everyone who can be a sales rep by id, and those who only have organizations still."""
    ids = select(User.id).where(_IS_REP).union_all(_assigned_reps())
    people = {person.id: person for person in session.scalars(select(User).where(User.id.in_(ids)))}
    labels = user_rows.labels(people.values())
    current = {rep: label for rep, label in labels.items() if _can_be_rep(people[rep])}
    former = {rep: f"{labels[rep]} (no longer a sales rep)" for rep in labels if rep not in current}
    return current, former


def _assigned_reps() -> Select[int | None]:
    """Select the ids of the sales reps of all organizations, by one index lookup for each rep.

    DISTINCT would read the whole index, one row for each organization.
    """
    rep_id = Organization.rep_id
    reps = select(func.min(rep_id).label("id")).cte("assigned_reps", recursive=True)
    following = select(func.min(rep_id)).where(rep_id > reps.c.id).scalar_subquery()
    reps = reps.union_all(select(following).where(reps.c.id.is_not(None)))
    return select(reps.c.id)


def _apply(org: Organization, plan: Plan) -> None:
    org.rep_id, org.target_on = plan.rep_id, plan.target_on
    org.next_step, org.next_step_on = plan.next_step or None, plan.next_step_on


def _clean_for(session: Session, actor: Actor, plan: Plan) -> Plan:
    rep_id = actor.user_id if plan.rep_id is None else plan.rep_id
    return clean_plan(session, replace(plan, rep_id=rep_id))


def _is_rep(session: Session, user_id: int | None) -> bool:
    rep = session.get(User, user_id) if user_id else None
    return rep is not None and _can_be_rep(rep)


def _can_be_rep(user: User) -> bool:
    return user.staff in _REP_ROLES and user.disabled_at is None


def _name_of(session: Session, org_id: int) -> str:
    org = session.get(Organization, org_id)
    return "A deleted organization" if org is None else org.name

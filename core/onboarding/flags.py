"""Flagging: take free organizations into onboarding, as many at once as one likes."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any, Final, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access, staff_rights
from core.base import validation
from core.base.errors import DomainError, InvalidInput, Unavailable
from core.models import Organization, Staff, Stage, User
from core.onboarding import stages, working_days

LONGEST_STEP: Final = 200
"""Characters of a next step."""
_CARRIES: Final = (Staff.SALES, Staff.ADMINISTRATOR)


@dataclass(frozen=True)
class Plan:
    """Who carries an onboarding, until when, what comes next, and until when that."""

    rep_id: int | None = None
    target_on: date | None = None
    next_step: str = ""
    next_step_on: date | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON keeps it."""
        return {
            name: value.isoformat() if isinstance(value, date) else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> "Plan":
        """Return what `as_json` gave away."""
        target_on, next_step_on = (
            kept[name] and date.fromisoformat(kept[name]) for name in ("target_on", "next_step_on")
        )
        return cls(kept["rep_id"], target_on, kept["next_step"], next_step_on)


NO_PLAN: Final = Plan()


class Refusal(NamedTuple):
    """An organization that was not flagged, and why."""

    org_id: int
    name: str
    why: str


@dataclass(frozen=True)
class Flagged:
    """What became of a flagging: names that went through, and what did not."""

    done: list[str] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)


def clean(session: Session, plan: Plan, before: Organization | None = None) -> Plan:
    """Return a plan that can be kept; days that have passed stay only where they stood before.

    Raises `InvalidInput` with every field that cannot be taken.
    """
    check, today = validation.Check(), working_days.today()
    step = check("next_step", validation.optional(validation.note), plan.next_step)
    if step is not None and len(step) > LONGEST_STEP:
        check.refuse("next_step", f"Shorten it to {LONGEST_STEP} characters.")
    if step is None and plan.next_step_on is not None:
        check.refuse("next_step", "Say what is to be done by that day, or clear the day.")
    for name in ("target_on", "next_step_on"):
        day = getattr(plan, name)
        if day is not None and day < today and day != getattr(before, name, None):
            check.refuse(name, "Choose today or a later day.")
    if not _may_carry(session, plan.rep_id):
        check.refuse("rep_id", "Choose somebody who works in sales.")
    check.done()
    return replace(plan, next_step=step or "")


def put(org: Organization, plan: Plan) -> None:
    """Write a clean plan into the organization."""
    org.rep_id, org.target_on = plan.rep_id, plan.target_on
    org.next_step, org.next_step_on = plan.next_step or None, plan.next_step_on


def flag(session: Session, actor: Actor, org_id: int, plan: Plan, note: str = "") -> Organization:
    """Take one organization from free into onboarding by a clean plan; a raised hand is answered.

    Raises `WrongStage` when it is not free.
    """
    org = access(session, actor, org_id, Action.MOVE_STAGES)
    stages.judge(session, org, Stage.ONBOARDING, shown=Stage.FREE)
    put(org, plan)
    org.requested_at, org.request_note = None, None
    return stages.move(session, actor, org, Stage.ONBOARDING, shown=Stage.FREE, reason=note)


def flag_all(
    session: Session, actor: Actor, org_ids: Sequence[int], plan: Plan, note: str = ""
) -> Flagged:
    """Flag those that can be flagged by a clean plan, and say of the others why not.

    Raises `NotPermitted`, or `NotFound` for outsiders, and `InvalidInput` when nobody can carry
    them any more.
    """
    if not _may_carry(session, plan.rep_id):
        raise InvalidInput({"rep_id": "Choose somebody who works in sales."})
    flagged, is_sales = Flagged(), Action.MOVE_STAGES in staff_rights(session, actor)
    for org_id in sorted(set(org_ids)):
        try:
            flagged.done.append(flag(session, actor, org_id, plan, note).name)
        except (InvalidInput, Unavailable):
            raise
        except DomainError as refusal:
            if not is_sales:
                raise
            flagged.refused.append(Refusal(org_id, _name_of(session, org_id), str(refusal)))
    return flagged


_REPS: Final = (
    select(User.id, User.name)
    .where(User.staff.in_(_CARRIES), User.disabled_at.is_(None))
    .order_by(User.name)
)


def list_reps(session: Session) -> dict[int, str]:
    """Return the names, by id, of everybody who may carry an onboarding."""
    return dict(session.execute(_REPS).all())


def _may_carry(session: Session, user_id: int | None) -> bool:
    rep = session.get(User, user_id) if user_id else None
    return rep is not None and rep.staff in _CARRIES and rep.disabled_at is None


def _name_of(session: Session, org_id: int) -> str:
    org = session.get(Organization, org_id)
    return "An organization that is gone" if org is None else org.name

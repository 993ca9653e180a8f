"""From a free account to production: one table of moves, one gate, and nothing beside it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock, fields, history, mail, memberships
from core.errors import DomainError, GateNotMet, InvalidInput, WrongStage
from core.models import Organization, Staff, Stage, User
from core.permissions import Action, Actor, access

FORWARD: Final = {
    Stage.FREE: Stage.ONBOARDING,
    Stage.ONBOARDING: Stage.PREPRODUCTION,
    Stage.PREPRODUCTION: Stage.PRODUCTION,
}
"""Each stage and the one that follows it; no stage is skipped."""
BACK: Final = {
    Stage.ONBOARDING: (Stage.FREE,),
    Stage.PREPRODUCTION: (Stage.ONBOARDING, Stage.FREE),
    Stage.PRODUCTION: (Stage.PREPRODUCTION,),
}
"""Where an organization may be withdrawn to, always with a reason."""


LONGEST_STEP: Final = 200
"""Characters of a next step."""


@dataclass(frozen=True)
class Check:
    """One thing that the next stage needs, in words for when it is there and when it is not.

    `page` is where it is mended.
    """

    done: str
    lack: str
    is_met: bool
    page: str

    @property
    def name(self) -> str:
        """Return how it stands."""
        return self.done if self.is_met else self.lack


@dataclass(frozen=True)
class Flagged:
    """What became of a flagging: names that went through, names that did not and why."""

    done: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)


def checks(session: Session, org: Organization) -> list[Check]:
    """Return what the gate to the next stage looks at; empty where nothing is asked."""
    judge = _GATES.get(org.stage)
    return judge(session, org) if judge else []


def flag(
    session: Session,
    actor: Actor,
    org_ids: Sequence[int],
    *,
    rep_id: int | None = None,
    target_on: date | None = None,
    next_step: str = "",
) -> Flagged:
    """Take free organizations into onboarding, and return which went through and which did not.

    The rep who carries them is who flags, unless another is named. Flagging twice is harmless.
    """
    rep = _get_rep(session, rep_id if rep_id is not None else actor.user_id)
    step = _clean_step(next_step)
    flagged = Flagged()
    for org_id in sorted(set(org_ids)):
        org = access(session, actor, org_id, Action.MOVE_STAGES)
        try:
            _ensure_open(session, org, Stage.ONBOARDING, Stage.FREE)
        except DomainError as refusal:
            flagged.refused.append((org.name, str(refusal)))
            continue
        org.rep_id, org.target_on, org.next_step = rep.id, target_on, step
        org.requested_at, org.request_note = None, None
        _enter(session, actor, org, Stage.ONBOARDING, "stage.flagged")
        flagged.done.append(org.name)
    return flagged


def move_on(session: Session, actor: Actor, org_id: int, *, shown: Stage) -> Organization:
    """Move an organization from the stage that was shown to the next; out of free leads `flag`.

    Raises `WrongStage` when it is elsewhere by now, `GateNotMet` with what is missing.
    """
    org = access(session, actor, org_id, Action.MOVE_STAGES)
    to = None if shown is Stage.FREE else FORWARD.get(shown)
    if to is None:
        raise WrongStage(org.stage, f"{Stage.ONBOARDING} or {Stage.PREPRODUCTION}")
    _ensure_open(session, org, to, shown)
    return _enter(session, actor, org, to, "stage.moved")


def withdraw(
    session: Session, actor: Actor, org_id: int, to: Stage, *, shown: Stage, reason: str
) -> Organization:
    """Move an organization back, or out to free, with the reason that its owners will read."""
    org = access(session, actor, org_id, Action.MOVE_STAGES)
    check = fields.Check()
    why = check("reason", fields.reason, reason)
    check.done()
    if org.stage is not shown:
        raise WrongStage(org.stage, shown)
    if to not in BACK.get(shown, ()):
        raise WrongStage(org.stage, f"a stage after {to}")
    if to is Stage.FREE:
        org.rep_id, org.target_on, org.next_step = None, None, None
    return _enter(session, actor, org, to, "stage.withdrawn", reason=why)


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


def plan(
    session: Session,
    actor: Actor,
    org_id: int,
    *,
    rep_id: int,
    target_on: date | None,
    next_step: str,
) -> Organization:
    """Say who carries an onboarding, until when, and what comes next."""
    org = access(session, actor, org_id, Action.MOVE_STAGES)
    rep = _get_rep(session, rep_id)
    org.rep_id, org.target_on, org.next_step = rep.id, target_on, _clean_step(next_step)
    history.record(session, actor, org, "onboarding.planned", org)
    return org


def _ensure_open(session: Session, org: Organization, to: Stage, needed: Stage) -> None:
    """The gate: raise unless the organization is in the stage before `to` and has all it needs."""
    if org.stage is not needed or FORWARD.get(org.stage) is not to:
        raise WrongStage(org.stage, needed)
    missing = [check.name for check in checks(session, org) if not check.is_met]
    if missing:
        raise GateNotMet(to, missing)


def _enter(
    session: Session, actor: Actor, org: Organization, to: Stage, event: str, *, reason: str = ""
) -> Organization:
    before, org.stage, org.stage_entered_at = org.stage, to, clock.now()
    history.record(session, actor, org, event, org, reason=reason)
    for owner in memberships.list_owners(session, org):
        mail.enqueue(
            session,
            "stage_moved",
            owner.email,
            org_id=org.id,
            organization=org.name,
            public_id=org.public_id,
            before=before,
            stage=to,
            reason=reason,
        )
    return org


def _needs_for_preproduction(_session: Session, org: Organization) -> list[Check]:
    return [
        Check(
            "Alert email address is confirmed",
            "Alert email address is not confirmed",
            bool(org.alert_email),
            "profile",
        ),
        _filled("Company overview", org.overview),
        _filled("Sales email", org.sales_email),
        _filled("Phone", org.phone),
        _filled("Public website", org.website),
    ]


def _filled(label: str, value: str | None) -> Check:
    return Check(f"{label} is filled in", f"{label} is empty", bool(value), "profile")


def _needs_for_production(session: Session, org: Organization) -> list[Check]:
    owners = memberships.list_owners(session, org)
    proven = all(owner.two_factor_at is not None for owner in owners)
    return [
        Check("There are two owners", "There is only one owner", len(owners) >= 2, "members"),
        Check(
            "Every owner has two-factor",
            "An owner is without two-factor",
            proven,
            "members",
        ),
        Check("The logo is there", "The logo is missing", org.logo is not None, "profile"),
    ]


_GATES: Final[dict[Stage, Callable[[Session, Organization], list[Check]]]] = {
    Stage.ONBOARDING: _needs_for_preproduction,
    Stage.PREPRODUCTION: _needs_for_production,
}


def list_reps(session: Session) -> dict[int, str]:
    """Return the names, by id, of everybody who may carry an onboarding."""
    reps = (
        select(User.id, User.name)
        .where(User.staff.in_([Staff.SALES, Staff.ADMINISTRATOR]), User.disabled_at.is_(None))
        .order_by(User.name)
    )
    return dict(session.execute(reps).all())


def _get_rep(session: Session, user_id: int | None) -> User:
    rep = session.get(User, user_id) if user_id else None
    if rep is None or rep.staff not in {Staff.SALES, Staff.ADMINISTRATOR} or rep.disabled_at:
        raise InvalidInput({"rep_id": "Choose somebody who works in sales."})
    return rep


def _clean_step(text: str) -> str | None:
    check = fields.Check()
    step = check("next_step", fields.optional(fields.note), text)
    check.done()
    if step is not None and len(step) > LONGEST_STEP:
        raise InvalidInput({"next_step": f"Shorten it to {LONGEST_STEP} characters."})
    return step

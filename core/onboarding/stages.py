"""The stages from a free account to production: transitions, gate checks, and recorded moves.

`move` is the only function that changes an organization's stage.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import pandas as pd
from sqlalchemy import case, select
from sqlalchemy.orm import Session, aliased

from core.access import merged
from core.access.permissions import Action, Actor, access
from core.audit import history
from core.base import clock, validation
from core.base.errors import GateNotMet, WrongStage
from core.database.db import frame
from core.members import membership_rows
from core.members.membership_rows import Owners
from core.models import Move, Organization, Stage, User
from core.onboarding import working_days

MAX_MOVES: Final = 100
"""Moves that `move_history` returns, the latest ones."""


class Transition(StrEnum):
    """How an organization gets from one stage to another."""

    FLAG = "flag"
    MOVE_ON = "move on"
    WITHDRAW = "withdraw"


TRANSITIONS: Final = {
    (Stage.FREE, Stage.ONBOARDING): Transition.FLAG,
    (Stage.ONBOARDING, Stage.PREPRODUCTION): Transition.MOVE_ON,
    (Stage.PREPRODUCTION, Stage.PRODUCTION): Transition.MOVE_ON,
    (Stage.ONBOARDING, Stage.FREE): Transition.WITHDRAW,
    (Stage.PREPRODUCTION, Stage.ONBOARDING): Transition.WITHDRAW,
    (Stage.PREPRODUCTION, Stage.FREE): Transition.WITHDRAW,
    (Stage.PRODUCTION, Stage.PREPRODUCTION): Transition.WITHDRAW,
}
"""Every allowed move, by its start and end; moves forward never skip a stage."""

FORWARD: Final = {
    start: end for (start, end), kind in TRANSITIONS.items() if kind is not Transition.WITHDRAW
}
"""The stage that follows each stage."""
BACK: Final = {
    stage: tuple(
        end
        for (start, end), kind in TRANSITIONS.items()
        if start is stage and kind is Transition.WITHDRAW
    )
    for stage in Stage
}
"""The stages that an organization can be withdrawn to, by its stage."""

_EVENTS: Final = {
    Transition.FLAG: "stage.flagged",
    Transition.MOVE_ON: "stage.moved",
    Transition.WITHDRAW: "stage.withdrawn",
}
OVERRIDDEN: Final = "stage.overridden"
"""The event of a move whose failed checks an administrator overrode."""


@dataclass(frozen=True)
class Check:
    """A requirement of the next stage, with its text for each state.

    `key` identifies it, `page` and `field` are where it can be fixed, and `action` says how.
    """

    key: str
    met_text: str
    open_text: str
    is_met: bool
    page: str
    action: str
    field: str = ""
    """The field of a form on that page, such as `profile-phone`."""

    @property
    def text(self) -> str:
        """Return the text for the current state."""
        return self.met_text if self.is_met else self.open_text


def list_checks(session: Session, org: Organization) -> list[Check]:
    """Return the checks of the gate to the next stage; empty where there is no gate."""
    return checks_by_org(session, [org])[org.id]


def checks_by_org(session: Session, orgs: Sequence[Organization]) -> dict[int, list[Check]]:
    """Return the gate checks of many organizations, by id, with at most one query."""
    counted = [org.id for org in orgs if org.stage is Stage.PREPRODUCTION]
    owners = membership_rows.count_owners_by_organization(session, counted) if counted else {}
    no_owners = Owners(0, 0)
    return {
        org.id: _GATES[org.stage](org, owners.get(org.id, no_owners)) if org.stage in _GATES else []
        for org in orgs
    }


def _checks_for_preproduction(org: Organization, _owners: Owners) -> list[Check]:
    alert_email = Check(
        "alert_email",
        "Alert email address confirmed",
        "Confirm the alert email address",
        bool(org.alert_email),
        "profile",
        "View alert email" if org.alert_email_new else "Add alert email",
        "profile-alert_email",
    )
    return [
        alert_email,
        _filled("overview", "company overview", "overview", org.overview),
        _filled("sales_email", "sales email", "sales email", org.sales_email),
        _filled("phone", "phone number", "phone", org.phone),
        _filled("website", "public website", "website", org.website),
    ]


def _filled(key: str, noun: str, short: str, value: str | None) -> Check:
    added, to_add = f"{noun.capitalize()} added", f"Add a {noun}"
    return Check(key, added, to_add, bool(value), "profile", f"Add {short}", f"profile-{key}")


def _checks_for_production(org: Organization, owners: Owners) -> list[Check]:
    unprotected = owners.number - owners.with_two_factor
    owners_without = "1 owner hasn't" if unprotected == 1 else f"{unprotected} owners haven't"
    has_two, has_logo = owners.number >= 2, org.logo is not None
    return [
        Check(
            "owners", "Second owner added", "Add a second owner", has_two, "members", "Add owner"
        ),
        Check(
            "two_factor",
            "All owners have turned on two-factor",
            f"{owners_without} turned on two-factor",
            unprotected == 0,
            "members",
            "View owners",
        ),
        Check("logo", "Logo added", "Add a logo", has_logo, "profile", "Add logo", "logo-logo"),
    ]


_GATES: Final[dict[Stage, Callable[[Organization, Owners], list[Check]]]] = {
    Stage.ONBOARDING: _checks_for_preproduction,
    Stage.PREPRODUCTION: _checks_for_production,
}


def failed_checks(
    session: Session, org: Organization, to_stage: Stage, *, from_stage: Stage
) -> list[Check]:
    """Return the checks that fail for a move; none for a withdrawal.

    Raises `WrongStage` when the organization is not in `from_stage` or the move is not allowed.
    """
    if org.stage is not from_stage:
        raise WrongStage(org.stage, from_stage)
    if (from_stage, to_stage) not in TRANSITIONS:
        starts = [start for start, end in TRANSITIONS if end is to_stage]
        raise WrongStage(org.stage, " or ".join(starts))
    if TRANSITIONS[from_stage, to_stage] is Transition.WITHDRAW:
        return []
    return [check for check in list_checks(session, org) if not check.is_met]


def move(
    session: Session,
    actor: Actor,
    org: Organization,
    to_stage: Stage,
    *,
    from_stage: Stage,
    reason: str = "",
    override: bool = False,
    restore: Mapping[str, Any] | None = None,
) -> Organization:
    """Move an organization that `access` has locked, and record the move.

    `restore` has the values that an undone move replaced, by column. Without it the days in stage,
    the snooze and, in free, the plan start afresh. Raises `WrongStage`, `GateNotMet` when checks
    fail and `override` is not set, and `InvalidInput` when a withdrawal or an override has no
    reason.
    """
    failed = failed_checks(session, org, to_stage, from_stage=from_stage)
    if failed and not override:
        raise GateNotMet(to_stage, {check.open_text: check.page for check in failed})
    transition = TRANSITIONS[from_stage, to_stage]
    needs_reason = failed or transition is Transition.WITHDRAW
    cleaner = validation.reason if needs_reason else validation.optional(validation.reason)
    check = validation.Check()
    reason = check("reason", cleaner, reason) or ""
    check.done()

    _add_move(session, actor, org, to_stage, failed, reason)
    org.stage, org.stage_entered_at = to_stage, clock.now()
    if restore is not None:
        for column, value in restore.items():
            setattr(org, column, value)
    else:
        _start_afresh(org, transition)
    event = OVERRIDDEN if failed else _EVENTS[transition]
    history.record(session, actor, org, event, org, reason=reason)
    return org


def _start_afresh(org: Organization, transition: Transition) -> None:
    org.snoozed_until = None
    if transition is Transition.FLAG:
        org.flagged_at = org.stage_entered_at
    if org.stage is Stage.FREE:
        org.rep_id, org.target_on, org.next_step, org.next_step_on = None, None, None, None


def _add_move(
    session: Session,
    actor: Actor,
    org: Organization,
    to_stage: Stage,
    failed: Sequence[Check],
    reason: str,
) -> None:
    session.add(
        Move(
            org_id=org.id,
            at=clock.now(),
            from_stage=org.stage,
            to_stage=to_stage,
            actor_id=actor.user_id,
            rep_id=org.rep_id,
            days=working_days.since(org.stage_entered_at),
            is_override=bool(failed),
            missing="\n".join(check.open_text for check in failed),
            reason=reason,
        )
    )


@dataclass(frozen=True)
class Stay:
    """An organization's latest stay in a stage; `days` are working days."""

    stage: Stage
    entered_at: datetime | None
    """None where no move into the stage was recorded."""
    days: int
    is_override: bool = False
    """Whether failed checks were overridden on the move into the stage."""
    times: int = 1
    """How often the organization has entered the stage."""


def path(session: Session, actor: Actor, org_id: int) -> list[Stay]:
    """Return the stages of an organization in order, up to the current one."""
    org = access(session, actor, org_id, Action.VIEW)
    moves = session.scalars(select(Move).where(Move.org_id == org_id).order_by(Move.id)).all()
    order = list(Stage)
    return [_stay(org, moves, stage) for stage in order[: order.index(org.stage) + 1]]


def _stay(org: Organization, moves: Sequence[Move], stage: Stage) -> Stay:
    entries = [move for move in moves if move.to_stage is stage]
    exits = [move for move in moves if move.from_stage is stage]
    entered_at: datetime | None
    if stage is org.stage:
        entered_at, days = org.stage_entered_at, working_days.since(org.stage_entered_at)
    else:
        first = org.created_at if stage is Stage.FREE else None
        entered_at, days = entries[-1].at if entries else first, exits[-1].days if exits else 0
    times = len(entries) + (stage is Stage.FREE)
    is_override = bool(entries and entries[-1].is_override)
    return Stay(stage, entered_at, days, is_override, max(1, times))


def move_history(session: Session, actor: Actor, org_id: int) -> pd.DataFrame:
    """Return the moves of an organization, newest first; needs the right to view its history.

    Staff also see those of organizations that were merged into it: `merged` is the name of such an
    one, empty for its own. The columns are merged, at, from_stage, to_stage, days (working days in
    the stage that was left), who_id, who, rep, is_override, missing (the checks that failed, one
    per line), reason.
    """
    access(session, actor, org_id, Action.VIEW_HISTORY)
    rep = aliased(User)
    moves = (
        select(
            *(Move.id, Move.at, Move.from_stage, Move.to_stage, Move.days),
            *(Move.actor_id.label("who_id"), User.name.label("who"), rep.name.label("rep")),
            *(Move.is_override, Move.missing, Move.reason),
            case((Move.org_id == org_id, ""), else_=Organization.name).label("merged"),
        )
        .join(Organization, Organization.id == Move.org_id)
        .outerjoin(User, User.id == Move.actor_id)
        .outerjoin(rep, rep.id == Move.rep_id)
        .where(Move.org_id.in_(merged.list_read_together(session, actor, org_id)))
        .order_by(Move.id.desc())
    )
    return frame(session, moves.limit(MAX_MOVES))

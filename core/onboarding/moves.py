"""Moves: the way that an organization has gone, and what was overridden on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import pandas as pd
from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from core.access.permissions import Action, Actor, access
from core.database.frames import frame
from core.models import Move, Organization, Stage, User
from core.onboarding import working_days

MOST: Final = 100
"""Moves of one organization that are shown, the latest ones."""


@dataclass(frozen=True)
class Visit:
    """The last time that an organization was in a stage: since when, for how many working days."""

    stage: Stage
    entered_at: datetime | None
    """Empty where nobody wrote down when that was."""
    days: int
    is_override: bool = False
    """Whether an administrator overrode failed checks to let it in."""
    times: int = 1


def path(session: Session, actor: Actor, org_id: int) -> list[Visit]:
    """Return the stages that an organization has come through, up to the one it is in."""
    org = access(session, actor, org_id, Action.VIEW)
    moves = session.scalars(select(Move).where(Move.org_id == org_id).order_by(Move.id)).all()
    order = list(Stage)
    return [_visit(org, moves, stage) for stage in order[: order.index(org.stage) + 1]]


def _visit(org: Organization, moves: Sequence[Move], stage: Stage) -> Visit:
    came = [move for move in moves if move.to_stage is stage]
    left = [move for move in moves if move.from_stage is stage]
    entered: datetime | None
    if stage is org.stage:
        entered, days = org.stage_entered_at, working_days.since(org.stage_entered_at)
    else:
        first = org.created_at if stage is Stage.FREE else None
        entered, days = came[-1].at if came else first, left[-1].days if left else 0
    times = len(came) + (stage is Stage.FREE)
    return Visit(stage, entered, days, bool(came and came[-1].is_override), max(1, times))


def table(session: Session, actor: Actor, org_id: int) -> pd.DataFrame:
    """Return the moves of an organization, the latest first, for who may review its history.

    The columns are at, from_stage, to_stage, days (working days in the stage that was left),
    who_id, who, rep, is_override, missing (the checks that had failed), reason.
    """
    access(session, actor, org_id, Action.VIEW_HISTORY)
    rep = aliased(User)
    moves = (
        select(
            *(Move.id, Move.at, Move.from_stage, Move.to_stage, Move.days),
            *(Move.actor_id.label("who_id"), User.name.label("who"), rep.name.label("rep")),
            *(Move.is_override, Move.missing, Move.reason),
        )
        .outerjoin(User, User.id == Move.actor_id)
        .outerjoin(rep, rep.id == Move.rep_id)
        .where(Move.org_id == org_id)
        .order_by(Move.id.desc())
    )
    return frame(session, moves.limit(MOST))

"""Onboarding in numbers: who came how far, how long it took, how many moves, and by whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final

import numpy as np
import pandas as pd
from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from core.access.permissions import Action, Actor, access_staff
from core.database.counters import EVERYBODY
from core.database.db import frame
from core.models import MoveCount, StayCount, User
from core.onboarding import working_days
from core.onboarding.stages import FORWARD
from core.onboarding.stuck import LIMITED

REACHED: Final = tuple(FORWARD.values())
"""The stages that are reached by a move forward, in their order."""
_WEEK: Final = timedelta(days=7)


class Period(StrEnum):
    """How many weeks the charts look back, this one included; all of them: `all`."""

    MONTH = "4"
    QUARTER = "13"
    HALF = "26"
    YEAR = "52"
    ALL = "all"


@dataclass(frozen=True)
class Charts:
    """What the charts show; every frame has all that its chart says.

    `funnel`: stage, entered (moves forward into it), conversion (of those into the stage before,
    in percent; empty for the first). `stays`: stage, left (how many left it), lower, median, upper
    (quartiles of working days in it). `weeks`: week (its Monday), stage, moves (forward into the
    stage), back (withdrawals out of it). `reps`: rep, stage, moves.
    """

    since: date | None
    funnel: pd.DataFrame
    stays: pd.DataFrame
    weeks: pd.DataFrame
    reps: pd.DataFrame

    @property
    def is_empty(self) -> bool:
        """Return whether nothing moved."""
        return self.weeks.empty and self.stays["left"].sum() == 0


def begin(period: Period, today: date) -> date | None:
    """Return the Monday that a period begins with; None for all time."""
    if period is Period.ALL:
        return None
    monday = today - timedelta(days=today.weekday())
    return monday - (int(period) - 1) * _WEEK


def show(session: Session, actor: Actor, period: Period, *, rep_id: int | None = None) -> Charts:
    """Return the charts of a period, of one sales rep or of all; staff only.

    Whoever carried an organization when it moved has the move. They are counted to the last one.
    """
    access_staff(session, actor, Action.VIEW_ALL)
    since = begin(period, working_days.today())
    weeks = _weeks(session, since, rep_id)
    return Charts(
        since,
        _funnel(weeks),
        _stays(session, since, rep_id),
        weeks,
        _reps(session, since, rep_id),
    )


def _weeks(session: Session, since: date | None, rep_id: int | None) -> pd.DataFrame:
    made = frame(
        session,
        _narrowed(
            select(
                MoveCount.week,
                MoveCount.from_stage,
                MoveCount.to_stage,
                func.sum(MoveCount.number).label("number"),
            ),
            MoveCount.week,
            since,
        )
        .where(*([MoveCount.rep_id == rep_id] if rep_id is not None else []))
        .group_by(MoveCount.week, MoveCount.from_stage, MoveCount.to_stage),
    )
    is_forward = _forward(made)
    forward = made[is_forward].rename(columns={"to_stage": "stage", "number": "moves"})
    back = made[~is_forward].rename(columns={"from_stage": "stage", "number": "back"})
    both = pd.concat([forward[["week", "stage", "moves"]], back[["week", "stage", "back"]]])
    both = both.groupby(["week", "stage"], as_index=False)[["moves", "back"]].sum()
    both["stage"] = both["stage"].astype(str)
    both[["moves", "back"]] = both[["moves", "back"]].astype(int)
    return both[(both["moves"] != 0) | (both["back"] != 0)].reset_index(drop=True)


def _forward(made: pd.DataFrame) -> "pd.Series[bool]":
    edges = zip(made["from_stage"], made["to_stage"], strict=True)
    return pd.Series(
        [FORWARD.get(start) == end for start, end in edges], index=made.index, dtype=bool
    )


def _funnel(weeks: pd.DataFrame) -> pd.DataFrame:
    sums = weeks.groupby("stage")["moves"].sum()
    entered = [int(sums.get(str(stage), 0)) for stage in REACHED]
    before = [0, *entered[:-1]]
    shares = [100 * now / was if was else None for now, was in zip(entered, before, strict=True)]
    return pd.DataFrame(
        {
            "stage": [str(stage) for stage in REACHED],
            "entered": entered,
            "conversion": pd.Series(shares, dtype="float64").round(1),
        }
    )


def _stays(session: Session, since: date | None, rep_id: int | None) -> pd.DataFrame:
    whose = EVERYBODY if rep_id is None else rep_id
    number = func.sum(StayCount.number).label("number")
    counted = frame(
        session,
        _narrowed(select(StayCount.stage, StayCount.days, number), StayCount.week, since)
        .where(StayCount.rep_id == whose, StayCount.stage.in_(LIMITED))
        .group_by(StayCount.stage, StayCount.days)
        .order_by(StayCount.stage, StayCount.days),
    )
    rows = []
    for stage in LIMITED:
        days = counted[counted["stage"] == str(stage)]
        numbers = days["number"].to_numpy(dtype=np.int64)
        values = days["days"].to_numpy(dtype=np.float64)
        rows.append((str(stage), int(numbers.sum()), *quantiles(values, numbers)))
    return pd.DataFrame(rows, columns=["stage", "left", "lower", "median", "upper"])


def quantiles(
    values: Any, numbers: Any, shares: Sequence[float] = (0.25, 0.5, 0.75)
) -> list[float | None]:
    """Return quantiles of values that ascend, each there so many times; None where there are none.

    As `pandas.Series.quantile`: between two values it lies in proportion.
    """
    ends = np.cumsum(numbers)
    whole = int(ends[-1]) if len(ends) else 0
    if whole == 0:
        return [None for _ in shares]
    found: list[float | None] = []
    for share in shares:
        place = (whole - 1) * share
        low, high = (
            values[np.searchsorted(ends, rank, side="right")]
            for rank in (np.floor(place), np.ceil(place))
        )
        found.append(float(low + (high - low) * (place - np.floor(place))))
    return found


def _reps(session: Session, since: date | None, rep_id: int | None) -> pd.DataFrame:
    is_forward = tuple_(MoveCount.from_stage, MoveCount.to_stage).in_(list(FORWARD.items()))
    number = func.sum(MoveCount.number).label("moves")
    made = frame(
        session,
        _narrowed(
            select(MoveCount.rep_id, User.name.label("rep"), MoveCount.to_stage, number),
            MoveCount.week,
            since,
        )
        .outerjoin(User, User.id == MoveCount.rep_id)
        .where(is_forward, *([MoveCount.rep_id == rep_id] if rep_id is not None else []))
        .group_by(MoveCount.rep_id, User.name, MoveCount.to_stage)
        .having(func.sum(MoveCount.number) != 0),
    )
    made["rep"] = [
        name or ("Nobody" if rep == 0 else "A deleted account")
        for name, rep in zip(made["rep"], made["rep_id"], strict=True)
    ]
    made["stage"] = made["to_stage"].astype(str)
    made["moves"] = made["moves"].astype(int)
    made["place"] = [REACHED.index(stage) for stage in made["to_stage"]]
    made = made.sort_values(["rep", "rep_id", "place"])
    return made[["rep_id", "rep", "stage", "moves"]].reset_index(drop=True)


def _narrowed(
    statement: Select[*tuple[Any, ...]], week: InstrumentedAttribute[date], since: date | None
) -> Select[*tuple[Any, ...]]:
    return statement if since is None else statement.where(week >= since)

"""Onboarding statistics: funnel, time in stage, moves by week and by sales rep."""

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
from core.database.counters import ALL_REPS
from core.database.db import frame
from core.models import CohortCount, MoveCount, Stage, StayCount, User
from core.onboarding import stuck, working_days
from core.onboarding.stages import FORWARD
from core.onboarding.stuck import LIMITED

REACHED: Final = tuple(FORWARD.values())
"""The stages that a move forward leads to, in their order."""
QUARTILES: Final = ("lower", "median", "upper")
DOTS: Final = 50
"""The size of the sample of working days in a stage."""
_WEEK: Final = timedelta(days=7)


class Period(StrEnum):
    """The period of the charts: a number of weeks, the current one included, or all time."""

    MONTH = "4"
    QUARTER = "13"
    HALF = "26"
    YEAR = "52"
    ALL = "all"


@dataclass(frozen=True)
class Charts:
    """The data of the charts, one frame for each.

    - `funnel`: stage, entered (organizations that were last flagged in the period, and how many of
      them are in each later stage, or beyond, by now), conversion (their share in percent; empty
      for the first). An organization stays in it when the flag is withdrawn or undone. With a
      sales rep, these are the organizations that they have now.
    - `stays`: stage, left (moves out of it), over (those after more working days than its limit),
      lower, median, upper (quartiles of its working days), dots (its limit, and the working days of
      a sample of `DOTS`, evenly spread over all of them).
    - `weeks`: week (its Monday), stage, moves (forward into it), back (withdrawals out of it).
    - `reps`: rep_id, rep, stage, moves (forward into it).
    """

    since: date | None
    funnel: pd.DataFrame
    stays: pd.DataFrame
    weeks: pd.DataFrame
    reps: pd.DataFrame

    @property
    def is_empty(self) -> bool:
        """Return whether the period has no moves."""
        return self.weeks.empty and self.stays["left"].sum() == 0


def first_week(period: Period, today: date) -> date | None:
    """Return the Monday on which a period begins; None for all time."""
    if period is Period.ALL:
        return None
    monday = today - timedelta(days=today.weekday())
    return monday - (int(period) - 1) * _WEEK


def load_charts(
    session: Session, actor: Actor, period: Period, *, rep_id: int | None = None
) -> Charts:
    """Return the charts of a period, for one sales rep or for all; staff only.

    A move counts for the sales rep that the organization had at that time.
    """
    access_staff(session, actor, Action.VIEW_ALL)
    since = first_week(period, working_days.today())
    weeks = _weeks(session, since, rep_id)
    return Charts(
        since,
        _funnel(session, since, rep_id),
        _stays(session, since, rep_id),
        weeks,
        _reps(session, since, rep_id),
    )


def _weeks(session: Session, since: date | None, rep_id: int | None) -> pd.DataFrame:
    moves = frame(
        session,
        _in_period(
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
    is_forward = _is_forward(moves)
    forward = moves[is_forward].rename(columns={"to_stage": "stage", "number": "moves"})
    back = moves[~is_forward].rename(columns={"from_stage": "stage", "number": "back"})
    both = pd.concat([forward[["week", "stage", "moves"]], back[["week", "stage", "back"]]])
    both = both.groupby(["week", "stage"], as_index=False)[["moves", "back"]].sum()
    both["stage"] = both["stage"].astype(str)
    both[["moves", "back"]] = both[["moves", "back"]].astype(int)
    return both[(both["moves"] != 0) | (both["back"] != 0)].reset_index(drop=True)


def _is_forward(moves: pd.DataFrame) -> "pd.Series[bool]":
    edges = zip(moves["from_stage"], moves["to_stage"], strict=True)
    return pd.Series(
        [FORWARD.get(start) == end for start, end in edges], index=moves.index, dtype=bool
    )


def _funnel(session: Session, since: date | None, rep_id: int | None) -> pd.DataFrame:
    """Count a cohort: those last flagged in the period, and how far they are by now."""
    number = func.sum(CohortCount.number)
    cohort = _in_period(select(CohortCount.stage, number), CohortCount.week, since)
    of_rep = [CohortCount.rep_id == rep_id] if rep_id is not None else []
    rows = session.execute(cohort.where(*of_rep).group_by(CohortCount.stage)).all()
    now = {stage: int(counted) for stage, counted in rows}
    flagged, *later = (now.get(stage, 0) for stage in Stage)
    entered = [flagged + sum(later), *(sum(later[at:]) for at in range(1, len(later)))]
    shares = [None, *(100 * each / entered[0] if entered[0] else None for each in entered[1:])]
    return pd.DataFrame(
        {
            "stage": [str(stage) for stage in REACHED],
            "entered": entered,
            "conversion": pd.Series(shares, dtype="float64").round(1),
        }
    )


def _stays(session: Session, since: date | None, rep_id: int | None) -> pd.DataFrame:
    whose = ALL_REPS if rep_id is None else rep_id
    number = func.sum(StayCount.number).label("number")
    counts = frame(
        session,
        _in_period(select(StayCount.stage, StayCount.days, number), StayCount.week, since)
        .where(StayCount.rep_id == whose, StayCount.stage.in_(LIMITED))
        .group_by(StayCount.stage, StayCount.days)
        .order_by(StayCount.stage, StayCount.days),
    )
    rows = []
    for stage in LIMITED:
        days = counts[counts["stage"] == str(stage)]
        numbers = days["number"].to_numpy(dtype=np.int64)
        values = days["days"].to_numpy(dtype=np.float64)
        limit = stuck.limit(stage) or 0
        left, over = int(numbers.sum()), int(numbers[values > limit].sum())
        dots = [limit, *_sample(values, numbers)]
        rows.append((str(stage), left, over, *quantiles(values, numbers), dots))
    return pd.DataFrame(rows, columns=["stage", "left", "over", *QUARTILES, "dots"])


def _sample(values: Any, numbers: Any) -> list[float]:
    """Return values at even distances, as many as there are but at most `DOTS`."""
    size = min(DOTS, int(numbers.sum()))
    shares = [(each + 0.5) / size for each in range(size)]
    return [value for value in quantiles(values, numbers, shares) if value is not None]


def quantiles(
    values: Any, numbers: Any, shares: Sequence[float] = (0.25, 0.5, 0.75)
) -> list[float | None]:
    """Return quantiles of ascending values that occur `numbers` times each; None without values.

    Quantiles between two values are interpolated linearly, as by `pandas.Series.quantile`.
    """
    ends = np.cumsum(numbers)
    total = int(ends[-1]) if len(ends) else 0
    if total == 0:
        return [None for _ in shares]
    found: list[float | None] = []
    for share in shares:
        position = (total - 1) * share
        low, high = (
            values[np.searchsorted(ends, rank, side="right")]
            for rank in (np.floor(position), np.ceil(position))
        )
        found.append(float(low + (high - low) * (position - np.floor(position))))
    return found


def _reps(session: Session, since: date | None, rep_id: int | None) -> pd.DataFrame:
    is_forward = tuple_(MoveCount.from_stage, MoveCount.to_stage).in_(list(FORWARD.items()))
    number = func.sum(MoveCount.number).label("moves")
    moves = frame(
        session,
        _in_period(
            select(MoveCount.rep_id, User.name.label("rep"), MoveCount.to_stage, number),
            MoveCount.week,
            since,
        )
        .outerjoin(User, User.id == MoveCount.rep_id)
        .where(is_forward, *([MoveCount.rep_id == rep_id] if rep_id is not None else []))
        .group_by(MoveCount.rep_id, User.name, MoveCount.to_stage)
        .having(func.sum(MoveCount.number) != 0),
    )
    moves["rep"] = [
        name or ("Unassigned" if rep == 0 else "A deleted account")
        for name, rep in zip(moves["rep"], moves["rep_id"], strict=True)
    ]
    moves["stage"] = moves["to_stage"].astype(str)
    moves["moves"] = moves["moves"].astype(int)
    moves["position"] = [REACHED.index(stage) for stage in moves["to_stage"]]
    moves = moves.sort_values(["rep", "rep_id", "position"])
    return moves[["rep_id", "rep", "stage", "moves"]].reset_index(drop=True)


def _in_period(
    statement: Select[*tuple[Any, ...]], week: InstrumentedAttribute[date], since: date | None
) -> Select[*tuple[Any, ...]]:
    return statement if since is None else statement.where(week >= since)

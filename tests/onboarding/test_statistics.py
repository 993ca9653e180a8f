"""Onboarding statistics: compared with pandas over every single move."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import product
from random import Random

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine, delete, func, insert, select, text
from sqlalchemy.orm import Session

from core.base.errors import NotPermitted
from core.database import counters, db
from core.database.db import frame
from core.models import Move, MoveCount, Organization, Stage, StayCount
from core.onboarding import onboarding, statistics, stuck
from core.onboarding.stages import FORWARD, TRANSITIONS
from core.onboarding.statistics import Period
from core.ops import health
from tests.conftest import Clock
from tests.support.cast import Cast

MOVES = 600
WEEKS = 40


@pytest.fixture
def session(engine: Engine, clock: Clock) -> Iterator[Session]:
    """A session whose rows are rolled back and need no history."""
    with db.Session(db.writing_engine(), expire_on_commit=False) as session:
        yield session


@pytest.fixture
def moved(session: Session, cast: Cast, clock: Clock) -> pd.DataFrame:
    """Many moves over the last weeks, returned as stored."""
    random = Random(7)
    edges, reps = list(TRANSITIONS), [cast.sam.user_id, cast.sue.user_id, None]
    rows = []
    for _ in range(MOVES):
        start, end = random.choice(edges)
        rows.append(
            {
                "org_id": random.choice([cast.acme.id, cast.otto_ltd.id]),
                "at": clock.now() - timedelta(weeks=WEEKS) * random.random(),
                "from_stage": start,
                "to_stage": end,
                "rep_id": random.choice(reps),
                "days": int(random.expovariate(1 / 15)),
                "is_override": False,
                "missing": "",
                "reason": "",
            }
        )
    session.execute(insert(Move), rows)
    return raw(session)


def raw(session: Session) -> pd.DataFrame:
    columns = (Move.org_id, Move.at, Move.from_stage, Move.to_stage, Move.rep_id, Move.days)
    moves = frame(session, select(*columns))
    edges = zip(moves["from_stage"], moves["to_stage"], strict=True)
    moves["is_forward"] = [FORWARD.get(start) == end for start, end in edges]
    moves["week"] = [(at - timedelta(days=at.weekday())).date() for at in moves["at"]]
    return moves


def within(moves: pd.DataFrame, period: Period, rep_id: int | None) -> pd.DataFrame:
    if period is not Period.ALL:
        monday = date(2026, 11, 23) - timedelta(weeks=int(period) - 1)
        moves = moves[moves["at"] >= datetime(monday.year, monday.month, monday.day, tzinfo=UTC)]
    return moves if rep_id is None else moves[moves["rep_id"] == rep_id]


def test_the_charts_agree_with_pandas_over_all_moves(
    session: Session, cast: Cast, moved: pd.DataFrame
) -> None:
    for period, rep_id in product(Period, (None, cast.sam.user_id)):
        check_charts(session, cast, moved, period, rep_id)


def check_charts(
    session: Session, cast: Cast, moved: pd.DataFrame, period: Period, rep_id: int | None
) -> None:
    charts = statistics.load_charts(session, cast.oda, period, rep_id=rep_id)
    moves = within(moved, period, rep_id)
    forward = moves[moves["is_forward"]]

    for row in charts.stays.itertuples():
        days = moves[moves["from_stage"] == row.stage]["days"]
        limit = stuck.limit(Stage(row.stage)) or 0
        assert (row.left, row.over) == (len(days), sum(days > limit))
        assert (row.dots[0], len(row.dots) - 1) == (limit, min(len(days), statistics.DOTS))
        assert row.dots[1:] == sorted(row.dots[1:])
        assert min(days) <= row.dots[1] <= row.dots[-1] <= max(days)
        assert [row.lower, row.median, row.upper] == days.quantile([0.25, 0.5, 0.75]).tolist()
    assert charts.weeks["moves"].sum() == len(forward)
    assert charts.weeks["back"].sum() == len(moves) - len(forward)
    by_week = forward.groupby(["week", "to_stage"]).size()
    for row in charts.weeks[charts.weeks["moves"] > 0].itertuples():
        assert row.moves == by_week[row.week, row.stage]
    named = forward[forward["rep_id"] == cast.sam.user_id].groupby("to_stage").size()
    of_sam = charts.reps[charts.reps["rep"] == "Sam"]
    assert dict(zip(of_sam["stage"], of_sam["moves"], strict=True)) == named.to_dict()


@pytest.mark.usefixtures("moved")
def test_a_number_that_no_database_stores_is_no_sales_rep(session: Session, cast: Cast) -> None:
    charts = statistics.load_charts(session, cast.oda, Period.ALL, rep_id=2**31)
    assert charts.stays["left"].sum() == charts.funnel["entered"].sum() == 0


def test_the_funnel_follows_a_cohort_and_never_exceeds_it(
    engine: Engine, cast: Cast, clock: Clock
) -> None:
    """Acme was flagged long ago and is in production; Otto Ltd was flagged twice, the last now."""

    def move(org: Organization, start: str, end: str) -> None:
        options = {"from_stage": Stage(start), "reason": "x", "override": end.startswith("pr")}
        db.run(onboarding.move, cast.ada, org.id, Stage(end), **options)

    def funnel(period: Period, **whose: int | None) -> list[int]:
        with db.read() as session:
            assert counters.count_differences(session) == 0
            data = statistics.load_charts(session, cast.oda, period, **whose).funnel
        assert (data["conversion"].dropna() <= 100).all()
        return data["entered"].tolist()

    move(cast.acme, "free", "onboarding")
    move(cast.otto_ltd, "free", "onboarding")
    move(cast.acme, "onboarding", "preproduction")
    assert funnel(Period.MONTH) == [2, 1, 0]
    clock.turn(timedelta(days=60))
    assert funnel(Period.MONTH) == [0, 0, 0]
    move(cast.acme, "preproduction", "production")
    move(cast.otto_ltd, "onboarding", "free")
    assert funnel(Period.ALL) == [2, 1, 1]
    move(cast.otto_ltd, "free", "onboarding")
    assert funnel(Period.MONTH) == [1, 0, 0]
    assert funnel(Period.ALL) == [2, 1, 1]
    assert funnel(Period.ALL, rep_id=cast.ada.user_id) == [2, 1, 1]
    assert funnel(Period.ALL, rep_id=cast.sue.user_id) == [0, 0, 0]
    with db.writing_engine().begin() as connection:
        connection.execute(text("UPDATE cohort_counts SET number = number + 1"))
    with db.read() as session:
        assert counters.count_differences(session) > 0
    with db.writing_engine().begin() as connection:
        counters.recount(connection)
    assert funnel(Period.ALL) == [2, 1, 1]


class TestCounts:
    def test_merging_changes_no_chart(
        self, session: Session, cast: Cast, moved: pd.DataFrame
    ) -> None:
        before = statistics.load_charts(session, cast.oda, Period.ALL)
        rows = session.scalar(select(func.count()).select_from(StayCount))
        while counters.merge(session):
            pass
        assert (session.scalar(select(func.count()).select_from(StayCount)) or 0) < (rows or 0)
        after = statistics.load_charts(session, cast.oda, Period.ALL)
        for name in ("funnel", "stays", "weeks", "reps"):
            pd.testing.assert_frame_equal(getattr(before, name), getattr(after, name))
        assert counters.count_differences(session) == 0

    def test_purged_moves_are_not_counted(
        self, session: Session, cast: Cast, moved: pd.DataFrame
    ) -> None:
        session.execute(delete(Move).where(Move.org_id == cast.acme.id))
        left = session.scalar(select(func.count()).select_from(Move))
        assert (
            statistics.load_charts(session, cast.oda, Period.ALL)
            .weeks[["moves", "back"]]
            .sum()
            .sum()
            == left
        )
        assert counters.count_differences(session) == 0
        while counters.merge(session):
            pass
        assert counters.count_differences(session) == 0

    def test_recounting_gives_the_same_charts(
        self, session: Session, cast: Cast, moved: pd.DataFrame
    ) -> None:
        before = statistics.load_charts(session, cast.oda, Period.YEAR)
        session.execute(text("UPDATE move_counts SET number = number + 1 WHERE rep_id = 0"))
        assert counters.count_differences(session) > 0
        counters.recount(session.connection())
        assert counters.count_differences(session) == 0
        after = statistics.load_charts(session, cast.oda, Period.YEAR)
        pd.testing.assert_frame_equal(before.weeks, after.weeks)

    def test_a_move_is_counted_in_its_own_transaction(self, engine: Engine, cast: Cast) -> None:
        db.run(onboarding.flag, cast.sam, [cast.acme.id])
        with db.read() as session:
            charts = statistics.load_charts(session, cast.oda, Period.MONTH)
            assert charts.funnel["entered"].tolist() == [1, 0, 0]
            assert counters.count_differences(session) == 0
        db.run(
            onboarding.move,
            cast.sam,
            cast.acme.id,
            Stage.FREE,
            from_stage=Stage.ONBOARDING,
            reason="x",
        )
        with db.read() as session:
            charts = statistics.load_charts(session, cast.oda, Period.MONTH)
            assert charts.weeks["back"].sum() == 1
            assert charts.stays[["left", "median"]].iloc[0].tolist() == [1, 0]
            found = {finding.check: finding.is_ok for finding in health.run_checks()}
        assert found["charts"]

    def test_a_week_begins_on_monday_in_utc(self, session: Session, cast: Cast) -> None:
        for at in ("2026-11-22T23:59:59", "2026-11-23T00:00:00", "2026-11-29T23:59:59"):
            moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
            session.add(
                Move(
                    org_id=cast.acme.id,
                    at=moment,
                    from_stage=Stage.FREE,
                    to_stage=Stage.ONBOARDING,
                    days=1,
                )
            )
        session.flush()
        weeks = session.scalars(select(MoveCount.week).order_by(MoveCount.id)).all()
        assert weeks == [date(2026, 11, 16), date(2026, 11, 23), date(2026, 11, 23)]


class TestQuantiles:
    @pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 10, 101])
    def test_quantiles_agree_with_pandas(self, size: int) -> None:
        days = pd.Series(np.random.default_rng(size).integers(0, 12, size))
        counted = days.value_counts().sort_index()
        found = statistics.quantiles(counted.index.to_numpy(float), counted.to_numpy())
        assert found == days.quantile([0.25, 0.5, 0.75]).tolist()

    def test_no_values_have_no_quantiles(self) -> None:
        assert statistics.quantiles(np.array([]), np.array([])) == [None, None, None]


def test_without_moves_the_charts_are_empty(session: Session, cast: Cast) -> None:
    charts = statistics.load_charts(session, cast.oda, Period.ALL)
    assert charts.is_empty
    assert charts.funnel["entered"].tolist() == [0, 0, 0]


def test_only_staff_can_load_charts(session: Session, cast: Cast) -> None:
    with pytest.raises(NotPermitted):
        statistics.load_charts(session, cast.olga, Period.ALL)

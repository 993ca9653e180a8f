"""The table over all organizations: the same rows on both engines, each once, none in vain."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event, insert, select, text, update
from sqlalchemy.orm import Session

from core.base import clock, tokenizer
from core.base.errors import NotPermitted
from core.database import db, search
from core.models import (
    Invitation,
    InvitationStatus,
    Logo,
    Organization,
    Role,
    Stage,
    organizations,
)
from core.organizations import queries, table
from core.organizations.filters import (
    LARGE_RANGES,
    MEMBER_RANGES,
    PAGE_SIZES,
    Activity,
    Filters,
    Members,
    Profile,
    Sort,
)
from core.organizations.table import Cursor, Direction
from tests.conftest import Clock
from tests.support.cast import Cast

REP = 6
RARE = range(0, 4_000, 1_000)
LOGO = "a" * 64
LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)
VIEWS = {
    "all": Filters(),
    "a stage": Filters(stages=(Stage.PRODUCTION,)),
    "two stages": Filters(stages=(Stage.FREE, Stage.PRODUCTION)),
    "a rep": Filters(rep_id=REP),
    "a rep and a stage": Filters(rep_id=REP, stages=(Stage.ONBOARDING,)),
    "words": Filters(words="clin"),
    "rare words": Filters(words="0000042"),
    "words and a stage": Filters(words="clin", stages=(Stage.ONBOARDING,)),
    "some days": Filters(created_from=date(2024, 3, 1), created_to=date(2024, 9, 30)),
    "one day": Filters(created_from=date(2024, 3, 3), created_to=date(2024, 3, 3)),
    "a size": Filters(members=Members.HANDFUL),
    "a rare size": Filters(members=Members.MOST),
    "whole profiles": Filters(profile=Profile.COMPLETE),
    "lacking profiles": Filters(profile=Profile.INCOMPLETE),
    "four filters": Filters(
        stages=(Stage.FREE, Stage.PRODUCTION),
        created_from=date(2024, 3, 1),
        members=Members.HANDFUL,
        profile=Profile.INCOMPLETE,
    ),
    "quiet": Filters(activity=Activity.QUIET),
    "active": Filters(activity=Activity.ACTIVE),
    "fading and small": Filters(activity=Activity.FADING, members=Members.ONE),
    "words and days": Filters(words="clin", created_from=date(2024, 3, 3)),
    "deleted": Filters(is_deleted=True),
}


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """What is put here for a table is thrown away at the end, and is no news for history."""
    with db.Session(db.writing_engine(), expire_on_commit=False) as session:
        yield session


def make_organizations(session: Session, number: int, *, start: int = 0) -> None:
    """Add organizations whose names, sizes and stages repeat, so that orders have ties."""
    stages, now, rows = list(Stage), clock.now(), []
    session.merge(Logo(digest=LOGO, png=b"", thumbnail=b"", created_at=now))
    session.flush()
    for place in range(start, start + number):
        org = Organization(public_id=f"ORG-{place:07d}", name=f"Clinic {place % 97} of {place % 7}")
        search.index(org)
        rows.append(
            {
                "public_id": org.public_id,
                "name": org.name,
                "name_key": org.name_key,
                "search_text": org.search_text,
                "is_listed": False,
                "stage": stages[place % 4],
                "stage_entered_at": now - timedelta(days=place % 11),
                "rep_id": REP if place % 3 == 0 else None,
                "created_at": LONG_AGO + timedelta(hours=place),
                "last_active_at": now - timedelta(hours=place * 7 % 4_000),
                "member_count": 300 if place in RARE else place % 5,
                **dict.fromkeys(organizations.PROFILE_COLUMNS[1:], "there"),
                "logo": LOGO if place % 3 == 0 else None,
                "deleted_at": now if place % 1_500 == 77 else None,
                "version": 0,
            }
        )
    session.execute(insert(Organization), rows, execution_options={"render_nulls": True})


def pending(cast: Cast, email: str, *, expires_in: timedelta) -> Invitation:
    now = clock.now()
    return Invitation(
        org_id=cast.acme.id,
        email=email,
        email_key=email,
        role=Role.MEMBER,
        status=InvitationStatus.PENDING,
        invited_by=cast.olga.user_id,
        nonce=email,
        token_hash=email,
        created_at=now,
        sent_at=now,
        expires_at=now + expires_in,
    )


def names(page: table.Page) -> list[str]:
    return page.rows["public_id"].tolist()


def walk(session: Session, cast: Cast, view: Filters, turn: Direction) -> list[list[str]]:
    """Direction every page from one end to the other."""
    ahead = turn is Direction.FIRST
    page = table.table(session, cast.oda, view, Cursor(turn))
    pages = [names(page)]
    while page.has_after if ahead else page.has_before:
        place = (
            Cursor(Direction.AFTER, pages[-1][-1])
            if ahead
            else Cursor(Direction.BEFORE, pages[-1][0])
        )
        page = table.table(session, cast.oda, view, place)
        pages.append(names(page))
        assert page.has_before if ahead else page.has_after
    return pages


class TestTable:
    def test_members_may_not_see_all(self, session: Session, cast: Cast) -> None:
        with pytest.raises(NotPermitted):
            table.table(session, cast.olga, Filters())

    def test_a_row_says_what_there_is_to_know(self, session: Session, cast: Cast) -> None:
        acme = session.get_one(Organization, cast.acme.id)
        session.add(pending(cast, "new@example.com", expires_in=timedelta(hours=1)))
        session.add(pending(cast, "late@example.com", expires_in=-timedelta(hours=1)))
        acme.rep_id, acme.overview, acme.phone = REP, "We heal.", "+12125550100"
        acme.stage = Stage.ONBOARDING
        session.flush()

        page = table.table(session, cast.oda, Filters(words="acme"))

        row = page.rows.iloc[0]
        assert (row["name"], row["stage"], row["rep"]) == ("Acme", Stage.ONBOARDING, "Sam")
        assert (row["member_count"], row["owners"], row["pending"]) == (3, 1, 1)
        assert row["profile"] == 33
        assert page.total == 1

    def test_deleted_ones_are_not_in_it(self, session: Session, cast: Cast) -> None:
        session.get_one(Organization, cast.acme.id).deleted_at = clock.now()
        session.flush()
        assert names(table.table(session, cast.oda, Filters())) == [cast.otto_ltd.public_id]

    def test_only_administrators_see_deleted_ones(self, session: Session, cast: Cast) -> None:
        session.get_one(Organization, cast.acme.id).deleted_at = clock.now()
        session.flush()
        with pytest.raises(NotPermitted):
            table.table(session, cast.oda, Filters(is_deleted=True))
        page = table.table(session, cast.ada, Filters(is_deleted=True))
        assert names(page) == [cast.acme.public_id]

    @pytest.mark.parametrize(
        ("view", "fits"),
        [
            (Filters(created_from=date(2024, 1, 2), created_to=date(2024, 1, 3)), range(24, 72)),
            (Filters(members=Members.ONE, created_from=date(2024, 1, 1)), None),
            (Filters(members=Members.HANDFUL, words="clinic"), None),
            (Filters(profile=Profile.COMPLETE), range(0, 80, 3)),
            (Filters(profile=Profile.INCOMPLETE, words="clinic"), None),
        ],
    )
    def test_each_filter_takes_what_fits(
        self, session: Session, cast: Cast, view: Filters, fits: Sequence[int] | None
    ) -> None:
        make_organizations(session, 80)
        page = table.table(session, cast.oda, replace(view, size=100))
        rows = page.rows
        assert page.total == len(rows)
        if view.members is Members.ONE:
            assert set(rows["member_count"]) <= {0, 1}
        elif view.members is Members.HANDFUL:
            assert set(rows["member_count"]) == {2, 3, 4}
        elif fits is not None:
            assert set(names(page)) == {f"ORG-{place:07d}" for place in fits}
        else:
            assert (rows["profile"] < 100).all()
            assert not rows.empty

    def test_tiers_of_activity_are_days_since_somebody_was_there(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        make_organizations(session, 8)
        for place, days in enumerate([0, 6.9, 7.1, 29.9, 30.1, 89.9, 90.1, 400]):
            self._last_active(session, f"ORG-{place:07d}", clock.now() - timedelta(days=days))
        for number, tier in enumerate(Activity):
            found = names(table.table(session, cast.oda, Filters(words="clinic", activity=tier)))
            assert sorted(found) == [f"ORG-{2 * number + place:07d}" for place in (0, 1)]

    def test_the_one_that_was_active_last_comes_first(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        self._last_active(session, cast.acme.public_id, clock.now() + timedelta(days=1))
        found = names(table.table(session, cast.oda, Filters(sort=Sort.ACTIVE)))
        assert found == [cast.acme.public_id, cast.otto_ltd.public_id]

    def _last_active(self, session: Session, public_id: str, moment: datetime) -> None:
        session.execute(
            update(Organization)
            .where(Organization.public_id == public_id)
            .values(last_active_at=moment)
            .execution_options(unrecorded=True)
        )

    def test_filters_narrow_together(self, session: Session, cast: Cast) -> None:
        make_organizations(session, 60)
        view = Filters(stages=(Stage.FREE, Stage.PRODUCTION), rep_id=REP, words="clinic")
        rows = table.table(session, cast.oda, view).rows
        assert len(rows) == 10
        assert set(rows["stage"]) == {Stage.FREE, Stage.PRODUCTION}
        assert set(rows["rep"]) == {"Sam"}

    @pytest.mark.parametrize("words", ["***", "\0", "'", '"', "nobody is called so", "a" * 5000])
    def test_words_that_fit_nothing_find_nothing(
        self, session: Session, cast: Cast, words: str
    ) -> None:
        page = table.table(session, cast.oda, Filters(words=words))
        assert (len(page.rows), page.total) == (0, 0)
        assert not page.has_after

    def test_words_that_match_too_many_rows_come_newest_first(
        self, session: Session, cast: Cast
    ) -> None:
        make_organizations(session, queries.MAX_COUNTED + 5)
        view = Filters(words="clinic", sort=Sort.NAME)
        assert table.table(session, cast.oda, view).sort is Sort.NEWEST
        few = table.table(session, cast.oda, Filters(words="clinic 3 of", sort=Sort.NAME))
        assert few.sort is Sort.NAME

    def test_too_many_hits_have_pages_from_either_end(
        self, session: Session, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_organizations(session, 120)
        view = Filters(words="clinic", size=25)
        turned = [walk(session, cast, view, turn) for turn in (Direction.FIRST, Direction.LAST)]
        monkeypatch.setattr(table, "MAX_COUNTED", 30)
        assert [
            walk(session, cast, view, turn) for turn in (Direction.FIRST, Direction.LAST)
        ] == turned

    def test_counts_stop_after_few(self, session: Session, cast: Cast) -> None:
        make_organizations(session, queries.MAX_COUNTED + 100)
        assert table.table(session, cast.oda, Filters()).total == queries.MAX_COUNTED + 1


class TestPages:
    @pytest.mark.parametrize("narrowed", ["all", "two stages", "a rep", "words"])
    @pytest.mark.parametrize("sort", list(Sort))
    def test_every_row_comes_once_from_either_end(
        self, session: Session, cast: Cast, sort: Sort, narrowed: str
    ) -> None:
        make_organizations(session, 180)
        view = replace(VIEWS[narrowed], sort=sort, size=25)
        total = table.table(session, cast.oda, view).total

        onwards = walk(session, cast, view, Direction.FIRST)
        back = walk(session, cast, view, Direction.LAST)

        rows = [row for page in onwards for row in page]
        assert len(rows) == len(set(rows)) == total
        backwards = [row for page in reversed(back[:-1]) for row in page]
        assert backwards == rows[-len(backwards) :]
        assert back[-1] == onwards[0], "a first page is a full one"
        assert {*backwards, *back[-1]} == set(rows)
        assert all(len(page) == 25 for page in onwards[:-1])

    def test_back_and_forth_is_the_same_page(self, session: Session, cast: Cast) -> None:
        make_organizations(session, 120)
        for before, after in pairwise(walk(session, cast, Filters(size=25), Direction.FIRST)):
            place = Cursor(Direction.BEFORE, after[0])
            assert names(table.table(session, cast.oda, Filters(size=25), place)) == before

    def test_a_place_that_is_gone_leads_to_the_start(self, session: Session, cast: Cast) -> None:
        make_organizations(session, 30)
        first = names(table.table(session, cast.oda, Filters(size=25)))
        gone = Cursor(Direction.AFTER, "ORG-NOWHERE")
        assert names(table.table(session, cast.oda, Filters(size=25), gone)) == first
        beyond = Cursor(Direction.AFTER, cast.acme.public_id)  # the oldest: nothing comes after it
        assert names(table.table(session, cast.oda, Filters(size=25), beyond)) == first

    def test_nobody_asks_for_a_million_rows(self, session: Session, cast: Cast) -> None:
        make_organizations(session, 150)
        rows = table.table(session, cast.oda, Filters(size=1_000_000)).rows
        assert len(rows) == max(PAGE_SIZES)


class TestSearch:
    @settings(
        max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(called=st.lists(st.text(max_size=12), min_size=1, max_size=6), words=st.text(max_size=6))
    def test_what_is_found_follows_from_the_words_alone(
        self, engine: Engine, called: list[str], words: str
    ) -> None:
        """Each engine is held to the same words, so both find the same."""
        with db.Session(db.writing_engine()) as session:
            made = [self._make(session, place, name) for place, name in enumerate(called)]
            hits = search.find(session, words)
            found = session.scalars(
                select(hits.id).select_from(hits.source).where(hits.is_found)
            ).all()
            fits = [org.id for org in made if self._fits(org.search_text, words)]
            assert sorted(found) == sorted(fits)
            session.rollback()

    def _make(self, session: Session, place: int, name: str) -> Organization:
        name = "".join(c for c in name if c != "\0" and not 0xD800 <= ord(c) < 0xE000)
        now = clock.now()
        org = Organization(
            public_id=f"ORG-{place}", name=name, created_at=now, stage_entered_at=now
        )
        search.index(org)
        session.add(org)
        session.flush()
        return org

    def _fits(self, kept: str, words: str) -> bool:
        asked = tokenizer.tokens(words)
        return bool(asked) and all(
            any(token.startswith(word) for token in kept.split()) for word in asked
        )


MIDDLE = Cursor(Direction.AFTER, "ORG-0001500")


def pages(*places: Cursor) -> Iterator[tuple[str, Filters, Cursor]]:
    """Yield every filter with every sort, each at the next of the places."""
    for row, (name, view) in enumerate(VIEWS.items()):
        for column, sort in enumerate(Sort):
            place = places[(row + column) % len(places)]
            yield f"{name}, {sort}, {place.direction}", replace(view, sort=sort), place


class TestWork:
    """What a page costs must not grow with the table: that is what keys and indexes are for."""

    def test_no_page_costs_more_among_more_rows(
        self, engine: Engine, session: Session, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if engine.dialect.name == "postgresql":  # what earlier tests left would mislead the planner
            with engine.connect() as connection:
                alone = connection.execution_options(isolation_level="AUTOCOMMIT")
                alone.exec_driver_sql("VACUUM FULL organizations, memberships, invitations")
        for module in (table, queries):
            for limit in ("MAX_COUNTED", "MAX_SORTED"):
                if hasattr(module, limit):
                    monkeypatch.setattr(module, limit, 300)
        make_organizations(session, 3_000)
        before = self._measure_all(session, cast)
        make_organizations(session, 7_000, start=3_000)
        after = self._measure_all(session, cast)

        grown = {name: (before[name], after[name]) for name in before}
        more = 200 if engine.dialect.name == "sqlite" else 2_500  # it may count rows as they lie
        assert {n: was for n, was in grown.items() if was[1] > 1.5 * was[0] + more} == {}

        bad = list(self._list_bad_plans(session, cast))
        assert bad == [], "\n".join(bad)

    @pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
    def test_time_in_a_stage_is_walked_within_it(
        self, session: Session, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for module in (table, queries):
            monkeypatch.setattr(module, "MAX_COUNTED", 3)
        monkeypatch.setattr(queries, "MAX_SORTED", 3)
        make_organizations(session, 80)
        view = Filters(stages=(Stage.ONBOARDING,), activity=Activity.ACTIVE, sort=Sort.STAGE_TIME)
        plans = _explain(session, cast, view, MIDDLE, "EXPLAIN QUERY PLAN ")
        steps = [step for _, plan in plans for *_, step in plan]
        assert any("ix_organizations_stage_entered (stage=?" in step for step in steps), steps

    @pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
    def test_large_ones_are_found_without_passing_all_small_ones(
        self, session: Session, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert all(MEMBER_RANGES[step][0] > 10 for step in LARGE_RANGES), organizations.IS_LARGE
        monkeypatch.setattr(queries, "MAX_SORTED", 50)
        monkeypatch.setattr(queries, "MAX_COUNTED", 50)
        monkeypatch.setattr(table, "MAX_COUNTED", 50)
        make_organizations(session, 3_000)
        session.execute(
            update(Organization)
            .where(Organization.id % 50 == 0)
            .values(member_count=20, last_active_at=clock.now())
            .execution_options(unrecorded=True)
        )
        view = Filters(members=Members.DOZENS, sort=Sort.ACTIVE)
        assert measure(session, cast, view, Cursor(Direction.LAST)) < 120

    def _list_bad_plans(self, session: Session, cast: Cast) -> Iterator[str]:
        """Yield the steps that read all organizations or sort many, by each filter and sort."""
        for name, view, place in pages(Cursor(), MIDDLE):
            found = read_plans(session, cast, view, place)
            yield from (f"{name}: {step}" for step in found)

    def _measure_all(self, session: Session, cast: Cast) -> dict[str, int]:
        if session.get_bind().dialect.name == "postgresql":  # as autovacuum does from time to time
            session.execute(text("SELECT gin_clean_pending_list('ix_organizations_search_tokens')"))
        session.execute(text("ANALYZE"))
        return {
            name: measure(session, cast, view, place)
            for name, view, place in pages(Cursor(), Cursor(Direction.LAST), MIDDLE)
        }


def measure(session: Session, cast: Cast, view: Filters, place: Cursor) -> int:
    """Return how much the database does for a page: SQLite's steps / 100, or PostgreSQL's rows."""
    if session.get_bind().dialect.name == "postgresql":
        return _rows_read(session, cast, view, place)
    steps = 0

    def tick() -> None:
        nonlocal steps
        steps += 1

    driver: Any = session.connection().connection.driver_connection
    driver.set_progress_handler(tick, 100)
    table.table(session, cast.ada, view, place)
    driver.set_progress_handler(None, 0)
    return steps


def read_plans(session: Session, cast: Cast, view: Filters, place: Cursor) -> Iterator[str]:
    """Yield the steps of a page's plans that would take long among a million.

    Counts end by themselves after a few rows, and a walk by id is a scan that ends as soon.
    """
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    how = "EXPLAIN (FORMAT JSON) " if is_postgresql else "EXPLAIN QUERY PLAN "
    for statement, plan in _explain(session, cast, view, place, how):
        if "count(*)" in statement:
            continue
        if is_postgresql:
            yield from _scans_of(plan[0][0][0]["Plan"])
        elif "ORDER BY organizations.id" not in statement:
            yield from (step for *_, step in plan if step == "SCAN organizations")


def _scans_of(node: dict[str, Any]) -> Iterator[str]:
    if node["Node Type"] == "Seq Scan" and node["Relation Name"] == "organizations":
        yield f"Seq Scan, {node.get('Filter')}"
    if node["Node Type"] == "Sort" and node["Plans"][0]["Plan Rows"] > queries.MAX_SORTED:
        yield f"Sort by {node['Sort Key']}"
    for part in node.get("Plans", []):
        yield from _scans_of(part)


def _rows_read(session: Session, cast: Cast, view: Filters, place: Cursor) -> int:
    plans = _explain(session, cast, view, place, "EXPLAIN (ANALYZE, FORMAT JSON) ")
    return sum(_rows_of(plan[0][0][0]["Plan"]) for _, plan in plans)


def _explain(
    session: Session, cast: Cast, view: Filters, place: Cursor, how: str
) -> list[tuple[str, Any]]:
    """Return each query of a page, and what the database says about it."""
    asked: list[tuple[str, Any]] = []

    def listen(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    connection = session.connection()
    event.listen(connection, "before_cursor_execute", listen)
    table.table(session, cast.ada, view, place)
    event.remove(connection, "before_cursor_execute", listen)
    return [(ask, connection.exec_driver_sql(how + ask, given).all()) for ask, given in asked]


def _rows_of(node: dict[str, Any]) -> int:
    own = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
    own += node.get("Rows Removed by Index Recheck", 0)
    return int(own * node["Actual Loops"]) + sum(map(_rows_of, node.get("Plans", [])))

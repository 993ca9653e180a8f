"""The organizations table: the same rows on both engines, each once, at a constant cost."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache, partial
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, insert, select, text, update
from sqlalchemy.orm import Session

from core.base import clock, tokenizer
from core.base.errors import NotPermitted
from core.database import db, search
from core.members import invitations
from core.models import (
    Invitation,
    InvitationStatus,
    Logo,
    Organization,
    Role,
    Stage,
    organizations,
)
from core.onboarding import board_queries
from core.organizations import queries, table
from core.organizations.filters import (
    LARGE_RANGES,
    MEMBER_RANGES,
    PAGE_SIZES,
    UNASSIGNED,
    Activity,
    Filters,
    Members,
    Profile,
    Sort,
)
from core.organizations.table import Cursor, Direction
from tests.conftest import Clock
from tests.support.cast import Cast
from tests.support.depth import IS_DEEP, rounds
from tests.support.plans import explain

REP = 6
RARE = range(0, 4_000, 1_000)
LOGO = "a" * 64
LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)
EXAMPLES = {
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
    "a size in two stages": Filters(stages=(Stage.FREE, Stage.PRODUCTION), members=Members.HANDFUL),
    "quiet": Filters(activity=Activity.QUIET),
    "active": Filters(activity=Activity.ACTIVE),
    "fading and small": Filters(activity=Activity.FADING, members=Members.ONE),
    "words and days": Filters(words="clin", created_from=date(2024, 3, 3)),
    "deleted": Filters(is_deleted=True),
}


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session that is rolled back at the end and records no history."""
    with db.Session(db.writing_engine(), expire_on_commit=False) as session:
        yield session


@cache
def indexed(index: int) -> dict[str, str]:
    """Return the id and the name of an organization, and what they are found and sorted by."""
    org = Organization(public_id=f"ORG-{index:07d}", name=f"Clinic {index % 97} of {index % 7}")
    search.index_organization(org)
    columns = ("public_id", "name", "name_key", "search_text")
    return {column: getattr(org, column) for column in columns}


def make_organizations(
    session: Session, number: int, *, start: int = 0, website: str = "there"
) -> None:
    """Add organizations whose names, sizes and stages repeat, so that sort keys have ties."""
    stages, now, rows = list(Stage), clock.now(), []
    session.merge(Logo(digest=LOGO, png=b"", thumbnail=b"", created_at=now))
    session.flush()
    for index in range(start, start + number):
        rows.append(
            {
                **indexed(index),
                "is_listed": False,
                "stage": stages[index % 4],
                "stage_entered_at": now - timedelta(days=index % 11),
                "rep_id": REP if index % 3 == 0 else None,
                "created_at": LONG_AGO + timedelta(hours=index),
                "last_active_at": now - timedelta(hours=index * 7 % 4_000),
                "member_count": 300 if index in RARE else index % 5,
                **dict.fromkeys(organizations.PROFILE_COLUMNS[1:], "there"),
                "website": website,
                "logo": LOGO if index % 3 == 0 else None,
                "deleted_at": now if index % 1_500 == 77 else None,
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


def read_pages(session: Session, cast: Cast, filters: Filters, start: Direction) -> list[list[str]]:
    """Direction every page from one end to the other."""
    is_forward = start is Direction.FIRST
    page = table.table(session, cast.oda, filters, Cursor(start))
    pages = [names(page)]
    while page.has_after if is_forward else page.has_before:
        cursor = (
            Cursor(Direction.AFTER, pages[-1][-1])
            if is_forward
            else Cursor(Direction.BEFORE, pages[-1][0])
        )
        page = table.table(session, cast.oda, filters, cursor)
        pages.append(names(page))
        assert page.has_before if is_forward else page.has_after
    return pages


class TestTable:
    def test_members_have_no_access(self, session: Session, cast: Cast) -> None:
        with pytest.raises(NotPermitted):
            table.table(session, cast.olga, Filters())

    def test_a_row_has_all_columns(self, session: Session, cast: Cast) -> None:
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

    def test_deleted_ones_are_left_out(self, session: Session, cast: Cast) -> None:
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
        ("filters", "matching"),
        [
            (Filters(created_from=date(2024, 1, 2), created_to=date(2024, 1, 3)), range(24, 72)),
            (Filters(members=Members.ONE, created_from=date(2024, 1, 1)), None),
            (Filters(members=Members.HANDFUL, words="clinic"), None),
            (Filters(profile=Profile.COMPLETE), range(0, 80, 3)),
            (Filters(profile=Profile.INCOMPLETE, words="clinic"), None),
        ],
    )
    def test_each_filter_selects_what_matches(
        self, session: Session, cast: Cast, filters: Filters, matching: Sequence[int] | None
    ) -> None:
        make_organizations(session, 80)
        page = table.table(session, cast.oda, replace(filters, size=100))
        rows = page.rows
        assert page.total == len(rows)
        if filters.members is Members.ONE:
            assert set(rows["member_count"]) <= {0, 1}
        elif filters.members is Members.HANDFUL:
            assert set(rows["member_count"]) == {2, 3, 4}
        elif matching is not None:
            assert set(names(page)) == {f"ORG-{index:07d}" for index in matching}
        else:
            assert (rows["profile"] < 100).all()
            assert not rows.empty

    def test_activity_counts_days_since_a_member_was_active(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        make_organizations(session, 8)
        for index, days in enumerate([0, 6.9, 7.1, 29.9, 30.1, 89.9, 90.1, 400]):
            self._last_active(session, f"ORG-{index:07d}", clock.now() - timedelta(days=days))
        for number, tier in enumerate(Activity):
            found = names(table.table(session, cast.oda, Filters(words="clinic", activity=tier)))
            assert sorted(found) == [f"ORG-{2 * number + index:07d}" for index in (0, 1)]

    def test_the_most_recently_active_comes_first(
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

    def test_filters_are_combined(self, session: Session, cast: Cast) -> None:
        make_organizations(session, 60)
        filters = Filters(stages=(Stage.FREE, Stage.PRODUCTION), rep_id=REP, words="clinic")
        rows = table.table(session, cast.oda, filters).rows
        assert len(rows) == 10
        assert set(rows["stage"]) == {Stage.FREE, Stage.PRODUCTION}
        assert set(rows["rep"]) == {"Sam"}

    @pytest.mark.parametrize("words", ["***", "\0", "'", '"', "no such name", "a" * 5000])
    def test_words_without_a_match_find_nothing(
        self, session: Session, cast: Cast, words: str
    ) -> None:
        page = table.table(session, cast.oda, Filters(words=words))
        assert (len(page.rows), page.total) == (0, 0)
        assert not page.has_after

    def test_too_many_search_results_are_sorted_newest_first(
        self, session: Session, cast: Cast
    ) -> None:
        make_organizations(session, queries.MAX_COUNTED + 5)
        filters = Filters(words="clinic", sort=Sort.NAME)
        assert table.table(session, cast.oda, filters).sort is Sort.NEWEST
        few = table.table(session, cast.oda, Filters(words="clinic 3 of", sort=Sort.NAME))
        assert few.sort is Sort.NAME

    def test_too_many_search_results_have_pages_from_either_end(
        self, session: Session, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_organizations(session, 120)
        filters = Filters(words="clinic", size=25)
        before = [
            read_pages(session, cast, filters, start) for start in (Direction.FIRST, Direction.LAST)
        ]
        monkeypatch.setattr(table, "MAX_COUNTED", 30)
        assert [
            read_pages(session, cast, filters, start) for start in (Direction.FIRST, Direction.LAST)
        ] == before

    def test_counts_are_capped(self, session: Session, cast: Cast) -> None:
        make_organizations(session, queries.MAX_COUNTED + 100)
        assert table.table(session, cast.oda, Filters()).total == queries.MAX_COUNTED + 1


class TestPagination:
    @pytest.mark.parametrize(
        "narrowed", ["all", "two stages", "a rep", "words", "a size in two stages"]
    )
    def test_every_row_appears_once_from_either_end(
        self, session: Session, cast: Cast, narrowed: str
    ) -> None:
        make_organizations(session, 130)
        for sort in Sort:
            filters = replace(EXAMPLES[narrowed], sort=sort, size=25)
            total = table.table(session, cast.oda, filters).total

            forward = read_pages(session, cast, filters, Direction.FIRST)
            back = read_pages(session, cast, filters, Direction.LAST)

            rows = [row for page in forward for row in page]
            assert len(rows) == len(set(rows)) == total, sort
            backwards = [row for page in reversed(back[:-1]) for row in page]
            assert backwards == rows[-len(backwards) :], sort
            assert back[-1] == forward[0], f"a first page is a full one by {sort}"
            assert {*backwards, *back[-1]} == set(rows), sort
            assert all(len(page) == 25 for page in forward[:-1]), sort

    def test_the_previous_page_is_the_same_again(self, session: Session, cast: Cast) -> None:
        make_organizations(session, 120)
        for before, after in pairwise(read_pages(session, cast, Filters(size=25), Direction.FIRST)):
            cursor = Cursor(Direction.BEFORE, after[0])
            assert names(table.table(session, cast.oda, Filters(size=25), cursor)) == before

    def test_an_invalid_cursor_leads_to_the_first_page(self, session: Session, cast: Cast) -> None:
        make_organizations(session, 30)
        first = names(table.table(session, cast.oda, Filters(size=25)))
        gone = Cursor(Direction.AFTER, "ORG-NOWHERE")
        assert names(table.table(session, cast.oda, Filters(size=25), gone)) == first
        beyond = Cursor(Direction.AFTER, cast.acme.public_id)  # the oldest: nothing comes after it
        assert names(table.table(session, cast.oda, Filters(size=25), beyond)) == first

    def test_the_page_size_is_limited(self, session: Session, cast: Cast) -> None:
        make_organizations(session, 150)
        rows = table.table(session, cast.oda, Filters(size=1_000_000)).rows
        assert len(rows) == max(PAGE_SIZES)


class TestUnassigned:
    def test_organizations_without_a_sales_rep_are_found(
        self, session: Session, cast: Cast
    ) -> None:
        rep = cast.sam.user_id
        session.execute(text(f"UPDATE organizations SET rep_id = {rep} WHERE name = 'Acme'"))
        for filters in (
            Filters(rep_id=UNASSIGNED),
            Filters(rep_id=UNASSIGNED, stages=(Stage.FREE,)),
            Filters(rep_id=UNASSIGNED, words="otto"),
            Filters(rep_id=UNASSIGNED, created_from=date(2020, 1, 1), sort=Sort.NAME),
        ):
            found = table.table(session, cast.oda, filters)
            assert found.rows["name"].tolist() == ["Otto Ltd"]
            assert Filters.from_query(filters.to_query()) == filters
        query = board_queries.parse(cast.sam, "rep=0")
        assert board_queries.BoardQuery(rep_id=UNASSIGNED) == query
        count = board_queries.count(query, board_queries.Column.REQUESTED, 9)
        assert session.scalar(select(count)) == 0


class TestSearch:
    @settings(max_examples=rounds(15, 40))
    @given(
        names_made=st.lists(st.text(max_size=12), min_size=1, max_size=6), words=st.text(max_size=6)
    )
    def test_search_finds_the_same_on_both_engines(
        self, engine: Engine, names_made: list[str], words: str
    ) -> None:
        """Compare each engine with the same search in Python."""
        with db.Session(db.writing_engine()) as session:
            made = [self._make(session, number, name) for number, name in enumerate(names_made)]
            hits = search.match_organizations(session, words)
            found = session.scalars(
                select(hits.id).select_from(hits.source).where(hits.is_found)
            ).all()
            matching = [
                org.id
                for org in made
                if words.strip() and tokenizer.matches(words, org.name, org.public_id)
            ]
            assert sorted(found) == sorted(matching)
            by_name = select(Organization.id).order_by(Organization.name_key, Organization.id)
            made.sort(key=lambda org: (org.name_key, org.id))
            assert session.scalars(by_name).all() == [org.id for org in made]
            session.rollback()

    def _make(self, session: Session, number: int, name: str) -> Organization:
        name = "".join(c for c in name if c != "\0" and not 0xD800 <= ord(c) < 0xE000)
        now = clock.now()
        org = Organization(
            public_id=f"ORG-{number}", name=name, created_at=now, stage_entered_at=now
        )
        search.index_organization(org)
        session.add(org)
        session.flush()
        return org

    def test_staff_find_the_organizations_of_a_person_by_the_address(
        self, session: Session, cast: Cast
    ) -> None:
        invitations.invite(session, cast.olga, cast.acme.id, "Nina@Example.com")
        for address, found in {
            "mia@example.com": ["Acme"],
            " MIA@example.COM ": ["Acme"],
            "otto@example.com": ["Otto Ltd"],
            "nina@example.com": ["Acme"],
            "ia@example.com": [],
        }.items():
            page = table.table(session, cast.oda, Filters(words=address))
            assert page.rows["name"].tolist() == found
            assert page.total == len(found)


MIDDLE = Cursor(Direction.AFTER, "ORG-0001500")


def pages(*cursors: Cursor) -> Iterator[tuple[str, Filters, Cursor]]:
    """Yield every example with every order, or with one of the six, each with the next cursor."""
    for row, (name, filters) in enumerate(EXAMPLES.items()):
        for column, sort in enumerate(Sort):
            if not IS_DEEP and (row + column) % len(Sort):
                continue
            cursor = cursors[(row // len(Sort) + column) % len(cursors)]
            yield f"{name}, {sort}, {cursor.direction}", replace(filters, sort=sort), cursor


class TestCost:
    """The cost of a page must not grow with the table."""

    def test_no_page_costs_more_with_more_rows(
        self, engine: Engine, session: Session, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if engine.dialect.name == "postgresql":  # leftovers of earlier tests mislead the planner
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
        more = 200 if engine.dialect.name == "sqlite" else 2_500  # it may scan for counts
        assert {n: was for n, was in grown.items() if was[1] > 1.5 * was[0] + more} == {}

        bad = list(self._list_bad_plans(session, cast))
        assert bad == [], "\n".join(bad)

    @pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
    def test_time_in_stage_is_scanned_within_the_stage(
        self, session: Session, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for module in (table, queries):
            monkeypatch.setattr(module, "MAX_COUNTED", 3)
        monkeypatch.setattr(queries, "MAX_SORTED", 3)
        make_organizations(session, 80)
        filters = Filters(
            stages=(Stage.ONBOARDING,), activity=Activity.ACTIVE, sort=Sort.STAGE_TIME
        )
        plans = _explain(session, cast, filters, MIDDLE, "EXPLAIN QUERY PLAN ")
        steps = [step for _, plan in plans for *_, step in plan]
        assert any("ix_organizations_stage_entered (stage=?" in step for step in steps), steps

    @pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
    def test_the_best_of_several_indexes_is_looked_for_and_read_once(
        self, session: Session, cast: Cast
    ) -> None:
        make_organizations(session, 300)
        filters = Filters(
            stages=(Stage.FREE, Stage.PRODUCTION),
            rep_id=REP,
            members=Members.HANDFUL,
            profile=Profile.COMPLETE,
            created_from=date(2024, 1, 1),
        )
        plans = _explain(session, cast, filters, Cursor(), "EXPLAIN QUERY PLAN ")
        assert len(plans) == 4, "rights, the best index, what matches with its number, the rows"
        steps = [step for _, plan in plans for *_, step in plan]
        assert not any("ix_organizations_logo" in step for step in steps), "it reads every row"

    @pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
    @pytest.mark.parametrize("rep", [None, REP])
    def test_sizes_and_dates_are_checked_in_the_index_of_the_stage(
        self, session: Session, cast: Cast, monkeypatch: pytest.MonkeyPatch, rep: int | None
    ) -> None:
        monkeypatch.setattr(queries, "MAX_SORTED", 3)  # so that no filter leaves the fewest
        make_organizations(session, 80)
        filters = Filters(stages=(Stage.FREE,), rep_id=rep, members=Members.HANDFUL)
        for dated in (filters, replace(filters, created_from=date(2024, 1, 1))):
            plans = _explain(session, cast, dated, Cursor(), "EXPLAIN QUERY PLAN ")
            steps = [step for _, plan in plans for *_, step in plan]
            name = "memberships (stage=?" if rep is None else "rep_id_stage_id (rep_id=? AND stage"
            assert sum(f"COVERING INDEX ix_organizations_{name}" in each for each in steps) == 2

    @pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
    @pytest.mark.parametrize("rep", [None, REP])
    def test_a_search_looks_for_the_stage_in_its_index(
        self, session: Session, cast: Cast, rep: int | None
    ) -> None:
        make_organizations(session, 80)
        filters = Filters(words="clin", stages=(Stage.FREE, Stage.PRODUCTION), rep_id=rep)
        found = table.table(session, cast.oda, filters).rows
        assert set(found["stage"]) == {Stage.FREE, Stage.PRODUCTION}
        assert len(found) == (40 if rep is None else 14)

        plans = _explain(session, cast, filters, Cursor(), "EXPLAIN QUERY PLAN ")
        steps = [step for _, plan in plans for *_, step in plan]
        of_rep = "" if rep is None else "rep_id=? AND "
        assert any(f"({of_rep}stage=? AND id>? AND id<?)" in step for step in steps), steps

    @pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
    def test_large_ones_are_found_without_scanning_all_small_ones(
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
        filters = Filters(members=Members.DOZENS, sort=Sort.ACTIVE)
        assert measure(session, cast, filters, Cursor(Direction.LAST)) < 120

    def _list_bad_plans(self, session: Session, cast: Cast) -> Iterator[str]:
        """Yield the steps of query plans that read all organizations or sort many."""
        for name, filters, cursor in pages(Cursor(), MIDDLE):
            found = read_plans(session, cast, filters, cursor)
            yield from (f"{name}: {step}" for step in found)

    def _measure_all(self, session: Session, cast: Cast) -> dict[str, int]:
        if session.get_bind().dialect.name == "postgresql":  # as autovacuum does now and then
            session.execute(text("SELECT gin_clean_pending_list('ix_organizations_search_tokens')"))
        for name in ("organizations", "memberships", "invitations"):  # the others are empty
            session.execute(text(f"ANALYZE {name}"))
        return {
            name: measure(session, cast, filters, cursor)
            for name, filters, cursor in pages(Cursor(), Cursor(Direction.LAST), MIDDLE)
        }


def measure(session: Session, cast: Cast, filters: Filters, cursor: Cursor) -> int:
    """Return the cost of a page: SQLite's steps / 100, or the rows that PostgreSQL reads."""
    if session.get_bind().dialect.name == "postgresql":
        return _rows_read(session, cast, filters, cursor)
    steps = 0

    def count_steps() -> None:
        nonlocal steps
        steps += 1

    driver: Any = session.connection().connection.driver_connection
    driver.set_progress_handler(count_steps, 100)
    table.table(session, cast.ada, filters, cursor)
    driver.set_progress_handler(None, 0)
    return steps


def read_plans(session: Session, cast: Cast, filters: Filters, cursor: Cursor) -> Iterator[str]:
    """Yield the steps of a page's query plans that would be slow with a million rows.

    Counts are capped, and a scan by id ends after a page; both are left out.
    """
    work = partial(table.table, session, cast.ada, filters, cursor)
    yield from read_plans_of(session, work)


def read_plans_of(session: Session, work: Callable[[], object]) -> Iterator[str]:
    """Yield the same steps of the plans of all queries that `work` executes."""
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    prefix = "EXPLAIN (FORMAT JSON) " if is_postgresql else "EXPLAIN QUERY PLAN "
    for statement, plan in explain(session, work, prefix):
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


def _rows_read(session: Session, cast: Cast, filters: Filters, cursor: Cursor) -> int:
    plans = _explain(session, cast, filters, cursor, "EXPLAIN (ANALYZE, FORMAT JSON) ")
    return sum(_rows_of(plan[0][0][0]["Plan"]) for _, plan in plans)


def _explain(
    session: Session, cast: Cast, filters: Filters, cursor: Cursor, prefix: str
) -> list[tuple[str, Any]]:
    """Return each query of a page with its plan."""
    return explain(session, lambda: table.table(session, cast.ada, filters, cursor), prefix)


def _rows_of(node: dict[str, Any]) -> int:
    own = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
    own += node.get("Rows Removed by Index Recheck", 0)
    return int(own * node["Actual Loops"]) + sum(map(_rows_of, node.get("Plans", [])))

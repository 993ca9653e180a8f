"""The board: columns, order, filters, subsets and open checks."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import Engine, event, select, text
from sqlalchemy.orm import Session

from core.base import tokenizer
from core.base.errors import NotPermitted
from core.database import counters, db
from core.models import Logo, Membership, Organization, Role, Stage, User
from core.onboarding import board, board_queries, stuck
from core.onboarding.board_queries import BoardQuery, Column, Only, Sort
from tests.conftest import Clock
from tests.support.cast import Cast

NOON = datetime.fromisoformat("2026-11-23T12:00:00+00:00")
"""The moment at which `clock` starts, a Monday."""


@pytest.fixture
def session(engine: Engine, clock: Clock) -> Iterator[Session]:
    """A session whose rows are rolled back and need no history."""
    with db.Session(db.writing_engine(), expire_on_commit=False) as session:
        yield session


class BoardBuilder:
    """Creates organizations for the board."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.number = 0

    def put(self, name: str, stage: Stage, days: int = 0, **more: object) -> Organization:
        """Create one that entered its stage so many calendar days ago."""
        self.number += 1
        org = Organization(
            public_id=f"ORG-{self.number:07}",
            name=name,
            name_key=tokenizer.name_key(name),
            search_text=tokenizer.search_text(name),
            stage=stage,
            stage_entered_at=NOON - timedelta(days=days),
            created_at=NOON - timedelta(days=days + 1),
            **more,
        )
        self.session.add(org)
        self.session.flush()
        return org


@pytest.fixture
def builder(session: Session, cast: Cast) -> BoardBuilder:
    return BoardBuilder(session)


def names(column_cards: board.CardList) -> list[str]:
    return [card.org.name for card in column_cards.cards]


def columns(session: Session, cast: Cast, view: BoardQuery | None = None) -> dict[str, list[str]]:
    loaded = board.load(session, cast.sam, view or BoardQuery())
    return {str(column): names(column_cards) for column, column_cards in loaded.columns.items()}


class TestColumns:
    def test_requests_and_each_stage_have_a_column(
        self, session: Session, cast: Cast, builder: BoardBuilder
    ) -> None:
        builder.put("Asks", Stage.FREE, requested_at=NOON, request_note="In spring, please.")
        builder.put("Begins", Stage.ONBOARDING)
        builder.put("Tests", Stage.PREPRODUCTION)
        builder.put("Lives", Stage.PRODUCTION)
        builder.put("Gone", Stage.ONBOARDING, deleted_at=NOON)
        loaded = board.load(session, cast.sam, BoardQuery())
        assert {str(c): (names(s), s.total) for c, s in loaded.columns.items()} == {
            "requested": (["Asks"], 1),
            "onboarding": (["Begins"], 1),
            "preproduction": (["Tests"], 1),
            "production": (["Lives"], 1),
        }

    def test_columns_are_limited_and_their_totals_are_not(
        self, session: Session, cast: Cast, builder: BoardBuilder
    ) -> None:
        for number in range(board.PAGE_SIZE + 3):
            builder.put(f"No {number:02}", Stage.ONBOARDING, days=number)
        column_cards = board.load(session, cast.sam, BoardQuery()).columns[Column.ONBOARDING]
        longest = [f"No {number:02}" for number in range(board.PAGE_SIZE + 2, 2, -1)]
        assert names(column_cards) == longest
        assert (column_cards.total, column_cards.rest) == (23, 3)
        more = board.load(session, cast.sam, BoardQuery(), {Column.ONBOARDING: 30})
        assert len(more.columns[Column.ONBOARDING].cards) == 23

    def test_the_total_of_a_column_follows_changes(
        self, session: Session, cast: Cast, builder: BoardBuilder
    ) -> None:
        org = builder.put("Begins", Stage.ONBOARDING, rep_id=cast.sam.user_id)
        builder.put("Another", Stage.ONBOARDING)
        changes: tuple[tuple[dict[str, object], list[int]], ...] = (
            ({"next_step": "Call."}, [2, 0, 1]),
            ({"rep_id": cast.sue.user_id}, [2, 0, 0]),
            ({"stage": Stage.PREPRODUCTION, "rep_id": cast.sam.user_id}, [1, 1, 0]),
            ({"deleted_at": NOON}, [1, 0, 0]),
            ({"deleted_at": None, "stage": Stage.ONBOARDING}, [2, 0, 1]),
        )
        session.add(Membership(org_id=org.id, user_id=6, role=Role.OWNER, joined_at=NOON))
        for change, expected in changes:
            for field, value in change.items():
                setattr(org, field, value)
            session.flush()
            assert self._totals(session, cast) == expected, change
            assert counters.count_differences(session) == 0
        while counters.merge(session):
            pass
        assert self._totals(session, cast) == [2, 0, 1]

    def _totals(self, session: Session, cast: Cast) -> list[int]:
        of_all = board.load(session, cast.sam, BoardQuery()).columns
        of_sam = board.load(session, cast.sam, BoardQuery(rep_id=cast.sam.user_id)).columns
        shelves = [of_all[Column.ONBOARDING], of_all[Column.PREPRODUCTION]]
        return [column_cards.total for column_cards in (*shelves, of_sam[Column.ONBOARDING])]

    def test_only_staff_sees_it(self, session: Session, cast: Cast) -> None:
        with pytest.raises(NotPermitted):
            board.load(session, cast.olga, BoardQuery())


class TestOrder:
    @pytest.fixture(autouse=True)
    def three(self, builder: BoardBuilder) -> None:
        builder.put("Long", Stage.ONBOARDING, days=9)
        builder.put("Due", Stage.ONBOARDING, days=5, next_step_on=date(2026, 11, 24))
        builder.put("Later", Stage.ONBOARDING, days=7, next_step_on=date(2026, 12, 24))
        builder.put("New", Stage.ONBOARDING, days=1)

    @pytest.mark.parametrize(
        ("sort", "expected"),
        [
            (Sort.LONGEST, ["Long", "Later", "Due", "New"]),
            (Sort.NEWEST, ["New", "Due", "Later", "Long"]),
            (Sort.DUE, ["Due", "Later", "Long", "New"]),
        ],
    )
    def test_each_order(
        self, session: Session, cast: Cast, sort: Sort, expected: list[str]
    ) -> None:
        assert columns(session, cast, BoardQuery(sort=sort))["onboarding"] == expected

    def test_search_results_keep_the_order(
        self, session: Session, cast: Cast, builder: BoardBuilder
    ) -> None:
        builder.put("Long ago", Stage.ONBOARDING, days=20)
        view = BoardQuery(words="long")
        assert columns(session, cast, view)["onboarding"] == ["Long ago", "Long"]
        column_cards = board.load(session, cast.sam, view).columns[Column.ONBOARDING]
        assert (column_cards.total, column_cards.is_capped) == (2, False)


class TestFilters:
    def test_the_filter_by_rep_keeps_all_requests(
        self, session: Session, cast: Cast, builder: BoardBuilder
    ) -> None:
        builder.put("Hers", Stage.ONBOARDING, rep_id=cast.sue.user_id)
        builder.put("His", Stage.ONBOARDING, rep_id=cast.sam.user_id)
        builder.put("Asks", Stage.FREE, requested_at=NOON)
        mine = board_queries.parse(cast.sam, "rep=mine")
        assert columns(session, cast, mine)["onboarding"] == ["His"]
        assert columns(session, cast, mine)["requested"] == ["Asks"]
        hers = board_queries.parse(cast.sam, f"rep={cast.sue.user_id}")
        assert columns(session, cast, hers)["onboarding"] == ["Hers"]

    def test_due_includes_overdue_and_the_next_seven_days(
        self, session: Session, cast: Cast, builder: BoardBuilder
    ) -> None:
        for name, days in (("Past", -1), ("Soon", 7), ("Later", 8)):
            due = NOON.date() + timedelta(days=days)
            builder.put(name, Stage.PREPRODUCTION, next_step_on=due)
        view = board_queries.parse(cast.sam, "only=due")
        assert columns(session, cast, view) == {"onboarding": [], "preproduction": ["Past", "Soon"]}

    @pytest.mark.parametrize("query", ["rep=x", "only=all", "sort=odd"])
    def test_invalid_queries_are_refused(self, cast: Cast, query: str) -> None:
        with pytest.raises(ValueError, match=r"not an id|all|odd"):
            board_queries.parse(cast.sam, query)


class TestStuck:
    @pytest.fixture(autouse=True)
    def some(self, builder: BoardBuilder, cast: Cast) -> None:
        rep_id, overdue = cast.sam.user_id, date(2026, 11, 20)
        builder.put("Too long", Stage.ONBOARDING, days=30, rep_id=rep_id)
        builder.put("Overdue", Stage.PREPRODUCTION, days=2, next_step_on=overdue)
        builder.put("Both", Stage.ONBOARDING, days=40, next_step_on=overdue)
        builder.put("Fine", Stage.ONBOARDING, days=3, next_step_on=date(2026, 11, 23))
        builder.put("Asleep", Stage.ONBOARDING, days=50, snoozed_until=date(2026, 12, 1))
        builder.put("Awake", Stage.ONBOARDING, days=20, snoozed_until=date(2026, 11, 23))
        builder.put("Live", Stage.PRODUCTION, days=90, next_step_on=overdue)

    def test_they_come_first_in_their_column_with_the_reasons(
        self, session: Session, cast: Cast
    ) -> None:
        loaded = board.load(session, cast.sam, BoardQuery())
        onboarding, preproduction = (
            loaded.columns[column] for column in (Column.ONBOARDING, Column.PREPRODUCTION)
        )
        assert names(onboarding) == ["Both", "Too long", "Awake", "Asleep", "Fine"]
        assert names(preproduction) == ["Overdue"]
        assert (onboarding.total, loaded.subsets[Only.STUCK]) == (5, 4)
        cards = (*onboarding.cards, *preproduction.cards)
        why = {card.org.name: card.why_stuck for card in cards if card.why_stuck}
        assert why["Overdue"] == ["Overdue since 20 Nov"]
        assert why["Too long"] == ["Day 20 of 10 in onboarding"]
        assert set(why) == {"Both", "Too long", "Awake", "Overdue"}

    @pytest.mark.parametrize("sort", Sort)
    @pytest.mark.parametrize("limit", [1, 3, 4])
    def test_the_first_cards_are_those_of_the_whole_column(
        self, session: Session, cast: Cast, sort: Sort, limit: int
    ) -> None:
        whole = columns(session, cast, BoardQuery(sort=sort))["onboarding"]
        loaded = board.load(session, cast.sam, BoardQuery(sort=sort), {Column.ONBOARDING: limit})
        assert names(loaded.columns[Column.ONBOARDING]) == whole[:limit]
        assert {"Both", "Too long", "Awake"} == set(whole[:3])

    def test_they_come_first_in_search_results(self, session: Session, cast: Cast) -> None:
        found = columns(session, cast, BoardQuery(words="a", sort=Sort.NEWEST))
        assert found["onboarding"] == ["Awake", "Asleep"]

    def test_the_board_can_be_limited_to_stuck(self, session: Session, cast: Cast) -> None:
        loaded = board.load(session, cast.sam, BoardQuery(only=Only.STUCK))
        assert {str(c): (names(s), s.total) for c, s in loaded.columns.items()} == {
            "onboarding": (["Both", "Too long", "Awake"], 3),
            "preproduction": (["Overdue"], 1),
        }

    def test_the_index_scans_agree_with_the_rule(self, session: Session, cast: Cast) -> None:
        ruled = session.scalars(select(Organization.name).where(stuck.condition()))
        found = columns(session, cast, BoardQuery(only=Only.STUCK))
        assert sorted(ruled) == sorted(found["onboarding"] + found["preproduction"])

    def test_the_number_follows_the_rep_and_no_other_filter(
        self, session: Session, cast: Cast
    ) -> None:
        query = BoardQuery(rep_id=cast.sam.user_id, only=Only.DUE)
        assert board.load(session, cast.sam, query).subsets[Only.STUCK] == 1
        assert board.load(session, cast.sam, BoardQuery(words="o")).subsets == {}

    def test_stuck_organizations_can_be_searched(self, session: Session, cast: Cast) -> None:
        view = BoardQuery(words="o", only=Only.STUCK)
        assert columns(session, cast, view) == {"onboarding": [], "preproduction": ["Overdue"]}


class TestReady:
    FULL = {"alert_email": "a@x.com", "overview": "x", "sales_email": "b@x.com", "phone": "+1"}

    def put_in_preproduction(
        self, builder: BoardBuilder, name: str, owners: list[User], **more: object
    ) -> Organization:
        org = builder.put(name, Stage.PREPRODUCTION, **more)
        for owner in owners:
            joined = {"role": Role.OWNER, "joined_at": NOON}
            builder.session.add(Membership(org_id=org.id, user_id=owner.id, **joined))
        builder.session.flush()
        return org

    def test_it_is_those_whose_checks_are_all_met(
        self, session: Session, cast: Cast, builder: BoardBuilder
    ) -> None:
        users = [session.get_one(User, each.user_id) for each in (cast.olga, cast.adam, cast.mia)]
        for user in users[:2]:
            user.two_factor_at = NOON
        session.add(Logo(digest="0" * 64, png=b"", thumbnail=b"", created_at=NOON))
        session.flush()
        builder.put("Full", Stage.ONBOARDING, days=2, website="https://x.io", **self.FULL)
        builder.put("Longer", Stage.ONBOARDING, days=3, website="https://x.io", **self.FULL)
        builder.put("Nearly", Stage.ONBOARDING, **self.FULL)
        builder.put("Live", Stage.PRODUCTION, website="https://x.io", **self.FULL)
        self.put_in_preproduction(builder, "Protected", users[:2], logo="0" * 64)
        self.put_in_preproduction(builder, "Unprotected", users, logo="0" * 64)
        self.put_in_preproduction(builder, "Alone", users[:1], logo="0" * 64)
        self.put_in_preproduction(builder, "Faceless", users[:2])
        ready = board.load(session, cast.sam, BoardQuery(only=Only.READY))
        assert {str(c): names(cards) for c, cards in ready.columns.items()} == {
            "onboarding": ["Longer", "Full"],
            "preproduction": ["Protected"],
        }
        assert ready.subsets[Only.READY] == 3
        everything = board.load(session, cast.sam, BoardQuery()).columns
        assert {
            card.org.name
            for column in (Column.ONBOARDING, Column.PREPRODUCTION)
            for card in everything[column].cards
            if not card.missing
        } == {"Full", "Longer", "Protected"}


class TestMissing:
    def test_cards_have_the_open_checks(
        self, session: Session, cast: Cast, builder: BoardBuilder
    ) -> None:
        full = {"alert_email": "a@x.com", "overview": "x", "sales_email": "b@x.com"}
        builder.put("Nearly", Stage.ONBOARDING, phone="+1", **full)
        org = builder.put("Two", Stage.PREPRODUCTION)
        for person in (cast.olga, cast.adam):
            user = session.get_one(User, person.user_id)
            user.two_factor_at = NOON if person is cast.olga else None
            joined = {"role": Role.OWNER, "joined_at": NOON}
            session.add(Membership(org_id=org.id, user_id=user.id, **joined))
        session.flush()
        loaded = board.load(session, cast.sam, BoardQuery())
        lacks = {
            card.org.name: [check.open_text for check in card.missing]
            for column_cards in loaded.columns.values()
            for card in column_cards.cards
        }
        assert lacks == {
            "Nearly": ["Add a public website"],
            "Two": ["1 owner hasn't turned on two-factor", "Add a logo"],
        }


def test_the_number_of_queries_is_constant(
    session: Session, cast: Cast, builder: BoardBuilder, engine: Engine
) -> None:
    sent: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *arguments: sent.append(arguments[2]))
    numbers = []
    for count in (1, 30):
        for stage in (Stage.ONBOARDING, Stage.PREPRODUCTION):
            for number in range(count):
                builder.put(f"No {number}", stage, days=number)
        session.expire_all()
        sent.clear()
        board.load(session, cast.sam, BoardQuery(), dict.fromkeys(Column, 40))
        numbers.append(len(sent))
    assert numbers[1] <= numbers[0] <= 6


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("query", "without_stuck"),
    [
        ("", False),
        ("", True),
        ("rep=6", True),
        ("sort=due", True),
        ("only=due", True),
        ("only=stuck", False),
        ("only=ready", True),
        ("rep=6&only=ready", False),
    ],
)
def test_no_column_is_sorted_completely(
    session: Session, cast: Cast, query: str, without_stuck: bool
) -> None:
    """Each scan for the first cards reads an index in their order."""
    view = board_queries.parse(cast.sam, query)
    for column in view.columns:
        for scan in board_queries.first_cards(
            session, view, column, 5, without_stuck=without_stuck
        ):
            steps = scan.get_final_froms()[0].element
            bound = steps.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
            plan = session.execute(text(f"EXPLAIN QUERY PLAN {bound}")).all()
            assert not [line for *_, line in plan if "TEMP B-TREE FOR ORDER BY" in line], plan
            assert all("USING" in line for *_, line in plan), plan
            if view.only is Only.READY:
                assert "_ready" in plan[0][-1], plan


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("rep", ["", "rep=6&"])
@pytest.mark.parametrize("only", Only)
def test_every_subset_is_counted_along_an_index(
    session: Session, cast: Cast, rep: str, only: Only
) -> None:
    view = board_queries.parse(cast.sam, f"{rep}only={only}")
    for column in view.columns:
        number = select(board_queries.count(view, column, 200))
        bound = number.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
        plan = [line for *_, line in session.execute(text(f"EXPLAIN QUERY PLAN {bound}"))]
        assert not [line for line in plan if "TEMP B-TREE" in line], plan
        assert [line for line in plan if "organizations USING" in line], plan
        assert not [line for line in plan if "SCAN organizations" in line and "INDEX" not in line]

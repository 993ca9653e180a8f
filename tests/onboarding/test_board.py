"""The board: what stands in which column, in which order, what is stuck and what is missing."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import Engine, event, select, text
from sqlalchemy.orm import Session

from core.base import tokenizer
from core.base.errors import NotPermitted
from core.database import counters, db
from core.models import Membership, Organization, Role, Stage, User
from core.onboarding import board, board_queries, stuck
from core.onboarding.board_queries import BoardQuery, Column, Only, Sort
from tests.conftest import Clock
from tests.support.cast import Cast

NOON = datetime.fromisoformat("2026-11-23T12:00:00+00:00")
"""A Monday: `clock` stands there."""


@pytest.fixture
def session(engine: Engine, clock: Clock) -> Iterator[Session]:
    """What is put here is thrown away at the end, and is no news for history."""
    with db.Session(db.writing_engine(), expire_on_commit=False) as session:
        yield session


class Desk:
    """Puts organizations on the board."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.number = 0

    def put(self, name: str, stage: Stage, days: int = 0, **more: object) -> Organization:
        """Put one in a stage since so many days of the calendar."""
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
def desk(session: Session, cast: Cast) -> Desk:
    return Desk(session)


def names(shelf: board.CardList) -> list[str]:
    return [card.org.name for card in shelf.cards]


def shown(session: Session, cast: Cast, view: BoardQuery | None = None) -> dict[str, list[str]]:
    made = board.load(session, cast.sam, view or BoardQuery())
    return {str(column): names(shelf) for column, shelf in made.columns.items()}


class TestColumns:
    def test_each_stage_has_one_and_raised_hands_have_their_own(
        self, session: Session, cast: Cast, desk: Desk
    ) -> None:
        desk.put("Asks", Stage.FREE, requested_at=NOON, request_note="In spring, please.")
        desk.put("Begins", Stage.ONBOARDING)
        desk.put("Tests", Stage.PREPRODUCTION)
        desk.put("Lives", Stage.PRODUCTION)
        desk.put("Gone", Stage.ONBOARDING, deleted_at=NOON)
        made = board.load(session, cast.sam, BoardQuery())
        assert {str(c): (names(s), s.total) for c, s in made.columns.items()} == {
            "requested": (["Asks"], 1),
            "onboarding": (["Begins"], 1),
            "preproduction": (["Tests"], 1),
            "production": (["Lives"], 1),
        }

    def test_cards_come_a_page_at_a_time_and_are_counted_whole(
        self, session: Session, cast: Cast, desk: Desk
    ) -> None:
        for number in range(board.PAGE_SIZE + 3):
            desk.put(f"No {number:02}", Stage.ONBOARDING, days=number)
        shelf = board.load(session, cast.sam, BoardQuery()).columns[Column.ONBOARDING]
        assert names(shelf) == [f"No {number:02}" for number in range(10, 2, -1)]
        assert (shelf.total, shelf.rest) == (11, 3)
        more = board.load(session, cast.sam, BoardQuery(), {Column.ONBOARDING: 16})
        assert len(more.columns[Column.ONBOARDING].cards) == 11

    def test_the_count_of_a_column_follows_who_stands_in_it(
        self, session: Session, cast: Cast, desk: Desk
    ) -> None:
        org = desk.put("Begins", Stage.ONBOARDING, rep_id=cast.sam.user_id)
        desk.put("Another", Stage.ONBOARDING)
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
            assert counters.find_differences(session) == 0
        while counters.merge(session):
            pass
        assert self._totals(session, cast) == [2, 0, 1]

    def _totals(self, session: Session, cast: Cast) -> list[int]:
        of_all = board.load(session, cast.sam, BoardQuery()).columns
        of_sam = board.load(session, cast.sam, BoardQuery(rep_id=cast.sam.user_id)).columns
        shelves = [of_all[Column.ONBOARDING], of_all[Column.PREPRODUCTION]]
        return [shelf.total for shelf in (*shelves, of_sam[Column.ONBOARDING])]

    def test_only_staff_sees_it(self, session: Session, cast: Cast) -> None:
        with pytest.raises(NotPermitted):
            board.load(session, cast.olga, BoardQuery())


class TestOrder:
    @pytest.fixture(autouse=True)
    def three(self, desk: Desk) -> None:
        desk.put("Long", Stage.ONBOARDING, days=9)
        desk.put("Due", Stage.ONBOARDING, days=5, next_step_on=date(2026, 11, 24))
        desk.put("Later", Stage.ONBOARDING, days=7, next_step_on=date(2026, 12, 24))
        desk.put("New", Stage.ONBOARDING, days=1)

    @pytest.mark.parametrize(
        ("sort", "expected"),
        [
            (Sort.LONGEST, ["Long", "Later", "Due", "New"]),
            (Sort.NEWEST, ["New", "Due", "Later", "Long"]),
            (Sort.DUE, ["Due", "Later", "Long", "New"]),
        ],
    )
    def test_each_is_as_it_says(
        self, session: Session, cast: Cast, sort: Sort, expected: list[str]
    ) -> None:
        assert shown(session, cast, BoardQuery(sort=sort))["onboarding"] == expected

    def test_words_keep_the_order(self, session: Session, cast: Cast, desk: Desk) -> None:
        desk.put("Long ago", Stage.ONBOARDING, days=20)
        view = BoardQuery(words="long")
        assert shown(session, cast, view)["onboarding"] == ["Long ago", "Long"]
        shelf = board.load(session, cast.sam, view).columns[Column.ONBOARDING]
        assert (shelf.total, shelf.is_capped) == (2, False)


class TestFilters:
    def test_a_rep_sees_the_own_ones_and_all_raised_hands(
        self, session: Session, cast: Cast, desk: Desk
    ) -> None:
        desk.put("Hers", Stage.ONBOARDING, rep_id=cast.sue.user_id)
        desk.put("His", Stage.ONBOARDING, rep_id=cast.sam.user_id)
        desk.put("Asks", Stage.FREE, requested_at=NOON)
        mine = board_queries.parse(cast.sam, "rep=mine")
        assert shown(session, cast, mine)["onboarding"] == ["His"]
        assert shown(session, cast, mine)["requested"] == ["Asks"]
        hers = board_queries.parse(cast.sam, f"rep={cast.sue.user_id}")
        assert shown(session, cast, hers)["onboarding"] == ["Hers"]

    def test_due_is_what_is_overdue_or_comes_within_a_week(
        self, session: Session, cast: Cast, desk: Desk
    ) -> None:
        for name, days in (("Past", -1), ("Soon", 7), ("Later", 8)):
            due = NOON.date() + timedelta(days=days)
            desk.put(name, Stage.PREPRODUCTION, next_step_on=due)
        view = board_queries.parse(cast.sam, "only=due")
        assert shown(session, cast, view) == {"onboarding": [], "preproduction": ["Past", "Soon"]}

    @pytest.mark.parametrize("query", ["rep=x", "only=all", "sort=odd"])
    def test_what_is_no_view_is_refused(self, cast: Cast, query: str) -> None:
        with pytest.raises(ValueError, match=r"x|all|odd"):
            board_queries.parse(cast.sam, query)


class TestStuck:
    @pytest.fixture(autouse=True)
    def some(self, desk: Desk, cast: Cast) -> None:
        rep_id, overdue = cast.sam.user_id, date(2026, 11, 20)
        desk.put("Too long", Stage.ONBOARDING, days=30, rep_id=rep_id)
        desk.put("Overdue", Stage.PREPRODUCTION, days=2, next_step_on=overdue)
        desk.put("Both", Stage.ONBOARDING, days=40, next_step_on=overdue)
        desk.put("Fine", Stage.ONBOARDING, days=3, next_step_on=date(2026, 11, 23))
        desk.put("Asleep", Stage.ONBOARDING, days=50, snoozed_until=date(2026, 12, 1))
        desk.put("Awake", Stage.ONBOARDING, days=20, snoozed_until=date(2026, 11, 23))
        desk.put("Live", Stage.PRODUCTION, days=90, next_step_on=overdue)

    def test_the_list_says_who_and_why(self, session: Session, cast: Cast) -> None:
        made = board.load(session, cast.sam, BoardQuery()).stuck
        assert names(made) == ["Both", "Too long", "Awake", "Overdue"]
        assert made.total == 4
        why = {card.org.name: card.why_stuck for card in made.cards}
        assert why["Overdue"] == ["Overdue since 20 Nov"]
        assert why["Too long"] == ["Day 20 of 10 in onboarding"]

    def test_the_board_can_show_them_alone(self, session: Session, cast: Cast) -> None:
        made = board.load(session, cast.sam, BoardQuery(only=Only.STUCK))
        assert {str(c): (names(s), s.total) for c, s in made.columns.items()} == {
            "onboarding": (["Both", "Too long", "Awake"], 3),
            "preproduction": (["Overdue"], 1),
        }

    def test_the_ways_by_indexes_find_what_the_rule_says(
        self, session: Session, cast: Cast
    ) -> None:
        ruled = session.scalars(select(Organization.name).where(stuck.condition()))
        found = shown(session, cast, BoardQuery(only=Only.STUCK))
        assert sorted(ruled) == sorted(found["onboarding"] + found["preproduction"])

    def test_it_is_that_of_the_rep(self, session: Session, cast: Cast) -> None:
        made = board.load(session, cast.sam, BoardQuery(rep_id=cast.sam.user_id)).stuck
        assert (names(made), made.total) == (["Too long"], 1)

    def test_words_find_among_them(self, session: Session, cast: Cast) -> None:
        view = BoardQuery(words="o", only=Only.STUCK)
        assert shown(session, cast, view) == {"onboarding": [], "preproduction": ["Overdue"]}


class TestMissing:
    def test_cards_say_what_the_next_gate_lacks(
        self, session: Session, cast: Cast, desk: Desk
    ) -> None:
        full = {"alert_email": "a@x.com", "overview": "x", "sales_email": "b@x.com"}
        desk.put("Nearly", Stage.ONBOARDING, phone="+1", **full)
        org = desk.put("Two", Stage.PREPRODUCTION)
        for person in (cast.olga, cast.adam):
            user = session.get_one(User, person.user_id)
            user.two_factor_at = NOON if person is cast.olga else None
            joined = {"role": Role.OWNER, "joined_at": NOON}
            session.add(Membership(org_id=org.id, user_id=user.id, **joined))
        session.flush()
        made = board.load(session, cast.sam, BoardQuery())
        lacks = {
            card.org.name: [check.open_text for check in card.missing]
            for shelf in made.columns.values()
            for card in shelf.cards
        }
        assert lacks == {
            "Nearly": ["Add a public website"],
            "Two": ["1 owner hasn't turned on two-factor", "Add a logo"],
        }


def test_many_cards_take_as_many_queries_as_one(
    session: Session, cast: Cast, desk: Desk, engine: Engine
) -> None:
    sent: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *told: sent.append(told[2]))
    numbers = []
    for count in (1, 30):
        for stage in (Stage.ONBOARDING, Stage.PREPRODUCTION):
            for number in range(count):
                desk.put(f"No {number}", stage, days=number)
        session.expire_all()
        sent.clear()
        board.load(session, cast.sam, BoardQuery(), dict.fromkeys(Column, 40))
        numbers.append(len(sent))
    assert numbers[1] <= numbers[0] <= 5


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "query", ["", "rep=6", "sort=due", "only=due", "only=stuck", "sort=newest"]
)
def test_no_column_is_sorted_as_a_whole(session: Session, cast: Cast, query: str) -> None:
    """Each way to the first cards walks an index that has them in their order."""
    view = board_queries.parse(cast.sam, query)
    for column in view.columns:
        for walk in board_queries.first_cards(session, view, column, 5, label="x"):
            steps = walk.get_final_froms()[0].element
            bound = steps.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
            plan = session.execute(text(f"EXPLAIN QUERY PLAN {bound}")).all()
            assert not [line for *_, line in plan if "TEMP B-TREE FOR ORDER BY" in line], plan

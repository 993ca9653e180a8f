"""Worklists: next and previous in a list are those of the table, and stay so when rows change."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.base.errors import NotPermitted
from core.database import db
from core.models import ListVisit, Organization, Stage
from core.ops import cleanup
from core.organizations import organizations, queries, table, worklist
from core.organizations.filters import Filters, Sort
from core.organizations.worklist import Displayed, Neighbor, Position
from tests.conftest import Clock
from tests.organizations.test_table import EXAMPLES, make_organizations, read_plans_of
from tests.support.cast import Cast
from tests.support.depth import sample

LISTS = {name: filters for name, filters in EXAMPLES.items() if not filters.is_deleted}
BY_NAME = Filters(sort=Sort.NAME)


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session that is rolled back at the end and records no history."""
    with db.Session(db.writing_engine(), expire_on_commit=False) as session:
        yield session


def position_of(session: Session, org_id: int, filters: Filters) -> Position:
    """Return where a row is in a list, as a link in the table has it."""
    row = select(filters.order.column).where(Organization.id == org_id)
    text = Position(session.scalars(row).one(), org_id).to_text()
    return Position.from_text(text, filters.order)


def id_of(neighbor: Neighbor | None) -> int | None:
    """Return the id of a row, which its position ends in."""
    return None if neighbor is None else int(neighbor.at.rpartition(".")[2])


def sorts_of(name: str) -> Sequence[Sort]:
    """Return the orders to try a list in: all of them, or every third, each list another one."""
    first = list(LISTS).index(name) % 3
    return sample([*Sort][first:] + [*Sort][:first], 3)


class TestNeighbors:
    @pytest.mark.parametrize("name", LISTS)
    def test_they_are_those_of_the_table_both_ways(
        self, session: Session, cast: Cast, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for module in (table, queries, worklist):
            monkeypatch.setattr(module, "MAX_COUNTED", 5)
        monkeypatch.setattr(queries, "MAX_SORTED", 4)
        make_organizations(session, 16)
        for sort in sorts_of(name):
            filters = replace(LISTS[name], sort=sort)
            page = table.table(session, cast.oda, filters)
            filters, rows = replace(filters, sort=page.sort), [None, *page.rows["id"], None]
            places = list(zip(rows, rows[1:], rows[2:], strict=False))
            for before, org_id, after in {*sample(places, 5), *places[-1:]}:
                position = position_of(session, int(org_id or 0), filters)
                found = worklist.neighbors(session, cast.oda, filters, position, position.id)
                assert (id_of(found.previous), id_of(found.next)) == (before, after)
                assert found.number is not None

    def test_they_have_a_number_and_the_total_of_the_table(
        self, session: Session, cast: Cast
    ) -> None:
        make_organizations(session, 10)
        rows = table.table(session, cast.oda, BY_NAME).rows["id"].tolist()
        for at, org_id in enumerate(rows):
            position = position_of(session, org_id, BY_NAME)
            found = worklist.neighbors(session, cast.oda, BY_NAME, position, org_id)
            assert (found.number, found.total) == (at + 1, len(rows))

    def test_a_row_that_has_left_the_list_keeps_its_place(
        self, session: Session, cast: Cast
    ) -> None:
        make_organizations(session, 24)
        filters = Filters(stages=(Stage.FREE,), sort=Sort.NAME)
        rows = table.table(session, cast.oda, filters).rows["id"].tolist()
        position = position_of(session, rows[3], filters)
        org = session.get_one(Organization, rows[3])
        org.stage, org.name_key = Stage.PRODUCTION, "zzz"
        session.flush()

        found = worklist.neighbors(session, cast.oda, filters, position, org.id)

        assert found.number is None
        assert (found.previous or Neighbor("", "", "")).at.endswith(f".{rows[2]}")
        assert (found.next or Neighbor("", "", "")).at.endswith(f".{rows[4]}")

    def test_too_many_results_of_a_search_are_read_newest_first(
        self, session: Session, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for module in (table, queries, worklist):
            monkeypatch.setattr(module, "MAX_COUNTED", 5)
        make_organizations(session, 20)
        filters = Filters(words="clinic", sort=Sort.NAME)
        page = table.table(session, cast.oda, filters)
        shown = page.rows["id"].tolist()
        position = position_of(session, shown[1], replace(filters, sort=page.sort))
        found = worklist.neighbors(session, cast.oda, filters, position, shown[1])
        assert found.sort is page.sort is Sort.NEWEST
        assert found.next == Neighbor(
            page.rows["public_id"][2], page.rows["name"][2], str(shown[2])
        )

    @pytest.mark.parametrize("text", ["", "x", "1.", ".x", "a.1", "-1.1", f"{10**30}.1", "1.0"])
    def test_a_strange_position_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"not |invalid"):
            Position.from_text(text, Filters(sort=Sort.STAGE_TIME).order)

    def test_members_have_none(self, session: Session, cast: Cast) -> None:
        for use_case in (
            partial(worklist.neighbors, position=Position(1, 1), org_id=cast.acme.id),
            worklist.list_others,
            worklist.visit,
        ):
            with pytest.raises(NotPermitted):
                use_case(session, cast.olga, Filters())

    def test_no_query_reads_or_sorts_all_rows(
        self, session: Session, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for module in (table, queries, worklist):
            monkeypatch.setattr(module, "MAX_COUNTED", 50)
        monkeypatch.setattr(queries, "MAX_SORTED", 700)
        make_organizations(session, 3_000)
        session.execute(text("ANALYZE organizations"))
        for filters in (
            *(Filters(sort=sort) for sort in Sort),
            Filters(stages=(Stage.FREE,)),
            Filters(stages=(Stage.FREE,), sort=Sort.STAGE_TIME),
            Filters(rep_id=6, sort=Sort.STAGE_TIME),
        ):
            work = partial(
                worklist.neighbors,
                *(session, cast.oda, filters),
                *(position_of(session, 200, filters), 200),
            )
            assert list(read_plans_of(session, work)) == []


class TestOthers:
    def test_people_see_who_else_works_on_the_list(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        def others(person: Actor, filters: Filters) -> worklist.Others:
            return worklist.list_others(session, person, filters)

        stuck = Filters(stages=(Stage.ONBOARDING,))
        assert others(cast.sam, stuck) == ([], True)
        worklist.visit(session, cast.sam, stuck)
        worklist.visit(session, cast.oda, replace(stuck, sort=Sort.NAME))
        session.flush()
        assert others(cast.sam, stuck) == (["Oda"], False)
        assert sorted(others(cast.sue, stuck).names) == ["Oda", "Sam"]
        assert others(cast.sue, Filters()).names == []
        clock.turn(timedelta(minutes=2))
        assert others(cast.sam, stuck) == (["Oda"], True)
        worklist.visit(session, cast.sam, stuck)
        clock.turn(timedelta(minutes=4))
        assert others(cast.sue, stuck).names == ["Sam"]

    def test_old_visits_are_purged(self, session: Session, cast: Cast, clock: Clock) -> None:
        worklist.visit(session, cast.sam, Filters())
        session.flush()
        assert cleanup.purge_list_visits(session) == 0
        clock.turn(timedelta(minutes=6))
        assert cleanup.purge_list_visits(session) == 1
        assert session.scalars(select(ListVisit)).all() == []


class TestDisplayed:
    """Lists without filters, as they were displayed."""

    def test_what_was_displayed_is_read_again(self, cast: Cast) -> None:
        ids = [cast.otto_ltd.public_id, cast.acme.public_id]
        displayed = Displayed("board", {"rep": "mine", "q": "a&b=ä"}, ids)
        assert Displayed.from_query(displayed.to_query()) == displayed
        assert displayed.address == "/board?rep=mine&q=a%26b%3D%C3%A4"

    @pytest.mark.parametrize(
        "query",
        ["", "page=board", "page=account&ids=A", "page=board&ids=ACME", "ids=x", "a=b&" * 99],
    )
    def test_another_address_is_no_list(self, query: str) -> None:
        with pytest.raises(ValueError, match=r"not a list|Max number"):
            Displayed.from_query(query)

    def test_it_keeps_its_order_and_passes_over_what_is_gone(
        self, session: Session, cast: Cast
    ) -> None:
        acme, otto = cast.acme.public_id, cast.otto_ltd.public_id
        displayed = Displayed("activity", {}, [acme, "ORG-2222222", otto])
        at = partial(worklist.displayed_neighbors, session, cast.oda, displayed)
        first, last = at(acme), at(otto)
        assert (first.number, first.total, first.previous) == (1, 2, None)
        assert (first.next, last.previous) == (
            Neighbor(otto, "Otto Ltd", ""),
            Neighbor(acme, "Acme", ""),
        )
        assert (last.number, last.next) == (2, None)

    def test_an_organization_that_is_not_in_it_has_no_neighbors(
        self, session: Session, cast: Cast
    ) -> None:
        displayed = Displayed("board", {}, [cast.acme.public_id])
        found = worklist.displayed_neighbors(session, cast.oda, displayed, cast.otto_ltd.public_id)
        assert (found.previous, found.next, found.number) == (None, None, None)

    def test_ids_in_an_address_tell_nothing_to_others(self, session: Session, cast: Cast) -> None:
        displayed = Displayed("board", {}, [cast.acme.public_id, cast.otto_ltd.public_id])
        with pytest.raises(NotPermitted):
            worklist.displayed_neighbors(session, cast.olga, displayed, cast.acme.public_id)

    def test_everyone_walks_through_their_own(self, session: Session, cast: Cast) -> None:
        for name in ("Zeta", "Alpha One", "Alpha Two"):
            organizations.create(session, cast.olga, name)
        ids = organizations.list_mine(session, cast.olga)["public_id"].tolist()
        at = partial(worklist.displayed_neighbors, session, cast.olga)
        found = at(Displayed(worklist.OWN), ids[1])
        assert (found.number, found.total) == (2, 4)
        assert (found.previous, found.next) == (
            Neighbor(ids[0], "Acme", ""),
            Neighbor(ids[2], "Alpha Two", ""),
        )
        alphas = Displayed(worklist.OWN, {"q": "alpha"})
        assert (at(alphas, ids[1]).number, at(alphas, ids[2]).number) == (1, 2)
        left = at(alphas, ids[3])
        assert (left.number, left.total, left.previous) == (
            None,
            2,
            Neighbor(ids[2], "Alpha Two", ""),
        )

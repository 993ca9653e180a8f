"""Saved views: what is kept of an address, who may do what with it, and what is new in it."""

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.base.errors import InvalidInput, NotFound, NotPermitted
from core.models import Entry, SavedView, User, ViewVisit
from core.onboarding import onboarding
from core.onboarding.onboarding import Plan
from core.organizations import organizations
from core.staff import saved_view_lists, saved_views
from tests.support import hostile
from tests.support.cast import Cast

QUERY = "q=clinic&stage=free&stage=onboarding&sort=name"


@pytest.fixture
def view(session: Session, cast: Cast) -> SavedView:
    return saved_views.save(session, cast.sam, "organizations", "Clinics", QUERY)


@pytest.fixture
def shared(session: Session, cast: Cast) -> SavedView:
    return saved_views.save(session, cast.sam, "organizations", "All", "", is_shared=True)


def names(session: Session, actor: Actor) -> list[str]:
    return saved_view_lists.table(session, actor, "organizations")["name"].tolist()


def new(session: Session, actor: Actor) -> list[int | None]:
    return saved_view_lists.table(session, actor, "organizations")["new"].tolist()


class TestQueries:
    def test_equal_views_have_equal_queries(self) -> None:
        mixed = "sort=name&stage=free&q=clinic&stage=onboarding&stage=free"
        assert saved_views.clean_query("organizations", mixed) == QUERY

    def test_places_and_what_is_unknown_are_left_out(self) -> None:
        asked = QUERY + "&at=after.ORG-1&org=ORG-2&__proto__=x&view=7"
        assert saved_views.clean_query("organizations", asked) == QUERY

    def test_what_is_cleaned_stays_as_it_is(self) -> None:
        for text in hostile.texts():
            try:
                cleaned = saved_views.clean_query("organizations", f"q={text}&sort=name")
            except InvalidInput:
                continue
            assert saved_views.clean_query("organizations", cleaned) == cleaned
            assert cleaned.isascii()

    @pytest.mark.parametrize("query", ["q=" + "x" * 2_000, "&".join(["stage=free"] * 100)])
    def test_what_is_too_long_is_refused(self, query: str) -> None:
        with pytest.raises(InvalidInput, match="too large to save"):
            saved_views.clean_query("organizations", query)

    def test_a_page_without_views_has_none(self, session: Session, cast: Cast) -> None:
        with pytest.raises(InvalidInput, match="can't be saved"):
            saved_views.save(session, cast.sam, "mail", "Mails", "")


class TestSave:
    def test_it_is_kept_and_recorded(self, session: Session, cast: Cast, view: SavedView) -> None:
        assert (view.name, view.query, view.is_shared) == ("Clinics", QUERY, False)
        assert names(session, cast.sam) == ["Clinics"]
        entry = session.scalars(select(Entry)).one()
        assert (entry.event, entry.chain) == ("view.saved", f"person:{cast.sam.user_id}")

    def test_a_name_is_taken_once(self, session: Session, cast: Cast, view: SavedView) -> None:
        with pytest.raises(InvalidInput, match="You already have a view with this name"):
            saved_views.save(session, cast.sam, "organizations", "CLÍNICS", "")
        saved_views.save(session, cast.sue, "organizations", "Clinics", "")

    def test_a_person_keeps_at_most_fifty(
        self, session: Session, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert saved_views.MAX_VIEWS == 50
        monkeypatch.setattr(saved_views, "MAX_VIEWS", 2)
        for name in ("One", "Two"):
            saved_views.save(session, cast.sam, "organizations", name, "")
        with pytest.raises(InvalidInput, match="Delete one first"):
            saved_views.save(session, cast.sam, "organizations", "Three", "")

    @pytest.mark.parametrize("name", ["", " ", "a\u202eb", "x" * 81, "\u3164", "https://evil.io"])
    def test_a_name_can_be_read(self, session: Session, cast: Cast, name: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            saved_views.save(session, cast.sam, "organizations", name, "")
        assert list(refused.value.fields) == ["name"]


class TestShare:
    def test_others_see_what_is_shared_only(
        self, session: Session, cast: Cast, view: SavedView, shared: SavedView
    ) -> None:
        assert names(session, cast.sam) == ["All", "Clinics"]
        assert names(session, cast.oda) == ["All"]
        with pytest.raises(NotFound):
            saved_views.visit(session, cast.oda, view.id)

    def test_what_is_shared_no_more_is_nobodys_default(
        self, session: Session, cast: Cast, shared: SavedView
    ) -> None:
        saved_views.set_default(session, cast.oda, "organizations", shared.id)
        assert saved_views.find_default(session, cast.oda, "organizations") == shared.id
        saved_views.share(session, cast.sam, shared.id, is_shared=False)
        assert saved_views.find_default(session, cast.oda, "organizations") is None
        saved_views.share(session, cast.sam, shared.id, is_shared=True)
        assert saved_views.find_default(session, cast.oda, "organizations") is None

    def test_only_the_owner_changes_it(
        self, session: Session, cast: Cast, shared: SavedView
    ) -> None:
        for change in (
            lambda: saved_views.rename(session, cast.ada, shared.id, "Mine now"),
            lambda: saved_views.replace(session, cast.ada, shared.id, "q=x"),
            lambda: saved_views.share(session, cast.ada, shared.id, is_shared=False),
            lambda: saved_views.remove(session, cast.sue, shared.id),
        ):
            with pytest.raises(NotPermitted):
                change()

    def test_an_administrator_takes_a_shared_one_away(
        self, session: Session, cast: Cast, view: SavedView, shared: SavedView
    ) -> None:
        saved_views.remove(session, cast.ada, shared.id)
        with pytest.raises(NotFound):
            saved_views.remove(session, cast.ada, view.id)
        assert names(session, cast.sam) == ["Clinics"]

    def test_who_is_no_staff_any_more_sees_none(
        self, session: Session, cast: Cast, shared: SavedView
    ) -> None:
        dismissed = update(User).where(User.id == cast.sam.user_id).values(staff=None)
        session.execute(dismissed.execution_options(unrecorded=True))
        with pytest.raises(NotPermitted):
            saved_views.visit(session, cast.sam, shared.id)


class TestChanges:
    def test_another_name_and_another_query(
        self, session: Session, cast: Cast, view: SavedView
    ) -> None:
        saved_views.rename(session, cast.sam, view.id, "clinics")
        saved_views.replace(session, cast.sam, view.id, "rep=3&page=9")
        assert (view.name, view.query) == ("clinics", "rep=3")

    def test_a_removed_view_is_gone_for_everybody(
        self, session: Session, cast: Cast, shared: SavedView
    ) -> None:
        saved_views.set_default(session, cast.oda, "organizations", shared.id)
        saved_views.visit(session, cast.sue, shared.id)
        saved_views.remove(session, cast.sam, shared.id)
        assert saved_views.find_default(session, cast.oda, "organizations") is None
        assert session.scalars(select(ViewVisit)).all() == []
        with pytest.raises(NotFound):
            saved_views.visit(session, cast.sam, shared.id)

    def test_the_default_is_one_for_each_page(
        self, session: Session, cast: Cast, view: SavedView, shared: SavedView
    ) -> None:
        for each in (view, shared):
            saved_views.set_default(session, cast.sam, "organizations", each.id)
        listed = saved_view_lists.table(session, cast.sam, "organizations")
        assert listed["is_default"].tolist() == [True, False]
        saved_views.set_default(session, cast.sam, "organizations", None)
        assert saved_views.find_default(session, cast.sam, "organizations") is None


class TestNew:
    def test_what_was_created_since_one_looked_is_new(
        self, session: Session, cast: Cast, view: SavedView
    ) -> None:
        assert new(session, cast.sam) == [0]
        organizations.create(session, cast.otto, "Lakeside Clinic")
        organizations.create(session, cast.otto, "Lakeside Bakery")
        assert new(session, cast.sam) == [1]
        saved_views.visit(session, cast.sam, view.id)
        assert new(session, cast.sam) == [0]

    def test_each_person_looks_alone(self, session: Session, cast: Cast, shared: SavedView) -> None:
        assert new(session, cast.sue) == [None]
        saved_views.visit(session, cast.sue, shared.id)
        organizations.create(session, cast.otto, "Lakeside Clinic")
        saved_views.visit(session, cast.sam, shared.id)
        assert (new(session, cast.sam), new(session, cast.sue)) == ([0], [1])

    def test_it_counts_no_further_than_one_reads(
        self, session: Session, cast: Cast, shared: SavedView, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(saved_view_lists, "MAX_NEW", 1)
        for number in range(3):
            organizations.create(session, cast.otto, f"Lakeside {number}")
        assert new(session, cast.sam) == [2]

    def test_a_view_that_asks_for_what_is_gone_counts_nothing(
        self, session: Session, cast: Cast
    ) -> None:
        saved_views.save(session, cast.sam, "organizations", "Odd", "stage=gone&rep=zero")
        saved_views.save(session, cast.ada, "organizations", "Deleted", "deleted=true")
        assert new(session, cast.sam) == [None]
        assert new(session, cast.ada) == [0]

    def test_what_came_to_a_sales_rep_is_new(self, session: Session, cast: Cast) -> None:
        hers = f"rep={cast.sue.user_id}"
        saved_views.save(session, cast.sam, "organizations", "Hers", hers)
        org = organizations.create(session, cast.otto, "Lakeside Clinic")
        onboarding.flag(session, cast.sam, [org.id], Plan(cast.sue.user_id))
        assert new(session, cast.sam) == [1]

    def test_on_the_board_new_is_what_came_into_its_stage(
        self, session: Session, cast: Cast
    ) -> None:
        view = saved_views.save(session, cast.sam, "board", "Mine", "rep=mine", is_shared=True)
        saved_views.visit(session, cast.sue, view.id)
        onboarding.request(session, cast.olga, cast.acme.id)
        onboarding.flag(session, cast.sam, [cast.otto_ltd.id])
        listed = [saved_view_lists.table(session, each, "board") for each in (cast.sam, cast.sue)]
        assert [table["new"].tolist() for table in listed] == [[2], [1]]

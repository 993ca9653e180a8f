"""Saved views: queries, rights, defaults and new rows."""

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

    def test_cursors_and_unknown_parameters_are_dropped(self) -> None:
        query = QUERY + "&at=after.ORG-1&org=ORG-2&__proto__=x&unknown=7"
        assert saved_views.clean_query("organizations", query) == QUERY

    def test_cleaning_is_idempotent(self) -> None:
        for text in hostile.texts():
            try:
                cleaned = saved_views.clean_query("organizations", f"q={text}&sort=name")
            except InvalidInput:
                continue
            assert saved_views.clean_query("organizations", cleaned) == cleaned
            assert cleaned.isascii()

    @pytest.mark.parametrize("query", ["q=" + "x" * 2_000, "&".join(["stage=free"] * 100)])
    def test_long_queries_are_refused(self, query: str) -> None:
        with pytest.raises(InvalidInput, match="too large to save"):
            saved_views.clean_query("organizations", query)

    def test_other_pages_have_no_views(self, session: Session, cast: Cast) -> None:
        with pytest.raises(InvalidInput, match="can't be saved"):
            saved_views.save(session, cast.sam, "mail", "Mails", "")


class TestSave:
    def test_a_view_is_saved_and_recorded(
        self, session: Session, cast: Cast, view: SavedView
    ) -> None:
        assert (view.name, view.query, view.is_shared) == ("Clinics", QUERY, False)
        assert names(session, cast.sam) == ["Clinics"]
        entry = session.scalars(select(Entry)).one()
        assert (entry.event, entry.chain) == ("view.saved", f"person:{cast.sam.user_id}")

    def test_names_are_unique_per_person(
        self, session: Session, cast: Cast, view: SavedView
    ) -> None:
        with pytest.raises(InvalidInput, match="You already have a view with this name"):
            saved_views.save(session, cast.sam, "organizations", "CLÍNICS", "")
        saved_views.save(session, cast.sue, "organizations", "Clinics", "")

    def test_a_person_can_save_fifty_views(
        self, session: Session, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert saved_views.MAX_VIEWS == 50
        monkeypatch.setattr(saved_views, "MAX_VIEWS", 2)
        for name in ("One", "Two"):
            saved_views.save(session, cast.sam, "organizations", name, "")
        with pytest.raises(InvalidInput, match="Delete one first"):
            saved_views.save(session, cast.sam, "organizations", "Three", "")

    @pytest.mark.parametrize("name", ["", " ", "a\u202eb", "x" * 81, "\u3164", "https://evil.io"])
    def test_unreadable_names_are_refused(self, session: Session, cast: Cast, name: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            saved_views.save(session, cast.sam, "organizations", name, "")
        assert list(refused.value.fields) == ["name"]


class TestShare:
    def test_others_see_shared_views_only(
        self, session: Session, cast: Cast, view: SavedView, shared: SavedView
    ) -> None:
        assert names(session, cast.sam) == ["All", "Clinics"]
        assert names(session, cast.oda) == ["All"]
        with pytest.raises(NotFound):
            saved_views.visit(session, cast.oda, view.id)

    def test_a_view_no_longer_shared_is_no_default(
        self, session: Session, cast: Cast, shared: SavedView
    ) -> None:
        saved_views.set_default(session, cast.oda, "organizations", shared.id)
        assert saved_views.find_default(session, cast.oda, "organizations") == shared.id
        saved_views.share(session, cast.sam, shared.id, is_shared=False)
        assert saved_views.find_default(session, cast.oda, "organizations") is None
        saved_views.share(session, cast.sam, shared.id, is_shared=True)
        assert saved_views.find_default(session, cast.oda, "organizations") is None

    def test_only_the_owner_can_change_a_view(
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

    def test_administrators_can_delete_shared_views(
        self, session: Session, cast: Cast, view: SavedView, shared: SavedView
    ) -> None:
        saved_views.remove(session, cast.ada, shared.id)
        with pytest.raises(NotFound):
            saved_views.remove(session, cast.ada, view.id)
        assert names(session, cast.sam) == ["Clinics"]

    def test_former_staff_see_no_views(
        self, session: Session, cast: Cast, shared: SavedView
    ) -> None:
        dismissed = update(User).where(User.id == cast.sam.user_id).values(staff=None)
        session.execute(dismissed.execution_options(unrecorded=True))
        with pytest.raises(NotPermitted):
            saved_views.visit(session, cast.sam, shared.id)


class TestChanges:
    def test_name_and_query_can_be_changed(
        self, session: Session, cast: Cast, view: SavedView
    ) -> None:
        saved_views.rename(session, cast.sam, view.id, "clinics")
        saved_views.replace(session, cast.sam, view.id, "rep=3&page=9")
        assert (view.name, view.query) == ("clinics", "rep=3")

    def test_a_deleted_view_is_gone_for_everyone(
        self, session: Session, cast: Cast, shared: SavedView
    ) -> None:
        saved_views.set_default(session, cast.oda, "organizations", shared.id)
        saved_views.visit(session, cast.sue, shared.id)
        saved_views.remove(session, cast.sam, shared.id)
        assert saved_views.find_default(session, cast.oda, "organizations") is None
        assert session.scalars(select(ViewVisit)).all() == []
        with pytest.raises(NotFound):
            saved_views.visit(session, cast.sam, shared.id)

    def test_a_page_has_one_default(
        self, session: Session, cast: Cast, view: SavedView, shared: SavedView
    ) -> None:
        for each in (view, shared):
            saved_views.set_default(session, cast.sam, "organizations", each.id)
        listed = saved_view_lists.table(session, cast.sam, "organizations")
        assert listed["is_default"].tolist() == [True, False]
        saved_views.set_default(session, cast.sam, "organizations", None)
        assert saved_views.find_default(session, cast.sam, "organizations") is None


class TestNew:
    def test_organizations_created_since_the_visit_are_new(
        self, session: Session, cast: Cast, view: SavedView
    ) -> None:
        assert new(session, cast.sam) == [0]
        organizations.create(session, cast.otto, "Lakeside Clinic")
        organizations.create(session, cast.otto, "Lakeside Bakery")
        assert new(session, cast.sam) == [1]
        saved_views.visit(session, cast.sam, view.id)
        assert new(session, cast.sam) == [0]

    def test_visits_are_counted_per_person(
        self, session: Session, cast: Cast, shared: SavedView
    ) -> None:
        assert new(session, cast.sue) == [None]
        saved_views.visit(session, cast.sue, shared.id)
        organizations.create(session, cast.otto, "Lakeside Clinic")
        saved_views.visit(session, cast.sam, shared.id)
        assert (new(session, cast.sam), new(session, cast.sue)) == ([0], [1])

    def test_counting_stops_at_the_limit(
        self, session: Session, cast: Cast, shared: SavedView, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(saved_view_lists, "MAX_NEW", 1)
        for number in range(3):
            organizations.create(session, cast.otto, f"Lakeside {number}")
        assert new(session, cast.sam) == [2]

    def test_invalid_views_count_nothing(self, session: Session, cast: Cast) -> None:
        saved_views.save(session, cast.sam, "organizations", "Odd", "stage=gone&rep=zero")
        saved_views.save(session, cast.ada, "organizations", "Deleted", "deleted=true")
        assert new(session, cast.sam) == [None]
        assert new(session, cast.ada) == [0]

    def test_organizations_assigned_to_a_rep_are_new(self, session: Session, cast: Cast) -> None:
        hers = f"rep={cast.sue.user_id}"
        saved_views.save(session, cast.sam, "organizations", "Hers", hers)
        org = organizations.create(session, cast.otto, "Lakeside Clinic")
        onboarding.flag(session, cast.sam, [org.id], Plan(cast.sue.user_id))
        assert new(session, cast.sam) == [1]

    def test_on_the_board_organizations_that_entered_a_stage_are_new(
        self, session: Session, cast: Cast
    ) -> None:
        view = saved_views.save(session, cast.sam, "board", "Mine", "rep=mine", is_shared=True)
        saved_views.visit(session, cast.sue, view.id)
        onboarding.request(session, cast.olga, cast.acme.id)
        onboarding.flag(session, cast.sam, [cast.otto_ltd.id])
        listed = [saved_view_lists.table(session, each, "board") for each in (cast.sam, cast.sue)]
        assert [table["new"].tolist() for table in listed] == [[2], [1]]

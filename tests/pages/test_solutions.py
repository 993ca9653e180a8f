"""The page Connected solutions: cards, search, pages and empty states."""

import pytest

from core.access.permissions import ORGDESK
from core.audit import history
from core.base.clock import now
from core.database import db, search
from core.models import Logo, Organization
from core.profile.directory import CARDS_PER_PAGE
from tests.pages.conftest import Show, words
from tests.support.cast import Cast

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


def add(*names: str) -> None:
    """Insert listed organizations without use cases."""
    with db.transaction() as session:
        session.merge(Logo(digest="a" * 64, png=b"", thumbnail=b"", created_at=now()))
        session.flush()
        for name in names:
            org = Organization(
                public_id=f"ORG-{name.replace(' ', '')[:12]}",
                name=name,
                logo="a" * 64,
                overview=f"What {name} does",
                website="https://made.example/a_(b)",
                sales_email="sales@made.example",
                phone="+15072842511",
                is_listed=True,
                stage_entered_at=now(),
                created_at=now(),
            )
            search.index_organization(org)
            session.add(org)
            session.flush()
            history.record(session, ORGDESK, org, "organization.created", org)


def test_every_user_sees_cards_with_links(show: Show, cast: Cast) -> None:
    add("Alpha _Clinic_")
    seen = words(show("solutions", cast.otto))
    assert "**Alpha \\_Clinic\\_**" in seen
    assert "(<https://made.example/a_%28b%29>)" in seen
    assert "(mailto:sales@made.example)" in seen
    assert "507" not in seen
    assert "1 organization]" in seen


def test_search_filters_and_says_if_nothing_matches(show: Show, cast: Cast) -> None:
    add("Alpha", "Beta")
    screen = show("solutions", cast.mia)
    screen.text_input(key="q").set_value("alp").run()
    assert "**Alpha**" in words(screen)
    assert "**Beta**" not in words(screen)
    screen.text_input(key="q").set_value("gamma").run()
    assert "No matches" in words(screen)


def test_an_empty_page_says_how_to_be_listed(show: Show, cast: Cast) -> None:
    assert "No organizations listed yet" in words(show("solutions", cast.mia))


def test_pages_follow_each_other(show: Show, cast: Cast) -> None:
    add(*(f"Number {number}" for number in range(CARDS_PER_PAGE + 1)))
    screen = show("solutions", cast.mia)
    assert "**Number 0**" not in words(screen)
    screen.button(key="solutions-next").click().run()
    assert "**Number 0**" in words(screen)
    assert "**Number 1**" not in words(screen)
    screen.button(key="solutions-first").click().run()
    assert f"**Number {CARDS_PER_PAGE}**" in words(screen)


def test_a_new_search_starts_at_its_first_page(show: Show, cast: Cast) -> None:
    add(*(f"Number {number}" for number in range(CARDS_PER_PAGE + 1)))
    screen = show("solutions", cast.mia)
    screen.button(key="solutions-next").click().run()
    screen.text_input(key="q").set_value(f"number {CARDS_PER_PAGE}").run()
    assert f"**Number {CARDS_PER_PAGE}**" in words(screen)


@pytest.mark.parametrize("before", ["x", "-1", "9" * 40, "٣"])
def test_an_invalid_cursor_shows_the_first_page(show: Show, cast: Cast, before: str) -> None:
    add("Alpha")
    assert words(show("solutions", cast.mia, before=before))

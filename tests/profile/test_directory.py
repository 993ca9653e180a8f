"""Connected solutions: which organizations are listed, search and pages."""

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from core.access.permissions import ANONYMOUS, ORGDESK, Actor
from core.audit import history
from core.base.errors import NotFound
from core.database import search
from core.models import Logo, Organization
from core.profile import directory, profile
from tests.conftest import Clock
from tests.support.cast import Cast

DIGEST = "a" * 64


def add(session: Session, clock: Clock, name: str, **other: object) -> Organization:
    """Insert a listed organization without use cases."""
    values: dict[str, object] = {
        "public_id": f"ORG-{name[:12]}",
        "name": name,
        "logo": DIGEST,
        "overview": f"What {name} does",
        "website": "https://made.example",
        "is_listed": True,
        "stage_entered_at": clock.now(),
        "created_at": clock.now(),
    }
    org = Organization(**(values | other))
    search.index_organization(org)
    session.add(org)
    session.flush()
    history.record(session, ORGDESK, org, "organization.created", org)
    return org


@pytest.fixture(autouse=True)
def logo(cast: Cast, session: Session, clock: Clock) -> None:
    session.add(Logo(digest=DIGEST, png=b"", thumbnail=b"", created_at=clock.now()))
    session.flush()


def names(session: Session, actor: Actor, text: str = "") -> list[str]:
    return directory.search(session, actor, text)["name"].tolist()


class TestSearch:
    def test_every_user_finds_listed_organizations_newest_first(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        add(session, clock, "Alpha")
        add(session, clock, "Beta")
        for person in (cast.olga, cast.mia, cast.otto, cast.oda):
            assert names(session, person) == ["Beta", "Alpha"]
            assert directory.count(session, person) == 2

    def test_strangers_find_nothing(self, session: Session, cast: Cast) -> None:
        for use_case in (directory.search, directory.count):
            with pytest.raises(NotFound):
                use_case(session, ANONYMOUS)

    @pytest.mark.parametrize("lacking", ["logo", "overview", "website"])
    def test_an_incomplete_card_is_not_listed(
        self, session: Session, cast: Cast, clock: Clock, lacking: str
    ) -> None:
        add(session, clock, "Alpha", **{lacking: None})
        assert names(session, cast.mia) == []

    def test_deleted_and_unlisted_organizations_are_not_listed(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        add(session, clock, "Alpha", is_listed=False)
        add(session, clock, "Beta", deleted_at=clock.now())
        assert names(session, cast.mia) == []
        assert names(session, cast.mia, "beta") == []

    @pytest.mark.parametrize(
        "text", ["ecl", "CLINIC éclair", "made", "sales-desk", "clin made", "éclair"]
    )
    def test_words_match_by_prefix(
        self, session: Session, cast: Cast, clock: Clock, text: str
    ) -> None:
        add(session, clock, "Éclair Clinic", sales_email="a@sales-desk.example")
        add(session, clock, "Other", website="https://other.example")
        assert names(session, cast.mia, text) == ["Éclair Clinic"]
        assert directory.count(session, cast.mia, text) == 1

    @pytest.mark.parametrize("text", ["clinique", '"', "' OR 1=1 --", "NEAR(", "*", "\x00"])
    def test_unusual_text_finds_nothing_without_an_error(
        self, session: Session, cast: Cast, clock: Clock, text: str
    ) -> None:
        add(session, clock, "Éclair Clinic")
        assert names(session, cast.mia, text) == []

    def test_pages_follow_without_a_gap(self, session: Session, cast: Cast, clock: Clock) -> None:
        for number in range(directory.CARDS_PER_PAGE + 3):
            add(session, clock, f"Number {number}")
        first = directory.search(session, cast.mia, "number")
        assert len(first) == directory.CARDS_PER_PAGE + 1
        last_id = int(first["id"].iloc[directory.CARDS_PER_PAGE - 1])
        second = directory.search(session, cast.mia, "number", before=last_id)
        assert second["name"].tolist() == ["Number 2", "Number 1", "Number 0"]

    def test_matches_are_counted_up_to_a_limit(
        self, session: Session, cast: Cast, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(directory, "MAX_COUNTED", 1)
        for name in ("Alpha", "Beta", "Gamma"):
            add(session, clock, name)
        assert directory.count(session, cast.mia) == 2


def test_a_newly_listed_organization_is_found_immediately(session: Session, cast: Cast) -> None:
    session.execute(
        update(Organization).where(Organization.id == cast.acme.id).values(logo=DIGEST),
        execution_options={"unrecorded": True},
    )
    shown = profile.form_texts(cast.acme)
    typed = shown | {"overview": "Ours", "website": "acme.example"}
    profile.save(session, cast.olga, cast.acme.id, shown, typed)
    assert names(session, cast.mia) == []
    directory.list_in_solutions(session, cast.olga, cast.acme.id, listed=True)
    [card] = directory.search(session, cast.otto, "acme").to_dict("records")
    assert (card["name"], card["website"]) == ("Acme", "https://acme.example")
    assert "phone" not in card
    assert card["twitter"] == ""

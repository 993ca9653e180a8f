"""Quick search: by name, Organization ID, website and person, and nothing of anybody else."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, delete, insert
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.base import tokenizer
from core.database import db, search
from core.models import Membership, Organization, Role
from core.organizations import public_ids, quick_search
from tests.support import hostile
from tests.support.cast import Cast
from tests.support.depth import sample


def found(session: Session, actor: Actor, words: str) -> list[str]:
    return [each.name for each in quick_search.find_organizations(session, actor, words)]


def people(session: Session, actor: Actor, words: str) -> list[tuple[str, str | None]]:
    found = quick_search.find_people(session, actor, words)
    return [(each.name, each.organization) for each in found]


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session that is rolled back at the end and records no history."""
    with db.Session(db.writing_engine(), expire_on_commit=False) as session:
        yield session


@pytest.fixture
def with_website(session: Session, cast: Cast) -> Cast:
    acme = session.get_one(Organization, cast.acme.id)
    acme.website = "https://acme-clinics.example"
    search.index_organization(acme)
    session.flush()
    return cast


@pytest.mark.parametrize(
    "words",
    [
        *("acm", " ACME ", "acme-clinics.example", "www.acme-clinics.example"),
        *("https://www.acme-clinics.example/contact?x=1", "HTTPS://acme-clinics.example"),
    ],
)
def test_organizations_are_found_by_name_and_website(
    session: Session, with_website: Cast, words: str
) -> None:
    for person in (with_website.sam, with_website.olga, with_website.mia):
        assert found(session, person, words) == ["Acme"]


def test_a_pasted_id_finds_its_organization(session: Session, cast: Cast) -> None:
    for pasted in (cast.acme.public_id, f"  {cast.acme.public_id.lower()} \n"):
        assert found(session, cast.oda, pasted) == ["Acme"]
        assert found(session, cast.mia, pasted) == ["Acme"]


def test_owners_find_only_their_own_organizations(session: Session, cast: Cast) -> None:
    for words in ("Otto Ltd", cast.otto_ltd.public_id, "ott", "otto@example.com"):
        assert found(session, cast.olga, words) == []
    assert found(session, cast.otto, "ott") == ["Otto Ltd"]
    assert people(session, cast.olga, "otto") == []


def test_an_exact_name_comes_first_among_many_newer_ones(session: Session, cast: Cast) -> None:
    add_organizations(session, [f"Acme {number}" for number in range(20)])
    names = found(session, cast.sam, "acme")
    assert len(names) == quick_search.MAX_RESULTS
    assert names[:2] == ["Acme", "Acme 19"]


def test_nothing_typed_finds_nothing(session: Session, cast: Cast) -> None:
    for words in ("", "  ", "–", "https://", "http://[", "*"):
        assert found(session, cast.sam, words) == []
        assert people(session, cast.sam, words) == []
        assert people(session, cast.olga, words) == []


def test_deleted_organizations_are_not_found(session: Session, cast: Cast) -> None:
    session.get_one(Organization, cast.acme.id).deleted_at = datetime(2026, 6, 1, tzinfo=UTC)
    session.flush()
    for person in (cast.olga, cast.ada):
        assert found(session, person, "acme") == []
        assert found(session, person, cast.acme.public_id) == []
        assert quick_search.list_opened(session, person, [cast.acme.public_id]) == []
    assert people(session, cast.olga, "mia") == []
    assert people(session, cast.sam, "mia") == []
    assert people(session, cast.ada, "mia") == [("Mia", None)]


def test_people_are_found_by_name_and_address_with_an_organization(
    session: Session, cast: Cast
) -> None:
    for words in ("mia", "mia@example.com"):
        assert people(session, cast.sam, words) == [("Mia", "Acme")]
        assert people(session, cast.adam, words) == [("Mia", "Acme")]
        assert people(session, cast.mia, words) == [("Mia", "Acme")]
    assert people(session, cast.sam, "sue") == []
    assert people(session, cast.ada, "sue") == [("Sue", None)]


def test_someone_in_two_organizations_is_found_once(session: Session, cast: Cast) -> None:
    session.add(
        Membership(
            org_id=cast.otto_ltd.id,
            user_id=cast.mia.user_id,
            role=Role.MEMBER,
            joined_at=datetime(2026, 2, 1, tzinfo=UTC),
        )
    )
    session.flush()
    assert people(session, cast.sam, "mia") == [("Mia", "Acme")]
    assert people(session, cast.otto, "mia") == [("Mia", "Otto Ltd")]


def test_opened_organizations_come_in_the_order_asked_for_without_lost_ones(
    session: Session, cast: Cast
) -> None:
    ids = [cast.otto_ltd.public_id, "ORG-XXXXXXX", cast.acme.public_id, cast.otto_ltd.public_id]

    def opened(person: Actor) -> list[str]:
        return [each.name for each in quick_search.list_opened(session, person, ids)]

    assert opened(cast.oda) == ["Otto Ltd", "Acme"]
    assert opened(cast.adam) == ["Acme"]
    session.execute(
        delete(Membership).where(Membership.user_id == cast.adam.user_id),
        execution_options={"unrecorded": True},
    )
    assert opened(cast.adam) == []


def test_hostile_words_are_words(session: Session, cast: Cast) -> None:
    for words in sample(hostile.texts("strings", "url"), 200):
        for person in (cast.sam, cast.olga):
            found(session, person, words)
            people(session, person, words)


def add_organizations(session: Session, names: list[str]) -> None:
    now = datetime(2026, 6, 1, tzinfo=UTC)
    rows = []
    for number, name in enumerate(names):
        public_id = public_ids.encode(500_000_000 + number)
        rows.append(
            {
                "public_id": public_id,
                "name": name,
                "name_key": tokenizer.name_key(name),
                "search_text": tokenizer.search_text(name, public_id),
                "stage_entered_at": now,
                "created_at": now,
                "last_active_at": now,
            }
        )
    session.execute(insert(Organization), rows)

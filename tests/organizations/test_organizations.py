"""Organizations as a whole: made, found alike, deleted, restored, listed."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, insert, select, text
from sqlalchemy.orm import Session

from core.access import permissions, throttling
from core.access.permissions import Actor
from core.audit import history, verification
from core.base.errors import (
    InvalidInput,
    MembershipLimit,
    NoOwnerLeft,
    NotFound,
    NotPermitted,
    StillInProduction,
)
from core.database import db, search
from core.members import account_access, invitations, leaving, membership_rows
from core.models import Entry, InvitationStatus, Membership, Organization, Role, Stage
from core.models.organizations import PROFILE_COLUMNS, completeness, completeness_column
from core.organizations import organizations, public_ids
from tests.conftest import Clock
from tests.support.cast import Cast


def last_event(session: Session) -> str:
    return session.scalars(select(Entry).order_by(Entry.id.desc())).first().event


def join_many(person: Actor, number: int) -> None:
    """Let a person belong to so many more organizations, past every rule."""
    now = datetime(2026, 1, 5, tzinfo=UTC)
    same = {"is_listed": False, "member_count": 1, "version": 0, "stage": Stage.FREE}
    same |= {"created_at": now, "stage_entered_at": now}
    named = [
        {"public_id": f"ORG-{index}", "name": f"No {index}", "name_key": "", "search_text": ""}
        for index in range(number)
    ]
    joined = {"user_id": person.user_id, "role": Role.OWNER, "joined_at": now}
    with db.Session(db.writing_engine()) as session, session.begin():
        made = insert(Organization).returning(Organization.id)
        ids = session.scalars(made, [row | same for row in named]).all()
        session.execute(insert(Membership), [{"org_id": org_id} | joined for org_id in ids])


class TestCreate:
    def test_the_creator_is_its_owner(self, session: Session, cast: Cast) -> None:
        org = organizations.create(session, cast.mia, "  Mayo   Clinic ")
        assert org.name == "Mayo Clinic"
        assert (org.stage, org.created_by) == (Stage.FREE, cast.mia.user_id)
        assert permissions.find_role(session, cast.mia, org.id) is Role.OWNER
        session.refresh(org)
        assert org.member_count == 1

    def test_history_has_one_entry(self, session: Session, cast: Cast) -> None:
        org = organizations.create(session, cast.mia, "Mayo Clinic")
        entry = session.scalars(select(Entry).where(Entry.org_id == org.id)).one()
        assert (entry.event, entry.position) == ("organization.created", 1)
        changed = {(change["field"], change["new"]) for change in entry.changes}
        assert {("name", "Mayo Clinic"), ("role", "owner")} <= changed
        assert isinstance(list(verification.verify(session))[-1], verification.Verified)

    def test_its_id_is_valid_and_reveals_no_count(self, session: Session, cast: Cast) -> None:
        made = {organizations.create(session, cast.mia, f"Clinic {n}").public_id for n in range(9)}
        assert len(made) == 9
        assert all(public_ids.is_valid(public_id) for public_id in made)
        assert len({public_id[4:6] for public_id in made}) > 2

    def test_search_finds_it_immediately(self, session: Session, cast: Cast) -> None:
        org = organizations.create(session, cast.mia, "Ärztehaus am Südpark")
        hits = search.match_organizations(session, "sud arzt")
        found = session.scalars(select(hits.id).select_from(hits.source).where(hits.is_found)).all()
        assert found == [org.id]

    def test_a_double_click_creates_only_one(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        first = organizations.create(session, cast.mia, "Mayo Clinic")
        assert organizations.create(session, cast.mia, "Mayo Clinic").id == first.id
        assert organizations.create(session, cast.adam, "Mayo Clinic").id != first.id
        clock.turn(timedelta(minutes=2))
        assert organizations.create(session, cast.mia, "Mayo Clinic").id != first.id

    @pytest.mark.parametrize("name", ["", "   ", "x" * 81, "see www.example.com", "a\u202eb"])
    def test_invalid_names_are_refused(self, session: Session, cast: Cast, name: str) -> None:
        with pytest.raises(InvalidInput) as refusal:
            organizations.create(session, cast.mia, name)
        assert set(refusal.value.fields) == {"name"}

    def test_an_account_is_required(self, session: Session, cast: Cast) -> None:
        for actor in (permissions.ANONYMOUS, permissions.ORGDESK):
            with pytest.raises(NotPermitted):
                organizations.create(session, actor, "Mayo Clinic")

    def test_the_401st_is_refused(self, engine: Engine, cast: Cast) -> None:
        join_many(cast.mia, membership_rows.MAX_MEMBERSHIPS - 2)
        db.run(organizations.create, cast.mia, "The last one")
        with pytest.raises(MembershipLimit, match="at most 400"):
            db.run(organizations.create, cast.mia, "One too many")


def similar(session: Session, actor: Actor, name: str) -> tuple[list[str], bool]:
    found = organizations.list_similar_names(session, actor, name)
    assert not found.wait
    return list(found.names), found.has_others


class TestSimilarNames:
    def test_similar_names_are_listed(self, session: Session, cast: Cast) -> None:
        organizations.create(session, cast.mia, "Mayo Clinic")
        organizations.create(session, cast.mia, "Northwind Cardiology Partners")
        for typed in ("mayo clinic", "Mayo Clinc", "The Mayo Clinic Ltd", "Máyo-Clinic"):
            assert similar(session, cast.mia, typed) == (["Mayo Clinic"], False)

    def test_names_of_others_are_not_told(self, session: Session, cast: Cast) -> None:
        assert similar(session, cast.otto, "Acme") == ([], True)
        assert similar(session, cast.olga, "Acme") == (["Acme"], False)
        assert similar(session, cast.sam, "Acme") == (["Acme"], False)

    def test_own_ones_come_with_their_ids(self, session: Session, cast: Cast) -> None:
        own = organizations.list_similar_names(session, cast.olga, "acme").own
        assert own == {"Acme": cast.acme.public_id}
        for stranger in (cast.otto, cast.sam):
            assert organizations.list_similar_names(session, stranger, "acme").own == {}

    def test_listed_ones_are_told_to_all(self, session: Session, cast: Cast) -> None:
        session.execute(text("UPDATE organizations SET is_listed = true WHERE name = 'Acme'"))
        organizations.create(session, cast.mia, "Acmee")
        assert similar(session, cast.otto, "Acme") == (["Acme"], True)

    def test_a_person_cannot_try_many(self, session: Session, cast: Cast, clock: Clock) -> None:
        for number in range(throttling.NAMES[0][0]):
            assert similar(session, cast.otto, f"Guess {number}") == ([], False)
        found = organizations.list_similar_names(session, cast.otto, "Acme")
        assert (list(found.names), found.has_others) == ([], False)
        assert 0 < found.wait <= 60
        assert similar(session, cast.mia, "Acme") == (["Acme"], False)
        clock.turn(timedelta(hours=1))
        assert similar(session, cast.otto, "Acme") == ([], True)

    def test_other_names_are_not_listed(self, session: Session, cast: Cast) -> None:
        organizations.create(session, cast.mia, "Mayo Clinic")
        for typed in ("", "   ", "'\"*", "Lakeshore Orthopedics", "\0"):
            assert similar(session, cast.mia, typed) == ([], False)

    def test_deleted_ones_are_not_listed(self, session: Session, cast: Cast) -> None:
        organizations.delete(session, cast.olga, cast.acme.id, name="Acme")
        for person in (cast.otto, cast.olga, cast.sam):
            assert similar(session, person, "Acme") == ([], False)


class TestDelete:
    def test_it_takes_effect_immediately(self, session: Session, cast: Cast) -> None:
        organizations.delete(session, cast.olga, cast.acme.id, name="Acme")
        assert last_event(session) == "organization.deleted"
        assert organizations.list_mine(session, cast.mia).empty
        with pytest.raises(NotFound):
            organizations.delete(session, cast.olga, cast.acme.id, name="Acme")

    @pytest.mark.parametrize("typed", ["", "acme", "Acme Ltd"])
    def test_the_name_must_be_typed_exactly(self, session: Session, cast: Cast, typed: str) -> None:
        with pytest.raises(InvalidInput, match="exactly"):
            organizations.delete(session, cast.olga, cast.acme.id, name=typed)

    def test_only_owners_delete(self, session: Session, cast: Cast) -> None:
        for actor in (cast.adam, cast.mia, cast.ada):
            with pytest.raises(NotPermitted):
                organizations.delete(session, actor, cast.acme.id, name="Acme")
        with pytest.raises(NotFound):
            organizations.delete(session, cast.otto, cast.acme.id, name="Acme")

    def test_an_organization_in_production_cannot_be_deleted(
        self, session: Session, cast: Cast
    ) -> None:
        org = session.get_one(Organization, cast.acme.id)
        org.stage = Stage.PRODUCTION
        history.record(session, cast.sam, org, "stage.moved", org)
        with pytest.raises(StillInProduction, match="sales@"):
            organizations.delete(session, cast.olga, cast.acme.id, name="Acme")


class TestRestore:
    def test_invitations_of_the_disabled_do_not_come_back(
        self, session: Session, cast: Cast
    ) -> None:
        by_adam, by_olga = (
            invitations.invite(session, actor, cast.acme.id, address)[0]
            for actor, address in ((cast.adam, "a@example.com"), (cast.olga, "b@example.com"))
        )
        organizations.delete(session, cast.olga, cast.acme.id, name="Acme")
        account_access.disable(session, cast.ada, cast.adam.user_id)
        organizations.restore(session, cast.ada, cast.acme.id)
        assert by_adam.status is InvitationStatus.REVOKED
        assert by_olga.status is InvitationStatus.PENDING

    def test_all_members_are_back(self, session: Session, cast: Cast) -> None:
        organizations.delete(session, cast.olga, cast.acme.id, name="Acme")
        organizations.restore(session, cast.ada, cast.acme.id)
        assert last_event(session) == "organization.restored"
        assert organizations.list_mine(session, cast.mia)["name"].tolist() == ["Acme"]

    def test_restoring_twice_is_harmless(self, session: Session, cast: Cast) -> None:
        organizations.restore(session, cast.ada, cast.acme.id)
        assert session.scalars(select(Entry)).all() == []

    def test_only_administrators_restore(self, session: Session, cast: Cast) -> None:
        organizations.delete(session, cast.olga, cast.acme.id, name="Acme")
        for actor in (cast.olga, cast.sam, cast.oda):
            with pytest.raises(NotPermitted):
                organizations.restore(session, actor, cast.acme.id)

    def test_it_is_impossible_after_30_days(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        organizations.delete(session, cast.olga, cast.acme.id, name="Acme")
        clock.turn(organizations.DELETED_TTL)
        clock.turn(timedelta(seconds=1))
        with pytest.raises(NotFound):
            organizations.restore(session, cast.ada, cast.acme.id)

    def test_no_one_exceeds_400_memberships(self, engine: Engine, cast: Cast) -> None:
        db.run(organizations.delete, cast.olga, cast.acme.id, name="Acme")
        join_many(cast.mia, membership_rows.MAX_MEMBERSHIPS)
        with pytest.raises(MembershipLimit, match="Mia"):
            db.run(organizations.restore, cast.ada, cast.acme.id)

    def test_one_without_owners_stays_deleted(self, session: Session, cast: Cast) -> None:
        org = organizations.delete(session, cast.olga, cast.acme.id, name="Acme")
        olga = membership_rows.get(session, org, cast.olga.user_id)
        membership_rows.end(session, org, olga)
        history.record(session, cast.ada, org, "member.removed", olga)
        with pytest.raises(NoOwnerLeft, match="Acme"):
            organizations.restore(session, cast.ada, cast.acme.id)

    def test_deleted_accounts_are_not_restored(self, session: Session, cast: Cast) -> None:
        organizations.delete(session, cast.olga, cast.acme.id, name="Acme")
        leaving.delete_account(session, cast.mia)
        restored = organizations.restore(session, cast.ada, cast.acme.id)
        assert membership_rows.find(session, restored, cast.mia.user_id) is None
        session.refresh(restored)
        assert restored.member_count == 2

    def test_one_whose_owners_deleted_their_accounts_stays_deleted(
        self, session: Session, cast: Cast
    ) -> None:
        organizations.delete(session, cast.olga, cast.acme.id, name="Acme")
        leaving.delete_account(session, cast.olga)
        with pytest.raises(NoOwnerLeft, match="Acme"):
            organizations.restore(session, cast.ada, cast.acme.id)


class TestListMine:
    def test_a_row_has_all_columns(self, session: Session, cast: Cast) -> None:
        organizations.create(session, cast.mia, "Äskulap")
        organizations.create(session, cast.mia, "Zeta")
        rows = organizations.list_mine(session, cast.mia)
        assert rows["name"].tolist() == ["Acme", "Äskulap", "Zeta"]
        assert rows["role"].tolist() == [Role.MEMBER, Role.OWNER, Role.OWNER]
        assert rows["member_count"].tolist() == [3, 1, 1]
        assert rows["owners"].tolist() == [1, 1, 1]
        assert rows["pending"].tolist() == [0, 0, 0]

    def test_it_is_empty_without_memberships(self, session: Session, cast: Cast) -> None:
        assert organizations.list_mine(session, cast.oda).empty


class TestPublicIds:
    def test_each_number_has_its_own_id(self) -> None:
        spelled = {public_ids.encode(number) for number in range(3_000)}
        assert len(spelled) == 3_000
        assert public_ids.encode(0) == "ORG-2222222"

    def test_every_typing_error_is_detected(self) -> None:
        for number in random.Random(7).sample(range(29**6), 40):
            public_id = public_ids.encode(number)
            assert public_ids.is_valid(public_id)
            for index in range(4, len(public_id)):
                for other in set(public_ids.ALPHABET) - {public_id[index]}:
                    slipped = public_id[:index] + other + public_id[index + 1 :]
                    assert not public_ids.is_valid(slipped)
            for index in range(4, len(public_id) - 1):
                a, b = public_id[index], public_id[index + 1]
                swapped = public_id[:index] + b + a + public_id[index + 2 :]
                assert a == b or not public_ids.is_valid(swapped)

    @pytest.mark.parametrize("text", ["", "ORG-", "ORG-222222", "org-2222222", "ORG-22222222"])
    def test_other_texts_are_not_ids(self, text: str) -> None:
        assert not public_ids.is_valid(text)


class TestCompleteness:
    def test_rows_and_queries_agree(self, session: Session, cast: Cast) -> None:
        org = session.get_one(Organization, cast.acme.id)
        seen = []
        for field in (None, *PROFILE_COLUMNS[1:]):
            if field:
                setattr(org, field, "x")
                history.record(session, cast.olga, org, "profile.changed", org)
            query = select(completeness_column()).where(Organization.id == org.id)
            assert session.scalar(query) == completeness(org)
            seen.append(completeness(org))
        assert seen == [0, 16, 33, 50, 66, 83]

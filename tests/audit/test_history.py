"""History: recording, the append-only table, verification and concurrent writers."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from sqlalchemy import Engine, func, select, text, update
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from core.access.permissions import Action, access, lock_user_or_none
from core.audit import history
from core.audit.verification import Verified
from core.base.errors import NotFound
from core.database import change_tracking, db
from core.models import ChainHead, Entry, Membership, Organization, Role, User
from tests.support.cast import Cast
from tests.support.history import rename, verified

WRITERS = 16


def entries() -> list[Entry]:
    with db.read() as session:
        return list(session.scalars(select(Entry).order_by(Entry.id)))


class TestRecord:
    def test_an_entry_has_who_what_old_and_new(self, cast: Cast):
        db.run(rename, cast.olga, cast.acme.id, "Acme Ltd")
        (entry,) = entries()
        assert (entry.chain, entry.position) == (f"org:{cast.acme.id}", 1)
        assert (entry.actor_id, entry.event) == (cast.olga.user_id, "profile.changed")
        assert (entry.subject, entry.reason) == (f"organizations:{cast.acme.id}", "as asked")
        assert entry.changes == [
            {"row": entry.subject, "field": "name", "old": "Acme", "new": "Acme Ltd"}
        ]

    def test_without_changes_there_is_no_entry(self, cast: Cast):
        assert db.run(rename, cast.olga, cast.acme.id, "Acme") is None
        assert entries() == []

    def test_a_reverted_change_is_no_entry(self, session: Session, cast: Cast):
        org = access(session, cast.olga, cast.acme.id, Action.EDIT_PROFILE)
        org.name = "Other"
        session.flush()
        org.name = "Acme"
        assert history.record(session, cast.olga, org, "profile.changed", org) is None

    def test_flushed_changes_are_recorded(self, session: Session, cast: Cast):
        org = access(session, cast.olga, cast.acme.id, Action.EDIT_PROFILE)
        org.name = "First"
        session.scalar(select(func.count()).select_from(Organization))
        org.name = "Second"
        session.flush()
        entry = history.record(session, cast.olga, org, "profile.changed", org)
        assert entry is not None
        assert [(change["old"], change["new"]) for change in entry.changes] == [("Acme", "Second")]

    def test_deleted_rows_are_recorded_completely(self, session: Session, cast: Cast):
        org = access(session, cast.olga, cast.acme.id, Action.REMOVE_MEMBERS)
        membership = session.scalars(
            select(Membership).where(Membership.user_id == cast.mia.user_id)
        ).one()
        session.delete(membership)
        entry = history.record(session, cast.olga, org, "member.removed", membership)
        assert entry is not None
        role = {"row": entry.subject, "field": "role", "old": "member", "new": None}
        assert role | {"person": cast.mia.user_id} in entry.changes
        assert entry.person_id == cast.mia.user_id

    def test_private_values_are_not_stored(self, session: Session, cast: Cast):
        assert cast.olga.user_id
        olga = lock_user_or_none(session, cast.olga.user_id)
        assert olga is not None
        olga.name, olga.email, olga.password_hash = "Olga Neu", "new@example.com", "$argon2id$new"
        entry = history.record(session, cast.olga, olga.id, "account.changed", olga)
        assert entry is not None
        kept = json.dumps(entry.changes)
        assert {change["field"] for change in entry.changes} == {"name", "email", "password_hash"}
        for secret in ("Olga", "example.com", "argon2"):
            assert secret not in kept

    def test_private_columns_are_marked(self):
        private = {column.name for column in User.__table__.columns if column.info.get("private")}
        assert private == {"email", "name", "password_hash"}


class TestUnrecorded:
    def change(self, session: Session, cast: Cast) -> None:
        session.get_one(Organization, cast.acme.id).name = "Other"

    def test_an_unrecorded_change_is_rolled_back(self, cast: Cast):
        with pytest.raises(change_tracking.Unrecorded, match="name"):
            db.run(self.change, cast)
        with db.read() as session:
            assert session.get_one(Organization, cast.acme.id).name == "Acme"

    def test_a_flushed_unrecorded_change_is_rolled_back(self, cast: Cast):
        def use_case(session: Session) -> None:
            self.change(session, cast)
            session.flush()

        with pytest.raises(change_tracking.Unrecorded):
            db.run(use_case)

    def test_unrecorded_inserts_and_deletes_are_rolled_back(self, cast: Cast):
        def delete(session: Session) -> None:
            mia = select(Membership).where(Membership.user_id == cast.mia.user_id)
            session.delete(session.scalars(mia).one())

        def add(session: Session) -> None:
            values = {"role": Role.MEMBER, "joined_at": cast.acme.created_at}
            session.add(Membership(org_id=cast.acme.id, user_id=cast.otto.user_id, **values))

        for use_case in (delete, add):
            with pytest.raises(change_tracking.Unrecorded):
                db.run(use_case)

    def test_bulk_updates_of_audited_tables_are_refused(self, session: Session, cast: Cast):
        with pytest.raises(change_tracking.Unrecorded):
            session.execute(update(Organization).values(name="All the same"))


class TestSavepoint:
    @pytest.mark.parametrize("is_refused", [False, True])
    def test_a_trial_leaves_nothing_behind(self, cast: Cast, is_refused: bool):
        def rename_and_try(session: Session) -> None:
            rename(session, cast.olga, cast.acme.id, "Kept")
            with suppress(NotFound), change_tracking.savepoint(session, keeps=False):
                rename(session, cast.olga, cast.acme.id, "Tried")
                if is_refused:
                    access(session, cast.olga, cast.acme.id, Action.EDIT_PROFILE).name = "Half"
                    raise NotFound

        db.run(rename_and_try)
        (entry,) = entries()
        assert entry.changes[0]["new"] == "Kept"

    def test_what_it_keeps_is_recorded_with_what_follows(self, cast: Cast):
        def rename_twice(session: Session) -> None:
            with change_tracking.savepoint(session):
                access(session, cast.olga, cast.acme.id, Action.EDIT_PROFILE).name = "First"
            rename(session, cast.olga, cast.acme.id, "Second")

        db.run(rename_twice)
        (entry,) = entries()
        assert (entry.changes[0]["old"], entry.changes[0]["new"]) == ("Acme", "Second")

    def test_causes_within_each_other_both_hold(self, cast: Cast):
        def rename_in_a_run(session: Session) -> None:
            with change_tracking.because(session, run_id=7):
                rename(session, cast.olga, cast.acme.id, "First")
                with change_tracking.because(session, undoes_id=1):
                    rename(session, cast.olga, cast.acme.id, "Second")
                rename(session, cast.olga, cast.acme.id, "Third")

        db.run(rename_in_a_run)
        causes = [(entry.run_id, entry.undoes_id) for entry in entries()]
        assert causes == [(7, None), (7, 1), (7, None)]


class TestAppendOnly:
    @pytest.mark.parametrize(
        "statement", ["UPDATE history SET reason = 'x'", "DELETE FROM history"]
    )
    def test_the_database_refuses(self, cast: Cast, engine: Engine, statement: str):
        db.run(rename, cast.olga, cast.acme.id, "Acme Ltd")
        with pytest.raises(DBAPIError, match="only ever added"), engine.begin() as connection:
            connection.execute(text(statement))


class TestWriters:
    def test_concurrent_writers_leave_an_intact_chain(self, cast: Cast):
        def write(number: int) -> None:
            for step in range(4):
                db.run(rename, cast.olga, cast.acme.id, f"Acme {number}-{step}")

        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(write, range(WRITERS)))
        assert verified() == ([], Verified(entries=4 * WRITERS, chains=1))
        with db.read() as session:
            head = session.get_one(ChainHead, f"org:{cast.acme.id}")
        assert head.position == 4 * WRITERS

    def test_a_change_and_its_entry_are_atomic(self, cast: Cast, monkeypatch: pytest.MonkeyPatch):
        def fail_late(session: Session) -> None:
            rename(session, cast.olga, cast.acme.id, "Never")
            raise OperationalError("disk", {}, OSError("full"))

        use_case: Callable[[Session], None] = fail_late
        with pytest.raises(db.Unavailable):
            db.run(use_case)
        assert entries() == []
        assert verified() == ([], Verified(entries=0, chains=0))

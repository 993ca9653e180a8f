"""Verification of history: whoever has the database, but not the key, leaves traces."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise, product
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    Connection,
    Engine,
    Row,
    Table,
    delete,
    event,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError

from core.accounts import accounts
from core.audit import checkpoints, history, sealing, verification
from core.audit.receipt_verifier import GENESIS
from core.audit.verification import Broken, Verified
from core.base import crypto
from core.base.errors import DomainError
from core.database import change_tracking, db
from core.models import Base, ChainHead, Checkpoint, Entry, Membership, Organization
from tests.conftest import Clock
from tests.support.cast import Cast
from tests.support.depth import rounds
from tests.support.history import rename, tampering, verified

HISTORY, HEADS, CHECKPOINTS = (
    Base.metadata.tables[name] for name in ("history", "chain_heads", "checkpoints")
)
NOTHING = "0" * 63 + "1"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


EDITS = (
    "reason = 'another'",
    "actor_id = 2",
    "actor_id = NULL",
    "event = 'member.removed'",
    "subject = 'organizations:2'",
    "person_id = 3",
    "changes = '[]'",
    "at = '2020-01-01 00:00:00.000000'",
    f"mac = '{'f' * 64}'",
    "position = 9",
)


@pytest.fixture
def three(cast: Cast) -> None:
    """Three entries of Acme and one of Otto Ltd."""
    for name in ("One", "Two", "Three"):
        db.run(rename, cast.olga, cast.acme.id, name)
    db.run(rename, cast.otto, cast.otto_ltd.id, "Otto AG")


@pytest.mark.usefixtures("three")
class TestVerify:
    def test_an_intact_history_is_counted(self):
        assert verified() == ([], Verified(entries=4, chains=2))

    def test_every_edit_is_found(self, engine: Engine):
        for change, position in product(EDITS, (1, 2, 3)):
            where = f"chain = 'org:1' AND position = {position}"
            assert is_found(engine, f"UPDATE history SET {change} WHERE {where}"), (change, where)

    def test_every_deletion_is_found(self, engine: Engine):
        for position in (1, 2, 3):
            where = f"chain = 'org:1' AND position = {position}"
            assert is_found(engine, f"DELETE FROM history WHERE {where}"), where

    def test_a_deleted_chain_is_found(self):
        with tampering() as connection:
            connection.execute(text("DELETE FROM history WHERE chain = 'org:2'"))
        assert verified()[0] == [Broken("org:2", 1, None, verification.EMPTIED)]

    def test_every_insertion_is_found(self, engine: Engine):
        for chain, position in (("org:1", 4), ("org:1", 0), ("org:2", 2), ("org:3", 1)):
            assert is_found(
                engine,
                "INSERT INTO history (chain, position, at, event, subject, changes, reason, mac)"
                f" SELECT '{chain}', {position}, at, event, subject, changes, reason, mac"
                " FROM history WHERE chain = 'org:1' AND position = 3",
            ), (chain, position)

    def test_an_altered_head_is_found(self, engine: Engine):
        for change in (
            "UPDATE chain_heads SET position = 2",
            "UPDATE chain_heads SET mac = ''",
            "DELETE FROM chain_heads",
        ):
            assert is_found(engine, f"{change} WHERE chain = 'org:1'"), change

    def test_swapped_entries_are_found(self):
        with tampering() as connection:
            for old, new in ((1, 99), (2, 1), (99, 2)):
                connection.execute(
                    text(
                        f"UPDATE history SET position = {new}"
                        f" WHERE chain = 'org:1' AND position = {old}"
                    )
                )
        assert verified()[0] != []

    def test_another_key_verifies_nothing(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(crypto, "derive", lambda purpose, key_id="": b"guessed")
        broken = [each.why for each in verified()[0]]
        assert broken.count(verification.ALTERED) == 4
        assert broken.count(verification.UNSEALED) == 10

    def test_a_cut_end_is_found_although_the_head_was_set_back(self):
        with tampering() as connection:
            Tamperer(connection).cut("org:1", 1)
        assert Broken("org:1", 3, None, verification.UNSEALED) in verified()[0]

    def test_a_chain_that_never_was_is_missed(self):
        with tampering() as connection:
            Tamperer(connection).delete_chain("org:2")
        assert verified()[0] == [Broken("org:2", None, None, verification.ABSENT)]

    def test_everything_deleted_is_found(self):
        with tampering() as connection:
            for table in (HISTORY, HEADS, CHECKPOINTS):
                connection.execute(delete(table))
        broken, totals = verified()
        assert len(broken) == 10
        assert totals == Verified(0, 0)

    def test_a_row_that_was_changed_without_history_is_found(self):
        with tampering() as connection:
            connection.execute(text("UPDATE organizations SET name = 'Evil' WHERE id = 1"))
        [found] = verified()[0]
        assert found.chain == "organizations:1"
        assert found.why == "name was 'Evil', but history says 'Three'"

    def test_it_is_still_found_after_the_next_entry(self, cast: Cast):
        with tampering() as connection:
            connection.execute(text("UPDATE organizations SET name = 'Evil' WHERE id = 1"))
        db.run(rename, cast.olga, cast.acme.id, "Four")
        [found] = verified()[0]
        assert found.why == "name was 'Evil', but history says 'Three'"

    def test_an_altered_chain_is_not_sealed_again(self, cast: Cast):
        with tampering() as connection:
            Tamperer(connection).cut("org:1", 2)
        db.run(rename, cast.olga, cast.acme.id, "Next")
        checkpoints.make_all()
        assert Broken("org:1", 3, None, verification.UNSEALED) in verified()[0]

    def test_an_entry_undoes_only_an_earlier_one_of_its_chain(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ):
        def undo(session: db.Session, undone: int) -> None:
            cause = {"undoes_id": undone, "run_id": 7}
            monkeypatch.setattr(history, "_cause_of", lambda *_: cause)
            with change_tracking.because(session, **cause):
                rename(session, cast.olga, cast.acme.id, f"Back to {undone}")

        with db.read() as session:
            ids = dict(session.execute(select(Entry.chain, Entry.id).order_by(Entry.id)).all())
        db.run(undo, ids["org:1"])
        assert verified()[0] == []
        db.run(undo, ids["org:2"])
        [found] = verified()[0]
        assert (found.position, found.why) == (5, verification.UNDOES_OTHER)

    def test_a_deleted_row_needs_an_entry_that_says_so(self, cast: Cast):
        def add(session: db.Session) -> None:
            joined = cast.acme.created_at
            made = Membership(
                org_id=cast.otto_ltd.id, user_id=cast.mia.user_id, role="member", joined_at=joined
            )
            session.add(made)
            org = session.get_one(Organization, cast.otto_ltd.id)
            history.record(session, cast.otto, org, "member.put", made)

        db.run(add)
        assert verified()[0] == []
        with tampering() as connection:
            connection.execute(text("DELETE FROM memberships WHERE org_id = 2 AND role = 'member'"))
        assert {found.why.split()[0] for found in verified()[0]} == {
            *("org_id", "user_id", "role", "joined_at")
        }


class TestCheckpoints:
    def test_they_sum_up_all_chains_and_follow_each_other(self, cast: Cast):
        first = checkpoints.make_all()
        assert first is not None
        assert (first.number, first.chains, first.entries) == (1, 10, 0)
        assert checkpoints.make_all() is None
        db.run(rename, cast.olga, cast.acme.id, "One")
        second = checkpoints.make_all()
        assert second is not None
        assert (second.number, second.chains, second.entries) == (2, 10, 1)
        assert second.before == checkpoints.name_of(first)
        assert verified()[0] == []

    def test_many_chains_take_several(self, cast: Cast, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(checkpoints, "_BATCH", 4)
        newest = checkpoints.make_all()
        assert newest is not None
        assert (newest.number, newest.chains) == (3, 10)
        assert verified()[0] == []

    def test_each_is_made_of_few_so_that_others_can_write_between_them(self, cast: Cast):
        heads = [sealing.new_head(f"org:{number}") for number in range(1_000, 3_500)]
        with db.transaction() as session:
            session.add_all(heads)
        checkpoints.make_all()
        with db.read() as session:
            chains = session.scalars(select(Checkpoint.chains).order_by(Checkpoint.number)).all()
        assert chains[-1] == len(heads) + 10
        assert max(after - before for before, after in pairwise([0, *chains])) <= 1_000

    @pytest.mark.usefixtures("cast")
    @pytest.mark.parametrize(
        "statement", ["UPDATE checkpoints SET entries = 9", "DELETE FROM checkpoints"]
    )
    def test_the_database_keeps_them(self, engine: Engine, statement: str):
        checkpoints.make_all()
        with pytest.raises(IntegrityError, match="only ever added"), engine.begin() as connection:
            connection.execute(text(statement))

    def test_those_that_were_listed_outside_are_missed(self, cast: Cast):
        checkpoints.make_all()
        db.run(rename, cast.olga, cast.acme.id, "One")
        checkpoints.make_all()
        with tampering() as connection:
            connection.execute(text("DELETE FROM checkpoints WHERE number = 2"))
        assert [each.why for each in verified()[0]] == [
            "checkpoint 2 is missing, but was listed",
            "the chains differ from checkpoint 1",
        ]

    def test_what_others_write_while_history_is_read_is_not_reported(self, cast: Cast):
        checkpoints.make_all()
        db.run(rename, cast.olga, cast.acme.id, "One")
        writers = [partial(db.run, rename, cast.olga, cast.acme.id, "Two"), checkpoints.make_all]

        def write(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
            if "FROM history" in statement:
                while writers:
                    writers.pop(0)()

        event.listen(Engine, "after_cursor_execute", write)
        try:
            broken, _ = verified()
        finally:
            event.remove(Engine, "after_cursor_execute", write)
        assert len(checkpoints.list_published()) == 2
        assert broken == []

    def test_a_restored_backup_gives_up_later_ones(self, cast: Cast):
        checkpoints.make_all()
        db.run(rename, cast.olga, cast.acme.id, "One")
        checkpoints.make_all()
        assert checkpoints.give_up_after(1) == [2]
        assert list(checkpoints.list_published()) == [1]

    def test_the_worker_makes_one_an_hour(self, cast: Cast, clock: Clock):
        checkpoints.run_due()
        db.run(rename, cast.olga, cast.acme.id, "One")
        checkpoints.run_due()
        assert len(checkpoints.list_published()) == 1
        clock.turn(checkpoints.INTERVAL)
        checkpoints.run_due()
        assert len(checkpoints.list_published()) == 2


class Tamperer:
    """Somebody with the database, without triggers and without the secret key."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def entries(self, chain: str) -> list[Row[Any]]:
        found = select(HISTORY).where(HISTORY.c.chain == chain).order_by(HISTORY.c.position)
        return list(self.connection.execute(found).all())

    def cut(self, chain: str, number: int) -> None:
        """Delete the newest entries, and set the head back as well as possible."""
        entries = self.entries(chain)
        kept = entries[: len(entries) - number]
        is_cut = (HISTORY.c.chain == chain) & (HISTORY.c.position > len(kept))
        self.connection.execute(delete(HISTORY).where(is_cut))
        digest = GENESIS
        for entry in kept:
            digest = sealing.grow(digest, facts(entry))
        values = {"position": len(kept), "mac": kept[-1].mac if kept else GENESIS}
        self.connection.execute(
            update(HEADS).where(HEADS.c.chain == chain).values(digest=digest, **values)
        )

    def delete_chain(self, chain: str) -> None:
        for table in (HISTORY, HEADS):
            self.connection.execute(delete(table).where(table.c.chain == chain))

    def put_back(self, rows: dict[Table, list[dict[str, Any]]], chain: str = "") -> None:
        """Put back an older copy, of one chain or of everything."""
        for table in (HISTORY, HEADS) if chain else (HISTORY, HEADS, CHECKPOINTS):
            own = table.c.chain == chain if chain else text("1 = 1")
            self.connection.execute(delete(table).where(own))
            old = [row for row in rows[table] if row.get("chain", chain) == chain or not chain]
            if old:
                self.connection.execute(insert(table), old)


def facts(entry: Row[Any]) -> sealing.Facts:
    return sealing.Facts(*(getattr(entry, name) for name in sealing.Facts._fields))


Copy = dict[Table, list[dict[str, Any]]]


class World(NamedTuple):
    """A database with some history, the owners of its chains, and an older copy of it."""

    engine: Engine
    cast: Cast
    copy: Copy

    def __repr__(self) -> str:
        return "World"


@pytest.fixture
def world(cast: Cast, engine: Engine) -> World:
    """Three checkpoints, the copy from after the first one, and entries after the last one."""
    copy: Copy = {}
    for number in range(3):
        for step in range(2):
            db.run(rename, cast.olga, cast.acme.id, f"Acme {number}.{step}")
        db.run(rename, cast.otto, cast.otto_ltd.id, f"Otto {number}")
        db.run(accounts.rename, cast.mia, f"Mia the {number}.")
        checkpoints.make_all()
        with engine.connect() as connection:
            copy = copy or {
                table: [dict(row) for row in connection.execute(select(table)).mappings()]
                for table in (HISTORY, HEADS, CHECKPOINTS)
            }
    db.run(rename, cast.olga, cast.acme.id, "Acme at last")
    assert verified()[0] == []
    return World(engine, cast, copy)


BUSY = st.sampled_from(["org:1", "org:2", "person:3"])
ENTRY_VALUES: dict[str, Any] = {
    "chain": "org:9",
    "position": 99,
    "at": LONG_AGO,
    "actor_id": 8,
    "org_id": 7,
    "event": "stage.moved",
    "subject": "organizations:7",
    "person_id": 6,
    "changes": [],
    "reason": "as nobody asked",
    "mac": NOTHING,
    "seal": 1,
    "run_id": 5,
    "undoes_id": 1,
    "key_id": None,
}
HEAD_VALUES: dict[str, Any] = {
    "chain": "org:9",
    "position": 1,
    "mac": NOTHING,
    "digest": NOTHING,
    "seal": NOTHING,
    "key_id": None,
    "summed_position": 1,
    "summed_digest": NOTHING,
}
CHECKPOINT_VALUES: dict[str, Any] = {
    "at": LONG_AGO,
    "chains": 3,
    "entries": 3,
    "total": bytes(2048),
    "before": NOTHING,
    "key_id": "00000000",
    "signature": "00" * 64,
}


class TestTampering:
    @settings(max_examples=rounds(20, 1000), derandomize=True)
    @given(data=st.data())
    def test_whatever_is_done_without_the_key_is_found(self, world: World, data: st.DataObject):
        ways = [getattr(self, name) for name in dir(self) if name.startswith("do_")]
        with past_the_rules(world.engine) as connection:
            done = data.draw(st.sampled_from(ways), label="way")(world, connection, data)
            if data.draw(st.booleans(), label="the app goes on"):
                self.go_on(world, connection)
            assert list_broken(connection) != [], done

    def go_on(self, world: World, connection: Connection) -> None:
        """Let the app record changes and make a checkpoint, as far as it still can."""
        cast = world.cast
        self._try(connection, rename, cast.olga, cast.acme.id, "After the attack")
        self._try(connection, rename, cast.otto, cast.otto_ltd.id, "After the attack")
        self._try(connection, accounts.rename, cast.mia, "Mia")
        self._try(connection, checkpoints.make)

    def _try(self, connection: Connection, use_case: Any, *args: Any) -> None:
        joined: Any = {"join_transaction_mode": "create_savepoint", "info": {"writing": True}}
        with db.Session(connection, **joined) as session, suppress(DomainError, IntegrityError):
            use_case(session, *args)
            session.commit()

    def do_cut_the_end(self, world: World, connection: Connection, data: st.DataObject) -> str:
        chain, tamperer = data.draw(BUSY), Tamperer(connection)
        number = data.draw(st.integers(1, len(tamperer.entries(chain))))
        tamperer.cut(chain, number)
        return f"the newest {number} of {chain} cut"

    def do_delete_a_chain(self, world: World, connection: Connection, data: st.DataObject) -> str:
        with db.Session(connection) as session:
            chain = data.draw(st.sampled_from(session.scalars(select(ChainHead.chain)).all()))
        Tamperer(connection).delete_chain(chain)
        return f"{chain} deleted"

    def do_delete_all(self, world: World, connection: Connection, data: st.DataObject) -> str:
        number = data.draw(st.integers(1, 3))
        for table in (HISTORY, HEADS, CHECKPOINTS)[:number]:
            connection.execute(delete(table))
        return f"all of {number} tables deleted"

    def do_put_back(self, world: World, connection: Connection, data: st.DataObject) -> str:
        chain = data.draw(st.sampled_from(["", "org:1", "org:2", "person:3"]))
        Tamperer(connection).put_back(world.copy, chain)
        return f"an older copy of {chain or 'everything'} put back"

    def do_swap_two(self, world: World, connection: Connection, data: st.DataObject) -> str:
        chain = data.draw(BUSY)
        first, second = data.draw(st.permutations(Tamperer(connection).entries(chain)))[:2]
        what = data.draw(st.sampled_from(["position", "id"]))
        old, new = getattr(first, what), getattr(second, what)
        for entry, value in ((first, 99_999), (second, old), (first, new)):
            is_it = HISTORY.c.mac == entry.mac
            connection.execute(update(HISTORY).where(is_it).values({what: value}))
        return f"the {what} of two entries of {chain} swapped"

    def do_insert(self, world: World, connection: Connection, data: st.DataObject) -> str:
        source = data.draw(st.sampled_from(Tamperer(connection).entries(data.draw(BUSY))))
        chain = data.draw(st.sampled_from(["org:1", "org:2", "org:9", "person:3", "person:4"]))
        taken = {entry.position for entry in Tamperer(connection).entries(chain)}
        position = data.draw(st.sampled_from(sorted(set(range(9)) - taken)))
        copy = source._asdict() | {"id": 99_999, "chain": chain, "position": position}
        connection.execute(insert(HISTORY), [copy])
        return f"an entry inserted in {chain} at {position}"

    def do_delete_one(self, world: World, connection: Connection, data: st.DataObject) -> str:
        entry = data.draw(st.sampled_from(Tamperer(connection).entries(data.draw(BUSY))))
        connection.execute(delete(HISTORY).where(HISTORY.c.id == entry.id))
        is_later = (HISTORY.c.chain == entry.chain) & (HISTORY.c.position > entry.position)
        if data.draw(st.booleans()):
            away = {"position": -HISTORY.c.position}
            connection.execute(update(HISTORY).where(is_later).values(away))
            closer = {"position": -HISTORY.c.position - 1}
            connection.execute(update(HISTORY).where(HISTORY.c.position < 0).values(closer))
        return f"entry {entry.position} of {entry.chain} deleted"

    def do_edit_an_entry(self, world: World, connection: Connection, data: st.DataObject) -> str:
        entry = data.draw(st.sampled_from(Tamperer(connection).entries(data.draw(BUSY))))
        column = data.draw(st.sampled_from(sorted(ENTRY_VALUES)))
        set_column(connection, HISTORY, f"id = {entry.id}", column, ENTRY_VALUES[column])
        return f"{column} of entry {entry.position} of {entry.chain} edited"

    def do_edit_a_head(self, world: World, connection: Connection, data: st.DataObject) -> str:
        chain, column = data.draw(BUSY), data.draw(st.sampled_from(sorted(HEAD_VALUES)))
        set_column(connection, HEADS, f"chain = '{chain}'", column, HEAD_VALUES[column])
        return f"{column} of the head of {chain} edited"

    def do_edit_checkpoint(self, world: World, connection: Connection, data: st.DataObject) -> str:
        number = data.draw(st.integers(1, 3))
        column = data.draw(st.sampled_from(sorted(CHECKPOINT_VALUES)))
        set_column(connection, CHECKPOINTS, f"number = {number}", column, CHECKPOINT_VALUES[column])
        return f"{column} of checkpoint {number} edited"

    def do_cut_checkpoints(self, world: World, connection: Connection, data: st.DataObject) -> str:
        number = data.draw(st.integers(1, 3))
        connection.execute(delete(CHECKPOINTS).where(CHECKPOINTS.c.number >= number))
        return f"checkpoints from {number} on deleted"

    def do_edit_a_row(self, world: World, connection: Connection, data: st.DataObject) -> str:
        org_id = data.draw(st.sampled_from([1, 2]))
        connection.execute(text(f"UPDATE organizations SET name = 'Evil' WHERE id = {org_id}"))
        return f"organization {org_id} renamed"


@contextmanager
def past_the_rules(engine: Engine) -> Iterator[Connection]:
    """Open a transaction without the rules of history, which is rolled back."""
    with db.writing_engine().connect() as connection:
        transaction = connection.begin()
        if engine.dialect.name == "sqlite":
            for rule in ("history_as_it_is", "history_whole"):
                connection.exec_driver_sql(f"DROP TRIGGER keep_{rule}")
            for rule in ("checkpoints_as_they_are", "checkpoints_whole"):
                connection.exec_driver_sql(f"DROP TRIGGER keep_{rule}")
        else:
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        yield connection
        transaction.rollback()


def list_broken(connection: Connection) -> list[Broken]:
    """Verify what a transaction sees, and return what is broken."""
    with db.Session(connection) as session:
        return [each for each in verification.verify(session) if isinstance(each, Broken)]


def is_found(engine: Engine, statement: str) -> bool:
    """Return whether history is broken after a statement, which is rolled back."""
    with past_the_rules(engine) as connection:
        assert connection.execute(text(statement)).rowcount == 1
        return list_broken(connection) != []


def set_column(connection: Connection, table: Table, where: str, column: str, value: Any) -> None:
    """Set a column of a row to another value."""
    connection.execute(update(table).where(text(where)).values({column: value}))

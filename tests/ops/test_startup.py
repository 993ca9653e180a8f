"""The start: a database is used with its own secret key only, and older ones are taken over."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from core.accounts import totp
from core.audit import checkpoints, keys, receipt_verifier, sealing, verification
from core.base import crypto
from core.base.settings import PROJECT
from core.database import db
from core.database.upgrade import configuration
from core.models import ChainHead, Entry, SecondFactor, SecretKey
from core.ops import health, key_rotation, startup
from tests.support.cast import Cast
from tests.support.engines import SECRET_KEY, clear_caches, use
from tests.support.history import rename, tampering, verified

OTHER = "another secret key, which is long enough"


def start_with(monkeypatch: pytest.MonkeyPatch, key: str, *old: str) -> None:
    """Continue as a process that was started with these keys."""
    monkeypatch.setenv("SECRET_KEY", key)
    monkeypatch.setenv("OLD_SECRET_KEYS", str(list(old)).replace("'", '"'))
    clear_caches()


class TestKey:
    def test_another_key_is_refused(self, cast: Cast, monkeypatch: pytest.MonkeyPatch):
        startup.prepare()
        start_with(monkeypatch, OTHER)
        with pytest.raises(keys.WrongKey, match="isn't the secret key of this database"):
            startup.prepare()
        start_with(monkeypatch, SECRET_KEY)
        startup.prepare()

    def test_the_database_itself_refuses_what_another_key_seals(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ):
        start_with(monkeypatch, OTHER)
        with pytest.raises(IntegrityError):
            db.run(rename, cast.olga, cast.acme.id, "Sealed with another key")
        start_with(monkeypatch, SECRET_KEY)
        db.run(rename, cast.olga, cast.acme.id, "Sealed with the right one")
        assert verified()[0] == []

    def test_check_says_which_key_is_in_use(self, cast: Cast, monkeypatch: pytest.MonkeyPatch):
        finding = next(each for each in health.run_checks() if each.check == "key")
        assert finding.is_ok
        assert crypto.public_key(crypto.key_id()) in finding.message
        start_with(monkeypatch, OTHER)
        finding = next(each for each in health.run_checks() if each.check == "key")
        assert not finding.is_ok
        assert finding.message.startswith("WRONG. This isn't the secret key")


@pytest.fixture
def with_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A database whose key is in a file, which is yielded."""
    with use(f"sqlite:///{tmp_path}/orgdesk.db"):
        monkeypatch.delenv("SECRET_KEY")
        clear_caches()
        startup.prepare()
        yield tmp_path / "orgdesk.db.key"


class TestKeyFile:
    def test_an_empty_database_gets_one(self, with_file: Path):
        assert len(with_file.read_text()) == 64
        clear_caches()
        startup.prepare()

    def test_a_lost_one_is_not_replaced(self, with_file: Path):
        with_file.rename(with_file.with_suffix(".away"))
        clear_caches()
        with pytest.raises(crypto.MissingKey):
            startup.prepare()
        assert not with_file.exists()

    def test_the_app_refuses_and_says_why(self, with_file: Path):
        with_file.write_text("0" * 64)
        environment = {
            **os.environ,
            "PORT": "8659",
            "FORWARDED_ALLOW_IPS": "",
            "LOG_FORMAT": "text",
        }
        done = subprocess.run(
            [sys.executable, "app.py"],
            cwd=PROJECT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode != 0
        assert "Orgdesk doesn't start. This isn't the secret key" in done.stderr


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_a_role_that_owns_no_table_is_enough_to_serve(cast: Cast, engine: Engine):
    """The statements are those of the operator's guide."""
    guide = (PROJECT / "core" / "ops" / "README.md").read_text()
    grants = re.findall(r"^GRANT .*?;$", guide, re.MULTILINE)
    assert len(grants) == 2
    with engine.begin() as connection:
        connection.execute(text("CREATE ROLE orgdesk_app LOGIN"))
        for grant in grants:
            connection.execute(text(grant))
    try:
        with use(engine.url.set(username="orgdesk_app").render_as_string(hide_password=False)):
            startup.prepare()
            db.run(rename, cast.olga, cast.acme.id, "By a role with less")
            assert verified()[0] == []
            with (
                pytest.raises(DBAPIError, match="must be owner"),
                db.engine().begin() as connection,
            ):
                connection.execute(text("DROP TRIGGER keep_history_whole ON history"))
            db.engine().dispose()
    finally:
        with engine.begin() as connection:
            connection.execute(text("DROP OWNED BY orgdesk_app"))
            connection.execute(text("DROP ROLE orgdesk_app"))


class TestAdoption:
    """A database of the version before keys were remembered."""

    @pytest.fixture
    def old(self, cast: Cast) -> None:
        """Take away what the new version added."""
        with tampering() as connection:
            for table, columns in {
                "chain_heads": ("digest", "seal", "key_id", "summed_position", "summed_digest"),
                "history": ("run_id", "undoes_id", "key_id"),
            }.items():
                nulls = ", ".join(f"{column} = NULL" for column in columns)
                connection.execute(text(f"UPDATE {table} SET {nulls}"))
            connection.execute(text("DELETE FROM chain_heads WHERE position = 0"))
            connection.execute(text("DELETE FROM secret_keys"))

    @pytest.fixture
    def recorded(self, cast: Cast) -> None:
        """Two entries, sealed as the old version did."""
        for name in ("One", "Two"):
            db.run(rename, cast.olga, cast.acme.id, name)
        with tampering() as connection:
            _reseal_as_version_1(connection)

    def test_heads_are_sealed_and_chains_begin(self, cast: Cast, recorded, old):
        before = _stored_macs()
        startup.prepare()
        assert verified() == ([], verification.Verified(2, 1))
        assert _stored_macs() == before
        with db.read() as session:
            heads = session.scalars(select(ChainHead)).all()
        assert {head.chain for head in heads} == {
            *("org:1", "org:2"),
            *(f"person:{number}" for number in range(1, 9)),
        }
        db.run(rename, cast.olga, cast.acme.id, "Three")
        checkpoints.make_all()
        assert verified()[0] == []

    def test_a_wrong_key_is_not_blessed(
        self, cast: Cast, recorded, old, monkeypatch: pytest.MonkeyPatch
    ):
        start_with(monkeypatch, OTHER)
        with pytest.raises(keys.WrongKey):
            startup.prepare()
        with db.read() as session:
            assert session.scalars(select(SecretKey)).all() == []

    def test_a_broken_chain_stays_unsealed(self, cast: Cast, recorded, old):
        with tampering() as connection:
            connection.execute(text("UPDATE history SET reason = 'x' WHERE position = 2"))
        startup.prepare()
        assert [each.why for each in verified()[0]][:2] == [
            verification.ALTERED,
            verification.UNSEALED,
        ]

    def test_the_migration_keeps_old_entries_byte_for_byte(self, engines, tmp_path: Path):
        with use(f"sqlite:///{tmp_path}/old.db") as engine, engine.begin() as connection:
            command.upgrade(configuration(connection), "0026")
            connection.execute(
                text(
                    "INSERT INTO history"
                    " (chain, position, at, event, subject, changes, reason, mac) VALUES"
                    " ('org:1', 1, '2026-01-01 00:00:00.000000', 'e', 's', '[]', '', 'm')"
                )
            )
            before = connection.execute(text("SELECT * FROM history")).mappings().one()
            command.upgrade(configuration(connection), "head")
            after = connection.execute(text("SELECT * FROM history")).mappings().one()
        assert {name: after[name] for name in before} == dict(before)
        assert after["seal"] == 1


def _reseal_as_version_1(connection) -> None:
    before = receipt_verifier.GENESIS
    for entry in connection.execute(select(Entry.__table__).order_by(Entry.position)).all():
        facts = sealing.Facts(*entry[1:11], seal=1)
        before = sealing.mac(facts, before)
        values = {"mac": before, "seal": 1, "key_id": None}
        connection.execute(Entry.__table__.update().where(Entry.id == entry.id).values(values))
        connection.execute(
            ChainHead.__table__.update().where(ChainHead.chain == entry.chain).values(mac=before)
        )


def _stored_macs() -> list[str]:
    with db.read() as session:
        return list(session.scalars(select(Entry.mac).order_by(Entry.id)))


class TestRotation:
    def test_old_keys_verify_and_the_new_one_seals(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ):
        db.run(rename, cast.olga, cast.acme.id, "Before")
        checkpoints.make_all()
        old_id = crypto.key_id()
        with pytest.raises(key_rotation.NoNewKey):
            key_rotation.rotate()
        start_with(monkeypatch, OTHER, SECRET_KEY)
        key = key_rotation.rotate()
        startup.prepare()
        db.run(rename, cast.olga, cast.acme.id, "After")
        assert verified()[0] == []
        with db.read() as session:
            sealed_with = session.scalars(select(Entry.key_id).order_by(Entry.id)).all()
            newest = checkpoints.find_newest(session)
            secret = session.scalar(
                select(SecondFactor.secret).where(SecondFactor.user_id == cast.ada.user_id)
            )
        assert sealed_with == [old_id, key.id, key.id]
        assert newest is not None
        assert (newest.key_id, newest.entries) == (key.id, 2)
        start_with(monkeypatch, OTHER)
        assert totp.decrypt(secret, cast.ada.user_id or 0) is not None

    def test_a_process_with_the_old_key_does_not_start(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ):
        start_with(monkeypatch, OTHER, SECRET_KEY)
        key_rotation.rotate()
        start_with(monkeypatch, SECRET_KEY)
        with pytest.raises(keys.WrongKey):
            startup.prepare()

    def test_a_key_that_the_database_never_knew_cannot_rotate(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ):
        start_with(monkeypatch, OTHER)
        with pytest.raises(keys.WrongKey):
            key_rotation.rotate()

    def test_in_a_key_file_the_new_key_is_made(self, with_file: Path):
        before = crypto.key_id()
        key_rotation.rotate()
        clear_caches()
        startup.prepare()
        assert len(with_file.read_text().split()) == 2
        assert crypto.key_id() != before

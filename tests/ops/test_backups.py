"""Backups: taken amid writes, put back, and nothing that had ended comes back to life."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import Engine, select, text
from typer.testing import CliRunner

from core.access.permissions import ANONYMOUS
from core.accounts import email_links, sessions
from core.audit import checkpoints
from core.base import crypto
from core.base.errors import LinkNotValid, Unavailable
from core.database import db
from core.manage import app
from core.members import acceptance, invitations
from core.models import Entry, Invitation, InvitationStatus, Link, Mail, Organization, User
from core.ops import backups
from tests.support import logins
from tests.support.cast import Cast, email
from tests.support.engines import clear_caches
from tests.support.history import rename, verified

Session = db.Session
TTL = timedelta(minutes=20)


@pytest.fixture
def put_back(engine: Engine, engines, tmp_path: Path) -> Callable[[Path], str]:
    """Return the function that puts a backup in the place of the database, and returns its URL."""

    def put_back(file: Path) -> str:
        engine.dispose()
        url = engine.url.render_as_string(hide_password=False)
        if engine.dialect.name == "sqlite":
            for suffix in ("-wal", "-shm"):
                Path(f"{engine.url.database}{suffix}").unlink(missing_ok=True)
            shutil.copy(file, str(engine.url.database))
        else:
            server = engines["postgresql"].server
            plain = url.replace("+psycopg", "")
            options = ["--clean", "--if-exists", "--no-owner", "-d", plain]
            command = [server.bin_path / "pg_restore", *options, file]
            subprocess.run(command, check=True, capture_output=True)
        clear_caches()
        return url

    return put_back


@pytest.fixture
def tools(engines, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `pg_dump` be the one of the server."""
    if engine.dialect.name == "postgresql":
        path = f"{engines['postgresql'].server.bin_path}:{os.environ['PATH']}"
        monkeypatch.setenv("PATH", path)


@pytest.mark.usefixtures("tools")
class TestDrill:
    def test_nothing_that_ended_lives_after_a_restore(
        self, cast: Cast, put_back: Callable[[Path], str], tmp_path: Path
    ):
        token = db.run(logins.log_in, cast.olga).token
        db.run(invitations.invite, cast.olga, cast.acme.id, "new@example.com")
        address, mia = email(cast.mia), cast.mia.user_id
        link = db.run(email_links.create, email_links.RESET, address, TTL, user_id=mia)
        file = tmp_path / "orgdesk.backup"
        with Busy(cast):
            done = CliRunner().invoke(app, ["backup", str(file)])
        assert done.exit_code == 0, done.stderr
        assert file.stat().st_mode & 0o777 == 0o600
        with db.read() as session:
            invitation = session.scalars(select(Invitation)).one()
            assert sessions.find(session, token) is not None
        db.run(rename, cast.olga, cast.acme.id, "Lost in the restore")
        checkpoints.make_all()

        put_back(file)
        assert "is missing, but was listed" in str(verified()[0])
        done = CliRunner().invoke(app, ["restored"])
        assert done.exit_code == 0, done.stderr
        assert "were made after the backup" in done.stdout
        with db.read() as session:
            assert sessions.find(session, token) is None
            assert session.scalars(select(Link.used_at)).one() is not None
            assert session.scalars(select(Invitation.status)).one() is InvitationStatus.REVOKED
            assert session.scalars(select(Mail).where(Mail.due_at.is_not(None))).all() == []
            assert session.get_one(User, cast.olga.user_id).password_epoch == 1
            restored = select(Entry.reason).where(Entry.event == "backup.restored")
            assert session.scalars(restored).one().startswith("A backup was restored. Its last")
            assert session.get_one(Organization, cast.acme.id).name.startswith("Busy")
            with pytest.raises(LinkNotValid):
                email_links.get(session, email_links.RESET, crypto.token(**link))
        with pytest.raises(LinkNotValid):
            db.run(acceptance.decline, ANONYMOUS, crypto.token("invitation", invitation.nonce))
        assert verified()[0] == []

    def test_an_existing_file_is_kept(self, cast: Cast, tmp_path: Path):
        file = tmp_path / "kept"
        file.write_text("something else")
        done = CliRunner().invoke(app, ["backup", str(file)])
        assert done.exit_code == 1
        assert "already exists" in done.stderr
        assert file.read_text() == "something else"

    def test_a_backup_that_fails_leaves_no_file(
        self, cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        def fail(*_: object) -> None:
            raise OSError("No space left on device")

        monkeypatch.setattr(backups, "_copy_sqlite", fail)
        monkeypatch.setattr(backups, "_dump_postgresql", fail)
        with pytest.raises(backups.BackupFailed, match="No space left"):
            backups.make(tmp_path / "never")
        assert not (tmp_path / "never").exists()


class Busy:
    """Let three threads rename Acme for the length of the block."""

    def __init__(self, cast: Cast) -> None:
        self.cast, self.stopping = cast, Event()
        self.pool = ThreadPoolExecutor(3)

    def __enter__(self) -> None:
        self.working = [self.pool.submit(self.work, number) for number in range(3)]

    def work(self, number: int) -> None:
        step = 0
        while not self.stopping.is_set() or not step:
            step += 1
            db.run(rename, self.cast.olga, self.cast.acme.id, f"Busy {number}-{step}")

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        for each in self.working:
            each.result()
        self.pool.shutdown()


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_large_database_is_copied_while_others_write_all_the_time(
    cast: Cast, engine: Engine, tmp_path: Path
):
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE large (content)"))
        connection.execute(text("INSERT INTO large VALUES (zeroblob(40000000))"))
    with ThreadPoolExecutor(1) as pool, Busy(cast):
        pool.submit(backups.make, tmp_path / "backup.db").result(timeout=10)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
class TestMovedFile:
    def test_nothing_is_confirmed_that_would_be_lost(self, cast: Cast, engine: Engine):
        db.run(rename, cast.olga, cast.acme.id, "Before")
        file = Path(str(engine.url.database))
        away = file.rename(file.with_suffix(".away"))
        with pytest.raises(Unavailable):
            db.run(rename, cast.olga, cast.acme.id, "Lost")
        with pytest.raises(Unavailable), db.read() as session:
            session.scalar(select(Organization.name))
        assert not file.exists()
        away.rename(file)
        db.run(rename, cast.olga, cast.acme.id, "After")

    def test_a_file_that_took_its_place_is_not_written_to(self, cast: Cast, engine: Engine):
        file = Path(str(engine.url.database))
        copy = file.with_suffix(".copy")
        with closing(sqlite3.connect(file)) as live, closing(sqlite3.connect(copy)) as other:
            live.backup(other)
        db.run(rename, cast.olga, cast.acme.id, "Before")
        copy.replace(file)
        with pytest.raises(Unavailable):
            db.run(rename, cast.olga, cast.acme.id, "Lost")

    def test_a_move_during_a_save_is_noticed_before_it_is_confirmed(
        self, cast: Cast, engine: Engine
    ):
        file = Path(str(engine.url.database))

        def rename_and_move(session: Session) -> None:
            rename(session, cast.olga, cast.acme.id, "Lost")
            file.rename(file.with_suffix(".away"))

        with pytest.raises(Unavailable):
            db.run(rename_and_move)
        file.with_suffix(".away").rename(file)

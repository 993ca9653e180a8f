"""The command line: in this process as Typer's own runner calls it, and as a shell does."""

import json
import logging
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Protocol

import pytest
from sqlalchemy import Engine, func, select, text
from typer.main import get_command
from typer.testing import CliRunner

from core.access.permissions import ANONYMOUS
from core.accounts import accounts, password_reset
from core.audit import activity
from core.base.errors import LinkNotValid
from core.base.settings import settings
from core.database import db
from core.mail import outbox
from core.manage import app
from core.members import account_access
from core.models import Mail, Organization, Run, RunStatus, Staff, Stage, User
from core.onboarding import bulk_flag
from core.onboarding.onboarding import Plan
from core.ops import health
from core.organizations.filters import Filters
from core.runs.items import Selection
from tests.conftest import Clock
from tests.runs.work import run_to_end
from tests.support.cast import Cast, email
from tests.support.engines import SECRET_KEY, clear_caches
from tests.support.mailbox import receive
from tests.support.sheets import csv_file

PASSWORD = "correct horse battery staple\n"
EMPTY = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


class Result(Protocol):
    """The exit code and the output of a command."""

    returncode: int
    stdout: str
    stderr: str


Manage = Callable[..., Result]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "core.manage", *arguments]


@pytest.fixture
def manage(engine: Engine) -> Manage:
    """Run a command on the test's database: `manage("check", SMTP_URL="…", typed="…")`."""

    def run(*arguments: str, typed: str = "", **environment: str) -> Result:
        clear_caches()
        try:
            done = CliRunner().invoke(
                app, arguments, input=typed, env=environment, catch_exceptions=False
            )
        finally:
            logging.disable(logging.NOTSET)
            clear_caches()
        return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)

    return run


@pytest.fixture
def shell(engine: Engine) -> Manage:
    """Run a command in a process of its own, as `manage` does in this one."""

    def run(*arguments: str, typed: str = "", **environment: str) -> Result:
        return subprocess.run(
            command(*arguments),
            input=typed,
            capture_output=True,
            text=True,
            env={**os.environ, **environment},
            timeout=60,
        )

    return run


COMMANDS: dict[str, tuple[str, ...]] = {
    "create-administrator": ("--email", "new@example.com", "--name", "Nora"),
    "reset-two-factor": ("--email", "ada@example.com", "--reason", "Lost"),
    "reset-password": ("ada@example.com",),
    "migrate": (),
    "send-mail": ("--once",),
    "verify": (),
    "recount": (),
    "check": (),
    "backup": ("backup.db",),
    "restored": (),
    "rotate-key": (),
    "import": ("new.csv", "--as", "oda@example.com", "--yes"),
    "flag": ("ORG-GM6M7M6", "--as", "sam@example.com"),
    "move": ("ORG-GM6M7M6", "preproduction", "--as", "sam@example.com"),
    "undo": ("1", "--as", "sam@example.com"),
    "withdraw": ("ORG-GM6M7M6", "free", "--as", "sam@example.com", "--reason", "Over"),
}
"""Every command that needs a database, with arguments that it takes."""


def broken_databases(directory: Path) -> Iterator[tuple[str, set[str]]]:
    """Yield URLs under which there is no usable database, and the commands that work there."""
    yield f"sqlite:///{directory / 'none.db'}", {"migrate", "restored"}
    (directory / "text.db").write_text("This is not a database. " * 99)
    yield f"sqlite:///{directory / 'text.db'}", set()
    read_only = directory / "read-only.db"
    with closing(sqlite3.connect(read_only)) as copy, closing(db.engine().raw_connection()) as live:
        live.driver_connection.backup(copy)
    with read_only.open("r+b") as file:
        file.seek(18)
        file.write(b"\3")  # a format that SQLite may read but not write, also as root
    yield f"sqlite:///{read_only}", {"verify", "check", "migrate", "rotate-key"}
    yield "postgresql+psycopg://nobody@127.0.0.1:1/none", set()
    yield "mysql://root@127.0.0.1/none", set()
    yield "nonsense", set()


@EMPTY
def test_what_a_command_does_is_in_the_security_log(shell: Manage):
    done = shell("restored", LOG_FORMAT="json", LOG_LEVEL="warning")
    assert done.returncode == 0, done.stderr
    (line,) = [json.loads(line) for line in done.stderr.splitlines() if "security" in line]
    assert (line["logger"], line["message"]) == ("orgdesk.security", "backup.restored")


@EMPTY
def test_without_its_database_every_command_fails_with_one_sentence(
    manage: Manage, cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert {*COMMANDS, "verify-receipt"} == set(get_command(app).commands)
    monkeypatch.chdir(tmp_path)
    Path("new.csv").write_text("Name,Owner email\nBlue Door,nora@example.com\n")
    db.run(outbox.enqueue, "alert_test", "olga@example.com", organization="Acme")
    db.run(bulk_flag.start, cast.sam, Selection((), Filters()), Plan(), expected=2)
    run_to_end()
    for url, working in broken_databases(tmp_path):
        for name in sorted(COMMANDS.keys() - working):
            done = manage(
                name,
                *COMMANDS[name],
                typed=PASSWORD,
                DATABASE_URL=url,
                SMTP_URL="smtp://127.0.0.1:1" if name == "send-mail" else "",
            )
            assert done.returncode == 1, (url, name, done.stdout)
            if name != "check":  # it prints a line for each check
                (sentence,) = done.stderr.splitlines()
                assert "DATABASE_URL" in sentence, (url, name)


@EMPTY
def test_a_database_that_fails_leaves_no_traceback_in_the_output(
    shell: Manage, tmp_path: Path
) -> None:
    done = shell("reset-password", "ada@example.com", DATABASE_URL=f"sqlite:///{tmp_path}/new.db")
    assert done.returncode == 1
    assert done.stderr == (
        "The database can't be used: no such table: locks. Check DATABASE_URL; a new database "
        "needs `python -m core.manage migrate` first.\n"
    )


class TestCreateAdministrator:
    def test_it_creates_one_who_can_log_in(self, manage: Manage):
        done = manage(
            "create-administrator", "--email", "Ada@Example.com", "--name", "Ada", typed=PASSWORD
        )
        assert done.returncode == 0, done.stderr
        with db.read() as session:
            (ada,) = session.scalars(select(User)).all()
        assert ada.staff is Staff.ADMINISTRATOR
        assert ada.proven_at is not None
        assert PASSWORD.strip() not in done.stdout + done.stderr

    @EMPTY
    def test_invalid_input_is_explained(self, manage: Manage):
        done = manage("create-administrator", "--email", "ada", "--name", "", typed="short\n")
        assert done.returncode == 1
        assert "email address" in done.stderr
        assert "Traceback" not in done.stderr


class TestMigrate:
    @EMPTY
    def test_it_creates_the_tables_and_can_run_again(self, manage: Manage, tmp_path: Path):
        url = f"sqlite:///{tmp_path / 'new.db'}"
        for _ in range(2):
            done = manage("migrate", DATABASE_URL=url)
            assert done.returncode == 0, done.stderr
        with sqlite3.connect(tmp_path / "new.db") as connection:
            assert connection.execute("SELECT count(*) FROM users").fetchone() == (0,)
        connection.close()

    @EMPTY
    def test_it_refuses_a_newer_schema(self, manage: Manage, engine: Engine):
        with engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        done = manage("migrate")
        assert done.returncode == 1
        assert "newer" in done.stderr
        assert "Traceback" not in done.stderr


class TestSendMail:
    @EMPTY
    def test_it_sends_once(self, manage: Manage):
        db.run(outbox.enqueue, "alert_test", "olga@example.com", organization="Acme")
        with receive() as server:
            done = manage("send-mail", "--once", SMTP_URL=server.url)
        assert done.stdout == "Sent 1 email.\n", done.stderr
        assert server.recipients == ["olga@example.com"]

    @EMPTY
    def test_it_sends_until_interrupted(self, engine: Engine):
        with receive() as server:
            environment = {**os.environ, "SMTP_URL": server.url}
            process = subprocess.Popen(command("send-mail"), env=environment)
            db.run(outbox.enqueue, "alert_test", "olga@example.com", organization="Acme")
            server.wait_for("olga@example.com")
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        with db.read() as session:
            assert session.scalars(select(Mail.sent_at)).one() is not None

    @EMPTY
    def test_it_requires_a_mail_server(self, manage: Manage):
        done = manage("send-mail", "--once", SMTP_URL="")
        assert done.returncode == 1
        assert "SMTP_URL" in done.stderr


class TestVerify:
    def test_an_intact_history_is_counted(self, manage: Manage):
        manage("create-administrator", "--email", "a@b.example", "--name", "Ada", typed=PASSWORD)
        done = manage("verify")
        assert (done.returncode, done.stdout) == (0, "entries 1, chains 1, broken 0\n")

    @EMPTY
    def test_a_changed_entry_is_printed(self, manage: Manage, engine: Engine):
        manage("create-administrator", "--email", "a@b.example", "--name", "Ada", typed=PASSWORD)
        with engine.begin() as connection:
            connection.execute(text("DROP TRIGGER keep_history_as_it_is"))
            connection.execute(text("UPDATE history SET reason = 'another'"))
        done = manage("verify")
        assert done.returncode == 1
        first, last = done.stdout.splitlines()
        assert first.startswith("broken: person:1, entry 1, ")
        assert last == "entries 1, chains 1, broken 1"

    @pytest.mark.parametrize(
        "url", ["sqlite:///{0}/none.db", "postgresql+psycopg://nobody@127.0.0.1:1/none"]
    )
    @EMPTY
    def test_a_missing_database_is_one_sentence(self, manage: Manage, tmp_path: Path, url: str):
        done = manage("verify", DATABASE_URL=url.format(tmp_path))
        assert done.returncode == 1
        assert done.stderr == "There is no Orgdesk database that can be read. Check DATABASE_URL.\n"
        assert done.stdout == ""
        assert list(tmp_path.iterdir()) == []

    @EMPTY
    def test_an_empty_database_is_one_sentence(self, manage: Manage, tmp_path: Path):
        (tmp_path / "empty.db").touch()
        done = manage("verify", DATABASE_URL=f"sqlite:///{tmp_path / 'empty.db'}")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("There is no Orgdesk database")

    @pytest.mark.parametrize("mode", ["wal", "delete"])
    @EMPTY
    def test_a_read_only_copy_is_read_and_left_as_it_is(
        self,
        manage: Manage,
        engine: Engine,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        mode: str,
    ):
        manage("create-administrator", "--email", "a@b.example", "--name", "Ada", typed=PASSWORD)
        copy = tmp_path / "a copy.db"
        with sqlite3.connect(copy) as connection:
            with sqlite3.connect(engine.url.database) as live:
                live.backup(connection)
            live.close()
            connection.execute(f"PRAGMA journal_mode={mode}")
        connection.close()
        copy.chmod(0o444)
        tmp_path.chmod(0o555)
        before = copy.read_bytes()
        monkeypatch.setattr(os, "access", lambda *_: False)  # as root may write everywhere
        done = manage("verify", DATABASE_URL=f"sqlite:///{copy}")
        tmp_path.chmod(0o755)
        assert (done.returncode, done.stdout) == (0, "entries 1, chains 1, broken 0\n"), done.stderr
        assert copy.read_bytes() == before
        assert list(tmp_path.iterdir()) == [copy]

    @EMPTY
    def test_a_live_database_is_read_to_its_newest_entry_by_those_who_cannot_write_there(
        self, manage: Manage, engine: Engine, monkeypatch: pytest.MonkeyPatch
    ):
        manage("create-administrator", "--email", "a@b.example", "--name", "Ada", typed=PASSWORD)
        monkeypatch.setattr(os, "access", lambda *_: False)  # as root may write everywhere
        with closing(sqlite3.connect(engine.url.database)) as live:
            live.execute("SELECT count(*) FROM history").fetchall()
            done = manage("verify")
        assert (done.returncode, done.stdout) == (0, "entries 1, chains 1, broken 0\n"), done.stderr


class TestCheck:
    def test_a_clock_that_was_ahead_once_is_reported(
        self, engine: Engine, cast: Cast, clock: Clock
    ):
        clock.turn(timedelta(days=2))
        db.run(accounts.rename, cast.mia, "Mia Early")
        clock.turn(-timedelta(days=2))
        db.run(accounts.rename, cast.olga, "Olga Later")
        found = {finding.check: finding for finding in health.run_checks()}
        assert not found["clock"].is_ok
        assert "the latest history entry is from 25 Nov 2026" in found["clock"].message

    def test_everything_is_ok_on_a_new_database(self, manage: Manage):
        done = manage("check")
        assert done.returncode == 0, done.stdout
        checks = [line.split()[0] for line in done.stdout.splitlines()]
        names = "settings python database key triggers clock mail charts members".split()
        assert checks == names

    @pytest.mark.parametrize(
        ("environment", "reason"),
        [
            ({"PUBLIC_URL": "http://orgdesk.example.com"}, "PUBLIC_URL"),
            ({"PUBLIC_URL": "http://10.0.0.7:8501"}, "PUBLIC_URL"),
            ({"PASSWORD_MINIMUM": "14"}, "PASSWORD_MINIMUM"),
            ({"STREAMLIT_SERVER_ENABLE_AGENT_API": "true"}, "enableAgentApi"),
            ({"COOKIE_NAME": "orgdesk"}, "COOKIE_NAME"),
            ({"METRICS_TOKEN": "monitor"}, "METRICS_TOKEN"),
        ],
    )
    @EMPTY
    def test_a_weak_setting_fails(self, manage: Manage, environment: dict[str, str], reason: str):
        done = manage("check", **environment)
        assert done.returncode == 1
        (line,) = [line for line in done.stdout.splitlines() if "FAILED" in line]
        assert line.startswith("settings  FAILED ")
        assert reason in line

    @pytest.mark.parametrize(
        "url", ["https://orgdesk.example.com", "http://localhost:8501", "http://[::1]:8501"]
    )
    @EMPTY
    def test_a_safe_address_is_ok(self, manage: Manage, url: str):
        assert manage("check", PUBLIC_URL=url).returncode == 0

    @EMPTY
    def test_long_sessions_are_a_warning(self, manage: Manage):
        done = manage("check", SESSION_HOURS="48")
        assert done.returncode == 0, done.stdout
        assert "settings  warn   Sessions are long." in done.stdout

    @pytest.mark.parametrize(
        ("url", "is_weak"),
        [("smtp://mail.example", True), ("smtp://127.0.0.1", False), ("", False)],
    )
    def test_email_in_the_clear_stays_on_this_machine(
        self, monkeypatch: pytest.MonkeyPatch, url: str, is_weak: bool
    ):
        monkeypatch.setenv("SMTP_URL", url)
        monkeypatch.setenv("SMTP_UNENCRYPTED", "true")
        clear_caches()
        weak = health.list_weak_settings()
        assert any("SMTP_UNENCRYPTED" in problem for problem in weak) is is_weak

    @pytest.mark.parametrize(
        ("url", "is_weak"),
        [
            ("postgresql+psycopg://o@db.example/o", True),
            ("postgresql+psycopg://o@db.example/o?sslmode=prefer", True),
            ("postgresql+psycopg://o@/o?host=127.0.0.1,db.example", True),
            ("postgresql+psycopg://o@db.example/o?sslmode=require", False),
            ("postgresql+psycopg://o@db.example/o?sslmode=verify-full", False),
            ("postgresql+psycopg://o@127.0.0.1/o", False),
            ("postgresql+psycopg://o@[::1]:5432/o", False),
            ("postgresql+psycopg://o@/o?host=/var/run/postgresql", False),
            ("postgresql+psycopg://o@/o", False),
            ("sqlite:///some.db", False),
        ],
    )
    def test_a_remote_database_needs_tls(
        self, monkeypatch: pytest.MonkeyPatch, url: str, is_weak: bool
    ):
        monkeypatch.setenv("DATABASE_URL", url)
        clear_caches()
        assert any("sslmode" in problem for problem in health.list_weak_settings()) is is_weak

    def test_the_agent_api_may_be_on_in_the_file(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ):
        assert health.list_weak_settings() == []
        config = tmp_path / "config.toml"
        config.write_text("[server]\nenableAgentApi = true\n")
        monkeypatch.setattr(health, "STREAMLIT_CONFIG", config)
        assert "enableAgentApi" in health.list_weak_settings()[0]

    @pytest.mark.parametrize(
        ("version", "warns"),
        [
            ((3, 11, 7), True),
            ((3, 11, 10), False),
            ((3, 12, 4), True),
            ((3, 12, 5), False),
            ((3, 13, 0), False),
        ],
    )
    @EMPTY
    def test_an_old_python_is_a_warning(
        self,
        manage: Manage,
        monkeypatch: pytest.MonkeyPatch,
        version: tuple[int, int, int],
        warns: bool,
    ):
        monkeypatch.setattr(sys, "version_info", (*version, "final", 0))
        done = manage("check")
        assert done.returncode == 0, done.stdout
        (line,) = [line for line in done.stdout.splitlines() if line.startswith("python")]
        assert line.startswith("python    warn   ") is warns
        assert ("checks each message itself" in line) is warns

    @EMPTY
    def test_a_missing_trigger_is_reported(self, manage: Manage, engine: Engine):
        with engine.begin() as connection:
            connection.execute(text("DROP TRIGGER keep_history_whole"))
        done = manage("check")
        assert done.returncode == 1
        assert "keep_history_whole" in done.stdout

    @EMPTY
    def test_an_unavailable_mail_server_is_reported(self, manage: Manage):
        done = manage("check", SMTP_URL="smtp://127.0.0.1:1")
        assert done.returncode == 1
        assert "refused" in done.stdout

    @EMPTY
    def test_an_unavailable_database_is_reported_in_one_line(self, manage: Manage):
        done = manage("check", DATABASE_URL="postgresql+psycopg://nobody@127.0.0.1:1/none")
        assert done.returncode == 1
        assert "database  FAILED" in done.stdout
        assert "Traceback" not in done.stderr

    @EMPTY
    def test_a_database_without_a_schema_is_reported(self, manage: Manage, tmp_path: Path):
        done = manage("check", DATABASE_URL=f"sqlite:///{tmp_path / 'new.db'}")
        assert done.returncode == 1
        assert "migrate" in done.stdout

    @EMPTY
    def test_an_invalid_setting_is_reported(self, shell: Manage):
        done = shell("check", SESSION_HOURS="0")
        assert done.returncode == 1
        assert "SESSION_HOURS" in done.stderr
        assert SECRET_KEY not in done.stderr
        assert "Traceback" not in done.stderr


def test_a_password_link_is_printed_and_works_once(manage: Manage, cast: Cast) -> None:
    done = manage("reset-password", "ADA@example.com")
    assert done.returncode == 0, done.stderr
    address = done.stdout.splitlines()[-1]
    assert address.startswith(f"{settings().public_url}/reset#")
    reset = partial(
        db.run, password_reset.reset, ANONYMOUS, address.partition("#")[2], "a new hash"
    )
    assert reset().id == cast.ada.user_id
    with pytest.raises(LinkNotValid):
        reset()
    with db.read() as session:
        changes = activity.of_account(session, cast.ada)
        assert not session.scalars(select(Mail).where(Mail.template == "reset_password")).all()
    assert list(changes["who"]) == ["You", "Orgdesk"]
    assert changes["what"].iloc[-1] == "printed a password reset link for Ada on the server"


def test_a_password_link_needs_an_enabled_account(manage: Manage, cast: Cast) -> None:
    db.run(account_access.disable, cast.ada, cast.mia.user_id)
    for address, why in {"nobody@example.com": "no account", "mia@example.com": "disabled"}.items():
        done = manage("reset-password", address)
        assert (done.returncode, done.stdout) == (1, "")
        assert why in done.stderr


@EMPTY
def test_an_administrator_who_lost_the_device_is_reset(manage: Manage, cast: Cast) -> None:
    lost = ("reset-two-factor", "--email", "ADA@example.com", "--reason", "The phone is lost")
    done = manage(*lost)
    assert done.returncode == 0, done.stderr
    with db.read() as session:
        assert session.get_one(User, cast.ada.user_id).two_factor_at is None
    unknown = manage("reset-two-factor", "--email", "nobody@example.com", "--reason", "Lost")
    assert (unknown.returncode, "There is no account" in unknown.stderr) == (1, True)


class TestImport:
    """`import` prints what a file would do, and does it only when told to."""

    @pytest.fixture
    def file(self, cast: Cast, tmp_path: Path) -> Path:
        rows = [
            ["Organization ID", "Name", "Owner email", "Phone"],
            [cast.acme.public_id, "", "", "+12125550100"],
            ["", "Blue Door", "nora@example.com"],
            ["", "Red Door", "nope"],
        ]
        path = tmp_path / "fair.csv"
        path.write_bytes(csv_file(rows))
        return path

    @EMPTY
    def test_the_template_is_the_head_line(self, manage: Manage) -> None:
        done = manage("import", "--template")
        assert done.stdout.startswith("Organization ID,Name,Owner email,Company overview,")
        assert done.stdout.count("\n") == 1

    @EMPTY
    def test_it_prints_the_plan_and_changes_nothing(
        self, manage: Manage, cast: Cast, file: Path
    ) -> None:
        done = manage("import", str(file), "--as", "oda@example.com")
        assert done.stdout.splitlines() == [
            "New: 1",
            "  row 3, Blue Door: Name: (empty) -> Blue Door "
            "Owner email: (empty) -> nora@example.com",
            "Change: 1",
            "  row 2, Acme: Phone: (empty) -> +1 212-555-0100",
            "Unchanged: 0",
            "Error: 1",
            "  row 4, Red Door: Enter an email address like ana@example.com.",
        ]
        with db.read() as session:
            assert session.scalar(select(func.count()).select_from(Run)) == 0

    @EMPTY
    def test_it_starts_a_run_when_told_to(self, manage: Manage, cast: Cast, file: Path) -> None:
        told = ("import", str(file), "--as", "oda@example.com", "--yes")
        assert "Write a few words" in manage(*told).stderr
        done = manage(*told, "--reason", "From the fair.")
        with db.read() as session:
            run = session.scalars(select(Run)).one()
        assert done.stdout.splitlines()[-1].startswith(f"Run {run.id} imports them")
        assert (run.status, run.reason) == (RunStatus.GOING, "From the fair.")

    @EMPTY
    def test_who_may_not_import_is_told_so(self, manage: Manage, cast: Cast, file: Path) -> None:
        done = manage("import", str(file), "--as", "sam@example.com")
        assert (done.returncode, done.stdout) == (1, "")
        assert "permission" in done.stderr
        file.write_bytes(b"Color\nblue\n")
        done = manage("import", str(file), "--as", "oda@example.com")
        assert done.stderr == "This file has no column Organization ID or Name.\n"
        assert manage("import").returncode == 2
        file.unlink()
        done = manage("import", str(file), "--as", "oda@example.com")
        assert done.stderr == f"{file} can't be read: No such file or directory.\n"


class TestUndo:
    @pytest.fixture
    def run_id(self, cast: Cast) -> str:
        """A run in which Sam has flagged Acme and Otto Ltd."""
        everything = Selection((), Filters())
        run = db.run(bulk_flag.start, cast.sam, everything, Plan(), expected=2)
        run_to_end()
        return str(run.id)

    def stages(self) -> set[Stage]:
        with db.read() as session:
            return set(session.scalars(select(Organization.stage)))

    def test_without_yes_it_prints_the_plan_and_changes_nothing(
        self, manage: Manage, cast: Cast, run_id: str
    ) -> None:
        done = manage("undo", run_id, "--as", email(cast.sam))
        assert done.stdout.splitlines() == [
            "Will be put back: 2. Changed since: 0.",
            "Nothing was changed. Add --yes to undo it.",
        ]
        assert self.stages() == {Stage.ONBOARDING}

    @EMPTY
    def test_with_yes_it_undoes_and_prints_the_number_of_its_own_run(
        self, manage: Manage, cast: Cast, run_id: str
    ) -> None:
        done = manage("undo", run_id, "--as", email(cast.sam), "--yes", "--reason", "A mistake.")
        assert (done.returncode, done.stdout) == (0, "Run 2: 2 of 2 changes undone.\n")
        assert self.stages() == {Stage.FREE}
        again = manage("undo", run_id, "--as", email(cast.sam), "--yes")
        assert (again.returncode, again.stderr[:32]) == (1, "This run was undone already. Und")

    @EMPTY
    def test_what_is_refused_is_counted(self, manage: Manage, cast: Cast, run_id: str) -> None:
        done = manage("undo", run_id, "--as", email(cast.oda), "--yes")
        assert (done.returncode, self.stages()) == (1, {Stage.ONBOARDING})
        assert "Refused: 2." in done.stdout

"""Health checks for the operator: settings, database, triggers, clock, mail and charts."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from alembic.migration import MigrationContext
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.base import clock
from core.base.errors import Unavailable
from core.base.settings import settings
from core.database import counters, db, schema, upgrade
from core.mail.smtp import Connection, Server, TemporaryFailure
from core.models import Entry, Mail

MAX_CLOCK_DIFFERENCE: Final = timedelta(seconds=30)

_TRIGGERS: Final = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'O'",
}


class Finding(NamedTuple):
    """The result of one check, with a message for the operator."""

    check: str
    is_ok: bool
    message: str


def run_checks() -> Iterator[Finding]:
    """Run all checks; if the database fails, those that need it are left out."""
    yield _settings()
    try:
        with db.read() as session:
            database = _database(session)
            yield database
            if database.is_ok:
                yield _triggers(session)
                yield _clock(session)
                yield _mail(session)
                yield _charts(session)
    except Unavailable:
        yield Finding("database", False, "The database isn't available. Check DATABASE_URL.")


def _settings() -> Finding:
    if not settings().secret_key:
        return Finding("settings", True, "Valid. The secret key is stored in a file.")
    return Finding("settings", True, f"Valid. People open {settings().public_url}.")


def _database(session: Session) -> Finding:
    found, newest = _schema_version(session), upgrade.newest_revision()
    dialect = session.get_bind().dialect.name
    if found != newest:
        schema_found = f"schema {found}" if found else "no schema"
        message = (
            f"{dialect} has {schema_found}, but this version needs {newest}. "
            "Run `python -m core.manage migrate`."
        )
        return Finding("database", False, message)
    return Finding("database", True, f"{dialect} is available and has schema {found}.")


def _schema_version(session: Session) -> str | None:
    return MigrationContext.configure(session.connection()).get_current_revision()


def _triggers(session: Session) -> Finding:
    query = _TRIGGERS[session.get_bind().dialect.name]
    enabled = set(session.connection().exec_driver_sql(query).scalars())
    missing = {rule.name for rule in schema.RULES} - enabled
    if missing:
        return Finding("triggers", False, f"Missing or disabled: {', '.join(sorted(missing))}.")
    return Finding("triggers", True, f"All {len(schema.RULES)} rules of the database are enabled.")


def _charts(session: Session) -> Finding:
    differences = counters.count_differences(session)
    if differences:
        message = (
            f"{differences} counts differ from the recorded moves. "
            "Run `python -m core.manage recount`."
        )
        return Finding("charts", False, message)
    return Finding("charts", True, "The counts match the recorded moves.")


def _clock(session: Session) -> Finding:
    now = clock.now()
    latest = session.scalar(select(func.max(Entry.at)))  # of all: the newest may be right again
    if latest and latest > now + MAX_CLOCK_DIFFERENCE:
        message = f"It's {now:%d %b %Y %H:%M} UTC here, but the latest history entry is from "
        return Finding("clock", False, f"{message}{latest:%d %b %Y %H:%M} UTC.")
    database_time = _database_time(session)
    if database_time and abs(database_time - now) > MAX_CLOCK_DIFFERENCE:
        message = f"It's {now:%H:%M:%S} UTC here, but {database_time:%H:%M:%S} at the database."
        return Finding("clock", False, message)
    return Finding("clock", True, f"It's {now:%d %b %Y %H:%M:%S} UTC.")


def _database_time(session: Session) -> datetime | None:
    """Return the time of the database server; SQLite has none of its own."""
    if session.get_bind().dialect.name == "sqlite":
        return None
    now: datetime = session.connection().exec_driver_sql("SELECT clock_timestamp()").scalar_one()
    return now.astimezone(UTC)


def _mail(session: Session) -> Finding:
    number = session.scalar(select(func.count(Mail.id)).where(Mail.due_at.is_not(None))) or 0
    waiting = f"{number} email waiting" if number == 1 else f"{number} emails waiting"
    if not settings().smtp_url:
        return Finding("mail", True, f"No SMTP_URL. {waiting}; read them on the Mail page.")
    try:
        with Connection(Server.from_url(settings().smtp_url)) as connection:
            connection.open()
    except (TemporaryFailure, ValueError) as error:
        return Finding("mail", False, f"The mail server isn't available: {error} ({waiting}).")
    return Finding("mail", True, f"The mail server accepts connections. {waiting}.")

"""Is everything as it should be? One finding each: settings, database, triggers, mail, clock."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from alembic.migration import MigrationContext
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.base import clock
from core.base.errors import Unavailable
from core.base.settings import settings
from core.database import counters, db, schema, upgrade
from core.mail.smtp import Connection, NotNow, Server
from core.models import Entry, Mail

CLOCKS_DIFFER_BY = timedelta(seconds=30)

_TRIGGERS = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'O'",
}


class Finding(NamedTuple):
    """What was looked at, whether it is well, and a sentence about it."""

    what: str
    is_well: bool
    sentence: str


def examine() -> Iterator[Finding]:
    """Look at everything; what needs the database is left out where that is not well."""
    yield _settings()
    try:
        with db.read() as session:
            database = _database(session)
            yield database
            if database.is_well:
                yield _triggers(session)
                yield _clock(session)
                yield _mail(session)
                yield _charts(session)
    except Unavailable:
        yield Finding("database", False, "It does not answer; DATABASE_URL says where it is.")


def _settings() -> Finding:
    if not settings().secret_key:
        return Finding("settings", True, "Valid; the secret key is kept in a file.")
    return Finding("settings", True, f"Valid; people come to {settings().public_url}.")


def _database(session: Session) -> Finding:
    found = MigrationContext.configure(session.connection()).get_current_revision()
    newest = upgrade.newest()
    kind = session.get_bind().dialect.name
    if found != newest:
        return Finding(
            "database",
            False,
            f"{kind} has schema {found}, this version needs {newest}: "
            "run `python -m core.manage migrate`.",
        )
    return Finding("database", True, f"{kind} answers and has schema {found}.")


def _triggers(session: Session) -> Finding:
    there = session.connection().exec_driver_sql(_TRIGGERS[session.get_bind().dialect.name])
    missing = {rule.name for rule in schema.RULES} - set(there.scalars())
    if missing:
        return Finding("triggers", False, f"Missing or switched off: {', '.join(sorted(missing))}.")
    return Finding("triggers", True, f"All {len(schema.RULES)} rules are kept by the database.")


def _charts(session: Session) -> Finding:
    differences = counters.find_differences(session)
    if differences:
        sentence = (
            f"{differences} counts differ from the moves; run `python -m core.manage recount`."
        )
        return Finding("charts", False, sentence)
    return Finding("charts", True, "What the charts count is what the moves say.")


def _clock(session: Session) -> Finding:
    now = clock.now()
    newest = session.scalar(select(Entry.at).order_by(Entry.id.desc()).limit(1))
    if newest and newest > now + CLOCKS_DIFFER_BY:
        sentence = f"It is {now:%d %b %Y %H:%M} UTC here, but history goes on to {newest:%H:%M}."
        return Finding("clock", False, sentence)
    theirs = _clock_of_database(session)
    if theirs and abs(theirs - now) > CLOCKS_DIFFER_BY:
        sentence = f"It is {now:%H:%M:%S} UTC here and {theirs:%H:%M:%S} at the database."
        return Finding("clock", False, sentence)
    return Finding("clock", True, f"It is {now:%d %b %Y %H:%M:%S} UTC.")


def _clock_of_database(session: Session) -> datetime | None:
    """Return the moment at the database's own machine; SQLite has none."""
    if session.get_bind().dialect.name == "sqlite":
        return None
    theirs: datetime = session.connection().exec_driver_sql("SELECT clock_timestamp()").scalar_one()
    return theirs.astimezone(UTC)


def _mail(session: Session) -> Finding:
    waiting = session.scalar(select(func.count(Mail.id)).where(Mail.due_at.is_not(None))) or 0
    if not settings().smtp_url:
        return Finding("mail", True, f"No SMTP_URL: {waiting} mails wait, read on the Mail page.")
    try:
        with Connection(Server.at(settings().smtp_url)) as connection:
            connection.open()
    except (NotNow, ValueError) as why:
        return Finding("mail", False, f"{why} ({waiting} mails wait)")
    return Finding("mail", True, f"The server takes our greeting; {waiting} mails wait.")

"""Health checks for the operator: settings, Python, database, key, triggers, clock and more."""

import os
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from alembic.migration import MigrationContext
from sqlalchemy import URL, func, make_url, select
from sqlalchemy.orm import Session

from core.accounts import request_info
from core.audit import keys
from core.base import clock, crypto
from core.base.errors import Unavailable
from core.base.settings import PROJECT, settings
from core.database import counters, db, schema, upgrade
from core.mail.smtp import Connection, Server, TemporaryFailure
from core.models import Entry, Mail

MAX_CLOCK_DIFFERENCE: Final = timedelta(seconds=30)
SAFE_PASSWORD_MINIMUM: Final = 15
"""Characters of a password that is the only factor: NIST SP 800-63B-4, 3.1.1.2."""
MIN_TOKEN: Final = 16
"""Characters of METRICS_TOKEN."""
MAX_SESSION_HOURS: Final = 24
MAX_IDLE_MINUTES: Final = 60
"""How long sessions with two-factor should last: NIST SP 800-63B-4, 2.2.3."""

_LONG_SESSIONS: Final = (
    f"Sessions are long. With two-factor, at most {MAX_SESSION_HOURS} for SESSION_HOURS and "
    f"{MAX_IDLE_MINUTES} for SESSION_IDLE_MINUTES are recommended."
)
STREAMLIT_CONFIG = PROJECT / ".streamlit" / "config.toml"
_ENCRYPTED_MODES: Final = {"require", "verify-ca", "verify-full"}
_TRIGGERS: Final = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'O'",
}


class Finding(NamedTuple):
    """The result of one check, with a message for the operator."""

    check: str
    is_ok: bool
    message: str
    is_warning: bool = False
    """Whether nothing is broken, but the operator should act."""


def run_checks() -> Iterator[Finding]:
    """Run all checks; if the database fails, those that need it are left out."""
    yield from _settings()
    yield _python(sys.version_info[:3])
    try:
        with db.read() as session:
            database = _database(session)
            yield database
            if database.is_ok:
                yield _key(session)
                yield _triggers(session)
                yield _clock(session)
                yield _mail(session)
                yield _charts(session)
                yield _members(session)
    except Unavailable:
        yield Finding("database", False, "The database isn't available. Check DATABASE_URL.")


def _settings() -> Iterator[Finding]:
    weak = list_weak_settings()
    for problem in weak:
        yield Finding("settings", False, problem)
    if _are_sessions_long():
        yield Finding("settings", True, _LONG_SESSIONS, is_warning=True)
    if not weak and not settings().secret_key:
        yield Finding("settings", True, "Valid. The secret key is stored in a file.")
    elif not weak:
        yield Finding("settings", True, f"Valid. People open {settings().public_url}.")


def list_weak_settings() -> list[str]:
    """Return what is wrong with each setting that weakens safety."""
    return list(_weak_settings())


def _weak_settings() -> Iterator[str]:
    address = urlsplit(settings().public_url)
    if address.scheme == "http" and not request_info.is_loopback(address.netloc):
        yield (
            f"PUBLIC_URL is {settings().public_url}, so passwords cross the network unencrypted. "
            "Use https:// behind a proxy with TLS."
        )
    if settings().password_minimum < SAFE_PASSWORD_MINIMUM:
        yield (
            f"PASSWORD_MINIMUM is {settings().password_minimum}. Passwords without two-factor "
            f"need at least {SAFE_PASSWORD_MINIMUM} characters."
        )
    if _is_database_unencrypted(make_url(settings().database_url)):
        yield (
            "DATABASE_URL names a PostgreSQL on another machine without requiring TLS. "
            "Add ?sslmode=verify-full, or at least ?sslmode=require."
        )
    if _has_agent_api():
        yield (
            "Streamlit's server.enableAgentApi is on, which opens the app to other programs. "
            "Turn it off."
        )
    yield from _weak_secrets()


def _weak_secrets() -> Iterator[str]:
    """Yield what is wrong with settings that let others read or replace a secret."""
    if not settings().cookie_name.startswith("__Host-"):
        yield (
            "COOKIE_NAME doesn't begin with __Host-, so other sites of the same domain can set "
            "the session cookie. Add it."
        )
    if 0 < len(settings().metrics_token) < MIN_TOKEN:
        yield (
            f"METRICS_TOKEN has fewer than {MIN_TOKEN} characters. Create one with "
            "`openssl rand -hex 32`."
        )
    url = settings().smtp_url
    if url and settings().smtp_unencrypted and not Server.from_url(url).is_local:
        yield (
            "SMTP_UNENCRYPTED lets links for new passwords cross the network unencrypted. "
            "Use a mail server with TLS."
        )


def _are_sessions_long() -> bool:
    hours, minutes = settings().session_hours, settings().session_idle_minutes
    return hours > MAX_SESSION_HOURS or minutes > MAX_IDLE_MINUTES


def _is_database_unencrypted(url: URL) -> bool:
    if url.get_backend_name() != "postgresql":
        return False
    query = url.query
    host = query.get("hostaddr") or query.get("host") or url.host or os.environ.get("PGHOST", "")
    names = (host if isinstance(host, str) else ",".join(host)).split(",")
    is_remote = any(
        name and not name.startswith("/") and not request_info.is_loopback(_bracketed(name))
        for name in names
    )
    mode = query.get("sslmode") or os.environ.get("PGSSLMODE")
    return is_remote and mode not in _ENCRYPTED_MODES


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _has_agent_api() -> bool:
    """Return whether Streamlit would serve its agent API; the environment beats the file."""
    wanted = os.environ.get("STREAMLIT_SERVER_ENABLE_AGENT_API")
    if wanted is None:
        config = tomllib.loads(STREAMLIT_CONFIG.read_text("utf-8"))
        wanted = str(config.get("server", {}).get("enableAgentApi", False))
    return wanted.strip().lower() not in {"", "0", "false", "no", "off"}


def _python(version: tuple[int, ...]) -> Finding:
    """Warn of versions whose `email` lets a line break in a header begin another one."""
    name = ".".join(map(str, version))
    if version >= (3, 12, 5) or (3, 11, 10) <= version < (3, 12):
        return Finding("python", True, f"Python {name}.")
    message = (
        f"Python {name} lacks the fix of email header injection. Orgdesk checks each message "
        "itself; update to 3.11.10, 3.12.5 or later all the same."
    )
    return Finding("python", True, message, is_warning=True)


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


def _key(session: Session) -> Finding:
    newest = keys.find_newest(session)
    try:
        if newest is not None:
            keys.ensure_ours(newest)
    except (keys.WrongKey, crypto.MissingKey) as error:
        return Finding("key", False, f"WRONG. {error}")
    if newest is None:
        return Finding("key", False, "Unknown yet. Run `python -m core.manage migrate`.")
    return Finding("key", True, f"Key {newest.id}; public key {newest.public_key}.")


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


def _members(session: Session) -> Finding:
    miscounted = counters.count_miscounted(session)
    if miscounted:
        message = (
            f"Organizations with a wrong number of members, owners or admins: {miscounted}. "
            "Run `python -m core.manage recount`."
        )
        return Finding("members", False, message)
    return Finding("members", True, "The counts of members, owners and admins are right.")


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

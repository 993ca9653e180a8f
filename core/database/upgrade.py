"""Upgrade of the database to the schema of this version."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from core.base.settings import PROJECT
from core.database import db, schema

log = logging.getLogger(__name__)
logging.getLogger("alembic").setLevel(logging.WARNING)

MIGRATIONS = PROJECT / "data" / "migrations"

_LOCK = 7_031_926
_SQLITE_WAITS_MS = 600_000
"""Longer than any migration takes, so that processes that start meanwhile wait for it."""


class NewerSchema(RuntimeError):
    """The database has the schema of a newer version."""

    def __init__(self, found: str, known: str | None) -> None:
        super().__init__(
            f"The database has schema {found}, which is newer than the {known} that this version"
            " of Orgdesk knows. Start the newer version, or restore a backup from before it."
        )


def upgrade() -> None:
    """Migrate the database to this version's schema; safe to call from several processes.

    Raises `NewerSchema` and changes nothing if a newer version has already migrated it.
    """
    with exclusive_transaction() as connection:
        migrations = ScriptDirectory(str(MIGRATIONS))
        found = MigrationContext.configure(connection).get_current_revision()
        newest = migrations.get_current_head()
        if found == newest:
            return
        if found not in {None, *(step.revision for step in migrations.walk_revisions())}:
            raise NewerSchema(str(found), newest)
        schema.remove_triggers(connection)
        command.upgrade(configuration(connection), "head")
        schema.install_triggers(connection)
        log.info("migrated the database from schema %s to %s", found or "nothing", newest)


def is_current(session: Session) -> bool:
    """Return whether the database has the schema of this version."""
    return (
        MigrationContext.configure(session.connection()).get_current_revision() == newest_revision()
    )


@cache
def newest_revision() -> str | None:
    """Return the newest revision that this version knows."""
    return ScriptDirectory(str(MIGRATIONS)).get_current_head()


def configuration(connection: Connection) -> Config:
    """Return the Alembic configuration for a connection."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


@contextmanager
def exclusive_transaction() -> Iterator[Connection]:
    """Open a transaction that only one process at a time can be in."""
    with db.writing_engine().connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.detach()
            connection.connection.execute(f"PRAGMA busy_timeout={_SQLITE_WAITS_MS}")
        with connection.begin():
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            yield connection

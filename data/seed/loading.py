"""Whole worlds into an empty database: the rows first, then at once all that rests on them.

One process makes the rows up, another one spells them out for the database.
"""

import gc
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import date, datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe
from typing import Any, Final

from sqlalchemy import JSON, Connection, Date, Engine, Enum

from core.models import Base
from core.models.orm import UtcDateTime
from data.seed.world import COLUMNS, Row, World

Batch = dict[str, list[Row]]
"""Rows by table."""

MANY: Final = 5_000
"""From so many organizations on another process is worth its start."""


def load(connection: Connection, world: World) -> Iterator[int]:
    """Write a world into an empty database, and yield how many organizations are in it so far."""
    engine = connection.dialect.name
    raw: Any = connection.connection.cursor()
    bare, insert = _WAYS[engine]
    batches = _from_another_process if world.organizations >= MANY else World.batches
    number = 0
    with bare(raw), _no_garbage():
        for batch in batches(world):
            for table, rows in batch.items():
                insert(raw, table, _spell(table, rows, engine))
            number += len(batch["organizations"])
            yield number


@contextmanager
def begin(engine: Engine, world: World) -> Iterator[Connection]:
    """Open the transaction of a load; that of a large world writes straight into SQLite's file.

    New pages need no journal there, while a write-ahead log would hold each of them a second time.
    """
    if engine.dialect.name != "sqlite" or world.organizations < MANY:
        with engine.begin() as connection:
            yield connection
        return
    engine.dispose()
    with engine.connect() as connection:
        raw: Any = connection.connection.driver_connection
        with suppress(sqlite3.OperationalError):  # somebody else has it open: slower, as well
            raw.execute("PRAGMA journal_mode = DELETE").close()
        with connection.begin():
            yield connection
        raw.execute("PRAGMA journal_mode = WAL").close()


@contextmanager
def _no_garbage() -> Iterator[None]:
    """Look for no cycles among millions of rows that have none: a sixth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _from_another_process(world: World) -> Iterator[Batch]:
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(theirs, world), daemon=True)
    process.start()
    theirs.close()
    while (batch := ours.recv()) is not None:
        yield batch
    process.join()


def _send(pipe: "Pipe[Batch | None, Batch | None]", world: World) -> None:
    with _no_garbage():
        for batch in world.batches():
            pipe.send(batch)
    pipe.send(None)


def _spell(table: str, rows: list[Row], engine: str) -> list[Row]:
    """Return rows with every value as the engine takes it: column by column, since it is many."""
    columns: list[Any] = list(zip(*rows, strict=True))
    for place, (name, values) in enumerate(zip(_names(table), columns, strict=False)):
        kind = Base.metadata.tables[table].c[name].type
        spell = next(
            (s for type_, s in _SPELLINGS[engine].items() if isinstance(kind, type_)), None
        )
        if spell is not None:
            columns[place] = [None if value is None else spell(value) for value in values]
    return list(zip(*columns, strict=True))


def _names(table: str) -> list[str]:
    return COLUMNS[table].split()


def _naive(moment: datetime) -> str:
    return moment.isoformat(" ", "microseconds")[:26]


_SPELLINGS: Final[Mapping[str, Mapping[type[Any], Callable[[Any], Any]]]] = {
    "sqlite": {UtcDateTime: _naive, Date: date.isoformat, JSON: json.dumps, Enum: str},
    "postgresql": {JSON: json.dumps, Enum: str},
}


@contextmanager
def _bare_sqlite(raw: Any) -> Iterator[None]:
    """Lay indexes and triggers aside until the rows are there: a third of the time at a million."""
    kept = raw.execute(
        "SELECT type, name, sql FROM sqlite_master"
        " WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"
    ).fetchall()
    for kind, name, _ in kept:
        raw.execute(f"DROP {kind} {name}")
    raw.execute("PRAGMA cache_size = -400000")
    yield
    raw.execute(
        "UPDATE memberships SET found_by ="
        " (SELECT lower(name || ' ' || email) FROM users WHERE users.id = user_id)"
    )
    for _, _, statement in kept:
        raw.execute(statement)
    for index in ("organizations_search", "notes_search", "users_search"):
        raw.execute(f"INSERT INTO {index} ({index}) VALUES ('rebuild')")  # noqa: S608


def _insert_into_sqlite(raw: Any, table: str, rows: list[Row]) -> None:
    names = _names(table)
    marks = ", ".join("?" * len(names))
    raw.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", rows)  # noqa: S608


@contextmanager
def _bare_postgresql(raw: Any) -> Iterator[None]:
    """Lay indexes and foreign keys aside until the rows are there."""
    keys = raw.execute(
        "SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid)"
        " FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace"
    ).fetchall()
    indexes = raw.execute(
        "SELECT quote_ident(indexname), indexdef FROM pg_indexes WHERE schemaname = 'public'"
        " AND indexname NOT IN (SELECT conname FROM pg_constraint)"
    ).fetchall()
    for table, name, _ in keys:
        raw.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    for name, _ in indexes:
        raw.execute(f"DROP INDEX {name}")
    raw.execute("SET LOCAL maintenance_work_mem = '512MB'")
    yield
    for _, definition in indexes:
        raw.execute(definition)
    for table, name, definition in keys:
        raw.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
    for table in COLUMNS:
        if "id" in _names(table):
            raw.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"  # noqa: S608
            )
    raw.execute("ANALYZE")


def _copy_into_postgresql(raw: Any, table: str, rows: list[Row]) -> None:
    with raw.copy(f"COPY {table} ({', '.join(_names(table))}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


_WAYS: Final[Mapping[str, tuple[Any, Any]]] = {
    "sqlite": (_bare_sqlite, _insert_into_sqlite),
    "postgresql": (_bare_postgresql, _copy_into_postgresql),
}

"""Bulk loading of sample data into an empty database: first the rows, then indexes and triggers.

One process generates the rows, another one encodes and inserts them.
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
from data.seed.generator import COLUMNS, Row, SampleData

Batch = dict[str, list[Row]]
"""Rows by table."""

LARGE: Final = 5_000
"""Organizations from which on a second process saves time."""


def load(connection: Connection, sample: SampleData) -> Iterator[int]:
    """Write sample data into an empty database, and yield the number of organizations so far."""
    engine = connection.dialect.name
    raw: Any = connection.connection.cursor()
    without_indexes, insert = _LOADERS[engine]
    batches = _from_another_process if sample.organizations >= LARGE else SampleData.batches
    number = 0
    with without_indexes(raw), _gc_disabled():
        for batch in batches(sample):
            for table, rows in batch.items():
                insert(raw, table, _encode(table, rows, engine))
            number += len(batch["organizations"])
            yield number


@contextmanager
def begin(engine: Engine, sample: SampleData) -> Iterator[Connection]:
    """Open the transaction of a load; with much data it writes directly into SQLite's file.

    New pages need no rollback journal, while a write-ahead log would store each of them twice.
    """
    if engine.dialect.name != "sqlite" or sample.organizations < LARGE:
        with engine.begin() as connection:
            yield connection
        return
    engine.dispose()
    with engine.connect() as connection:
        raw: Any = connection.connection.driver_connection
        with suppress(sqlite3.OperationalError):  # another connection is open: slower, but works
            raw.execute("PRAGMA journal_mode = DELETE").close()
        with connection.begin():
            yield connection
        raw.execute("PRAGMA journal_mode = WAL").close()


@contextmanager
def _gc_disabled() -> Iterator[None]:
    """Disable garbage collection, which takes a sixth of the time and finds no cycles in rows."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _from_another_process(sample: SampleData) -> Iterator[Batch]:
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(theirs, sample), daemon=True)
    process.start()
    theirs.close()
    while (batch := ours.recv()) is not None:
        yield batch
    process.join()


def _send(pipe: "Pipe[Batch | None, Batch | None]", sample: SampleData) -> None:
    with _gc_disabled():
        for batch in sample.batches():
            pipe.send(batch)
    pipe.send(None)


def _encode(table: str, rows: list[Row], engine: str) -> list[Row]:
    """Return rows with their values encoded for the engine, column by column for speed."""
    columns: list[Any] = list(zip(*rows, strict=True))
    for number, (name, values) in enumerate(zip(_names(table), columns, strict=False)):
        column_type = Base.metadata.tables[table].c[name].type
        encode = next(
            (
                encoder
                for type_, encoder in _ENCODERS[engine].items()
                if isinstance(column_type, type_)
            ),
            None,
        )
        if encode is not None:
            columns[number] = [None if value is None else encode(value) for value in values]
    return list(zip(*columns, strict=True))


def _names(table: str) -> list[str]:
    return COLUMNS[table].split()


def _naive(moment: datetime) -> str:
    return moment.isoformat(" ", "microseconds")[:26]


_ENCODERS: Final[Mapping[str, Mapping[type[Any], Callable[[Any], Any]]]] = {
    "sqlite": {UtcDateTime: _naive, Date: date.isoformat, JSON: json.dumps, Enum: str},
    "postgresql": {JSON: json.dumps, Enum: str},
}


@contextmanager
def _without_sqlite_indexes(raw: Any) -> Iterator[None]:
    """Drop indexes and triggers, and recreate them: saves a third of the time at a million."""
    dropped = raw.execute(
        "SELECT type, name, sql FROM sqlite_master"
        " WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"
    ).fetchall()
    for type_, name, _ in dropped:
        raw.execute(f"DROP {type_} {name}")
    raw.execute("PRAGMA cache_size = -400000")
    yield
    raw.execute(
        "UPDATE memberships SET found_by ="
        " (SELECT substr(search_text, 1, 400) FROM users WHERE users.id = user_id)"
    )
    for _, _, statement in dropped:
        raw.execute(statement)
    for index in ("organizations_search", "notes_search", "users_search", "history_texts_search"):
        raw.execute(f"INSERT INTO {index} ({index}) VALUES ('rebuild')")  # noqa: S608


def _insert_into_sqlite(raw: Any, table: str, rows: list[Row]) -> None:
    names = _names(table)
    marks = ", ".join("?" * len(names))
    raw.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", rows)  # noqa: S608


@contextmanager
def _without_postgresql_indexes(raw: Any) -> Iterator[None]:
    """Drop indexes and foreign keys, and recreate them at the end of the block.

    Roles are not counted meanwhile: the rows of organizations have their numbers already.
    """
    raw.execute("ALTER TABLE memberships DISABLE TRIGGER count_roles_given")
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
    raw.execute("ALTER TABLE memberships ENABLE TRIGGER count_roles_given")
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


_LOADERS: Final[Mapping[str, tuple[Any, Any]]] = {
    "sqlite": (_without_sqlite_indexes, _insert_into_sqlite),
    "postgresql": (_without_postgresql_indexes, _copy_into_postgresql),
}

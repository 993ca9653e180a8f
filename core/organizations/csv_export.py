"""The organizations that match filters as CSV; Parquet and XLSX files are converted from it.

The database formats each row as a line, and no row becomes a Python object: at a million rows that
would be most of the work. Times are in UTC.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from itertools import islice
from typing import Any, Final

import psycopg
from sqlalchemy import ColumnElement, FromClause, Select, func, literal_column, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from core.access.permissions import Actor
from core.base import formulas
from core.models import Organization, User, organizations
from core.organizations import queries
from core.organizations.filters import Filters, Sort
from core.organizations.queries import MAX_COUNTED

BATCH: Final = 2_500
"""Rows in memory at a time."""
_LINE_END: Final = b"\r\n"
_IN_RANGE: Final = Organization.id.between(literal_column("?"), literal_column("?"))
_Row = tuple[bytes]


class Format(StrEnum):
    """The file formats of a download."""

    CSV = "csv"
    XLSX = "xlsx"
    PARQUET = "parquet"


NUMBERS: Final = ("Members", "Owners", "Pending invitations", "Profile (%)")
MOMENTS: Final = ("Last active (UTC)", "Created (UTC)")
TITLES: Final = {
    "public_id": "Organization ID",
    "name": "Name",
    "stage": "Stage",
    **dict(zip(("member_count", "owners", "pending", "profile"), NUMBERS, strict=True)),
    "rep": "Sales rep",
    "website": "Website",
    "sales_email": "Sales email",
    "phone": "Phone",
    **dict(zip(("last_active_at", "created_at"), MOMENTS, strict=True)),
}
"""The titles of the columns of a file, by the names of the columns of the table."""
COLUMNS: Final = tuple(TITLES.values())
ALWAYS: Final = ("public_id", "name")
"""Columns of every file: without them no row is told from another."""
_TEXTS: Final = frozenset({"name", "rep", "website", "sales_email", "phone"})
"""Texts that people typed, which are quoted."""


@dataclass
class Progress:
    """How many rows have been read so far."""

    rows: int = 0


def choose_columns(names: Iterable[str]) -> tuple[str, ...]:
    """Return the columns of a file in their order: the named ones and `ALWAYS`, or else all.

    Raises `ValueError` for an unknown name.
    """
    chosen = set(names)
    if not chosen <= set(TITLES):
        raise ValueError("unknown column")
    return tuple(name for name in TITLES if not chosen or name in {*chosen, *ALWAYS})


def stream(
    session: Session,
    actor: Actor,
    filters: Filters,
    *,
    columns: Sequence[str] = tuple(TITLES),
    formula_safe: bool,
    progress: Progress,
) -> Iterator[bytes]:
    """Return the organizations that match as CSV in UTF-8, in pieces; `TITLES` are the header.

    With `formula_safe`, cells that a spreadsheet would run as a formula start with an apostrophe.
    """
    queries.authorize(session, actor, filters)
    is_few = queries.count(session, filters) <= MAX_COUNTED
    if filters.has_words and not is_few:
        filters = replace(filters, sort=Sort.NEWEST)
    statement = _statement(session, filters, columns, is_few=is_few, formula_safe=formula_safe)
    driver: Any = session.connection().connection.driver_connection
    yield ",".join(TITLES[name] for name in columns).encode() + _LINE_END
    if _is_postgresql(session):
        yield from _copy(driver.cursor(), _compile(session, statement), progress)
    elif is_few or filters.has_words or filters.sort is not Sort.NEWEST:
        yield from _join(driver, _fetch(driver, _compile(session, statement)), progress)
    else:
        ranged = statement.where(_IN_RANGE).order_by(None).order_by(Organization.id)
        yield from _join(driver, _fetch_ranges(driver, _compile(session, ranged)), progress)


def _compile(session: Session, statement: Select[*tuple[Any, ...]]) -> str:
    dialect = session.get_bind().dialect
    return str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


def _copy(cursor: psycopg.Cursor[Any], sql: str, progress: Progress) -> Iterator[bytes]:
    """Yield the lines that PostgreSQL formats itself."""
    with cursor.copy(f"COPY ({sql}) TO STDOUT (FORMAT csv)", ()) as copy:
        while batch := list(islice(copy, BATCH)):
            progress.rows += len(batch)
            yield _with_line_ends(batch)


def _with_line_ends(rows: list[Any]) -> bytes:
    """Join rows that end in LF, as PostgreSQL writes them; breaks inside of cells stay."""
    lines = b"".join(rows)
    if lines.count(b"\n") == len(rows):
        return lines.replace(b"\n", _LINE_END)
    return b"".join(bytes(row).removesuffix(b"\n") + _LINE_END for row in rows)


def _fetch(driver: sqlite3.Connection, sql: str) -> Iterator[list[_Row]]:
    """Fetch batches of lines in their order."""
    cursor = driver.execute(sql)
    while batch := cursor.fetchmany(BATCH):
        yield batch


def _fetch_ranges(driver: sqlite3.Connection, sql: str) -> Iterator[list[_Row]]:
    """Fetch batches newest first: a range of ids at a time, each of them read forwards.

    No operating system reads ahead when a file is read backwards; that took three times as long.
    """
    ((newest,),) = driver.execute("SELECT max(id) FROM organizations").fetchall()
    for last in range(newest, 0, -BATCH):
        batch = driver.execute(sql, (last - BATCH + 1, last)).fetchall()
        batch.reverse()
        yield batch


def _join(
    driver: sqlite3.Connection, batches: Iterator[list[_Row]], progress: Progress
) -> Iterator[bytes]:
    """Join lines that SQLite formatted, as bytes, which saves decoding and encoding them."""
    text_factory, driver.text_factory = driver.text_factory, bytes
    try:
        for batch in filter(None, batches):
            progress.rows += len(batch)
            yield _LINE_END.join([line for (line,) in batch]) + _LINE_END
    finally:
        driver.text_factory = text_factory


def _statement(
    session: Session,
    filters: Filters,
    names: Sequence[str],
    *,
    is_few: bool,
    formula_safe: bool,
) -> Select[*tuple[Any, ...]]:
    """Return the query for the rows of a file, in the order of the table."""
    order, rep = filters.order, aliased(User)
    source, row_id, where = queries.matches(session, filters, scanned=None if is_few else order)
    source, pending = _with_pending(session, source, is_few=is_few or "pending" not in names)
    keys = [row_id] if order.column is Organization.id else [order.column.expression, row_id]
    cell = partial(_cell, session, formula_safe=formula_safe)
    columns = {
        "public_id": Organization.public_id.expression,
        "name": cell(Organization.name),
        "stage": Organization.stage.expression,
        "member_count": Organization.member_count.expression,
        "owners": Organization.owner_count.expression,
        "pending": pending,
        "profile": organizations.completeness_column(),
        "rep": cell(rep.name),
        "website": cell(Organization.website),
        "sales_email": cell(Organization.sales_email),
        "phone": cell(Organization.phone),
        "last_active_at": Organization.last_active_at.expression,
        "created_at": Organization.created_at.expression,
    }
    line = _line(session, {name: columns[name] for name in names})
    return (
        select(*line)
        .select_from(source.outerjoin(rep, rep.id == Organization.rep_id))
        .where(*where)
        .order_by(*(key.desc() if order.descending else key.asc() for key in keys))
    )


def _with_pending(
    session: Session, source: FromClause, *, is_few: bool
) -> tuple[FromClause, ColumnElement[int]]:
    """Return the rows, and their number of pending invitations.

    PostgreSQL is faster when it counts them for all rows in one pass; SQLite is not.
    """
    if is_few or not _is_postgresql(session):
        return source, queries.pending_column()
    pending = queries.pending_subquery()
    joined = source.outerjoin(pending, pending.c.org_id == Organization.id)
    return joined, func.coalesce(pending.c.number, 0)


def _cell(
    session: Session, column: InstrumentedAttribute[Any], *, formula_safe: bool
) -> ColumnElement[Any]:
    """Return a text column for a file; with `formula_safe` no spreadsheet runs its cells."""
    dialect = session.get_bind().dialect.name
    cell = column.expression
    if formula_safe:
        cell = formulas.harmless_column(cell, dialect=dialect)
    return func.coalesce(cell, "") if dialect == "sqlite" else cell


def _line(session: Session, columns: Mapping[str, ColumnElement[Any]]) -> list[ColumnElement[Any]]:
    """Return the columns for PostgreSQL to format, or as one line that SQLite formats."""
    if _is_postgresql(session):
        return [
            func.date_trunc("second", func.timezone("UTC", column)) if _is_moment(name) else column
            for name, column in columns.items()
        ]
    return [func.printf(",".join(map(_cell_format, columns)), *columns.values())]


def _cell_format(name: str) -> str:
    """Return SQLite's format: `%w` doubles the quotes in a text, `%.19s` cuts after the seconds."""
    if name in _TEXTS:
        return '"%w"'
    if TITLES[name] in NUMBERS:
        return "%d"
    return "%.19s" if _is_moment(name) else "%s"


def _is_moment(name: str) -> bool:
    return TITLES[name] in MOMENTS


def _is_postgresql(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"

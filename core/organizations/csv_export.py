"""All organizations of a view as a file: CSV as it comes, Parquet and XLSX made of it.

What is read here never becomes Python objects of ours: at a million rows that would be most of
the work. Times are in UTC.
"""

import sqlite3
from collections.abc import Iterator, Sequence
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
from core.organizations import org_views, queries
from core.organizations.org_views import FEW, Sort, View

BATCH: Final = 2_500
"""Rows that are in memory at once."""
_END: Final = b"\r\n"
_IN_RANGE: Final = Organization.id.between(literal_column("?"), literal_column("?"))
_Line = tuple[bytes]


class Format(StrEnum):
    """The files that are offered."""

    CSV = "csv"
    XLSX = "xlsx"
    PARQUET = "parquet"


NUMBERS: Final = ("Members", "Owners", "Pending invitations", "Profile (%)")
MOMENTS: Final = ("Last active (UTC)", "Created (UTC)")
COLUMNS: Final = (
    *("Organization ID", "Name", "Stage", *NUMBERS),
    *("Sales rep", "Website", "Sales email", "Phone", *MOMENTS),
)
_LINE: Final = '%s,"%w",%s,%d,%d,%d,%d,"%w","%w","%w","%w",%.19s,%.19s'
"""How SQLite writes a line of these: texts with quotes doubled, moments to the second."""


@dataclass
class Tally:
    """How many rows have been read so far."""

    rows: int = 0


def lines(
    session: Session, actor: Actor, view: View, *, formula_safe: bool, tally: Tally
) -> Iterator[bytes]:
    """Return the organizations of a view as CSV in pieces, UTF-8, the names of `COLUMNS` first.

    With `formula_safe` a cell that a spreadsheet would run gets an apostrophe before it.
    """
    org_views.open_view(session, actor, view)
    is_few = org_views.count(session, view) <= FEW
    if view.has_words and not is_few:
        view = replace(view, sort=Sort.NEWEST)
    statement = _statement(session, view, is_few=is_few, formula_safe=formula_safe)
    driver: Any = session.connection().connection.driver_connection
    if _is_postgresql(session):
        yield from _copied(driver.cursor(), _text(session, statement), tally)
    elif is_few or view.has_words or view.sort is not Sort.NEWEST:
        yield from _joined(driver, _fetched(driver, _text(session, statement)), tally)
    else:
        text = _text(session, statement.where(_IN_RANGE).order_by(None).order_by(Organization.id))
        yield from _joined(driver, _fetched_forwards(driver, text), tally)


def _text(session: Session, statement: Select[*tuple[Any, ...]]) -> str:
    dialect = session.get_bind().dialect
    return str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


def _copied(cursor: psycopg.Cursor[Any], text: str, tally: Tally) -> Iterator[bytes]:
    """Let PostgreSQL write the lines itself, and hand them on as they come."""
    yield ",".join(COLUMNS).encode() + b"\n"
    with cursor.copy(f"COPY ({text}) TO STDOUT (FORMAT csv)", ()) as copy:
        while some := list(islice(copy, BATCH)):
            tally.rows += len(some)
            yield b"".join(some)


def _fetched(driver: sqlite3.Connection, text: str) -> Iterator[list[_Line]]:
    """Read lines in their order."""
    cursor = driver.execute(text)
    while some := cursor.fetchmany(BATCH):
        yield some


def _fetched_forwards(driver: sqlite3.Connection, text: str) -> Iterator[list[_Line]]:
    """Read lines newest first, but a range of ids at a time, and each range oldest first.

    Nothing reads ahead of whoever goes backwards through a file: off the disk it took three times
    as long.
    """
    ((newest,),) = driver.execute("SELECT max(id) FROM organizations").fetchall()
    for last in range(newest, 0, -BATCH):
        some = driver.execute(text, (last - BATCH + 1, last)).fetchall()
        some.reverse()
        yield some


def _joined(
    driver: sqlite3.Connection, batches: Iterator[list[_Line]], tally: Tally
) -> Iterator[bytes]:
    """Join lines that SQLite has put together; as bytes, which is what they leave as."""
    kept, driver.text_factory = driver.text_factory, bytes
    try:
        yield ",".join(COLUMNS).encode() + _END
        for some in filter(None, batches):
            tally.rows += len(some)
            yield _END.join([line for (line,) in some]) + _END
    finally:
        driver.text_factory = kept


def _statement(
    session: Session, view: View, *, is_few: bool, formula_safe: bool
) -> Select[*tuple[Any, ...]]:
    """Return a query for what a file shows, in the order of the table."""
    source, row_id, where = org_views.matches(session, view, along=None if is_few else view.order)
    source, owners, pending = _counted(session, source, is_few=is_few)
    by, rep = view.order, aliased(User)
    keys = [row_id] if by.column is Organization.id else [by.column.expression, row_id]
    cell = partial(_cell, session, formula_safe=formula_safe)
    columns = (
        *(Organization.public_id, cell(Organization.name), Organization.stage),
        *(Organization.member_count, owners, pending, organizations.completeness_column()),
        *map(cell, (rep.name, Organization.website, Organization.sales_email, Organization.phone)),
        *(Organization.last_active_at.expression, Organization.created_at.expression),
    )
    return (
        select(*(_seconds(columns) if _is_postgresql(session) else [func.printf(_LINE, *columns)]))
        .select_from(source.outerjoin(rep, rep.id == Organization.rep_id))
        .where(*where)
        .order_by(*(key.desc() if by.descending else key.asc() for key in keys))
    )


def _counted(
    session: Session, source: FromClause, *, is_few: bool
) -> tuple[FromClause, ColumnElement[int], ColumnElement[int]]:
    """Return the rows with their numbers of owners and of pending invitations.

    PostgreSQL is twice as fast when it counts them for all at once; SQLite is not.
    """
    if is_few or not _is_postgresql(session):
        return source, queries.owners(), queries.pending()
    owners, pending = queries.owners_of_all(), queries.pending_of_all()
    joined = source.outerjoin(owners, owners.c.org_id == Organization.id)
    return (
        joined.outerjoin(pending, pending.c.org_id == Organization.id),
        func.coalesce(owners.c.number, 0),
        func.coalesce(pending.c.number, 0),
    )


def _cell(
    session: Session, column: InstrumentedAttribute[Any], *, formula_safe: bool
) -> ColumnElement[Any]:
    """Return a text column for a file; with `formula_safe` no spreadsheet runs its cells."""
    dialect = session.get_bind().dialect.name
    cell = column.expression
    if formula_safe:
        cell = formulas.harmless_column(cell, dialect=dialect)
    return func.coalesce(cell, "") if dialect == "sqlite" else cell


def _seconds(columns: Sequence[Any]) -> list[Any]:
    """Return the columns with their moments, which are the last, in UTC and to the second."""
    moments = columns[-len(MOMENTS) :]
    cut = [func.date_trunc("second", func.timezone("UTC", moment)) for moment in moments]
    return [*columns[: -len(MOMENTS)], *cut]


def _is_postgresql(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"

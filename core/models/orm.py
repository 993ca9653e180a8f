"""What tables are made of: types that behave alike on both engines, and marks for history."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Dialect,
    Enum,
    Index,
    LargeBinary,
    MetaData,
    text,
)
from sqlalchemy import DateTime as SqlDateTime
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from core.models.enums import InvitationStatus, Role, Staff, Stage

UNRECORDED = {"unrecorded": True}
"""Marks a column whose changes are no news: locks, counters, what is derived."""
PRIVATE = {"private": True}
"""Marks a column about a person: history says that it changed, never what it was."""
UNIQUE_FOREVER = {"sqlite_autoincrement": True}
"""Marks a table whose ids are never given out again: history names its rows by them."""


def index_where(condition: str, name: str, *columns: str) -> Index:
    """Return an index that holds only the rows of which the condition is so, on either engine."""
    where = text(condition)
    return Index(name, *columns, sqlite_where=where, postgresql_where=where)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment in UTC on both engines (SQLite alone would hand back naive ones)."""

    impl = SqlDateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Refuse a moment without a time zone, and hand over the others in UTC."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a moment without a time zone")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Give every moment its time zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def one_of(kind: type[StrEnum], name: str = "") -> Enum:
    """Return the type of a column that holds one of these; `name` is that of its constraint."""
    values = [member.value for member in kind]
    return Enum(
        kind,
        native_enum=False,
        create_constraint=True,
        name=name or kind.__name__.lower(),
        length=20,
        values_callable=lambda _: values,
    )


class Base(DeclarativeBase):
    """The root of all tables."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {
        datetime: UtcDateTime,
        Role: one_of(Role),
        Staff: one_of(Staff),
        Stage: one_of(Stage),
        InvitationStatus: one_of(InvitationStatus),
        dict[str, Any]: JSON,
        list[dict[str, Any]]: JSON,
        bytes: LargeBinary,
    }


class Audited:
    """A table whose every change has an entry in history."""


class _Veiled(FunctionElement[Any]):
    """A column that only SQLite sees through a function: it has no statistics to be led by."""

    name = "veiled"
    inherit_cache = True


@compiles(_Veiled)
def _seen_plainly(element: _Veiled, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)


@compiles(_Veiled, "sqlite")
def _seen_through_a_function(element: _Veiled, compiler: SQLCompiler, **options: Any) -> str:
    return f"coalesce({compiler.process(element.clauses, **options)}, NULL)"


def veiled(column: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
    """Return a column so that SQLite takes none of its indexes for it; PostgreSQL knows best."""
    disguised = _Veiled(column)
    disguised.type = column.type
    return disguised

"""Base classes and column types that behave the same on both engines, and marks for columns."""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Dialect,
    Enum,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    text,
)
from sqlalchemy import DateTime as SqlDateTime
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from core.base import tokenizer
from core.base.parameters import MAX_ID
from core.models.enums import InvitationStatus, ItemState, Role, RunStatus, Staff, Stage

UNRECORDED = {"unrecorded": True}
"""Marks a column that the audit log ignores: locks, counters, derived values."""
PRIVATE = {"private": True}
"""Marks a column with personal data: the audit log records that it changed, without values."""
NEVER_REUSE_IDS = {"sqlite_autoincrement": True}
"""Marks a table whose ids are never reused, as the audit log refers to rows by id."""


def partial_index(condition: str, name: str, *columns: str) -> Index:
    """Return a partial index, of the rows that meet a condition, for both engines."""
    where = text(condition)
    return Index(name, *columns, sqlite_where=where, postgresql_where=where)


def sorted_by_bytes(length: int) -> String:
    """Return a text type that PostgreSQL sorts and compares as SQLite does, in any locale."""
    in_c = String(length, collation="C")
    return String(length).with_variant(in_c, "postgresql")


def search_text_of(*columns: str) -> Callable[[Any], str]:
    """Return the default of a column with the search text of other columns of a new row."""

    def default(context: Any) -> str:
        new = context.get_current_parameters()
        return tokenizer.search_text(*(new[column] for column in columns))

    return default


_IN_NO_ROW = -(2**31)


class Integer32(TypeDecorator[int]):
    """An integer of 32 bits on both engines.

    Both raise an error when a column is compared with a much larger one, such as an id in a web
    address. It is replaced by the one 32-bit integer that no row has, so that nothing is found.
    """

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: int | None, _dialect: Dialect) -> int | None:
        """Return the number, or one that no row has if it is too large to be stored."""
        return value if value is None or -MAX_ID <= value <= MAX_ID else _IN_NO_ROW


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime in UTC on both engines; SQLite alone would return naive ones."""

    impl = SqlDateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Convert to UTC; raises `ValueError` for a naive datetime."""
        if value is not None and value.tzinfo is None:
            raise ValueError("naive datetime")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Return an aware datetime in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def enum_type(enum: type[StrEnum], name: str = "") -> Enum:
    """Return the column type of an enum, with a check constraint of this name."""
    values = [member.value for member in enum]
    return Enum(
        enum,
        native_enum=False,
        create_constraint=True,
        name=name or enum.__name__.lower(),
        length=20,
        values_callable=lambda _: values,
    )


class Base(DeclarativeBase):
    """The base class of all tables."""

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
        int: Integer32,
        Role: enum_type(Role),
        Staff: enum_type(Staff),
        Stage: enum_type(Stage),
        InvitationStatus: enum_type(InvitationStatus),
        RunStatus: enum_type(RunStatus),
        ItemState: enum_type(ItemState),
        dict[str, Any]: JSON,
        list[dict[str, Any]]: JSON,
        bytes: LargeBinary,
    }


class Audited:
    """A mixin for tables whose every change is recorded in the audit log."""


class _Unindexed(FunctionElement[Any]):
    """A column wrapped in a function call on SQLite, which keeps its indexes from being used."""

    name = "unindexed"
    inherit_cache = True


@compiles(_Unindexed)
def _compile(element: _Unindexed, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)


@compiles(_Unindexed, "sqlite")
def _compile_sqlite(element: _Unindexed, compiler: SQLCompiler, **options: Any) -> str:
    return f"coalesce({compiler.process(element.clauses, **options)}, NULL)"


def unindexed(column: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
    """Return a column for which SQLite uses no index; PostgreSQL decides by its statistics."""
    wrapped = _Unindexed(column)
    wrapped.type = column.type
    return wrapped

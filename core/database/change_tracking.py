"""What a transaction changed in audited rows: the first old and the last new value of each field.

SQLAlchemy's own attribute history is empty after any flush, the autoflush of a SELECT included; so
every flush hands its part over here, and `history.record` takes it from here.
"""

from collections.abc import Iterator
from datetime import date, datetime
from functools import cache
from typing import Any

from sqlalchemy import event, inspect
from sqlalchemy.orm import ORMExecuteState, Session, UOWTransaction

from core.models import Audited, Base

Values = dict[str, tuple[Any, Any]]

PRIVATE_MARK = "(private)"

_KEPT = "changes"


class Unrecorded(RuntimeError):
    """A use case changed an audited row and did not record it: a bug."""


def listen(sessions: type[Session]) -> None:
    """Make sessions of this class gather what they change."""
    event.listen(sessions, "before_flush", _gather)
    event.listen(sessions, "do_orm_execute", _refuse_bulk_changes)


def row_name(row: Base) -> str:
    """Return how history names a row: `memberships:7`."""
    return f"{row.__tablename__}:{row.id}"  # type: ignore[attr-defined]


def take(session: Session, rows: tuple[Base, ...]) -> list[dict[str, Any]]:
    """Return what changed in these rows as history keeps it, and count it as recorded."""
    session.flush()
    kept: dict[Base, Values] = session.info.setdefault(_KEPT, {})
    return [
        {
            "row": row_name(row),
            "field": field,
            "old": _as_kept(row, field, old),
            "new": _as_kept(row, field, new),
        }
        for row in rows
        for field, (old, new) in kept.pop(row, {}).items()
        if old != new
    ]


def ensure_all_recorded(session: Session) -> None:
    """Raise `Unrecorded` when an audited row changed and nobody recorded it."""
    session.flush()
    for row, values in session.info.get(_KEPT, {}).items():
        changed = [field for field, (old, new) in values.items() if old != new]
        if changed:
            raise Unrecorded(f"{row_name(row)}: {', '.join(changed)}")


def _gather(session: Session, _context: UOWTransaction, _instances: object) -> None:
    kept: dict[Base, Values] = session.info.setdefault(_KEPT, {})
    for row in (*session.new, *session.dirty, *session.deleted):
        if isinstance(row, Audited) and isinstance(row, Base):
            values = kept.setdefault(row, {})
            for field, old, new in _differences(row, gone=row in session.deleted):
                first = values[field][0] if field in values else old
                values[field] = (first, new)


def _differences(row: Base, *, gone: bool) -> Iterator[tuple[str, Any, Any]]:
    state = inspect(row)
    for field in _recorded_fields(type(row)):
        now = state.attrs[field].value
        past = state.attrs[field].history
        if gone:
            yield field, now, None
        elif past.has_changes():
            yield field, past.deleted[0] if past.deleted else None, now


@cache
def _recorded_fields(kind: type[Base]) -> tuple[str, ...]:
    return tuple(
        attribute.key
        for attribute in inspect(kind).column_attrs
        if not attribute.columns[0].primary_key and not attribute.columns[0].info.get("unrecorded")
    )


def _as_kept(row: Base, field: str, value: Any) -> Any:
    """Return a value as JSON holds it; of what is private only that there is one."""
    if value is not None and row.__table__.c[field].info.get("private"):
        return PRIVATE_MARK
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value


def _refuse_bulk_changes(state: ORMExecuteState) -> None:
    if not (state.is_update or state.is_delete) or state.execution_options.get("unrecorded"):
        return
    mapper = state.bind_mapper
    if mapper is not None and issubclass(mapper.class_, Audited):
        raise Unrecorded(f"bulk change of {mapper.class_.__name__}")

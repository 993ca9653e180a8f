"""Changes of audited rows in a transaction: the first old and the last new value of each field.

SQLAlchemy forgets the history of attributes at every flush, also at the autoflush before a SELECT.
So changes are collected before each flush, and `history.record` takes them from here. What else a
transaction must remember until it commits is kept here, too: the cause of its changes, the entries
that were recorded, the mails queued since, and the organizations that are locked. `savepoint` takes
all of it back.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import Date, Enum, event, inspect
from sqlalchemy.orm import ORMExecuteState, Session, UOWTransaction
from sqlalchemy.sql.elements import KeyedColumnElement

from core.models import Audited, Base, DigestItem, Mail, Membership
from core.models.orm import UtcDateTime

Values = dict[str, tuple[Any, Any]]

PRIVATE_MARK = "(private)"

_CHANGES: Final = "changes"
_CAUSE: Final = "cause"
_REASON: Final = "reason"
_RECORDED: Final = "recorded"
_UNATTRIBUTED: Final = "unattributed"
_LOCKED: Final = "locked"


class Unrecorded(RuntimeError):
    """A use case changed an audited row without recording it, which is a bug."""


def listen(sessions: type[Session]) -> None:
    """Track changes in all sessions of a class."""
    event.listen(sessions, "before_flush", _collect)
    event.listen(sessions, "do_orm_execute", _refuse_bulk_changes)


@contextmanager
def because(
    session: Session,
    *,
    undoes_id: int | None = None,
    run_id: int | None = None,
    reason: str = "",
) -> Iterator[None]:
    """Record the changes in the `with` block as the undoing of an entry, or as part of a bulk job.

    An entry must be undone in its own chain. Within another such block, both causes hold. The
    `reason` is recorded for use cases that take none themselves.
    """
    before, reason_before = find_cause(session), find_reason(session)
    given = {"undoes_id": undoes_id, "run_id": run_id}
    session.info[_CAUSE] = before | {name: row for name, row in given.items() if row is not None}
    session.info[_REASON] = reason or reason_before
    try:
        yield
    finally:
        session.info[_CAUSE], session.info[_REASON] = before, reason_before


def find_cause(session: Session) -> dict[str, int | None]:
    """Return `undoes_id` and `run_id` of the entries that are recorded now."""
    cause: dict[str, int | None] = session.info.get(_CAUSE, {})
    return cause


def find_reason(session: Session) -> str:
    """Return the reason of changes whose use cases take none."""
    reason: str = session.info.get(_REASON, "")
    return reason


def recorded_ids(session: Session) -> list[int]:
    """Return the ids of the entries that this transaction has recorded; `record` appends to it."""
    ids: list[int] = session.info.setdefault(_RECORDED, [])
    return ids


def unattributed(session: Session) -> list[Mail | DigestItem]:
    """Return the mails and items of digests since the last entry, for the next one to take."""
    messages: list[Mail | DigestItem] = session.info.setdefault(_UNATTRIBUTED, [])
    return messages


def attribute(session: Session, entry_id: int) -> None:
    """Name the entry that the mails and items of digests since the last one tell of."""
    messages = unattributed(session)
    for message in messages:
        message.entry_id = entry_id
    messages.clear()


def locked_ids(session: Session) -> set[int]:
    """Return the ids of the organizations that this transaction has locked, for one to be added."""
    ids: set[int] = session.info.setdefault(_LOCKED, set())
    return ids


@contextmanager
def savepoint(session: Session, *, keeps: bool = True) -> Iterator[None]:
    """Roll the `with` block back when it raises, and always unless it `keeps` its changes.

    What was collected in it is forgotten with it, so that the transaction can be committed.
    """
    session.flush()
    tracked = {row: dict(values) for row, values in session.info.get(_CHANGES, {}).items()}
    recorded, messages = [*recorded_ids(session)], [*unattributed(session)]
    locked = {*locked_ids(session)}
    point, is_kept = session.begin_nested(), False
    try:
        yield
        session.flush()
        is_kept = keeps
    finally:
        if is_kept:
            point.commit()
        else:
            point.rollback()
            session.info.update({_CHANGES: tracked, _RECORDED: recorded, _UNATTRIBUTED: messages})
            session.info[_LOCKED] = locked  # PostgreSQL has released the others


def row_name(row: Base) -> str:
    """Return the name of a row in the audit log, such as `memberships:7`."""
    return f"{row.__tablename__}:{row.id}"  # type: ignore[attr-defined]


def pop_changes(session: Session, rows: tuple[Base, ...]) -> list[dict[str, Any]]:
    """Return the changes of rows in the format of `Entry.changes`, and mark them as recorded."""
    session.flush()
    tracked: dict[Base, Values] = session.info.setdefault(_CHANGES, {})
    return [
        {
            "row": row_name(row),
            "field": field,
            "old": as_recorded(row.__table__.c[field], old),
            "new": as_recorded(row.__table__.c[field], new),
            **({"person": row.user_id} if isinstance(row, Membership) else {}),
        }
        for row in rows
        for field, (old, new) in tracked.pop(row, {}).items()
        if old != new
    ]


def ensure_all_recorded(session: Session) -> None:
    """Raise `Unrecorded` if a change of an audited row was not recorded."""
    session.flush()
    for row, values in session.info.get(_CHANGES, {}).items():
        changed = [field for field, (old, new) in values.items() if old != new]
        if changed:
            raise Unrecorded(f"{row_name(row)}: {', '.join(changed)}")


def _collect(session: Session, _context: UOWTransaction, _instances: object) -> None:
    tracked: dict[Base, Values] = session.info.setdefault(_CHANGES, {})
    for row in (*session.new, *session.dirty, *session.deleted):
        if isinstance(row, Audited) and isinstance(row, Base):
            values = tracked.setdefault(row, {})
            for field, old, new in _differences(row, is_deleted=row in session.deleted):
                first = values[field][0] if field in values else old
                values[field] = (first, new)


def _differences(row: Base, *, is_deleted: bool) -> Iterator[tuple[str, Any, Any]]:
    state = inspect(row)
    for field in _recorded_fields(type(row)):
        if is_deleted:
            yield field, state.attrs[field].value, None
        elif field in state.committed_state:  # of those that were set
            past = state.attrs[field].history
            if past.has_changes():
                yield field, past.deleted[0] if past.deleted else None, state.attrs[field].value


@cache
def _recorded_fields(model: type[Base]) -> tuple[str, ...]:
    return tuple(
        attribute.key
        for attribute in inspect(model).column_attrs
        if not attribute.columns[0].primary_key and not attribute.columns[0].info.get("unrecorded")
    )


def as_recorded(column: KeyedColumnElement[Any], value: Any) -> Any:
    """Return a value as history records it: as JSON, those of private columns as a mark."""
    if value is not None and column.info.get("private"):
        return PRIVATE_MARK
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value


def as_stored(column: KeyedColumnElement[Any], recorded: Any) -> Any:
    """Return a value as a column stores it, of what history has recorded."""
    if isinstance(recorded, str) and isinstance(column.type, UtcDateTime):
        return datetime.fromisoformat(recorded)
    if isinstance(recorded, str) and isinstance(column.type, Date):
        return date.fromisoformat(recorded)
    if recorded is not None and isinstance(column.type, Enum) and column.type.enum_class:
        return column.type.enum_class(recorded)
    return recorded


def _refuse_bulk_changes(state: ORMExecuteState) -> None:
    if not (state.is_update or state.is_delete) or state.execution_options.get("unrecorded"):
        return
    mapper = state.bind_mapper
    if mapper is not None and issubclass(mapper.class_, Audited):
        raise Unrecorded(f"bulk change of {mapper.class_.__name__}")

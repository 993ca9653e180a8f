"""Cells: what an entry of history changed, named so that it is found again.

A cell is named by what it is about, not by the row that it was stored in: a person who is removed
and reinstated has another membership, whose role is the same cell.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.database import change_tracking
from core.members import membership_rows
from core.models import Base, Entry, Membership, Organization

ORGANIZATION: Final = "organization"
"""The key of the cells of an organization."""
EXISTENCE: Final = "existence"
"""The field of an organization that says whether it is deleted."""
EXISTS: Final = "exists"
DELETED: Final = "deleted"

MERGED_INTO: Final = "merged_into"
"""The field of an organization that says which one it was merged into."""
_MERGED_INTO: Final = ("organization.merged_in", "organization.unmerged_from")

_EXISTENCE_AFTER: Final = {
    "organization.created": (None, EXISTS),
    "organization.deleted": (EXISTS, DELETED),
    "organization.restored": (DELETED, EXISTS),
}


class Cell(NamedTuple):
    """A field of something: a person (`person:5`), a row (`notes:7`), or an organization.

    That of the chain is `organization`, one that was merged into it `organization:5`.
    """

    key: str
    field: str

    @property
    def id(self) -> int:
        """Return the id of the person or the row."""
        return int(self.key.partition(":")[2])


class Change(NamedTuple):
    """The value of a cell before and after, as history records it."""

    old: Any
    new: Any


def changes_of(session: Session, entry: Entry) -> dict[Cell, Change]:
    """Return what an entry changed; a membership is one cell, whose role is None for nobody."""
    found: dict[Cell, Change] = {}
    if entry.event in _EXISTENCE_AFTER:
        found[Cell(ORGANIZATION, EXISTENCE)] = Change(*_EXISTENCE_AFTER[entry.event])
    if entry.event in _MERGED_INTO:
        other = Cell(f"{ORGANIZATION}:{entry.subject.partition(':')[2]}", MERGED_INTO)
        is_merge = entry.event == _MERGED_INTO[0]
        found[other] = Change(None, entry.org_id) if is_merge else Change(entry.org_id, None)
    for change in entry.changes:
        cell = _cell_of(session, entry, change)
        if cell is not None:
            found[cell] = Change(change["old"], change["new"])
    return found


def _cell_of(session: Session, entry: Entry, change: Mapping[str, Any]) -> Cell | None:
    table, field = change["row"].partition(":")[0], change["field"]
    if table == "organizations":
        is_new = entry.event == "organization.created"
        return None if is_new or field == "deleted_at" else Cell(ORGANIZATION, field)
    if table == "memberships":
        person_id = person_of(session, entry, change) if field == "role" else None
        return None if person_id is None else Cell(f"person:{person_id}", field)
    return Cell(change["row"], field)


def person_of(session: Session, entry: Entry, change: Mapping[str, Any]) -> int | None:
    """Return whose membership changed; older entries name only the person of their first row."""
    row: str = change["row"]
    if "person" in change:
        return int(change["person"])
    for other in entry.changes:
        if other["row"] == row and other["field"] == "user_id":
            return int(other["new"] or other["old"])
    if row == entry.subject:
        return entry.person_id
    stored = session.get(Membership, int(row.partition(":")[2]))
    if stored is not None:
        return stored.user_id
    about = select(Entry.person_id).where(Entry.chain == entry.chain, Entry.subject == row)
    return session.scalar(about.where(Entry.person_id.is_not(None)).limit(1))


def value_now(session: Session, org: Organization | None, cell: Cell) -> Any:
    """Return the value of a cell as history would record it; None for a row that is gone."""
    if cell.key == ORGANIZATION:
        return None if org is None else _organization_value(org, cell.field)
    if cell.key.startswith(f"{ORGANIZATION}:"):
        other = session.get(Organization, cell.id, populate_existing=True)
        return None if other is None else _recorded(other, cell.field)
    if cell.key.startswith("person:"):
        membership = org and membership_rows.find(session, org, cell.id)
        return membership.role if membership else None
    row = find_row(session, cell.key)
    return None if row is None else _recorded(row, cell.field)


def _organization_value(org: Organization, field: str) -> Any:
    if field == EXISTENCE:
        return EXISTS if org.deleted_at is None else DELETED
    return _recorded(org, field)


def find_row(session: Session, name: str) -> Base | None:
    """Return the row that history calls by this name, such as `notes:7`, if it is still there."""
    table, _, row_id = name.partition(":")
    return session.get(_MODELS[table], int(row_id), populate_existing=True)


def _recorded(row: Base, field: str) -> Any:
    return change_tracking.as_recorded(row.__table__.c[field], getattr(row, field))


_MODELS: Final[dict[str, type[Base]]] = {
    mapper.class_.__tablename__: mapper.class_ for mapper in Base.registry.mappers
}

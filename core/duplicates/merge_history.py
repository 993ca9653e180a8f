"""History of merges: the two entries of each, and what an undo puts back."""

from collections.abc import Collection
from typing import Final, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.audit import history
from core.database import change_tracking
from core.models import Base, Entry, Organization

STEP_DATE: Final = "next_step_on"
"""The due date of a next step, which goes with it even if it is empty."""
_STEP: Final = ("next_step", STEP_DATE)


class Pair(NamedTuple):
    """The two entries of a merge or of its undo, in the histories of source and target."""

    of_source: Entry
    of_target: Entry

    @property
    def taken(self) -> list[str]:
        """Return the fields of the target that the merge or its undo has changed."""
        row = f"organizations:{self.of_target.org_id}"
        return [each["field"] for each in self.of_target.changes if each["row"] == row]


def find_pair(session: Session, entry: Entry | None) -> Pair | None:
    """Return both entries of the merge, or the undo, that one of them records."""
    if entry is None or entry.event not in _COUNTERPARTS:
        return None
    event, is_later = _COUNTERPARTS[entry.event]
    same = [Entry.event == event]
    if is_later:
        same += [Entry.id > entry.id, Entry.subject == entry.subject]
        order = Entry.id.asc()
    else:
        same += [Entry.id < entry.id, Entry.chain == entry.subject.replace("organizations", "org")]
        order = Entry.id.desc()
    other = session.scalar(select(Entry).where(*same).order_by(order).limit(1))
    if other is None:
        return None
    return Pair(entry, other) if is_later else Pair(other, entry)


_COUNTERPARTS: Final = {
    "organization.merged": ("organization.merged_in", True),
    "organization.unmerged": ("organization.unmerged_from", True),
    "organization.merged_in": ("organization.merged", False),
    "organization.unmerged_from": ("organization.unmerged", False),
}
"""The event of the other entry, and whether that is recorded later: the source's comes first."""


def find_undone(session: Session) -> Entry | None:
    """Return the entry that is undone now: an undone merge is merged again by undoing its undo."""
    undoes_id = change_tracking.find_cause(session).get("undoes_id")
    return session.get(Entry, undoes_id) if undoes_id is not None else None


def find_merge(session: Session, source: Organization) -> Pair | None:
    """Return both entries of the last merge of an organization into another one."""
    merged = select(Entry).where(Entry.org_id == source.id, Entry.event == "organization.merged")
    return find_pair(session, session.scalar(merged.order_by(Entry.id.desc()).limit(1)))


def values_to_put_back(
    session: Session, target: Organization, entry: Entry, only: Collection[str] | None
) -> dict[str, object]:
    """Return what the target had before a merge, for the fields that it has from there still.

    Without `only`, these are those that nobody has changed since, not even to the same value.
    """
    columns, row = target.__table__.c, change_tracking.row_name(target)
    left = _list_touched(session, target, entry) if only is None else set()
    taken = [each for each in entry.changes if each["row"] == row and each["field"] in columns]
    values = {
        each["field"]: change_tracking.as_stored(columns[each["field"]], each["old"])
        for each in taken
        if each["field"] not in left and (only is None or each["field"] in only)
        if _recorded(target, each["field"]) == each["new"]
    }
    if any(each["field"] in _STEP and each["field"] not in values for each in taken):
        values = {field: value for field, value in values.items() if field not in _STEP}
    return values


def _recorded(org: Organization, field: str) -> object:
    return change_tracking.as_recorded(org.__table__.c[field], getattr(org, field))


def _list_touched(session: Session, target: Organization, entry: Entry) -> set[str]:
    """Return the fields of the target that later entries have changed."""
    later = select(Entry).where(Entry.chain == entry.chain, Entry.position > entry.position)
    row = change_tracking.row_name(target)
    return {
        change["field"]
        for each in session.scalars(later)
        for change in each.changes
        if change["row"] == row
    }


def record(
    session: Session,
    actor: Actor,
    source: Organization,
    target: Organization,
    event: str,
    undone: Pair | None,
    reason: str,
    *also: Base,
) -> None:
    """Record a merge or its undo in both histories, each as the undo of its own earlier entry."""
    source_undoes, target_undoes = (each.id for each in undone) if undone else (None, None)
    with change_tracking.because(session, undoes_id=source_undoes):
        history.record(session, actor, source, event, source, *also, reason=reason)
    with change_tracking.because(session, undoes_id=target_undoes):
        other, _ = _COUNTERPARTS[event]
        history.record(session, actor, target, other, source, target, reason=reason, always=True)

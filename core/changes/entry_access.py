"""Who may see an entry in order to undo it, and the locks that its undo takes first.

Whether someone may undo it is for the use case of the inverse to say.
"""

from typing import Final

from sqlalchemy.orm import Session

from core.access.permissions import (
    Action,
    Actor,
    access,
    access_staff,
    lock_user_or_none,
    may,
    staff_rights,
)
from core.base.errors import CannotUndo, NotFound, NotPermitted
from core.duplicates import merge_history, merging
from core.members import leaving
from core.models import Entry, Note, Organization

_NOT_SEEN = "change"
_MERGES: Final = frozenset(
    f"organization.{act}" for act in ("merged", "merged_in", "unmerged", "unmerged_from")
)


def open_entry(session: Session, actor: Actor, entry_id: int) -> tuple[Entry, Organization | None]:
    """Return an entry with its organization, both locked in the usual order.

    One's own entries can be opened by anyone, those of others with the right to view the history
    they are part of. Raises `NotFound` and `NotPermitted`.
    """
    entry = session.get(Entry, entry_id)
    if entry is None:
        raise NotFound(_NOT_SEEN)
    if entry.org_id is not None:
        return entry, _open_organization(session, actor, entry, entry.org_id)
    if entry.event.startswith("account."):
        access_staff(session, actor, Action.MANAGE_PEOPLE)
    elif entry.event.startswith("duplicate."):
        access_staff(session, actor, Action.MERGE)
    elif entry.actor_id != actor.user_id:
        raise NotFound(_NOT_SEEN)
    _lock_note(session, actor, entry)
    lock_user_or_none(session, _person_of_chain(entry))
    return entry, None


def _open_organization(session: Session, actor: Actor, entry: Entry, org_id: int) -> Organization:
    if entry.event in _MERGES:
        found = _open_merged(session, actor, entry, org_id)
        if found is not None:
            return found
    stored = session.get(Organization, org_id, populate_existing=True)
    is_deleted = stored is not None and stored.deleted_at is not None
    is_deletion = entry.event == "organization.deleted"
    action = Action.RESTORE if is_deleted and is_deletion else Action.VIEW
    org = access(session, actor, org_id, action)
    is_own = entry.actor_id == actor.user_id
    if not is_own and not may(session, actor, org_id, Action.VIEW_HISTORY):
        raise NotPermitted(Action.VIEW_HISTORY.value)
    return org


def _open_merged(session: Session, actor: Actor, entry: Entry, org_id: int) -> Organization | None:
    """Return the organization of a merge's entry, both locked; None if they are apart now.

    Those who can see the entry and can't undo it are told so.
    """
    pair = merge_history.find_pair(session, entry)
    if pair is None:
        raise NotFound(_NOT_SEEN)
    source_id, target_id = pair.of_source.org_id or 0, pair.of_target.org_id or 0
    source = session.get(Organization, source_id, populate_existing=True)
    if source is None or source.merged_into != target_id:
        leaving.lock_organizations(session, (source_id, target_id))
        return None
    if not any(may(session, actor, each, Action.VIEW_HISTORY) for each in (org_id, target_id)):
        raise NotFound(_NOT_SEEN)
    if Action.UNDO_MERGE not in staff_rights(session, actor):
        raise CannotUndo("Only the Orgdesk team can undo a merge. Ask them to.")
    source, target = merging.open_merge(session, actor, source_id)
    return source if org_id == source.id else target


def _lock_note(session: Session, actor: Actor, entry: Entry) -> None:
    """Lock the organization that a note is about: organizations are locked before people."""
    table, _, note_id = entry.subject.partition(":")
    if table != "notes":
        return
    note = session.get(Note, int(note_id))
    recorded = (each["old"] for each in entry.changes if each["field"] == "org_id")
    org_id = note.org_id if note is not None else next(recorded, None)
    access(session, actor, org_id or 0, Action.WRITE_NOTES)


def _person_of_chain(entry: Entry) -> int:
    kind, _, person_id = entry.chain.partition(":")
    return int(person_id) if kind == "person" else 0

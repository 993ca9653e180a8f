"""Notes of staff about organizations, for staff only or shared with the organization.

The author chooses who can see a note when writing it, for good. Notes for staff are recorded in the
history of their author, which no organization sees; shared notes in the organization's history.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import FromClause, Select, inspect, select
from sqlalchemy.orm import Session

from core.access import merged
from core.access.permissions import Action, Actor, access, access_staff, lock_self, may
from core.audit import history
from core.base import clock, tokenizer, validation
from core.base.errors import InvalidInput, NotFound, NotPermitted
from core.database import search
from core.models import Note, Organization, User

PAGE_SIZE: Final = 30
"""Notes on one page."""


class ListedNote(NamedTuple):
    """A note with its author and its organization."""

    id: int
    text: str
    is_shared: bool
    created_at: datetime
    edited_at: datetime | None
    author_id: int
    author: str
    org_id: int
    organization: str
    public_id: str
    logo: str | None


def write(
    session: Session, actor: Actor, org_id: int, text: str, *, is_shared: bool = False
) -> Note:
    """Write a note about an organization, for staff only unless `is_shared`."""
    org = access(session, actor, org_id, Action.WRITE_NOTES)
    note = Note(
        org_id=org.id,
        author_id=actor.user_id or 0,
        is_shared=is_shared,
        created_at=clock.now(),
        edited_at=None,
    )
    _set_text(note, text)
    session.add(note)
    _record(session, actor, org, note, "note.written")
    return note


def edit(session: Session, actor: Actor, note_id: int, text: str) -> Note:
    """Change the text of one of the actor's notes; the old text stays in history."""
    note, org = _get_own(session, actor, note_id)
    before = note.text
    _set_text(note, text)
    if note.text != before:
        note.edited_at = clock.now()
    _record(session, actor, org, note, "note.edited")
    return note


def delete(session: Session, actor: Actor, note_id: int) -> Note:
    """Delete one of the actor's notes; its text stays in history."""
    note, org = _get_own(session, actor, note_id)
    session.delete(note)
    _record(session, actor, org, note, "note.deleted")
    return note


def list_about(
    session: Session,
    actor: Actor,
    org_id: int,
    *,
    before_id: int | None = None,
    limit: int = PAGE_SIZE,
) -> Sequence[ListedNote]:
    """Return notes about an organization, newest first; its members see shared notes only.

    Staff also see those about organizations that were merged into it. `before_id` continues after
    a page.
    """
    org = access(session, actor, org_id, Action.VIEW)
    ids = merged.list_read_together(session, actor, org.id)
    selected = _select_notes(inspect(Note).local_table).where(Note.org_id.in_(ids))
    if not may(session, actor, org_id, Action.WRITE_NOTES):
        selected = selected.where(Note.is_shared)
    return _read(session, selected, before_id, limit)


def list_all(
    session: Session,
    actor: Actor,
    words: str = "",
    *,
    author_id: int | None = None,
    before_id: int | None = None,
    limit: int = PAGE_SIZE,
) -> Sequence[ListedNote]:
    """Return notes about any organization, newest first; staff only.

    Notes match if each of `words` begins a word of the text. `author_id` filters by author, and
    `before_id` continues after a page.
    """
    access_staff(session, actor, Action.WRITE_NOTES)
    if words.strip():
        found = search.match_notes(session, words)
        selected = _select_notes(found.source).where(found.is_found)
    else:
        selected = _select_notes(inspect(Note).local_table)
    selected = selected.where(Organization.deleted_at.is_(None))
    if author_id is not None:
        selected = selected.where(Note.author_id == author_id)
    return _read(session, selected, before_id, limit)


_Notes = Select[int, str, bool, datetime, datetime | None, int, str, int, str, str, str | None]


def _select_notes(source: FromClause) -> _Notes:
    return (
        select(
            Note.id,
            Note.text,
            Note.is_shared,
            Note.created_at,
            Note.edited_at,
            Note.author_id,
            User.name,
            Note.org_id,
            Organization.name,
            Organization.public_id,
            Organization.logo,
        )
        .select_from(source)
        .join(User, User.id == Note.author_id)
        .join(Organization, Organization.id == Note.org_id)
        .order_by(Note.id.desc())
    )


def _read(
    session: Session, selected: _Notes, before_id: int | None, limit: int
) -> Sequence[ListedNote]:
    if before_id is not None:
        selected = selected.where(Note.id < before_id)
    return [ListedNote(*row) for row in session.execute(selected.limit(limit))]


def _set_text(note: Note, text: str) -> None:
    check = validation.Check()
    clean = check("text", validation.note, text)
    check.done()
    if clean is None:
        raise InvalidInput({"text": "Write a few words."})
    note.text = clean
    note.search_text = tokenizer.search_text(note.text)


def _get_own(session: Session, actor: Actor, note_id: int) -> tuple[Note, Organization]:
    """Return one of the actor's notes, after locking its organization."""
    org_id = session.scalar(select(Note.org_id).where(Note.id == note_id))
    access_staff(session, actor, Action.WRITE_NOTES)
    if org_id is None:
        raise NotFound("note")
    org = access(session, actor, org_id, Action.WRITE_NOTES)
    note = session.get(Note, note_id, populate_existing=True)
    if note is None:
        raise NotFound("note")
    if note.author_id != actor.user_id:
        raise NotPermitted("change notes of other people", ask="the author")
    return note, org


def _record(session: Session, actor: Actor, org: Organization, note: Note, event: str) -> None:
    if note.is_shared:
        history.record(session, actor, org, event, note)
    else:
        author_id = lock_self(session, actor).id
        history.record(session, actor, author_id, event, note)

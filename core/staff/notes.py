"""Notes about organizations: for those who work here, or shared with the organization.

Who may see a note is decided once, when it is written. What staff writes for staff stands in the
history of its author, which no organization sees; what is shared, in the organization's own.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import FromClause, Select, inspect, select
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access, access_staff, lock_self, may
from core.audit import history
from core.base import clock, tokenizer, validation
from core.base.errors import InvalidInput, NotFound, NotPermitted
from core.database import search
from core.models import Note, Organization, User

PAGE: Final = 30
"""Notes on one page."""


class Shown(NamedTuple):
    """A note as it is read: what it says, who wrote it when, and what it is about."""

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
    """Write a note about an organization: for staff, or with `is_shared` for its members too."""
    org = access(session, actor, org_id, Action.WRITE_NOTES)
    note = Note(
        org_id=org.id,
        author_id=actor.user_id or 0,
        is_shared=is_shared,
        created_at=clock.now(),
        edited_at=None,
    )
    _put_text(note, text)
    session.add(note)
    _record(session, actor, org, note, "note.written")
    return note


def edit(session: Session, actor: Actor, note_id: int, text: str) -> Note:
    """Let its author change what a note says; what it said before stays in history."""
    note, org = _get_own(session, actor, note_id)
    before = note.text
    _put_text(note, text)
    if note.text != before:
        note.edited_at = clock.now()
    _record(session, actor, org, note, "note.edited")
    return note


def delete(session: Session, actor: Actor, note_id: int) -> Note:
    """Let its author take a note away; what it said stays in history."""
    note, org = _get_own(session, actor, note_id)
    session.delete(note)
    _record(session, actor, org, note, "note.deleted")
    return note


def about(
    session: Session, actor: Actor, org_id: int, *, before_id: int | None = None, most: int = PAGE
) -> Sequence[Shown]:
    """Return notes about an organization, the newest first: for its members those that are shared.

    `before_id` goes on where a page ended.
    """
    org = access(session, actor, org_id, Action.VIEW)
    wanted = _notes(inspect(Note).local_table).where(Note.org_id == org.id)
    if not may(session, actor, org_id, Action.WRITE_NOTES):
        wanted = wanted.where(Note.is_shared)
    return _read(session, wanted, before_id, most)


def find(
    session: Session,
    actor: Actor,
    words: str = "",
    *,
    author_id: int | None = None,
    before_id: int | None = None,
    most: int = PAGE,
) -> Sequence[Shown]:
    """Return notes about any organization, the newest first, as `about`.

    Each has a word that begins with each of `words`; with `author_id`, only what that person wrote.
    """
    access_staff(session, actor, Action.WRITE_NOTES)
    if words.strip():
        hits = search.find_notes(session, words)
        wanted = _notes(hits.source).where(hits.is_found)
    else:
        wanted = _notes(inspect(Note).local_table)
    wanted = wanted.where(Organization.deleted_at.is_(None))
    if author_id is not None:
        wanted = wanted.where(Note.author_id == author_id)
    return _read(session, wanted, before_id, most)


_Notes = Select[int, str, bool, datetime, datetime | None, int, str, int, str, str, str | None]


def _notes(source: FromClause) -> _Notes:
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


def _read(session: Session, wanted: _Notes, before_id: int | None, most: int) -> Sequence[Shown]:
    if before_id is not None:
        wanted = wanted.where(Note.id < before_id)
    return [Shown(*row) for row in session.execute(wanted.limit(most))]


def _put_text(note: Note, text: str) -> None:
    check = validation.Check()
    clean = check("text", validation.note, text)
    check.done()
    if clean is None:
        raise InvalidInput({"text": "Write a few words."})
    note.text = clean
    note.search_text = tokenizer.search_text(note.text)


def _get_own(session: Session, actor: Actor, note_id: int) -> tuple[Note, Organization]:
    """Return the actor's note as it is now, with its organization taken."""
    org_id = session.scalar(select(Note.org_id).where(Note.id == note_id))
    access_staff(session, actor, Action.WRITE_NOTES)
    if org_id is None:
        raise NotFound("note")
    org = access(session, actor, org_id, Action.WRITE_NOTES)
    note = session.get(Note, note_id, populate_existing=True)
    if note is None:
        raise NotFound("note")
    if note.author_id != actor.user_id:
        raise NotPermitted("change what somebody else wrote", ask="its author")
    return note, org


def _record(session: Session, actor: Actor, org: Organization, note: Note, event: str) -> None:
    if note.is_shared:
        history.record(session, actor, org, event, note)
    else:
        author_id = lock_self(session, actor).id
        history.record(session, actor, author_id, event, note)

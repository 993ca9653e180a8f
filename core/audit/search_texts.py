"""The texts that history is searched by: the words of each entry, and the fields that changed.

A text is written with its entry. Those of entries from before there were texts are added by the
worker, the newest first, a few at a time: there may be millions.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from core.audit import events, sentences
from core.base import tokenizer
from core.database import db
from core.models import Entry, EntryText

_BATCH: Final = 200


def add(session: Session, entry: Entry) -> None:
    """Add the text of an entry that was just written."""
    session.add(EntryText(id=entry.id, search_text=_text_of(entry)))


def field_word(field: str) -> str:
    """Return the word that finds the entries in which a field changed."""
    return f"xq{field.replace('_', '')}z"


def run_due() -> int:
    """Add the texts of some older entries, and return how many were added."""
    with db.read() as session:
        first = session.scalar(_first_with_text())
        is_complete = first is not None and first == session.scalar(select(func.min(Entry.id)))
    return 0 if is_complete else db.run(_add_older)


def find_searchable_since(session: Session) -> datetime | None:
    """Return since when entries can be found by words; None if all of them can."""
    first = session.scalar(_first_with_text())
    if first is None or session.scalar(select(Entry.id).where(Entry.id < first).limit(1)) is None:
        return None
    return session.get_one(Entry, first).at


def _add_older(session: Session) -> int:
    older = select(Entry).order_by(Entry.id.desc()).limit(_BATCH)
    first = session.scalar(_first_with_text())
    entries = session.scalars(older if first is None else older.where(Entry.id < first)).all()
    for entry in entries:
        add(session, entry)
    return len(entries)


def _first_with_text() -> Select[int | None]:
    return select(func.min(EntryText.id))


def _text_of(entry: Entry) -> str:
    """Return the tokens of an entry: its own words and values, never names of people."""
    changed = {change["field"] for change in entry.changes} & events.FIELDS.keys()
    text = tokenizer.search_text(" ".join(sentences.list_words(entry)))
    return " ".join([text, *sorted(map(field_word, changed))])

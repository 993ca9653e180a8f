"""Marks for lists of history: which entries were undone, by whom, and which can be undone now.

Whether the reader may do it is for the plan to say.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.accounts import user_rows
from core.changes import cells
from core.changes.inverses import INVERSES
from core.models import Entry

_Undos = dict[int, list[Entry]]


class Offer(StrEnum):
    """What a list offers for an entry."""

    UNDO = "Undo"
    REDO = "Redo"
    NOTHING = ""


class Mark(NamedTuple):
    """What is offered for an entry, and who has undone it, if someone has."""

    offer: Offer
    undone_by: str = ""
    undone_at: datetime | None = None


def find_marks(
    session: Session, entry_ids: Collection[int], *, reader_id: int | None
) -> dict[int, Mark]:
    """Return the mark of each entry that can be undone, as its reader sees it.

    Only their author can undo changes of a staff note, and only its owner those of a saved view.
    """
    entries = _load(session, entry_ids)
    undos = _list_undos(session, entry_ids)
    actor_ids = {undo.actor_id for found in undos.values() for undo in found}
    names = user_rows.find_names(session, actor_ids)
    return {
        entry.id: _mark(session, entry, undos, names)
        for entry in entries
        if entry.event in INVERSES and (_is_shared(entry) or entry.actor_id == reader_id)
    }


def _mark(session: Session, entry: Entry, undos: _Undos, names: Mapping[int, str]) -> Mark:
    offer = Offer.REDO if _is_undo(session, entry) else Offer.UNDO
    if entry.id not in undos:
        return Mark(offer)
    rest = offer if _leaves_some(session, entry, undos[entry.id]) else Offer.NOTHING
    undo = undos[entry.id][-1]
    if _is_undone(undo.id, undos):
        return Mark(rest)  # it was redone, and the redo has an offer of its own
    return Mark(rest, names.get(undo.actor_id or 0, "Orgdesk"), undo.at)


def _is_shared(entry: Entry) -> bool:
    return entry.org_id is not None or entry.event.startswith(("account.", "duplicate."))


def _load(session: Session, entry_ids: Collection[int]) -> Sequence[Entry]:
    return session.scalars(select(Entry).where(Entry.id.in_(entry_ids))).all()


def _list_undos(session: Session, entry_ids: Collection[int]) -> _Undos:
    """Return the undos of each entry, oldest first, and those of the undos, and so on."""
    found: _Undos = {}
    asked = set(entry_ids)
    while asked:
        is_undo = Entry.undoes_id.in_(asked)
        undos = session.scalars(select(Entry).where(is_undo).order_by(Entry.id)).all()
        for undo in undos:
            found.setdefault(undo.undoes_id or 0, []).append(undo)
        asked = {undo.id for undo in undos}
    return found


def _is_undone(entry_id: int, undos: _Undos) -> bool:
    return entry_id in undos and not _is_undone(undos[entry_id][-1].id, undos)


def _is_undo(session: Session, entry: Entry) -> bool:
    """Return whether an entry takes something back; the undo of an undo does not."""
    undone = None if entry.undoes_id is None else session.get(Entry, entry.undoes_id)
    return undone is not None and not _is_undo(session, undone)


def _leaves_some(session: Session, entry: Entry, undos: Sequence[Entry]) -> bool:
    """Return whether only some of the fields of an entry were undone."""
    inverse = INVERSES[entry.event]
    if inverse.lead:
        return False
    judged = {it for it in cells.changes_of(session, entry) if inverse.judges(entry, it)}
    undone = {cell for undo in undos for cell in cells.changes_of(session, undo)} & judged
    return bool(undone) and undone < judged

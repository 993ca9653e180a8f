"""Judgement: whether what an entry replaced can be put back, for each of its cells.

It is put back where the value now is the one that the entry wrote, and no later entry of that cell
is in force. The value alone would not do: after A → B → A → B the first entry fits as well, and
undoing it would overrule the last one, which was someone's decision.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.changes.cells import Cell, Change, changes_of
from core.models import Entry


class State(StrEnum):
    """What undoing an entry would do to one of its cells."""

    PUT_BACK = "will be put back"
    ALREADY = "is so already"
    CHANGED = "changed since"


class Standing(NamedTuple):
    """An entry that wrote a cell, and whether that is in force: an undo turns it off."""

    entry_id: int
    is_on: bool


class Verdict(NamedTuple):
    """The state of a cell, and the entry that has changed it since, if any."""

    state: State
    since_id: int | None = None


Judged = Callable[[Entry], Collection[Cell]]
"""Returns the cells that are put back when an entry is undone."""


def standings(session: Session, entry: Entry, judged: Judged) -> dict[Cell, list[Standing]]:
    """Return who wrote each cell, in order, from an entry on.

    An undo takes the place of what it undid and turns it off; a redo turns it on again. What undoes
    an entry stands after it in its chain, so nothing before it is read.
    """
    found: defaultdict[Cell, list[Standing]] = defaultdict(list)
    seen: dict[int, Entry] = {}
    for later in _from(session, entry):
        touched = set(changes_of(session, later))
        undone = seen.get(later.undoes_id or 0)
        if undone is not None and not touched & {*judged(undone)}:
            touched |= {*judged(undone)}  # another way back than the same cell
        for cell in touched:
            _stand(found[cell], later)
        seen[later.id] = later
    return found


def _from(session: Session, entry: Entry) -> Sequence[Entry]:
    later = select(Entry).where(Entry.chain == entry.chain, Entry.position >= entry.position)
    return session.scalars(later.order_by(Entry.position)).all()


def _stand(stack: list[Standing], entry: Entry) -> None:
    ids = [standing.entry_id for standing in stack]
    if entry.undoes_id in ids:
        place = ids.index(entry.undoes_id)
        stack[place] = Standing(entry.id, not stack[place].is_on)
    else:
        stack.append(Standing(entry.id, is_on=True))


def judge(stack: Sequence[Standing], entry: Entry, change: Change, now: Any) -> Verdict:
    """Return what undoing an entry would do to a cell with this value now."""
    ids = [standing.entry_id for standing in stack]
    if entry.id not in ids:
        return Verdict(State.ALREADY)  # its undo has taken its place
    later = stack[ids.index(entry.id) + 1 :]
    in_force = [standing.entry_id for standing in later if standing.is_on]
    if now == change.new:
        return Verdict(State.CHANGED, in_force[-1]) if in_force else Verdict(State.PUT_BACK)
    if now == change.old:
        return Verdict(State.ALREADY)
    since = in_force or [standing.entry_id for standing in later]
    return Verdict(State.CHANGED, since[-1] if since else None)

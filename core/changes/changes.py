"""Undo: plan what would be put back, try it, and do it by ordinary use cases."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access.permissions import Actor, find_role
from core.accounts.sessions import VerifiedPassword
from core.base import validation
from core.base.errors import (
    AlreadyUndone,
    CannotUndo,
    ChangedSince,
    DomainError,
    PasswordNeeded,
)
from core.changes import cells, entry_access, labels
from core.changes.cells import Cell, Change
from core.changes.inverse import Ask, Inverse, Undoing
from core.changes.inverses import INVERSES, find_reason_against
from core.changes.judgement import State, Verdict, judge, standings
from core.database import change_tracking
from core.mail import outbox
from core.models import Entry, Mail, User

MAX_TRIED: Final = 20
"""How many entries of a plan are tried; the others are judged only."""
_TRIAL: Final = "To see whether it can be undone."
"""The reason of a trial, which leaves no trace."""


class Line(NamedTuple):
    """What undoing an entry would do to one cell: `now` becomes `before`, if it is put back."""

    cell: Cell
    label: str
    before: str
    now: str
    state: State
    changed_by: str = ""
    """Who has changed it since, if someone has."""
    changed_at: datetime | None = None


@dataclass(frozen=True)
class Act:
    """What undoing one entry would do, as long as nothing else changes."""

    entry_id: int
    lines: Sequence[Line]
    asks: frozenset[Ask] = frozenset()
    """What the person has to give."""
    refusal: str = ""
    """Why it cannot be undone, or why the use case would refuse; empty if it can."""
    caution: str = ""
    """What stays different afterwards."""
    organization: str = ""
    """The name to type before the organization is deleted."""
    has_choice: bool = False
    """Whether some of the cells can be put back without the others."""

    @property
    def put_back(self) -> list[Line]:
        """Return the lines that would be put back."""
        if self.refusal:
            return []
        return [line for line in self.lines if line.state is State.PUT_BACK]


class Outcome(NamedTuple):
    """The entries that record what was undone, and why others were not, as sentences."""

    done: list[Entry]
    refused: list[str]


def plan(session: Session, actor: Actor, entry_ids: Collection[int]) -> list[Act]:
    """Return what undoing these entries would do, newest first, and change nothing.

    Each is judged as if those before it had been undone, and the first `MAX_TRIED` are tried.
    Raises `NotFound` and `NotPermitted` for entries that the actor may not see.
    """
    with change_tracking.savepoint(session, keeps=False):
        return [
            _foresee(session, actor, entry_id, tries=number < MAX_TRIED)
            for number, entry_id in enumerate(_each_act(session, entry_ids))
        ]


def undo(
    session: Session,
    actor: Actor,
    entry_id: int,
    *,
    only: Collection[Cell] | None = None,
    reason: str = "",
    name: str = "",
    proof: VerifiedPassword | None = None,
) -> Entry:
    """Undo an entry, or `only` some of its cells, and return the entry that records it.

    Undoing that one again is a redo. It is planned anew after the locks are taken. `name` is typed
    to delete an organization; `proof` is the password just verified, for what takes one. A refusal
    leaves nothing behind, so that the transaction can go on. Raises `AlreadyUndone`, `CannotUndo`,
    `ChangedSince`, `PasswordNeeded`, and whatever the use case of the inverse raises.
    """
    with change_tracking.savepoint(session):
        found = _judge(session, actor, entry_id)
        undoing = replace(found.choose(only), name=name)
        asks = found.asks(undoing)
        _ensure_proven(session, actor, asks, proof)
        return _put_back(found.inverse, replace(undoing, reason=_clean_reason(asks, reason)))


def undo_all(
    session: Session,
    actor: Actor,
    entry_ids: Collection[int],
    *,
    reason: str = "",
    proof: VerifiedPassword | None = None,
) -> Outcome:
    """Undo the entries of one act, newest first; what is refused does not keep the others."""
    done, refused = [], []
    for entry_id in _each_act(session, entry_ids):
        try:
            done.append(undo(session, actor, entry_id, reason=reason, proof=proof))
        except DomainError as error:
            refused.append(str(error))
    return Outcome(done, refused)


def _each_act(session: Session, entry_ids: Collection[int]) -> Iterator[int]:
    """Yield entries, newest first, but not those that were undone together with one before.

    A merge has an entry in the history of each organization, and both are undone at once.
    """
    before = len(change_tracking.recorded_ids(session))
    for entry_id in sorted(set(entry_ids), reverse=True):
        recorded = change_tracking.recorded_ids(session)[before:]
        undone = select(Entry.undoes_id).where(Entry.id.in_(recorded))
        if not recorded or entry_id not in session.scalars(undone).all():
            yield entry_id


@dataclass(frozen=True)
class _Judged:
    """An entry with the verdict on each cell that its inverse puts back."""

    inverse: Inverse
    undoing: Undoing
    verdicts: dict[Cell, Verdict]

    def choose(self, only: Collection[Cell] | None = None) -> Undoing:
        """Return the undoing of all that can be put back, or of `only` these cells."""
        possible = {it for it, verdict in self.verdicts.items() if verdict.state is State.PUT_BACK}
        chosen = possible
        if only is not None and not self.inverse.lead:
            chosen = set(only)
            if any(cell.field in self.inverse.pairs for cell in chosen):
                chosen |= {cell for cell in self.verdicts if cell.field in self.inverse.pairs}
        if not chosen or not chosen <= possible:
            states = {verdict.state for verdict in self.verdicts.values()}
            raise ChangedSince if State.CHANGED in states else AlreadyUndone
        return replace(self.undoing, chosen=frozenset(chosen))

    def asks(self, undoing: Undoing) -> frozenset[Ask]:
        """Return what the act asks for, and a reason of staff from outside the organization."""
        org = undoing.org
        is_outside = org is not None and find_role(undoing.session, undoing.actor, org.id) is None
        return frozenset(self.inverse.asks(undoing) | ({Ask.REASON} if is_outside else set()))


def _judge(session: Session, actor: Actor, entry_id: int) -> _Judged:
    """Judge an entry, after its organization is locked; raises `CannotUndo` without an inverse."""
    entry, org = entry_access.open_entry(session, actor, entry_id)
    if against := find_reason_against(entry.event):
        raise CannotUndo(against)
    inverse, changes = INVERSES[entry.event], cells.changes_of(session, entry)
    stacks = standings(session, entry, lambda each: _judged_cells(session, each))
    verdicts = {
        cell: judge(stacks[cell], entry, changes[cell], cells.value_now(session, org, cell))
        for cell in changes
        if inverse.judges(entry, cell)
    }
    undoing = Undoing(session, actor, org, entry, changes, frozenset())
    return _Judged(inverse, undoing, _join(inverse, verdicts))


def _judged_cells(session: Session, entry: Entry) -> set[Cell]:
    inverse = INVERSES.get(entry.event)
    found = cells.changes_of(session, entry) if inverse is not None else {}
    return {cell for cell in found if inverse is not None and inverse.judges(entry, cell)}


def _join(inverse: Inverse, verdicts: dict[Cell, Verdict]) -> dict[Cell, Verdict]:
    """Let fields that stand or fall together have one verdict, where one of them falls."""
    for cells_together in _together(inverse, verdicts):
        fallen = [it for it in cells_together if verdicts[it].state is not State.PUT_BACK]
        if fallen:
            worst = max((verdicts[it] for it in fallen), key=lambda it: it.state is State.CHANGED)
            verdicts = verdicts | {
                cell: worst
                for cell in verdicts
                if inverse.lead or (cell in cells_together and cell not in fallen)
            }
    return verdicts


def _together(inverse: Inverse, verdicts: dict[Cell, Verdict]) -> Iterator[list[Cell]]:
    if inverse.lead:
        yield [cell for cell in verdicts if cell.field == inverse.lead]
    if inverse.pairs:
        yield [cell for cell in verdicts if cell.field in inverse.pairs]


def _foresee(session: Session, actor: Actor, entry_id: int, *, tries: bool) -> Act:
    """Return what undoing an entry would do; it is tried, and the trial is kept for the next."""
    try:
        found = _judge(session, actor, entry_id)
    except CannotUndo as against:
        return Act(entry_id, [], refusal=str(against))
    lines = [_describe(session, found, cell) for cell in found.verdicts]
    org, inverse = found.undoing.org, found.inverse
    act = Act(
        entry_id,
        lines,
        caution=inverse.caution,
        organization="" if org is None else org.name,
        has_choice=len(lines) > 1 and not inverse.lead and {*_fields(lines)} != inverse.pairs,
    )
    if not act.put_back:
        return act
    try:
        with change_tracking.savepoint(session):
            undoing = replace(found.choose(), name=act.organization, reason=_TRIAL)
            act = replace(act, asks=found.asks(undoing))
            if tries:
                _put_back(inverse, undoing)
    except DomainError as refusal:
        return replace(act, refusal=str(refusal))
    return act


def _fields(lines: Sequence[Line]) -> Iterator[str]:
    return (line.cell.field for line in lines)


def _describe(session: Session, found: _Judged, cell: Cell) -> Line:
    change: Change = found.undoing.changes[cell]
    state, since_id = found.verdicts[cell]
    since = None if since_id is None else session.get(Entry, since_id)
    now = cells.value_now(session, found.undoing.org, cell)
    line = Line(
        cell,
        labels.label_of(session, cell),
        labels.text_of(session, cell, change.old),
        labels.text_of(session, cell, now),
        state,
    )
    if since is None:
        return line
    who = session.get(User, since.actor_id) if since.actor_id is not None else None
    return line._replace(changed_by=who.name if who else "Orgdesk", changed_at=since.at)


def _ensure_proven(
    session: Session, actor: Actor, asks: frozenset[Ask], proof: VerifiedPassword | None
) -> None:
    """Raise `PasswordNeeded` unless the actor's password of today was verified, where it is due."""
    if Ask.PASSWORD not in asks:
        return
    person = session.get(User, actor.user_id, populate_existing=True)
    if person is None or proof != VerifiedPassword(person.id, person.password_epoch):
        raise PasswordNeeded


def _clean_reason(asks: frozenset[Ask], reason: str) -> str:
    cleaner = validation.reason if Ask.REASON in asks else validation.optional(validation.reason)
    check = validation.Check()
    cleaned = check("reason", cleaner, reason) or ""
    check.done()
    return cleaned


def _put_back(inverse: Inverse, undoing: Undoing) -> Entry:
    """Call the use case, and return the one entry that it records of the undo."""
    session, entry = undoing.session, undoing.entry
    before = len(change_tracking.recorded_ids(session))
    stopped = outbox.cancel_waiting(session, Mail.entry_id == entry.id)
    with change_tracking.because(session, undoes_id=entry.id, reason=undoing.reason):
        inverse.put_back(undoing)
    recorded = change_tracking.recorded_ids(session)[before:]
    made = [session.get_one(Entry, entry_id) for entry_id in recorded]
    undos = [each for each in made if each.undoes_id == entry.id]
    if not undos:
        raise CannotUndo("There is nothing left to undo.")
    outbox.spare(session, undos[0].id, stopped)
    return undos[0]

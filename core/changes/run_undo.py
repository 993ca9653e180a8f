"""The undo of a run: a run of its own, which undoes the entries of another, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Select, exists, func, select
from sqlalchemy.orm import Session, aliased

from core.access.permissions import Action, Actor, access_staff
from core.base import validation
from core.base.errors import (
    AlreadyUndone,
    CannotUndo,
    ChangedSince,
    PasswordNeeded,
    RunNotOver,
    RunUndone,
)
from core.changes import changes
from core.changes.judgement import State
from core.database import db
from core.models import Entry, Run, RunItem, RunStatus
from core.runs import advance, runs
from core.runs.advance import Refused
from core.runs.items import NewItem
from core.runs.kinds import Kind, Params, Skipped


class UndoParams(Params):
    """Which run is undone."""

    run_id: int


@dataclass(frozen=True)
class UndoPlan:
    """What the undo of a run would do, as things are now."""

    run: Run
    """The undo itself, proposed."""
    put_back: int
    """Changes after which nothing happened to their organization: they will be put back."""
    doubtful: int
    """Changes that others followed; each is judged when its turn comes."""
    refused: Sequence[Refused]
    """Of the first `advance.MAX_TRIED` doubtful ones, those that would be left alone."""


def propose(session: Session, actor: Actor, run_id: int, *, reason: str) -> UndoPlan:
    """Propose to undo all that a run has changed, and return what that would do.

    Nothing is changed before it is confirmed. Raises `RunNotOver`, `RunUndone`, `CannotUndo` for a
    run without changes, and `InvalidInput` without a reason. A run that cleanup has purged can
    still be undone: history has its changes.
    """
    access_staff(session, actor, Action.VIEW_ALL)
    check = validation.Check()
    reason = check("reason", validation.reason, reason) or ""
    check.done()
    _ensure_over(session, run_id)
    entries = select(Entry.org_id, Entry.id).where(Entry.run_id == run_id).order_by(Entry.id.desc())
    listed = [NewItem(org_id, entry_id) for org_id, entry_id in session.execute(entries).all()]
    if not listed:
        raise CannotUndo("This run has changed nothing that can be undone.")
    params = UndoParams(run_id=run_id)
    undo = runs.propose(session, actor, UNDO, params, listed, reason=reason, undoes_run_id=run_id)
    doubtful = _select_doubtful(undo)
    number = session.scalar(select(func.count()).select_from(doubtful.subquery())) or 0
    tried = session.scalars(doubtful.order_by(RunItem.n).limit(advance.MAX_TRIED)).all()
    refused = advance.foresee(session, actor, undo, UNDO, tried)
    return UndoPlan(undo, len(listed) - number, number, refused)


def start(session: Session, actor: Actor, run_id: int, *, reason: str, shown: int) -> Run:
    """Start to undo a run; `shown` is the number of changes that the actor saw."""
    undo = propose(session, actor, run_id, reason=reason).run
    return runs.confirm(session, actor, undo.id, shown=shown)


def _ensure_over(session: Session, run_id: int) -> None:
    """Raise unless a run is over and not undone; it is locked, so that nobody resumes it now."""
    run = session.get(Run, run_id, populate_existing=True, with_for_update=db.is_writing(session))
    if run is not None and run.status in {RunStatus.PROPOSED, RunStatus.GOING}:
        raise RunNotOver
    if runs.find_undoing(session, run_id) is not None:
        raise RunUndone


def _select_doubtful(undo: Run) -> Select[RunItem]:
    """Select the items whose organization has later entries that are not of the same run."""
    entry, later = aliased(Entry), aliased(Entry)
    is_followed = exists().where(
        later.org_id == entry.org_id,
        later.id > entry.id,
        later.run_id.is_distinct_from(undo.undoes_run_id),
    )
    items = select(RunItem).join(entry, entry.id == RunItem.entry_id)
    return items.where(RunItem.run_id == undo.id, is_followed)


def _check(session: Session, actor: Actor, _params: UndoParams) -> None:
    access_staff(session, actor, Action.VIEW_ALL)


def _apply(session: Session, actor: Actor, run: Run, item: RunItem, _params: UndoParams) -> None:
    entry_id = item.entry_id or 0
    try:
        changes.undo(session, actor, entry_id, reason=run.reason)
    except AlreadyUndone as undone:
        raise Skipped(str(undone)) from undone
    except ChangedSince as changed:
        raise CannotUndo(_describe(session, actor, entry_id) or str(changed)) from changed
    except PasswordNeeded as needed:
        raise CannotUndo("This takes your password. Undo it from the history.") from needed


def _describe(session: Session, actor: Actor, entry_id: int) -> str:
    """Return which fields were changed since, by whom and when.

    Of those that stand or fall together it names the first one, such as the stage.
    """
    (act,) = changes.plan(session, actor, [entry_id])
    changed = [line for line in act.lines if line.state is State.CHANGED and line.changed_at]
    return " ".join(
        f"{line.label} was changed since, by {line.changed_by}, {_format(line.changed_at)}."
        for line in (changed if act.has_choice else changed[:1])
    )


def _format(moment: datetime | None) -> str:
    return f"{moment:%-d %b %Y, %H:%M} UTC" if moment else ""


UNDO: Final = Kind(
    "undo",
    UndoParams,
    check=_check,
    apply=_apply,
    title=lambda params: f"Undo run {params.run_id}",
    noun="change",
)

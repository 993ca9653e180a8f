"""Imports: propose what was planned, and confirm it.

A proposed import is a run whose list has the rows to import, and those with errors, which are
refused from the start. What is applied is what was shown: `confirm` takes the digest of the list,
and a row whose organization has changed since is skipped.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access_staff, find_staff_role
from core.accounts import uploads
from core.base import validation
from core.base.errors import ProposalExpired, Stale, TooManyImportMails
from core.base.settings import settings
from core.imports import applying, columns, mail_caps, member_invitations
from core.imports.columns import FIELDS, WHY, What
from core.imports.plans import Outcome, Plan, PlannedRow
from core.models import ItemState, Run, RunItem, RunStatus, Staff
from core.runs import kinds, runs
from core.runs.items import NewItem
from core.runs.kinds import Kind, Skipped

_REMEMBERED: Final = 20
"""Earlier imports whose columns are compared with those of a file."""


class Params(kinds.Params):
    """What an import is about, and how the columns of its file were matched."""

    what: What
    file: str
    titles: list[str]
    columns: list[str]
    mails: int
    """Invitations that it emails."""
    counts: dict[Outcome, int]
    """Rows by outcome. The list has new ones first, then changes, then errors."""
    upload_id: int | None = None
    """The file, which is kept until the import is confirmed or it expires."""


def propose(
    session: Session, actor: Actor, plan: Plan, *, reason: str, upload_id: int | None = None
) -> Run:
    """Write down an import of what was planned, for the actor to confirm.

    `upload_id` is the file that it was read from, if it is an upload. The owners of organizations
    that change read the reason. Raises `InvalidInput(reason)`.
    """
    access_staff(session, actor, Action.IMPORT)
    has_changes = bool(plan.having(Outcome.CHANGE))
    cleaner = validation.reason if has_changes else validation.optional(validation.reason)
    check = validation.Check()
    cleaned = check("reason", cleaner, reason) or ""
    check.done()
    params = Params(
        what=plan.what,
        file=plan.file,
        titles=list(plan.titles),
        columns=list(plan.columns),
        mails=plan.mails,
        counts=dict(plan.count()),
        upload_id=upload_id,
    )
    wanted = [*plan.having(Outcome.NEW), *plan.having(Outcome.CHANGE)]
    wrong = plan.having(Outcome.ERROR)
    listed = [_item(row) for row in (*wanted, *wrong)]
    run = runs.propose(session, actor, IMPORT, params, listed, reason=cleaned)
    if run.status is RunStatus.PROPOSED and wrong:
        _refuse(session, run, wrong, first=len(wanted) + 1)
    return run


def confirm(session: Session, actor: Actor, run_id: int, *, digest: str) -> Run:
    """Start an import that the actor proposed; `digest` is that of the run that was shown.

    Its list has all that is needed from now on, so the file is deleted. Raises `ProposalExpired`,
    and `TooManyImportMails` if it emails more invitations than imports may in a day and the actor
    is no administrator.
    """
    access_staff(session, actor, Action.IMPORT)
    run = session.get(Run, run_id)
    if run is None or run.kind != IMPORT.name or run.digest != digest:
        raise ProposalExpired
    if run.status is RunStatus.PROPOSED:
        _ensure_few_mails(session, actor, run)
    if (upload_id := run.params.get("upload_id")) is not None:
        uploads.remove(session, actor, upload_id)
    return runs.confirm(session, actor, run_id, shown=run.total)


def _ensure_few_mails(session: Session, actor: Actor, run: Run) -> None:
    """Raise `TooManyImportMails` if imports may not email so many today; administrators may."""
    limit, mails = settings().import_mails_a_day, int(run.params["mails"])
    is_over = mails + mail_caps.count_today(session, IMPORT.name) > limit
    if is_over and find_staff_role(session, actor) is not Staff.ADMINISTRATOR:
        raise TooManyImportMails(mails, limit)


def find_columns(session: Session, actor: Actor, what: What, titles: Sequence[str]) -> list[str]:
    """Return the field of each column: as in the actor's last import of such a file, or by title.

    Rejects have one column more, which is not imported.
    """
    access_staff(session, actor, Action.IMPORT)
    known = [title for title in titles if title != WHY]
    mine = select(Run.params).where(Run.kind == IMPORT.name, Run.actor_id == actor.user_id)
    for params in session.scalars(mine.order_by(Run.id.desc()).limit(_REMEMBERED)):
        before = [title for title in params["titles"] if title != WHY]
        if (params["what"], before) == (what, known):
            pairs = zip(params["titles"], params["columns"], strict=True)
            found = iter([column for title, column in pairs if title != WHY])
            return ["" if title == WHY else next(found) for title in titles]
    return columns.match(what, titles)


def _item(row: PlannedRow) -> NewItem:
    values: dict[str, Any] = {
        "row": row.number,
        "cells": list(row.cells),
        "label": row.label,
        "warning": row.warning,
        "edits": dict(row.edits),
    }
    return NewItem(org_id=row.org_id, input=values, base=dict(row.base))


def _refuse(session: Session, run: Run, wrong: Sequence[PlannedRow], *, first: int) -> None:
    """Refuse the rows with errors, which are the last of the list, from `first` on."""
    fields = FIELDS[What(run.params["what"])]
    refused = [
        {
            "run_id": run.id,
            "n": n,
            "state": ItemState.REFUSED,
            "why": " ".join(
                f"{fields[name].title}: {why}" if name else why for name, why in row.errors.items()
            ),
        }
        for n, row in enumerate(wrong, start=first)
    ]
    session.execute(update(RunItem), refused)
    run.refused = len(wrong)


def _check(session: Session, actor: Actor, _params: Params) -> None:
    access_staff(session, actor, Action.IMPORT)


def _apply(session: Session, actor: Actor, run: Run, item: RunItem, params: Params) -> None:
    if item.input is None:
        raise Skipped("This row was erased together with an account.")
    edits, base = item.input["edits"], item.base or {}
    try:
        if params.what is What.MEMBERS:
            member_invitations.invite(
                session, actor, item.org_id or 0, edits["email"], run_id=run.id
            )
            return
        org = applying.apply_to_organization(
            session, actor, item.org_id, edits, base, reason=run.reason, run_id=run.id
        )
    except Stale as stale:
        changed = ", ".join(FIELDS[params.what][name].title for name in stale.theirs)
        raise Skipped(f"Changed since the check: {changed}.") from stale
    item.org_id = org.id


def _title(params: Params) -> str:
    return f"Import {params.what} from {params.file}"


IMPORT: Final = Kind("import", Params, check=_check, apply=_apply, title=_title, noun="row")

"""Downloads of organizations: the record in history, and those in progress in this process."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access, lock_self
from core.audit import history
from core.base import clock, formulas
from core.models import Entry
from core.organizations import queries
from core.organizations.csv_export import Format
from core.organizations.filters import UNASSIGNED, Filters

_MAX_REASON: Final = 500
_TAIL_BYTES: Final = 200
_ROWS: Final = re.compile(rb"^rows (\d+)$", re.MULTILINE)


def begin(session: Session, actor: Actor, filters: Filters, form: Format) -> Entry | None:
    """Record that a person downloads all organizations that match the filters; staff only."""
    queries.authorize(session, actor, filters)
    return record_file(
        session, actor, f"{form.upper()}: {filters.to_query() or 'all organizations'}"
    )


def summary_csv(
    session: Session,
    actor: Actor,
    title: str,
    rows: pd.DataFrame,
    *,
    filters: Filters | None = None,
    org_id: int | None = None,
) -> bytes:
    """Return a summary as a CSV file that no spreadsheet runs, and record its download.

    It is about the organizations that match `filters`, for staff, or about the people of one, for
    those who may see their roles. Without either it is about the actor's own organizations.
    """
    which = "own organizations"
    if filters is not None:
        queries.authorize(session, actor, filters)
        which = filters.to_query() or "all organizations"
    elif org_id is not None:
        which = access(session, actor, org_id, Action.VIEW_INVITATIONS).public_id
    record_file(session, actor, f"{title}: {which}")
    return formulas.csv_file(rows.reset_index())


def record_file(session: Session, actor: Actor, what: str) -> Entry | None:
    """Record the download of a file about organizations; the caller has checked the right to it."""
    person = lock_self(session, actor)
    return history.record(
        session,
        actor,
        person.id,
        "organizations.downloaded",
        person,
        reason=what[:_MAX_REASON],
        always=True,
    )


def file_name(filters: Filters, form: Format) -> str:
    """Return a name that says what is in a file and when: `organizations-free-2026-11-27-…`."""
    reps = {None: "", UNASSIGNED: "unassigned"}
    parts = (
        "deleted" if filters.is_deleted else "",
        *filters.stages,
        reps.get(filters.rep_id, f"rep-{filters.rep_id}"),
        f"from-{filters.created_from}" if filters.created_from else "",
        f"to-{filters.created_to}" if filters.created_to else "",
        f"{filters.members}-members" if filters.members else "",
        *(filters.activity or "", filters.profile or ""),
        "search" if filters.has_words else "",
    )
    what = "-".join(filter(None, ("organizations", *parts)))
    return f"{what}-{clock.now():%Y-%m-%d-%H%M}-utc.{form}"


@dataclass(eq=False)
class Download:
    """A download in progress; `cancel` may be called from any thread."""

    actor: Actor
    form: Format
    cancel: Callable[[], None]
    sent: int = 0
    """Bytes sent so far."""
    progress: Path | None = None
    """The file to which the export process writes lines such as `rows 5000`."""

    def count_rows(self) -> int:
        """Return how many organizations have been read so far."""
        if self.progress is None or not self.progress.exists():
            return 0
        complete, _, _ = self.progress.read_bytes()[-_TAIL_BYTES:].rpartition(b"\n")
        rows = _ROWS.findall(complete)
        return int(rows[-1]) if rows else 0


@contextmanager
def in_progress(download: Download) -> Iterator[Download]:
    """List a download as in progress inside the `with` block."""
    _in_progress.append(download)
    try:
        yield download
    finally:
        _in_progress.remove(download)


def list_in_progress(actor: Actor) -> list[Download]:
    """Return the downloads of a person that are in progress in this process, oldest first."""
    return [each for each in list(_in_progress) if each.actor.user_id == actor.user_id]


_in_progress: list[Download] = []

"""The list of a run: which organizations it is about, and what became of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, NamedTuple

import pandas as pd
from sqlalchemy import Select, func, insert, select
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access_staff
from core.base import formulas
from core.base.errors import NotFound, TooManyMatch
from core.database.db import count_up_to, frame
from core.models import ItemState, Organization, Run, RunItem
from core.organizations import queries
from core.organizations.filters import Filters

MAX_ITEMS: Final = 20_000
"""Items of one run."""
_COLUMNS: Final = {"public_id": "Organization ID", "name": "Name", "why": "Reason"}


class NewItem(NamedTuple):
    """What an item is about; `input` and `base` are for the kind of the run alone."""

    org_id: int | None = None
    entry_id: int | None = None
    input: dict[str, Any] | None = None
    base: dict[str, Any] | None = None


@dataclass(frozen=True)
class Selection:
    """The organizations that were selected: these ids, or what `matching` finds without them."""

    org_ids: tuple[int, ...] = ()
    matching: Filters | None = None

    @property
    def view(self) -> str:
        """The query of the list whose rows were all selected; empty if single rows were."""
        return self.matching.to_query() if self.matching is not None else ""

    @property
    def digest(self) -> str:
        """What tells the selection from others, and is the same when it is made again."""
        is_all = self.matching is not None
        return sha256(f"{is_all} {self.view} {sorted(self.org_ids)}".encode()).hexdigest()[:12]


def list_ids(session: Session, actor: Actor, selection: Selection) -> list[int]:
    """Return the ids of the selected organizations, in their order.

    Raises `TooManyMatch`, and `NotPermitted` if the actor may not see what matches.
    """
    authorize(session, actor, selection)
    ids = sorted(set(selection.org_ids))
    if selection.matching is not None:
        rows = select_matching(session, selection.matching, selection.org_ids)
        ids = list(session.scalars(rows.order_by(rows.selected_columns[0]).limit(MAX_ITEMS + 1)))
    if len(ids) > MAX_ITEMS:
        raise TooManyMatch(MAX_ITEMS)
    return ids


def authorize(session: Session, actor: Actor, selection: Selection) -> None:
    """Raise `NotPermitted` unless the actor may see what is selected."""
    queries.authorize(session, actor, selection.matching or Filters())


def count(session: Session, selection: Selection) -> int:
    """Return how many organizations are selected, up to `MAX_ITEMS` + 1."""
    if selection.matching is None:
        return len(set(selection.org_ids))
    rows = select_matching(session, selection.matching, selection.org_ids)
    return count_up_to(session, rows, MAX_ITEMS)


def select_matching(session: Session, filters: Filters, without: Sequence[int]) -> Select[int]:
    """Select the ids of the organizations that match the filters, without some of them."""
    source, row_id, where = queries.matches(session, filters)
    return select(row_id).select_from(source).where(*where, row_id.not_in(without))


def write_down(session: Session, run: Run, items: Sequence[NewItem]) -> None:
    """Write the list of a new run; nothing is added to it later."""
    rows = [{"run_id": run.id, "n": n, **item._asdict()} for n, item in enumerate(items, start=1)]
    session.execute(insert(RunItem), rows)


def next_waiting(session: Session, run_id: int, limit: int) -> Sequence[RunItem]:
    """Return the next items that were not worked on."""
    waiting = select(RunItem).where(RunItem.run_id == run_id, RunItem.state == ItemState.WAITING)
    return session.scalars(waiting.order_by(RunItem.n).limit(limit)).all()


def list_refusals(session: Session, actor: Actor, run_id: int) -> pd.DataFrame:
    """Return the items that a run refused: n, public_id, name, why."""
    access_staff(session, actor, Action.VIEW_ALL)
    if session.get(Run, run_id) is None:
        raise NotFound("run")
    label = RunItem.input["label"].as_string()  # of a row that would have created one
    name = func.coalesce(Organization.name, label, "A deleted organization").label("name")
    rows = (
        select(RunItem.n, Organization.public_id, name, RunItem.why)
        .select_from(RunItem)
        .outerjoin(Organization, Organization.id == RunItem.org_id)
        .where(RunItem.run_id == run_id, RunItem.state == ItemState.REFUSED)
        .order_by(RunItem.n)
    )
    return frame(session, rows)


def refusals_csv(session: Session, actor: Actor, run_id: int) -> bytes:
    """Return `list_refusals` as a CSV file, protected against formulas."""
    rows = list_refusals(session, actor, run_id)
    return formulas.csv_file(rows[list(_COLUMNS)].rename(columns=_COLUMNS))

"""Which onboardings a view of the board is about; a link to the board carries a view."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final
from urllib.parse import parse_qs

from sqlalchemy import ColumnElement, FromClause, inspect
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.database import search
from core.models import Organization, Stage, orm
from core.onboarding import stuck, working_days

MINE: Final = "mine"
"""What the address calls whoever looks: the same link shows each rep the own ones."""
SOON: Final = timedelta(days=7)
"""How far ahead a next step counts as due."""


class Column(StrEnum):
    """The columns of the board, in their order: who raised a hand, then the stages."""

    ASKED = "asked"
    ONBOARDING = "onboarding"
    PREPRODUCTION = "preproduction"
    PRODUCTION = "production"

    @property
    def stage(self) -> Stage:
        """Return in which stage its organizations are; who asks is free still."""
        return Stage.FREE if self is Column.ASKED else Stage(self.value)


class Only(StrEnum):
    """What the board can be narrowed to."""

    STUCK = "stuck"
    DUE = "due"


class Sort(StrEnum):
    """The orders of cards that are offered."""

    LONGEST = "longest"
    DUE = "due"
    NEWEST = "newest"


@dataclass(frozen=True)
class BoardView:
    """What is looked for on the board, and in which order."""

    words: str = ""
    rep_id: int | None = None
    only: Only | None = None
    sort: Sort = Sort.LONGEST

    @property
    def has_words(self) -> bool:
        """Return whether anything is searched for."""
        return bool(self.words.strip())

    @property
    def columns(self) -> tuple[Column, ...]:
        """Return the columns that can hold anything; who has not begun, or is done, is not late."""
        late = (Column.ONBOARDING, Column.PREPRODUCTION)
        return late if self.only is not None else tuple(Column)


def read(actor: Actor, query: str) -> BoardView:
    """Return the view that a query asks for, as the actor sees it; raises `ValueError`."""
    asked = {name: values[-1] for name, values in parse_qs(query, max_num_fields=60).items()}
    return BoardView(
        words=asked.get("q", ""),
        rep_id=find_rep(actor, asked.get("rep", "")),
        only=Only(asked["only"]) if "only" in asked else None,
        sort=Sort(asked.get("sort", Sort.LONGEST)),
    )


def find_rep(actor: Actor, asked: str) -> int | None:
    """Return whose onboardings are asked for: an id, `MINE`, or nobody's in particular."""
    return actor.user_id if asked == MINE else int(asked) if asked else None


@dataclass(frozen=True)
class Rows:
    """Rows of organizations on the board: where they are, their id there, which of them."""

    source: FromClause
    id: ColumnElement[int]
    where: list[ColumnElement[bool]]


def rows(session: Session, view: BoardView, column: Column) -> Rows:
    """Return the organizations that stand in a column of a view."""
    table = inspect(Organization).local_table
    where = [*standing(view, column), Organization.deleted_at.is_(None), *narrowed(view)]
    if not view.has_words:
        return Rows(table, Organization.id.expression, where)
    hits = search.find(session, view.words)
    return Rows(hits.source, hits.id, [hits.is_found, *where])


def standing(view: BoardView, column: Column) -> list[ColumnElement[bool]]:
    """Return the conditions of a column, each on an index; deleted ones are not left out.

    Raised hands are everybody's, whoever's onboardings are asked for: they have no rep yet.
    """
    if column is Column.ASKED:  # whoever goes further has asked for the last time
        return [Organization.requested_at.is_not(None)]
    where = [Organization.stage == column.stage]
    return [*where, Organization.rep_id == view.rep_id] if view.rep_id is not None else where


def veiled(view: BoardView, column: Column) -> list[ColumnElement[bool]]:
    """Return the same conditions so that no index is gone by for them, but for what is beside."""
    if column is Column.ASKED:
        return [orm.veiled(Organization.requested_at).is_not(None)]
    where: list[ColumnElement[bool]] = [orm.veiled(Organization.stage) == column.stage]
    if view.rep_id is not None:
        where.append(orm.veiled(Organization.rep_id) == view.rep_id)
    return where


def narrowed(view: BoardView) -> list[ColumnElement[bool]]:
    """Return the conditions of what a view is narrowed to."""
    today = working_days.today()
    if view.only is Only.STUCK:
        return [stuck.condition(today)]
    if view.only is Only.DUE:
        return [Organization.next_step_on.is_not(None), Organization.next_step_on <= today + SOON]
    return []

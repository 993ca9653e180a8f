"""The ways to the ids of one page of organizations: along an index, or by gathering few rows."""

import operator
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, FromClause, Select, literal, select, tuple_, union_all

from core.models import Organization, Stage
from core.organizations import org_views
from core.organizations.org_views import LARGE_GATHERED, Matches, Order, View

STAGED: Final = {Organization.id, Organization.stage_entered_at}
"""What there are indexes by within each stage, and within each stage of a sales rep."""


class Walk(NamedTuple):
    """A way through rows: by which order, from beyond which row, how far."""

    by: Order
    start: tuple[Any, int] | None
    steps: int

    def turned(self, *, around: bool) -> "Walk":
        """Return the walk, or the one that goes the other way."""
        return self._replace(by=self.by._replace(descending=self.by.descending is not around))


def along(matches: Matches, walk: Walk) -> Select[*tuple[Any, ...]]:
    """Return the next ids along an index: what ties with the row it starts from, then what follows.

    SQLite would go through all ties from their first on; most organizations are equally small. And
    of two ends on one index it goes from the first that it reads, so a walk's own end stands first.
    """
    column, descending = walk.by
    if walk.start is None or column is Organization.id:
        return _steps(matches, walk)
    key, row_id = walk.start
    follows = operator.lt if descending else operator.gt
    ties = [column == key, follows(matches.id, row_id)]
    parts = [
        matches._replace(where=[*where, *matches.where]) for where in (ties, [follows(column, key)])
    ]
    return merged([_steps(part, walk._replace(start=None)) for part in parts], walk)


def _steps(matches: Matches, walk: Walk) -> Select[*tuple[Any, ...]]:
    """Return the next ids, and the keys that they are ordered by, in one walk."""
    by_id = walk.by.column is Organization.id
    keys = [matches.id] if by_id else [walk.by.column.expression, matches.id]
    return (
        select(matches.id.label("id"), walk.by.column.label("key"))
        .select_from(matches.source)
        .where(*_beyond(keys, walk), *matches.where)
        .order_by(*directed(keys, walk))
        .limit(walk.steps)
    )


def gathered(matches: Matches, walk: Walk) -> Select[*tuple[Any, ...]]:
    """Return the next ids among few rows, gathered first and then sorted."""
    few = (
        select(matches.id.label("id"), walk.by.column.label("key"))
        .select_from(matches.source)
        .where(*matches.where)
        .limit(LARGE_GATHERED)
        .subquery()
    )
    return cut(few, walk)


def cut(few: FromClause, walk: Walk) -> Select[int]:
    """Return the next ids among rows that have an `id` and a `key`."""
    keys = [few.c.key, few.c.id]
    return (
        select(few.c.id)
        .where(*_beyond(keys, walk))
        .order_by(*directed(keys, walk))
        .limit(walk.steps)
    )


def merged(walks: Sequence[Select[*tuple[Any, ...]]], walk: Walk) -> Select[*tuple[Any, ...]]:
    """Return the next ids of several walks: as many steps along each, then the first of them."""
    ends = [part.subquery() for part in walks]
    met = union_all(*(select(end.c.id, end.c.key) for end in ends)).subquery()
    keys = [met.c.key, met.c.id]
    return select(met.c.id, met.c.key).order_by(*directed(keys, walk)).limit(walk.steps)


def stages(view: View, walk: Walk) -> list[Matches]:
    """Return the rows of a view without words stage by stage, each with an index of its own."""
    rows = Organization.__table__
    live: list[ColumnElement[bool]] = [Organization.deleted_at.is_(None)]
    if view.rep_id is not None:
        live.append(Organization.rep_id == view.rep_id)
    live += org_views.beside_stage(view, walk.by)
    return [
        Matches(rows, Organization.id.expression, [Organization.stage == stage, *live])
        for stage in view.stages or tuple(Stage)
    ]


def _beyond(keys: Sequence[ColumnElement[Any]], walk: Walk) -> list[ColumnElement[bool]]:
    if walk.start is None:
        return []
    values = walk.start[-len(keys) :]
    there = [literal(value, key.type) for key, value in zip(keys, values, strict=True)]
    here, border = (tuple_(*keys), tuple_(*there)) if len(keys) > 1 else (keys[0], there[0])
    return [here < border if walk.by.descending else here > border]


def directed(keys: Sequence[ColumnElement[Any]], walk: Walk) -> list[ColumnElement[Any]]:
    """Return the order of a walk by its keys."""
    return [key.desc() if walk.by.descending else key.asc() for key in keys]

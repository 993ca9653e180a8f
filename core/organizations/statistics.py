"""Counts of the organizations that match, and of their people, grouped by the database."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import pandas as pd
from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    and_,
    func,
    literal,
    null,
    select,
    text,
    union_all,
)
from sqlalchemy.orm import Session
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from core.access.permissions import Actor
from core.database.db import frame
from core.models import Invitation, Organization, Stage, StageCount
from core.organizations import queries
from core.organizations.filters import MEMBER_RANGES, Filters, Members


def count_by_stage(session: Session, actor: Actor, filters: Filters) -> dict[Stage, int]:
    """Count the organizations in each stage that match apart from the stage; staff only.

    With no other filter than a sales rep the counts are exact, since they are stored. Others are
    counted up to `MAX_COUNTED` + 1.
    """
    queries.authorize(session, actor, filters)
    filters = replace(filters, stages=())
    if is_stored(filters):
        return _stored_by_stage(session, filters.rep_id)
    return {stage: queries.count(session, replace(filters, stages=(stage,))) for stage in Stage}


def is_stored(filters: Filters) -> bool:
    """Return whether `count_by_stage` is exact and fast."""
    return filters.is_narrowed_by_stage_only and not filters.has_words


def _stored_by_stage(session: Session, rep_id: int | None) -> dict[Stage, int]:
    of_rep = [StageCount.rep_id == rep_id] if rep_id is not None else []
    stored = select(StageCount.stage, func.sum(StageCount.number)).where(*of_rep)
    counts = dict(session.execute(stored.group_by(StageCount.stage)).all())
    return {stage: int(counts.get(stage, 0)) for stage in Stage}


def memberships(session: Session, actor: Actor, filters: Filters) -> pd.DataFrame:
    """Count the organizations that match, and their people, in one query; staff only.

    Columns: stage, size (the range of the number of members), month (of creation, in UTC),
    organizations, owners, admins, members (with that role), invitations (that are open). Sum the
    rows up by stage, by size and stage, or by month: each has only some of the three, as a database
    takes three times as long to group by all. Stages and sizes are categories, in their order.
    """
    queries.authorize(session, actor, filters)
    source, org, where = _matching(session, filters)
    invited = source.join(Invitation, and_(Invitation.org_id == org.id, *queries.is_open()))
    parts = (
        _by_stage_and_size(org).select_from(source),
        _by_month(session, org).select_from(source),
        _invitations_by_stage(org).select_from(invited),
    )
    rows = frame(session, union_all(*(part.where(*where) for part in parts)))
    rows[COUNTED] = rows[COUNTED].astype("int64")
    rows["stage"] = pd.Categorical(rows["stage"], list(Stage), ordered=True)
    rows["month"] = pd.PeriodIndex(rows["month"], freq="M")
    sizes = pd.cut(rows.pop("member_count"), [-1, *_LARGEST], labels=list(Members))
    return rows.assign(size=sizes)


COUNTED: Final = ["organizations", "owners", "admins", "members", "invitations"]
"""The columns of `memberships` that are numbers."""
_LARGEST: Final = [MEMBER_RANGES[size][1] for size in Members]


def _matching(
    session: Session, filters: Filters
) -> tuple[FromClause, ReadOnlyColumnCollection[str, Any], Sequence[ColumnElement[bool]]]:
    """Return FROM, the columns, and WHERE of the organizations that match.

    Filters by stage and date of creation leave the index that has all columns to be counted. With
    any other filter the matching rows are read once, into a common table expression.
    """
    source, org_id, where = queries.matches(session, filters)
    org = Organization.__table__.c
    if replace(filters, stages=(), created_from=None, created_to=None).is_empty:
        return source, org, where
    read = (org.stage, org.member_count, org.owner_count, org.admin_count, org.created_at)
    matching = select(org_id.label("id"), *read).select_from(source).where(*where).cte("matching")
    return matching, matching.c, ()


def _by_stage_and_size(org: ReadOnlyColumnCollection[str, Any]) -> Select[*tuple[Any, ...]]:
    """Select the numbers by stage and number of members, in the order of an index."""
    return select(
        org.stage.label("stage"),
        org.member_count.label("member_count"),
        null().label("month"),
        func.count().label("organizations"),
        func.sum(org.owner_count).label("owners"),
        func.sum(org.admin_count).label("admins"),
        func.sum(org.member_count - org.owner_count - org.admin_count).label("members"),
        literal(0).label("invitations"),
    ).group_by(org.stage, org.member_count)


def _by_month(
    session: Session, org: ReadOnlyColumnCollection[str, Any]
) -> Select[*tuple[Any, ...]]:
    nothing = (literal(0) for _ in COUNTED[1:])
    month = _month(session, org.created_at).label("month")
    return select(null(), null(), month, func.count(), *nothing).group_by(text("month"))


def _invitations_by_stage(org: ReadOnlyColumnCollection[str, Any]) -> Select[*tuple[Any, ...]]:
    nothing = (literal(0) for _ in COUNTED[:-1])
    return select(org.stage, null(), null(), *nothing, func.count()).group_by(org.stage)


def _month(session: Session, created_at: ColumnElement[Any]) -> ColumnElement[str]:
    """Return the month of creation in UTC, as `2026-11`."""
    if session.get_bind().dialect.name == "sqlite":
        return func.substr(created_at, 1, 7)
    return func.to_char(func.timezone("UTC", created_at), "YYYY-MM")

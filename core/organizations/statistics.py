"""Counts of the organizations that match, and of their people, grouped by the database."""

from dataclasses import replace
from typing import Any, Final

import pandas as pd
from sqlalchemy import ColumnElement, Select, and_, func, literal, null, select, text, union_all
from sqlalchemy.orm import Session

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
    organizations, owners, admins, members (with that role), invitations (that are open). To be
    summed up by stage, by size and stage, or by month: a row has either of them, which the database
    counts three times as fast as all in one. Stages and sizes are categories, in their order.
    """
    queries.authorize(session, actor, filters)
    source, org_id, where = queries.matches(session, filters)
    invited = source.join(Invitation, and_(Invitation.org_id == org_id, *queries.is_open()))
    parts = (
        _by_stage_and_size().select_from(source),
        _by_month(session).select_from(source),
        _invitations_by_stage().select_from(invited),
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


def _by_stage_and_size() -> Select[*tuple[Any, ...]]:
    """Select the numbers by stage and number of members, in the order of an index."""
    org = Organization
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


def _by_month(session: Session) -> Select[*tuple[Any, ...]]:
    nothing = (literal(0) for _ in COUNTED[1:])
    month = _month(session).label("month")
    return select(null(), null(), month, func.count(), *nothing).group_by(text("month"))


def _invitations_by_stage() -> Select[*tuple[Any, ...]]:
    nothing = (literal(0) for _ in COUNTED[:-1])
    by = (Organization.stage.expression, null(), null())
    return select(*by, *nothing, func.count()).group_by(Organization.stage)


def _month(session: Session) -> ColumnElement[str]:
    """Return the month of creation in UTC, as `2026-11`."""
    if session.get_bind().dialect.name == "sqlite":
        return func.substr(Organization.created_at, 1, 7)
    return func.to_char(func.timezone("UTC", Organization.created_at), "YYYY-MM")

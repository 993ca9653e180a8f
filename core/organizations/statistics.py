"""Statistics of the organizations that match: grouped by the database, totalled by pandas."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

import pandas as pd
from sqlalchemy import ColumnElement, Select, and_, case, func, literal, select, text, union_all
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.base import clock
from core.database.db import frame
from core.models import Invitation, Membership, Organization, Role, Stage, StageCount
from core.organizations import queries
from core.organizations.filters import ACTIVITY_DAYS, MEMBER_RANGES, Activity, Filters, Members


@dataclass(frozen=True)
class Summary:
    """Totals, and a frame for each dimension, with one row for each value of its first column.

    `stages`: stage, organizations, members. `sizes`: step (of members), organizations, members.
    `activity`: tier, organizations, members. `months`: month (a period, none left out),
    organizations (created in it), in_all.
    """

    organizations: int
    members: int
    stages: pd.DataFrame
    sizes: pd.DataFrame
    activity: pd.DataFrame
    months: pd.DataFrame


def organizations(session: Session, actor: Actor, filters: Filters) -> Summary:
    """Return exact statistics of the organizations that match, counted in one pass; staff only."""
    queries.authorize(session, actor, filters)
    source, _, where = queries.matches(session, filters)
    steps = ((Organization.member_count <= MEMBER_RANGES[step][1], step.value) for step in Members)
    rows = frame(
        session,
        select(
            Organization.stage.label("stage"),
            case(*steps, else_=Members.MOST.value).label("step"),
            _tier().label("tier"),
            _month(session).label("month"),
            func.count().label("organizations"),
            func.sum(Organization.member_count).label("members"),
        )
        .select_from(source)
        .where(*where)
        .group_by("stage", "step", "tier", "month"),
    )
    rows[_NUMBERS] = rows[_NUMBERS].astype("int64")
    return Summary(
        organizations=int(rows["organizations"].sum()),
        members=int(rows["members"].sum()),
        stages=_grouped(rows, "stage", list(Stage)),
        sizes=_grouped(rows, "step", list(Members)),
        activity=_grouped(rows, "tier", list(Activity)),
        months=_by_month(rows),
    )


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
    organizations, owners, admins, members (with that role), invitations (that are open). Rows with
    the same stage, size and month add up. Stages and sizes are categories, in their order.
    """
    queries.authorize(session, actor, filters)
    rows = frame(session, union_all(_people(session, filters), _invitations(session, filters)))
    rows[COUNTED] = rows[COUNTED].astype("int64")
    rows["stage"] = pd.Categorical(rows["stage"], list(Stage), ordered=True)
    rows["size"] = pd.Categorical(rows["size"], list(Members), ordered=True)
    rows["month"] = pd.PeriodIndex(rows["month"], freq="M")
    return rows


COUNTED: Final = ["organizations", "owners", "admins", "members", "invitations"]
"""The columns of `memberships` that are numbers."""


def _people(session: Session, filters: Filters) -> Select[*tuple[Any, ...]]:
    source, _, where = queries.matches(session, filters)
    owners, admins = Organization.owner_count, Organization.admin_count
    people = (
        func.sum(owners).label("owners"),
        func.sum(admins).label("admins"),
        func.sum(Organization.member_count - owners - admins).label("members"),
    )
    counted = (func.count().label("organizations"), *people, literal(0).label("invitations"))
    return _grouped_by_all(session, *counted).select_from(source).where(*where)


def _invitations(session: Session, filters: Filters) -> Select[*tuple[Any, ...]]:
    source, org_id, where = queries.matches(session, filters)
    counted = (*(literal(0).label(name) for name in COUNTED[:-1]), func.count())
    invited = source.join(Invitation, and_(Invitation.org_id == org_id, *queries.is_open()))
    return _grouped_by_all(session, *counted).select_from(invited).where(*where)


def _grouped_by_all(session: Session, *counted: ColumnElement[int]) -> Select[*tuple[Any, ...]]:
    columns: dict[str, ColumnElement[Any]] = {
        "stage": Organization.stage.expression,
        "size": case(
            *((Organization.member_count <= MEMBER_RANGES[size][1], size.value) for size in Members)
        ),
        "month": _month(session),
    }
    labelled = (column.label(name) for name, column in columns.items())
    return select(*labelled, *counted).group_by(*(text(name) for name in columns))


def roles(session: Session, actor: Actor, filters: Filters) -> pd.DataFrame:
    """Return the members of the organizations that match by role (role, members); staff only."""
    queries.authorize(session, actor, filters)
    source, _, where = queries.matches(session, filters)
    rows = frame(
        session,
        select(Membership.role.label("role"), func.count().label("members"))
        .select_from(source.join(Membership, Membership.org_id == Organization.id))
        .where(*where)
        .group_by(Membership.role),
    )
    ranked = rows.set_index("role").reindex(sorted(Role, key=lambda role: -role.rank), fill_value=0)
    return ranked.rename_axis("role").reset_index()


_NUMBERS: Final = ["organizations", "members"]


def _grouped(rows: pd.DataFrame, by: str, values: list[Any]) -> pd.DataFrame:
    """Return the sums for each of the values, in their order; 0 for those without a row."""
    sums = rows.groupby(by)[_NUMBERS].sum()
    return sums.reindex(values, fill_value=0).rename_axis(by).reset_index()


def _by_month(rows: pd.DataFrame) -> pd.DataFrame:
    sums = rows.groupby("month")["organizations"].sum()
    sums.index = pd.PeriodIndex(sums.index, freq="M", name="month")
    if not sums.empty:
        every = pd.period_range(sums.index.min(), sums.index.max(), freq="M", name="month")
        sums = sums.reindex(every, fill_value=0)
    return pd.DataFrame({"organizations": sums, "in_all": sums.cumsum()}).reset_index()


def _tier() -> ColumnElement[str]:
    now, when = clock.now(), Organization.last_active_at
    ends = {tier: high for tier, (_, high) in ACTIVITY_DAYS.items() if high is not None}
    steps = ((when > now - timedelta(days=high), tier.value) for tier, high in ends.items())
    return case(*steps, else_=Activity.QUIET.value)


def _month(session: Session) -> ColumnElement[str]:
    """Return the month of creation in UTC, as `2026-11`."""
    if session.get_bind().dialect.name == "sqlite":
        return func.substr(Organization.created_at, 1, 7)
    return func.to_char(func.timezone("UTC", Organization.created_at), "YYYY-MM")

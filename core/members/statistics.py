"""Numbers of an organization's members: by role, by two-factor, by month."""

from datetime import datetime
from typing import Any, Final

import pandas as pd
from sqlalchemy import BindParameter, Label, ScalarSelect, bindparam, func, select
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access, may
from core.base import clock
from core.database.db import capped_count, frame
from core.members import invitation_rows
from core.members.members import MAX_COUNTED
from core.models import Membership, Role, User
from core.models.orm import UtcDateTime


def count_by_role(session: Session, actor: Actor, org_id: int) -> pd.DataFrame:
    """Return how many members there are of each role, with and without two-factor.

    Columns: role, two_factor and people; a row for each combination that occurs.
    """
    access(session, actor, org_id, Action.VIEW_INVITATIONS)
    two_factor = User.two_factor_at.is_not(None).label("two_factor")
    return frame(
        session,
        select(Membership.role, two_factor, func.count().label("people"))
        .join(User, User.id == Membership.user_id)
        .where(Membership.org_id == org_id)
        .group_by(Membership.role, two_factor),
    )


def summary(session: Session, actor: Actor, org_id: int) -> "pd.Series[Any]":
    """Return the numbers of members by role (owner, admin, member) and last_joined.

    Actors with `VIEW_INVITATIONS` also get pending and without_two_factor, which is counted up to
    `MAX_COUNTED` + 1.
    """
    access(session, actor, org_id, Action.VIEW)
    here = Membership.org_id == org_id
    newest = select(func.max(Membership.joined_at)).where(here).scalar_subquery()
    columns: list[Any] = [Membership.role, func.count(), newest.label("last_joined")]
    sees_all = may(session, actor, org_id, Action.VIEW_INVITATIONS)
    if sees_all:
        columns += [
            invitation_rows.count_open_subquery(org_id).label("pending"),
            _without_two_factor(org_id),
        ]
    grouped = session.execute(select(*columns).where(here).group_by(Membership.role)).all()
    numbers: dict[str, Any] = {each.value: 0 for each in Role}
    numbers |= {column.name: 0 for column in columns[2:]}
    for role, people, *same in grouped:
        numbers[role] = people
        numbers |= {column.name: value for column, value in zip(columns[2:], same, strict=True)}
    return pd.Series(numbers, dtype=object)


def joined_by_month(session: Session, actor: Actor, org_id: int) -> "pd.Series[int]":
    """Return how many members joined in each of the last twelve months, by first day of the month.

    The last one is the current month.
    """
    access(session, actor, org_id, Action.VIEW)
    now = pd.Timestamp(clock.now()).normalize()
    months = pd.date_range(now.replace(day=1), periods=13, freq="MS") - pd.DateOffset(months=11)
    moments = {f"month_{number}": month.to_pydatetime() for number, month in enumerate(months)}
    joined = session.execute(_COUNT_BY_MONTH, moments | {"org_id": org_id}).one()
    return pd.Series(list(joined), index=months[:-1], dtype=int)


def _count_joined(number: int) -> ScalarSelect[int]:
    joined_at, here = Membership.joined_at, Membership.org_id == bindparam("org_id")
    began, not_over = joined_at >= _month(number), joined_at < _month(number + 1)
    return select(func.count()).where(here, began, not_over).scalar_subquery()


def _month(number: int) -> BindParameter[datetime]:
    return bindparam(f"month_{number}", type_=UtcDateTime())


_COUNT_BY_MONTH: Final = select(*(_count_joined(number) for number in range(12)))
"""Built once: building it takes longer than running it."""


def _without_two_factor(org_id: int) -> Label[int]:
    """Return the count of members without two-factor, up to `MAX_COUNTED` + 1, as a column."""
    people = (
        select(Membership.id)
        .join(User, User.id == Membership.user_id)
        .where(Membership.org_id == org_id, User.two_factor_at.is_(None))
    )
    return capped_count(people, MAX_COUNTED).label("without_two_factor")

"""Numbers beside an organization's row, counted for the rows that are shown, or for all."""

from datetime import datetime

from sqlalchemy import ColumnElement, Label, Subquery, and_, bindparam, func, literal_column, select
from sqlalchemy.orm import InstrumentedAttribute

from core.base import clock
from core.models import Invitation, Membership, Organization, Role
from core.models.orm import UtcDateTime

_IS_PENDING: ColumnElement[bool] = literal_column("invitations.status = 'pending'")
"""Word for word as in the index of pending invitations, so that both engines use it."""


def _now() -> datetime:
    return clock.now()


_NOW = bindparam("counted_at", callable_=_now, type_=UtcDateTime(), unique=True)
"""When the statement is sent, not when it was built."""


def owners() -> Label[int]:
    """Return the column `owners` for a query over organizations."""
    return (
        select(func.count())
        .select_from(Membership)
        .where(Membership.org_id == Organization.id, Membership.role == Role.OWNER)
        .correlate(Organization)
        .scalar_subquery()
        .label("owners")
    )


def pending() -> Label[int]:
    """Return the column `pending` for a query over organizations: invitations not yet answered."""
    return (
        select(func.count())
        .select_from(Invitation)
        .where(
            Invitation.org_id == Organization.id,
            _IS_PENDING,
            Invitation.expires_at > _NOW,
        )
        .correlate(Organization)
        .scalar_subquery()
        .label("pending")
    )


def owners_of_all() -> Subquery:
    """Return org_id and `number` of owners, counted in one pass for queries over very many rows.

    Newest first, as most want them: PostgreSQL then need not sort them once more.
    """
    return _of_all(Membership.org_id, Membership.role == Role.OWNER)


def pending_of_all() -> Subquery:
    """Return org_id and `number` of invitations not yet answered, counted in one pass."""
    return _of_all(Invitation.org_id, and_(_IS_PENDING, Invitation.expires_at > _NOW))


def _of_all(org_id: InstrumentedAttribute[int], which: ColumnElement[bool]) -> Subquery:
    number = func.count().label("number")
    counted = select(org_id.label("org_id"), number).where(which).group_by(org_id)
    return counted.order_by(org_id.desc()).subquery()

"""Numbers beside an organization's row, counted only for the rows that are shown."""

from sqlalchemy import ColumnElement, Label, func, literal_column, select

from core import clock
from core.models import Invitation, Membership, Organization, Role

_IS_PENDING: ColumnElement[bool] = literal_column("invitations.status = 'pending'")
"""Word for word as in the index of pending invitations, so that both engines use it."""


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
            Invitation.expires_at > clock.now(),
        )
        .correlate(Organization)
        .scalar_subquery()
        .label("pending")
    )

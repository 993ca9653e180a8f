"""The queries by which every click is judged: who may do what, looked up where it is stored.

They are built once: building one takes as long as sending three.
"""

from datetime import datetime
from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import Select, and_, bindparam, case, select
from sqlalchemy.orm import InstrumentedAttribute

from core.models import Impersonation, Membership, Organization, User


class StandingIn(NamedTuple):
    """Until when, and why, an administrator does what an owner may."""

    until: datetime
    reason: str


_STAFF: Final = case((User.two_factor_at.is_not(None), User.staff)).label("staff")
"""A staff role counts once its holder has two-factor."""
STAFF_ROLE: Final = select(_STAFF).where(
    User.id == bindparam("user_id"), User.disabled_at.is_(None)
)
"""What somebody with this account may everywhere, unless it is disabled."""


@cache
def organization(
    column: InstrumentedAttribute[Any], *, as_orgdesk: bool
) -> Select[*tuple[Any, ...]]:
    """Return the query for an organization by a column, and for the roles of who looks at it.

    Beside it: role, staff role, until when and why that person does what an owner may.
    """
    org = select(Organization).where(column == bindparam("which"))
    org = org.execution_options(populate_existing=True)
    if as_orgdesk:
        return org
    is_theirs = and_(Membership.org_id == Organization.id, Membership.user_id == User.id)
    stands_in = and_(
        *(Impersonation.org_id == Organization.id, Impersonation.user_id == User.id),
        *(Impersonation.ended_at.is_(None), Impersonation.ends_at > bindparam("now")),
    )
    return (
        org.add_columns(Membership.role, _STAFF, Impersonation.ends_at, Impersonation.reason)
        .select_from(Organization)
        .join(User, and_(User.id == bindparam("user_id"), User.disabled_at.is_(None)))
        .outerjoin(Membership, is_theirs)
        .outerjoin(Impersonation, stands_in)
    )

"""Organizations whose owners are all disabled: an administrator names a new owner."""

import pandas as pd
from sqlalchemy import Exists, exists, select
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access, access_staff
from core.accounts import user_rows
from core.audit import history
from core.base import validation
from core.base.errors import HasOwner, InvalidInput
from core.database.frames import frame
from core.members import member_mails, membership_rows
from core.models import Membership, Organization, Role, User

_MOST_LISTED = 200


def table(session: Session, actor: Actor) -> pd.DataFrame:
    """Return the organizations whose owners are all disabled, which only an administrator can mend.

    Columns: id, public_id, name, logo, stage, member_count, created_at.
    """
    access_staff(session, actor, Action.MANAGE_PEOPLE)
    disabled = select(User.id).where(User.disabled_at.is_not(None))
    disabled_owner = select(Membership.org_id).where(
        Membership.user_id.in_(disabled), Membership.role == Role.OWNER
    )
    return frame(
        session,
        select(
            Organization.id,
            Organization.public_id,
            Organization.name,
            Organization.logo,
            Organization.stage,
            Organization.member_count,
            Organization.created_at,
        )
        .where(
            Organization.id.in_(disabled_owner),
            Organization.deleted_at.is_(None),
            ~_has_active_owner(),
        )
        .order_by(Organization.id)
        .limit(_MOST_LISTED),
    )


def list_heirs(session: Session, actor: Actor, org_id: int, *, most: int = 50) -> list[str]:
    """Return the addresses of active members who could own it, the highest role first."""
    org = access(session, actor, org_id, Action.NAME_OWNER)
    found = session.execute(
        select(User.email, Membership.role, Membership.id)
        .join(User, User.id == Membership.user_id)
        .where(Membership.org_id == org.id, User.disabled_at.is_(None))
        .order_by(Membership.role, Membership.id)  # "admin" comes before "member"
        .limit(most)
    )
    return [email for email, _, _ in found]


def name_owner(
    session: Session, actor: Actor, org_id: int, email: str, *, reason: str
) -> Membership:
    """Make somebody with an account the owner of an organization whose owners are all disabled.

    Raises `HasOwner`, `MembershipLimit`, and `InvalidInput` for `email` and `reason`.
    """
    org = access(session, actor, org_id, Action.NAME_OWNER)
    check = validation.Check()
    address = check("email", validation.email, email)
    reason = check("reason", validation.reason, reason)
    check.done()
    this = Organization.id == org.id
    if session.scalar(select(Organization.id).where(this, _has_active_owner())):
        raise HasOwner(org.name)
    heir = user_rows.find(session, validation.email_key(address))
    if heir is None or heir.disabled_at is not None:
        raise InvalidInput({"email": "Nobody who can sign in has this address. Name another one."})

    membership = membership_rows.find(session, org, heir.id)
    if membership is None:
        membership = membership_rows.make(session, org, heir.id, Role.OWNER)
    membership.role = Role.OWNER
    member_mails.tell(
        session, actor, org, heir.id, "owner_named", reason=reason, link=member_mails.page(org)
    )
    history.record(session, actor, org, "ownership.named", membership, reason=reason)
    return membership


def _has_active_owner() -> Exists:
    return (
        exists()
        .where(
            Membership.org_id == Organization.id,
            Membership.role == Role.OWNER,
            User.id == Membership.user_id,
            User.disabled_at.is_(None),
        )
        .correlate(Organization)
    )

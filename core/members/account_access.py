"""What accounts may do at all, as administrators decide: staff roles, and disabling an account.

This is in `members` rather than in `accounts`, which knows no organizations: invitations and
ownership offers end with the right that they were made with.
"""

from sqlalchemy import select, union
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access_staff, lock_user, rights_of
from core.accounts import email_links, sessions, user_rows
from core.audit import history
from core.base import clock
from core.base.errors import InvalidInput
from core.mail import outbox
from core.members import leaving
from core.models import (
    Impersonation,
    Invitation,
    InvitationStatus,
    Membership,
    Organization,
    Staff,
    User,
)


def set_staff(session: Session, actor: Actor, user_id: int, staff: Staff | None) -> User:
    """Set or remove a person's staff role.

    Gaining permissions ends the person's sessions and sends an email. Losing the right to act as an
    owner ends impersonations, and withdraws the invitations made under them. Raises
    `LastAdministrator`, and `InvalidInput(staff)` for an unconfirmed address.
    """
    access_staff(session, actor, Action.MANAGE_PEOPLE)
    is_losing = Action.ACT_AS_OWNER not in rights_of(None, staff)
    acting_in = leaving.lock_acting_in(session, user_id) if is_losing else []
    user = lock_user(session, user_id)
    if user.staff is staff:
        return user
    if user.proven_at is None:
        raise InvalidInput({"staff": "This address isn't confirmed yet. Assign a role once it is."})
    user_rows.ensure_other_administrator(session, user)
    if rights_of(None, staff) - rights_of(None, user.staff):
        sessions.end_all(session, user.id, sessions.STAFF_ROLE_GIVEN)
        outbox.enqueue(
            session,
            "staff_role_given",
            user.email,
            name=user.name,
            role=str(staff),
            by=actor.name,
            two_factor=user.two_factor_at is not None,
        )
    user.staff = staff
    history.record(session, actor, user.id, "account.staff_changed", user)
    leaving.end_offers(session, actor, acting_in, user.id)
    return user


def disable(session: Session, actor: Actor, user_id: int) -> User:
    """Disable an account; raises `LastAdministrator`.

    Its sessions, links, impersonations, invitations and ownership offers end.
    """
    access_staff(session, actor, Action.MANAGE_PEOPLE)
    organizations = _lock_concerned(session, user_id)
    user = lock_user(session, user_id)
    if user.disabled_at is not None:
        return user
    user_rows.ensure_other_administrator(session, user)
    user.disabled_at = clock.now()
    sessions.end_all(session, user.id, "account disabled")
    email_links.revoke(session, email_links.RESET, user_id=user.id)
    history.record(session, actor, user.id, "account.disabled", user)
    leaving.end_offers(session, actor, organizations, user.id)
    return user


def _lock_concerned(session: Session, user_id: int) -> list[Organization]:
    """Lock the organizations of a person, and those of their impersonations and invitations."""
    is_own = Invitation.run_id.is_(None)  # those of imports may be thousands, and are not revoked
    is_pending = Invitation.status == InvitationStatus.PENDING
    acting = Impersonation.ended_at.is_(None) & (Impersonation.user_id == user_id)
    org_ids = union(
        select(Membership.org_id).where(Membership.user_id == user_id),
        select(Impersonation.org_id).where(acting),
        select(Invitation.org_id).where(Invitation.invited_by == user_id, is_pending, is_own),
    )
    return leaving.lock_organizations(session, session.scalars(org_ids))

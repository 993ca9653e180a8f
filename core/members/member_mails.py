"""Mails about memberships: to the person concerned, and to the owners of the organization."""

from collections.abc import Collection, Sequence
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access import throttling
from core.access.permissions import Actor
from core.base import clock
from core.mail import digests, outbox
from core.members import invitation_rows
from core.models import Invitation, Mail, Membership, Organization, Role, User

MAX_OWNERS_MAILED: Final = 20
"""Where an organization has more owners, those who joined first are mailed."""


def send(session: Session, org: Organization, user_id: int, template: str, **context: Any) -> None:
    """Mail a person about an organization, unless the account was deleted."""
    address = select(User.email).where(User.id == user_id, User.deleted_at.is_(None))
    if (email := session.scalar(address)) is not None:
        outbox.enqueue(session, template, email, org_id=org.id, organization=org.name, **context)


def send_invitation(
    session: Session,
    actor: Actor,
    org: Organization,
    invitation: Invitation,
    template: str = "invitation",
) -> None:
    """Mail an invitation to the invited person, as sent by the actor, when its time has come."""
    queued = outbox.enqueue(
        session,
        template,
        invitation.email,
        org_id=org.id,
        organization=org.name,
        by=actor.name,
        role=invitation.role,
        hours=int(invitation_rows.INVITATION_TTL.total_seconds()) // 3600,
        link=invitation_rows.link(invitation),
    )
    queued.due_at = max(clock.now(), invitation.sent_at)
    invitation.mail_id = queued.id


def notify(
    session: Session,
    actor: Actor,
    org: Organization,
    user_id: int,
    template: str,
    **context: Any,
) -> None:
    """Mail a person what the actor changed about them, within the cap of `throttling`.

    Actors get no mail about themselves.
    """
    if user_id != actor.user_id and is_within_cap(session, actor, user_id):
        send(session, org, user_id, template, by=actor.name, **context)


def send_to_owners(
    session: Session,
    org: Organization,
    template: str,
    *,
    to: Collection[User] | None = None,
    **context: Any,
) -> None:
    """Mail the owners of an organization, as chosen by `list_notified_owners`."""
    for owner in list_notified_owners(session, org) if to is None else to:
        outbox.enqueue(
            session, template, owner.email, org_id=org.id, organization=org.name, **context
        )


def add_to_digests(
    session: Session,
    org: Organization,
    title: str,
    detail: str,
    *,
    page: str = "history",
    field: str = "",
) -> None:
    """Add what staff have edited to the digests of the owners, who get one mail for a whole run."""
    for owner in list_notified_owners(session, org):
        digests.add_for_person(
            *(session, owner.id, org, digests.EDITED, title, detail),
            page=page,
            interval=digests.OWNER_INTERVAL,
            field=field,
        )


def notify_owners(
    session: Session,
    actor: Actor,
    org: Organization,
    about_id: int,
    *,
    what: str,
    reason: str = "",
) -> None:
    """Mail the other owners what happened to a member; `what` completes the sentence "Mia …"."""
    name = session.scalar(select(User.name).where(User.id == about_id)) or "Someone"
    others = list_notified_owners(session, org, exclude=[about_id, actor.user_id or 0])
    send_to_owners(
        session,
        org,
        "member_news",
        to=[owner for owner in others if is_within_cap(session, actor, owner.id)],
        name=name,
        by=actor.name,
        link=page_link(org),
        what=what,
        reason=reason,
    )


def is_within_cap(session: Session, actor: Actor, recipient: int | str) -> bool:
    """Count a mail from one person to another, or to an address by its key; False if too many."""
    pair = f"{actor.user_id} to {recipient}"
    return throttling.hit(session, "mails from", pair, throttling.PERSON_TO_PERSON) == 0


def list_notified_owners(
    session: Session, org: Organization, *, exclude: Collection[int] = ()
) -> Sequence[User]:
    """Return the owners who are notified of changes, longest-serving first.

    Disabled and deleted accounts are left out; at most `MAX_OWNERS_MAILED` are returned.
    """
    return session.scalars(
        select(User)
        .join(Membership, Membership.user_id == User.id)
        .where(
            Membership.org_id == org.id,
            Membership.role == Role.OWNER,
            User.id.not_in(exclude),
            User.disabled_at.is_(None),
            User.deleted_at.is_(None),
        )
        .order_by(Membership.joined_at, Membership.id)
        .limit(MAX_OWNERS_MAILED)
    ).all()


def notify_revoked(session: Session, org: Organization, ended: Sequence[object]) -> None:
    """Mail the people whose revoked invitation had been sent and had not expired."""
    by_mail = {
        each.mail_id: each
        for each in ended
        if isinstance(each, Invitation) and each.mail_id and each.expires_at > clock.now()
    }
    sent = select(Mail.id).where(Mail.id.in_(by_mail), Mail.sent_at.is_not(None)).order_by(Mail.id)
    for mail_id in session.scalars(sent).all() if by_mail else ():
        outbox.enqueue(
            session,
            "invitation_revoked",
            by_mail[mail_id].email,
            org_id=org.id,
            organization=org.name,
        )


def page_link(org: Organization, name: str = "members") -> dict[str, str]:
    """Return the link of a mail to a page of the organization."""
    return {"page": f"{name}?org={org.public_id}"}

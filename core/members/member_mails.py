"""Mails about people's places: to whom it happens, and to the owners who answer for it."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.base import clock
from core.mail import outbox
from core.models import Invitation, Mail, Membership, Organization, Role, User

OWNERS_TOLD: Final = 20
"""Of more owners than these the longest-serving ones hear of a change."""


def tell(
    session: Session,
    actor: Actor,
    org: Organization,
    user_id: int,
    template: str,
    **context: Any,
) -> None:
    """Mail a person what somebody else did about that person's place; nobody tells oneself."""
    if user_id != actor.user_id:
        send(session, org, user_id, template, by=actor.name, **context)


def send(session: Session, org: Organization, user_id: int, template: str, **context: Any) -> None:
    """Mail a person about an organization, unless the account is gone."""
    address = select(User.email).where(User.id == user_id, User.deleted_at.is_(None))
    if (email := session.scalar(address)) is not None:
        outbox.enqueue(session, template, email, org_id=org.id, organization=org.name, **context)


def tell_owners(
    session: Session, actor: Actor, org: Organization, about_id: int, **context: Any
) -> None:
    """Mail the other owners what became of a member: `what` finishes the sentence 'Mia …'."""
    name = session.scalar(select(User.name).where(User.id == about_id)) or "Somebody"
    others = (
        select(Membership.user_id)
        .join(User, User.id == Membership.user_id)
        .where(
            Membership.org_id == org.id,
            Membership.role == Role.OWNER,
            Membership.user_id.not_in([about_id, actor.user_id or 0]),
            User.disabled_at.is_(None),
        )
        .order_by(Membership.id)
        .limit(OWNERS_TOLD)
    )
    for user_id in session.scalars(others).all():
        send(
            session,
            org,
            user_id,
            "member_news",
            name=name,
            by=actor.name,
            link=page(org),
            **context,
        )


def tell_revoked(session: Session, org: Organization, ended: Sequence[object]) -> None:
    """Mail those whose invitation is revoked, if its mail has reached them and still worked."""
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


def page(org: Organization, name: str = "members") -> dict[str, str]:
    """Return the link of a mail that leads to a page of the organization."""
    return {"page": f"{name}?org={org.public_id}"}

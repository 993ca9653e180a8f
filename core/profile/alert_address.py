"""The address that alerts are sent to: a new one is confirmed by a link emailed to it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access import throttling
from core.access.permissions import ORGDESK, Action, Actor, access
from core.accounts import email_links
from core.audit import history
from core.base import clock
from core.base.errors import InvalidInput, NotFound, TooManyAttempts
from core.database import search
from core.mail import outbox
from core.models import Link, Organization

KIND: Final = "alert_email"
"""The kind of the links that confirm an alert address."""
MAX_MAILS_PER_ORGANIZATION: Final = ((5, timedelta(hours=1)), (20, timedelta(days=1)))
MAX_MAILS_PER_PERSON: Final = ((10, timedelta(hours=1)), (50, timedelta(days=1)))


@dataclass(frozen=True)
class AlertLink:
    """The organization and the address that a confirmation link is about."""

    organization: str
    email: str


def change(session: Session, actor: Actor, org: Organization, address: str | None) -> None:
    """Set the pending alert address and email it a confirmation link.

    The address in use needs no confirmation: choosing it again, or None, drops the pending one.
    """
    if address is None or address == org.alert_email:
        org.alert_email_new = None
        email_links.revoke(session, KIND, org_id=org.id)
    else:
        org.alert_email_new = address
        _send_link(session, actor, org, address)


def resend_alert_link(session: Session, actor: Actor, org_id: int) -> Organization:
    """Email a new confirmation link to the pending address; earlier links stop working."""
    org = access(session, actor, org_id, Action.EDIT_PROFILE)
    if org.alert_email_new is not None:
        _send_link(session, actor, org, org.alert_email_new)
    return org


def alert_link_sent_at(session: Session, actor: Actor, org_id: int) -> datetime | None:
    """Return when the confirmation link was sent, or None once it has expired."""
    access(session, actor, org_id, Action.VIEW)
    return session.scalar(
        select(Link.created_at).where(
            Link.org_id == org_id,
            Link.kind == KIND,
            Link.used_at.is_(None),
            Link.expires_at > clock.now(),
        )
    )


def get_alert_link(session: Session, token: str) -> AlertLink:
    """Return what a confirmation link is about without using it; raises `LinkNotValid`."""
    link = email_links.get(session, KIND, token)
    org = _get_organization(session, link)
    return AlertLink(org.name, link.email)


def confirm_alert_email(session: Session, actor: Actor, token: str) -> Organization:
    """Put the pending alert address in use; holding the emailed link is all it takes.

    Raises `LinkNotValid`, with the same text for an unknown, used, replaced or expired link.
    """
    org = _get_organization(session, email_links.get(session, KIND, token))
    link = email_links.redeem(session, KIND, token)
    org.alert_email, org.alert_email_new = link.email, None
    search.index_organization(org)
    history.record(session, actor, org, "alert_email.confirmed", org)
    return org


def send_test(session: Session, actor: Actor, org_id: int) -> Organization:
    """Email a test to the confirmed alert address.

    Raises `InvalidInput` where none is confirmed, and `TooManyAttempts`.
    """
    org = access(session, actor, org_id, Action.EDIT_PROFILE)
    if org.alert_email is None:
        raise InvalidInput(
            {"alert_email": "No address is confirmed yet. Open the link in the email we sent."}
        )
    _count_mail(session, actor, org)
    outbox.enqueue(session, "alert_test", org.alert_email, org_id=org.id, organization=org.name)
    return org


def _send_link(session: Session, actor: Actor, org: Organization, address: str) -> None:
    _count_mail(session, actor, org)
    link = email_links.create(session, KIND, address, email_links.CONFIRM_TTL, org_id=org.id)
    outbox.enqueue(
        session,
        "alert_confirm",
        address,
        org_id=org.id,
        organization=org.name,
        link={"page": "confirm_alert", **link},
    )


def _count_mail(session: Session, actor: Actor, org: Organization) -> None:
    """Count a mail against the limits of the organization and the person.

    Raises `TooManyAttempts`.
    """
    waits = (
        throttling.hit(
            session, "alert mails", f"organization {org.id}", MAX_MAILS_PER_ORGANIZATION
        ),
        throttling.hit(session, "alert mails", f"person {actor.user_id}", MAX_MAILS_PER_PERSON),
    )
    if max(waits):
        raise TooManyAttempts(max(waits))


def _get_organization(session: Session, link: Link) -> Organization:
    """Return the organization of a link, provided that the link's address is still pending."""
    try:
        org = access(session, ORGDESK, link.org_id or 0, Action.EDIT_PROFILE)
    except NotFound as error:
        raise email_links.not_valid(KIND) from error
    if org.alert_email_new != link.email:
        raise email_links.not_valid(KIND)
    return org

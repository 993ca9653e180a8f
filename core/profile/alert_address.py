"""Rows of where alerts go: a new address waits until the link mailed to it was used."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access import throttling
from core.access.permissions import Actor
from core.accounts import email_links
from core.base import clock
from core.base.errors import TooManyAttempts
from core.mail import outbox
from core.models import Link, Organization

KIND: Final = "alert_email"
MAILS_PER_ORGANIZATION = ((5, timedelta(hours=1)), (20, timedelta(days=1)))
MAILS_PER_PERSON = ((10, timedelta(hours=1)), (50, timedelta(days=1)))


def change(session: Session, actor: Actor, org: Organization, address: str | None) -> None:
    """Let a new address wait for its proof; the one in use needs none."""
    if address is None or address == org.alert_email:
        org.alert_email_new = None
        email_links.end(session, KIND, org_id=org.id)
    else:
        org.alert_email_new = address
        send_link(session, actor, org, address)


def send_link(session: Session, actor: Actor, org: Organization, address: str) -> None:
    """Queue a mail with a new link for this address; links sent before stop working."""
    count_mail(session, actor, org)
    link = email_links.make(session, KIND, address, email_links.PROVES_FOR, org_id=org.id)
    outbox.enqueue(
        session,
        "alert_confirm",
        address,
        org_id=org.id,
        organization=org.name,
        link={"page": "confirm_alert", **link},
    )


def link_sent_at(session: Session, org_id: int) -> datetime | None:
    """Return when the link was sent that a new address waits for, while it still works."""
    return session.scalar(
        select(Link.created_at).where(
            Link.org_id == org_id,
            Link.kind == KIND,
            Link.used_at.is_(None),
            Link.expires_at > clock.now(),
        )
    )


def count_mail(session: Session, actor: Actor, org: Organization) -> None:
    """Raise `TooManyAttempts` for who sends more mails than a profile needs."""
    waits = (
        throttling.hit(session, "alert mails", f"organization {org.id}", MAILS_PER_ORGANIZATION),
        throttling.hit(session, "alert mails", f"person {actor.user_id}", MAILS_PER_PERSON),
    )
    if max(waits):
        raise TooManyAttempts(max(waits))

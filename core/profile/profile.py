"""The profile of an organization: what it says about itself, where its alerts go, its logo."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from core.access.permissions import ORGDESK, Action, Actor, access
from core.accounts import email_links
from core.audit import history
from core.base import clock
from core.base.errors import InvalidInput, LinkNotValid, NotFound
from core.database import search
from core.mail import outbox
from core.models import Link, Logo, Organization
from core.profile import alert_address, profile_texts
from core.profile.logos import Logo as Picture
from core.profile.profile_texts import preview as preview
from core.profile.profile_texts import texts as texts

CONFIRM_EVERY = timedelta(days=365)
"""How often owners are asked whether all of it is still right."""


@dataclass(frozen=True)
class AlertLink:
    """What a link to confirm an alert address is about."""

    organization: str
    email: str


def save(
    session: Session,
    actor: Actor,
    org_id: int,
    shown: Mapping[str, str],
    typed: Mapping[str, str],
) -> Organization:
    """Save the fields in which `typed` differs from what the form had `shown`, all or nothing.

    Fields that somebody else changed meanwhile are kept; when both changed the same one, `Stale`
    has both texts. Who decides for one sends it again with theirs as `shown`.
    """
    org = access(session, actor, org_id, Action.EDIT_PROFILE)
    if profile_texts.change(session, actor, org, shown, typed):
        org.confirmed_at = clock.now()
        history.record(session, actor, org, "profile.changed", org)
    return org


def confirm(session: Session, actor: Actor, org_id: int) -> Organization:
    """Say that all of the profile is still right, without a change."""
    org = access(session, actor, org_id, Action.EDIT_PROFILE)
    if org.confirmed_at is not None and clock.now() - org.confirmed_at < timedelta(minutes=1):
        return org
    org.confirmed_at = clock.now()
    history.record(session, actor, org, "profile.confirmed", org)
    return org


def is_due(org: Organization) -> bool:
    """Return whether it is time to ask the owners whether the profile is still right."""
    return clock.now() - (org.confirmed_at or org.created_at) >= CONFIRM_EVERY


def set_logo(session: Session, actor: Actor, org_id: int, picture: Picture) -> Organization:
    """Give the organization a logo, in place of the one it had."""
    org = access(session, actor, org_id, Action.EDIT_PROFILE)
    if session.get(Logo, picture.digest) is None:
        session.add(
            Logo(
                digest=picture.digest,
                png=picture.png,
                thumbnail=picture.thumbnail,
                created_at=clock.now(),
            )
        )
        session.flush()  # the organization refers to it
    org.logo = picture.digest
    history.record(session, actor, org, "logo.changed", org)
    return org


def remove_logo(session: Session, actor: Actor, org_id: int) -> Organization:
    """Take the logo away; other organizations with the same picture, and history, keep theirs."""
    org = access(session, actor, org_id, Action.EDIT_PROFILE)
    org.logo = None
    history.record(session, actor, org, "logo.removed", org)
    return org


def missing_for_listing(org: Organization) -> list[str]:
    """Return what a card in Connected solutions needs and the profile does not have yet."""
    needed = {"a logo": org.logo, "an overview": org.overview, "a public website": org.website}
    return [what for what, value in needed.items() if not value]


def list_in_solutions(session: Session, actor: Actor, org_id: int, *, listed: bool) -> Organization:
    """Show the organization in Connected solutions, or no longer; raises `InvalidInput`."""
    org = access(session, actor, org_id, Action.EDIT_PROFILE)
    missing = missing_for_listing(org)
    if listed and missing:
        add = " and ".join(filter(None, [", ".join(missing[:-1]), missing[-1]]))
        raise InvalidInput({"is_listed": f"Add {add} first, and save it. Then switch this on."})
    org.is_listed = listed
    event = "profile.listed" if listed else "profile.unlisted"
    history.record(session, actor, org, event, org)
    return org


def resend_alert_link(session: Session, actor: Actor, org_id: int) -> Organization:
    """Send the link for the new alert address once more; the one sent before stops working."""
    org = access(session, actor, org_id, Action.EDIT_PROFILE)
    if org.alert_email_new is not None:
        alert_address.send_link(session, actor, org, org.alert_email_new)
    return org


def alert_link_sent_at(session: Session, actor: Actor, org_id: int) -> datetime | None:
    """Return when the link was sent that the new alert address waits for, while it still works."""
    access(session, actor, org_id, Action.VIEW)
    return alert_address.link_sent_at(session, org_id)


def find_alert_link(session: Session, token: str) -> AlertLink:
    """Return what a mailed link is about; raises `LinkNotValid`. Looking changes nothing."""
    link = email_links.find(session, alert_address.KIND, token)
    org = _open(session, link)
    return AlertLink(org.name, link.email)


def confirm_alert_email(session: Session, actor: Actor, token: str) -> Organization:
    """Put the new alert address in use; the mailed link alone allows it, whoever opens it.

    Raises `LinkNotValid`, in the same words for an unknown, used, replaced or expired link.
    """
    org = _open(session, email_links.find(session, alert_address.KIND, token))
    link = email_links.use(session, alert_address.KIND, token)
    org.alert_email, org.alert_email_new = link.email, None
    search.index(org)
    history.record(session, actor, org, "alert_email.confirmed", org)
    return org


def send_test(session: Session, actor: Actor, org_id: int) -> Organization:
    """Send a mail to the alert address that is in use, to see that it arrives."""
    org = access(session, actor, org_id, Action.EDIT_PROFILE)
    if org.alert_email is None:
        raise InvalidInput(
            {"alert_email": "No address is in use yet. Open the link in the mail we sent to it."}
        )
    alert_address.count_mail(session, actor, org)
    outbox.enqueue(
        session,
        "alert_test",
        org.alert_email,
        org_id=org.id,
        organization=org.name,
    )
    return org


def _open(session: Session, link: Link) -> Organization:
    """Return the organization that a link is about, if it still waits for that address."""
    try:
        org = access(session, ORGDESK, link.org_id or 0, Action.EDIT_PROFILE)
    except NotFound as gone:
        raise LinkNotValid("Ask for a new one.") from gone
    if org.alert_email_new != link.email:
        raise LinkNotValid("Ask for a new one.")
    return org

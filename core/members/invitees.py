"""The addresses of an invitation: parsed, checked against members and limits."""

import re
from bisect import insort
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from core.access import throttling
from core.access.permissions import Actor
from core.base import clock, validation
from core.base.errors import (
    AddressesRefused,
    AlreadyInvited,
    AlreadyMember,
    DomainError,
    InvalidInput,
    InvitationLimit,
    TooManyAttempts,
)
from core.members import invitation_rows
from core.models import Invitation, InvitationStatus, Membership, Organization, User

MAX_PER_MINUTE: Final = 10
MAX_PER_DAY: Final = 50
"""Invitations that are mailed for one person in a minute and in a day; the others wait."""
MAX_LISTED: Final = 500
"""Addresses of one list."""
MAX_PENDING: Final = 600
"""Open invitations of an organization, those that wait to be mailed included."""
MAX_MAILS_PER_INVITER: Final = (
    (MAX_PER_MINUTE, timedelta(minutes=1)),
    (MAX_PER_DAY, timedelta(days=1)),
)
MAX_MAILS_PER_ORGANIZATION: Final = ((100, timedelta(days=1)),)
"""Limits on invitation mails. They are counted in the transaction that queues the mails, so
refused invitations do not count."""
FIELD: Final = "emails"
_ENTRY = re.compile(
    r"""(?:"[^"\n\r]*" | [^"<>;\n\r,@]++ | ,(?=[^<>;\n\r@]*<))*+ <[^<>\n\r]*>
    | [^,;\n\r]+""",
    re.VERBOSE,
)
"""An address with a name in front, whose commas and quotes belong to it, or one alone."""
_MAX_LENGTH = 60_000
_MAX_ECHOED = 60
"""Characters of an invalid address that its refusal repeats."""


def parse(session: Session, org: Organization, emails: str) -> dict[str, str]:
    """Return the addresses in a text by their key, which all spellings of an address share.

    Commas, semicolons and line ends separate addresses; names in front of them are left out, and
    so is `mailto:`. Raises `AddressesRefused` with the result for each address, or `AlreadyMember`
    or `AlreadyInvited` if there is only one.
    """
    addresses: dict[str, str] = {}
    results: dict[str, str] = {}
    for text in _split(emails):
        try:
            address = validation.email(text)
            addresses.setdefault(validation.email_key(address), address)
            results[addresses[validation.email_key(address)]] = ""
        except validation.InvalidValue as error:
            results[text[:_MAX_ECHOED]] = str(error)
    taken = _find_taken(session, org, addresses)
    if taken and len(results) == 1:
        raise next(iter(taken.values()))
    results |= {address: str(refusal) for address, refusal in taken.items()}
    if any(results.values()):
        raise AddressesRefused(FIELD, list(results.items()))
    return addresses


def ensure_below_limit(session: Session, org: Organization, *, more: int) -> None:
    """Raise `InvitationLimit` if `more` invitations would exceed `MAX_PENDING`."""
    if invitation_rows.count_open(session, org.id) + more > MAX_PENDING:
        raise InvitationLimit(MAX_PENDING)


def plan_mails(session: Session, actor: Actor, org: Organization, mails: int) -> list[datetime]:
    """Return when to mail each of this many new invitations: as many as possible now, others later.

    Invitations that already wait count against the limits, so a second list queues behind them.
    """
    now, planned = clock.now(), list[datetime]()
    by_actor = _mailed(session, Invitation.invited_by == actor.user_id)
    of_org = _mailed(session, Invitation.org_id == org.id)
    for _ in range(mails):
        at = max([now, *by_actor[-1:]])
        for log, limits in (
            (by_actor, MAX_MAILS_PER_INVITER),
            (of_org, MAX_MAILS_PER_ORGANIZATION),
        ):
            at = max([at, *(log[-most] + window for most, window in limits if len(log) >= most)])
        if at == now:
            at += timedelta(minutes=_hit(session, actor, org, 1))
        planned.append(at)
        by_actor.append(at)
        insort(of_org, at)
    return planned


def _mailed(session: Session, whose: ColumnElement[bool]) -> list[datetime]:
    """Return when invitations of the last day were mailed, or will be, in order."""
    recent = Invitation.sent_at > clock.now() - timedelta(days=1)
    return list(
        session.scalars(
            select(Invitation.sent_at).where(whose, recent).order_by(Invitation.sent_at)
        )
    )


def count_mails(session: Session, actor: Actor, org: Organization, mails: int) -> None:
    """Count mails against the limits of the inviter and the organization.

    Raises `TooManyAttempts`.
    """
    if minutes := _hit(session, actor, org, mails):
        raise TooManyAttempts(minutes)


def _hit(session: Session, actor: Actor, org: Organization, mails: int) -> int:
    """Count mails, and return the minutes to wait if there were too many."""
    caps = (
        (f"person:{actor.user_id}", MAX_MAILS_PER_INVITER),
        (f"org:{org.id}", MAX_MAILS_PER_ORGANIZATION),
    )
    return max(throttling.hit(session, "invite", *cap) for cap in caps for _ in range(mails))


def count_recipients(session: Session, org: Organization, addresses: Mapping[str, str]) -> None:
    """Count an invitation mail to each of these addresses, given by their key.

    Raises `TooManyAttempts`, or `AddressesRefused` if there are several.
    """
    limits = throttling.INVITATIONS
    waits = {
        email: throttling.hit(session, "invitation mails", f"{org.id} {key}", limits)
        for key, email in addresses.items()
    }
    refusals = {
        email: TooManyAttempts(minutes, f"{email} was sent {limits[0][0]} invitations today.")
        for email, minutes in waits.items()
        if minutes
    }
    if refusals and len(addresses) == 1:
        raise next(iter(refusals.values()))
    if refusals:
        results = [(email, str(refusals.get(email, ""))) for email in addresses.values()]
        raise AddressesRefused(FIELD, results)


def _split(emails: str) -> list[str]:
    """Return the entries of a list of addresses as mail programs copy it, each as it is written."""
    entries = islice(_ENTRY.finditer(emails[:_MAX_LENGTH]), 2 * MAX_LISTED)
    typed = [entry.group().strip() for entry in entries if entry.group().strip()]
    typed = list(dict.fromkeys(typed))
    if len(typed) > MAX_LISTED or len(emails) > _MAX_LENGTH:
        raise InvalidInput({FIELD: f"Invite at most {MAX_LISTED} people with one list."})
    return typed or [""]


def _find_taken(
    session: Session, org: Organization, addresses: dict[str, str]
) -> dict[str, DomainError]:
    """Return a refusal for each address of a member or of a pending invitation."""
    members = session.scalars(
        select(User.email_key)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.org_id == org.id, User.email_key.in_(addresses))
    )
    invited = session.scalars(
        select(Invitation.email_key).where(
            Invitation.org_id == org.id,
            Invitation.email_key.in_(addresses),
            Invitation.status == InvitationStatus.PENDING,
        )
    )
    refusals: dict[str, DomainError] = {
        addresses[key]: AlreadyInvited(addresses[key]) for key in invited
    }
    return refusals | {addresses[key]: AlreadyMember(addresses[key]) for key in members}

"""Imported organizations that nobody has claimed: each waits for its first owner.

An import adds them without members and invites the owner, who claims the organization by accepting.
Until then staff who may import can invite the owner again, or someone else in their place.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access, access_staff
from core.accounts import user_rows
from core.audit import history
from core.base import clock, validation
from core.base.errors import AlreadyClaimed
from core.database import search
from core.imports import mail_caps
from core.members import invitation_rows, invitees, member_mails
from core.models import Invitation, InvitationStatus, Organization, Role
from core.organizations import organization_rows
from core.profile import profile

FIELDS: Final = ("name", "owner_email", "overview", *profile.CONTACT_FIELDS)
"""What a new organization can be given."""


def add(session: Session, actor: Actor, texts: Mapping[str, str], *, run_id: int) -> Organization:
    """Add an organization without members, and invite its first owner.

    `texts` are those of `FIELDS`; name and owner are required. Raises `InvalidInput`, and
    `TooManyAttempts` for an address that imports have invited too often today.
    """
    access_staff(session, actor, Action.IMPORT)
    values = clean(texts, is_staff=partial(user_rows.is_staff_address, session))
    address = values.pop("owner_email") or ""
    mail_caps.count(session, address)

    name = values.pop("name") or ""
    org = organization_rows.make(session, actor, name, is_unclaimed=True)
    for field, value in values.items():
        setattr(org, field, value)
    search.index_organization(org)
    invitation = _invite(session, actor, org, address, run_id)
    history.record(session, actor, org, "organization.created", org, invitation)
    return org


def clean(texts: Mapping[str, str], *, is_staff: Callable[[str], bool]) -> dict[str, str | None]:
    """Return the clean values of a new organization; `is_staff` judges its owner's clean address.

    Raises `InvalidInput` with every field that is not valid.
    """
    check = validation.Check()
    cleaners = {**profile.CLEANERS, "owner_email": validation.email}
    values = {field: check(field, cleaners[field], texts.get(field, "")) for field in FIELDS}
    if is_staff(values["owner_email"] or ""):
        check.refuse("owner_email", mail_caps.OWN_STAFF)
    check.done()
    return values


def invite_owner(session: Session, actor: Actor, org_id: int, email: str) -> Invitation:
    """Invite the first owner of an unclaimed organization again, or someone else instead.

    The invitation of another address is revoked. Raises `InvalidInput(owner_email)`,
    `AlreadyClaimed` and `TooManyAttempts`.
    """
    org = access(session, actor, org_id, Action.IMPORT)
    check = validation.Check()
    address = check("owner_email", validation.email, email)
    if address and user_rows.is_staff_address(session, address):
        check.refuse("owner_email", mail_caps.OWN_STAFF)
    check.done()
    if org.unclaimed_since is None:
        raise AlreadyClaimed(org.name)
    before = invitation_rows.list_imported_owners(session, org)
    mail_caps.count(session, address)
    invitees.count_recipients(session, org, {validation.email_key(address): address})

    for each in before:
        invitation_rows.close(session, each, InvitationStatus.REVOKED)
    member_mails.notify_revoked(session, org, [it for it in before if it.email != address])
    session.flush()  # one pending invitation for each address
    invitation = _invite(session, actor, org, address, _find_run(session, org))
    history.record(session, actor, org, "invitation.sent", invitation, *before)
    return invitation


def find_owner_invitation(session: Session, actor: Actor, org_id: int) -> Invitation | None:
    """Return the pending invitation of the first owner; None for organizations with owners."""
    org = access(session, actor, org_id, Action.VIEW_INVITATIONS)
    found = invitation_rows.list_imported_owners(session, org) if org.unclaimed_since else ()
    return found[-1] if found else None


def remove(session: Session, actor: Actor, org_id: int) -> Organization:
    """Delete an imported organization that nobody has joined; an administrator can restore it.

    Its invitations are revoked. Raises `AlreadyClaimed`.
    """
    org = access(session, actor, org_id, Action.IMPORT)
    if org.unclaimed_since is None or org.member_count:
        raise AlreadyClaimed(org.name)
    revoked = invitation_rows.revoke_all(session, org)
    member_mails.notify_revoked(session, org, revoked)
    org.deleted_at = clock.now()
    history.record(session, actor, org, "organization.deleted", org, *revoked)
    return org


def _invite(
    session: Session,
    actor: Actor,
    org: Organization,
    address: str,
    run_id: int,
) -> Invitation:
    key = validation.email_key(address)
    invitation = invitation_rows.make(
        session, org, address, key, Role.OWNER, actor.user_id or 0, run_id=run_id
    )
    member_mails.send_invitation(session, actor, org, invitation)
    return invitation


def _find_run(session: Session, org: Organization) -> int:
    """Return the import that added an organization, by the invitation of its first owner."""
    invited = select(func.min(Invitation.run_id)).where(Invitation.org_id == org.id)
    return session.scalar(invited) or 0

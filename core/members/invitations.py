"""Invitations: invite people to an organization by email, and manage what is pending.

An invitation is valid for `invitation_rows.INVITATION_TTL`, 72 hours. What the invited person does
is in `acceptance`.
"""

from collections.abc import Collection
from enum import StrEnum
from typing import Any, Final

import pandas as pd
from sqlalchemy import ColumnElement, Select, String, case, cast, func, or_, select
from sqlalchemy.orm import Session

from core.access import merged
from core.access.permissions import Action, Actor, access
from core.audit import history
from core.base import clock, parameters
from core.base.errors import LinkNotValid, MemberLimit, NotFound, NotPermitted, RoleTooHigh
from core.base.settings import settings
from core.database.db import frame
from core.database.search import has_words
from core.members import invitation_rows, invitees, member_mails, membership_rows
from core.models import Invitation, InvitationStatus, Mail, Organization, Role, User

PER_PAGE: Final = 50
_PER_ENTRY: Final = 10
"""Invitations in one entry of history, so that those of a long list can be read, and undone."""


class State(StrEnum):
    """The state of an invitation as displayed: its status, or why a pending one doesn't work.

    It is `expired`, or `paused` while its organization is merged into the one that lists it.
    """

    PENDING = "pending"
    EXPIRED = "expired"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    REVOKED = "revoked"
    PAUSED = "paused"


def invite(
    session: Session, actor: Actor, org_id: int, emails: str, *, role: Role = Role.MEMBER
) -> list[Invitation]:
    """Invite all the addresses in `emails`, or none; commas, semicolons or line ends separate them.

    Those of a long list wait, and are mailed as the limits allow; `sent_at` says when. Raises
    `AddressesRefused` with the result for each address, or `AlreadyMember` or `AlreadyInvited` if
    there is only one; also `RoleTooHigh`, `MemberLimit`, `InvitationLimit` and `TooManyAttempts`.
    """
    org = access(session, actor, org_id, Action.INVITE)
    addresses = invitees.parse(session, org, emails)
    if not membership_rows.may_grant(session, actor, org, role):
        raise RoleTooHigh(role)
    if org.member_limit is not None and org.member_count >= org.member_limit:
        raise MemberLimit(org.member_limit)
    invitees.ensure_below_limit(session, org, more=len(addresses))
    planned = invitees.plan_mails(session, actor, org, len(addresses))
    invitees.count_recipients(session, org, addresses)

    inviter_id = actor.user_id or 0
    invited = [
        invitation_rows.make(session, org, email, key, role, inviter_id, at=at)
        for (key, email), at in zip(addresses.items(), planned, strict=True)
    ]
    for invitation in invited:
        member_mails.send_invitation(session, actor, org, invitation)
    for start in range(0, len(invited), _PER_ENTRY):
        some = invited[start : start + _PER_ENTRY]
        history.record(session, actor, org, "invitation.sent", *some)
    return invited


def resend(session: Session, actor: Actor, org_id: int, invitation_id: int) -> Invitation:
    """Send an invitation again with a new link and a new expiry; old links stop working.

    Raises `InvitationLimit` and `TooManyAttempts`.
    """
    org = access(session, actor, org_id, Action.INVITE)
    invitation = _get_pending(session, actor, org, invitation_id)
    if invitation.sent_at > clock.now():  # it was never mailed, and waits for its turn
        return invitation
    is_late = invitation.expires_at <= clock.now()
    invitees.ensure_below_limit(session, org, more=int(is_late))
    invitees.count_mails(session, actor, org, 1)
    invitees.count_recipients(session, org, {invitation.email_key: invitation.email})

    invitation_rows.cancel_mail(session, invitation)
    invitation_rows.renew(invitation)
    member_mails.send_invitation(session, actor, org, invitation)
    history.record(session, actor, org, "invitation.resent", invitation)
    return invitation


def get_link(session: Session, actor: Actor, org_id: int, invitation_id: int) -> str:
    """Return a link that the inviter can pass on to the invited person.

    Unlike the emailed link it does not prove the address, so it only works with an account.
    Raises `LinkNotValid` for an expired invitation.
    """
    org = access(session, actor, org_id, Action.INVITE)
    invitation = _get_pending(session, actor, org, invitation_id)
    if invitation.expires_at <= clock.now():
        raise LinkNotValid("Press Resend, then copy the new link.")
    return f"{settings().public_url}/invitation#{invitation_rows.copied_token(invitation)}"


def change_role(
    session: Session, actor: Actor, org_id: int, invitation_id: int, role: Role
) -> Invitation:
    """Change the role of a pending invitation and email the invited person; its links still work.

    An expired invitation is changed without a mail, and so is one that the actor has changed too
    often in an hour. Raises `RoleTooHigh` and `TooManyAttempts`.
    """
    org = access(session, actor, org_id, Action.INVITE)
    invitation = _get_pending(session, actor, org, invitation_id)
    if invitation.role is role:
        return invitation
    if not membership_rows.may_grant(session, actor, org, role):
        raise RoleTooHigh(role)

    invitation.role = role
    invitation.invited_by, invitation.run_id = actor.user_id or invitation.invited_by, None
    if invitation.expires_at > clock.now():
        invitees.count_mails(session, actor, org, 1)
        if invitation_rows.cancel_mail(session, invitation):
            member_mails.send_invitation(session, actor, org, invitation)
        elif member_mails.is_within_cap(session, actor, invitation.email_key):
            member_mails.send_invitation(session, actor, org, invitation, "invitation_role_changed")
    history.record(session, actor, org, "invitation.role_changed", invitation)
    return invitation


def revoke(
    session: Session, actor: Actor, org_id: int, invitation_id: int, *more_ids: int
) -> Invitation:
    """Revoke invitations, so that their links stop working, and email the people who had them.

    Returns the first one.
    """
    org = access(session, actor, org_id, Action.INVITE)
    ids = (invitation_id, *more_ids)
    revoked = [_get_pending(session, actor, org, each) for each in ids]

    for invitation in revoked:
        invitation_rows.close(session, invitation, InvitationStatus.REVOKED)
    member_mails.notify_revoked(session, org, revoked)
    history.record(session, actor, org, "invitation.revoked", *revoked)
    return revoked[0]


def table(
    session: Session,
    actor: Actor,
    org_id: int,
    *,
    search: str = "",
    states: Collection[State] = (),
    page: int = 1,
    per_page: int = PER_PAGE,
) -> pd.DataFrame:
    """Return one page of invitations, newest first, in the given states or in all of them.

    Staff also see the open ones of organizations that were merged into this one: they are paused.

    Columns: id, email, role, organization (a name), invited_by (a name), sent_at, expires_at,
    reminded_at, state, delivery (`waiting` for its turn, `queued`, `sent`, `failed` or `not sent`)
    and delivery_error (the mail server's response).
    """
    access(session, actor, org_id, Action.VIEW_INVITATIONS)
    invited = (
        _rows(org_id)
        .where(_is_listed(session, actor, org_id))
        .where(*has_words(Invitation.search_text, search))
        .order_by(Invitation.id.desc())
        .limit(per_page)
        .offset((parameters.page_number(page) - 1) * per_page)
    )
    if states:
        invited = invited.where(or_(*(_is_in(state, org_id) for state in states)))
    return frame(session, invited)


def count_by_state(session: Session, actor: Actor, org_id: int) -> dict[State, int]:
    """Return the number of invitations in each state."""
    access(session, actor, org_id, Action.VIEW_INVITATIONS)
    state = _state(org_id).label("state")
    counted = select(state, func.count()).where(_is_listed(session, actor, org_id))
    found = session.execute(counted.group_by(state))
    return dict.fromkeys(State, 0) | {State(name): number for name, number in found}


def _rows(org_id: int) -> Select[*tuple[Any, ...]]:
    """Select what `table` returns, of all invitations."""
    return (
        select(
            Invitation.id,
            Invitation.email,
            Invitation.role,
            Organization.name.label("organization"),
            User.name.label("invited_by"),
            Invitation.sent_at,
            Invitation.expires_at,
            Invitation.reminded_at,
            _state(org_id).label("state"),
            _delivery().label("delivery"),
            case((_IS_UNSENT, Mail.error)).label("delivery_error"),
        )
        .join(User, User.id == Invitation.invited_by)
        .join(Organization, Organization.id == Invitation.org_id)
        .outerjoin(Mail, Mail.id == Invitation.mail_id)
    )


def _is_listed(session: Session, actor: Actor, org_id: int) -> ColumnElement[bool]:
    """Return the condition for the invitations of an organization, and for the paused ones."""
    is_own = Invitation.org_id == org_id
    merged_ids = [
        each for each in merged.list_read_together(session, actor, org_id) if each != org_id
    ]
    if not merged_ids:
        return is_own
    return is_own | (Invitation.org_id.in_(merged_ids) & invitation_rows.is_open())


def _is_in(state: State, org_id: int) -> ColumnElement[bool]:
    """Return the condition for a state, written to use the index on status and expiry."""
    if state is State.PAUSED:
        return Invitation.org_id != org_id
    return (Invitation.org_id == org_id) & _has_status(state)


def _has_status(state: State) -> ColumnElement[bool]:
    if state is State.PENDING:
        return invitation_rows.is_open()
    if state is State.EXPIRED:
        is_pending = Invitation.status == InvitationStatus.PENDING
        return is_pending & (Invitation.expires_at <= clock.now())
    return Invitation.status == InvitationStatus(state)


_IS_UNSENT: Final = Mail.sent_at.is_(None) & Mail.id.is_not(None)


def _delivery() -> ColumnElement[str]:
    return case(
        (_IS_UNSENT & Mail.error.is_not(None), "failed"),
        (_IS_UNSENT & Mail.due_at.is_(None), "not sent"),
        (_IS_UNSENT & (Invitation.sent_at > clock.now()), "waiting"),
        (_IS_UNSENT, "queued"),
        else_="sent",
    )


def _state(org_id: int) -> ColumnElement[str]:
    return case(
        (_is_in(State.PAUSED, org_id), State.PAUSED.value),
        (_has_status(State.EXPIRED), State.EXPIRED.value),
        else_=cast(Invitation.status, String),
    )


def _get_pending(
    session: Session, actor: Actor, org: Organization, invitation_id: int
) -> Invitation:
    """Return a pending invitation, expired or not.

    Raises `NotFound`, and `NotPermitted` if its role is above the actor's own.
    """
    invitation = session.scalar(
        select(Invitation)
        .where(
            Invitation.id == invitation_id,
            Invitation.org_id == org.id,
            Invitation.status == InvitationStatus.PENDING,
        )
        .execution_options(populate_existing=True)
    )
    if invitation is None:
        raise NotFound("pending invitation")
    if not membership_rows.may_grant(session, actor, org, invitation.role):
        raise NotPermitted(f"change an invitation as {invitation.role}")
    return invitation

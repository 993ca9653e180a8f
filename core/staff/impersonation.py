"""Impersonation: an administrator acts as an owner of an organization for an hour.

The reason is mailed to the owners and kept in history, in the entry of the start and in every entry
that the administrator causes in the organization during that hour.
"""

from datetime import timedelta
from typing import Final

from sqlalchemy import update
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access, find_impersonation, find_role
from core.audit import history
from core.base import clock, validation
from core.base.errors import InvalidInput
from core.members import member_mails
from core.models import Impersonation, Organization, Role

IMPERSONATION_TTL: Final = timedelta(minutes=60)
MAX_REASON: Final = 200
"""Characters of the reason."""


def start(session: Session, actor: Actor, org_id: int, *, reason: str) -> Impersonation:
    """Let an administrator act as an owner for `IMPERSONATION_TTL`; starting again renews it.

    The page asks for the password first. Raises `InvalidInput` for a missing reason, and when the
    administrator is an owner already.
    """
    org = access(session, actor, org_id, Action.ACT_AS_OWNER)
    check = validation.Check()
    reason = check("reason", validation.reason, reason) or ""
    if len(reason) > MAX_REASON:
        check.refuse("reason", f"Shorten it to {MAX_REASON} characters.")
    check.done()
    is_active = find_impersonation(session, actor, org_id) is not None
    if find_role(session, actor, org_id) is Role.OWNER and not is_active:
        raise InvalidInput(
            {"reason": "You already own this organization, so you can make the change directly."}
        )

    _end(session, actor, org)
    now = clock.now()
    row = Impersonation(
        org_id=org.id,
        user_id=actor.user_id or 0,
        reason=reason,
        started_at=now,
        ends_at=now + IMPERSONATION_TTL,
        ended_at=None,
    )
    session.add(row)
    member_mails.send_to_owners(
        session,
        org,
        "acting_as_owner",
        by=actor.name,
        reason=reason,
        minutes=int(IMPERSONATION_TTL.total_seconds() // 60),
        link=member_mails.page_link(org, "history"),
    )
    history.record(session, actor, org, "acting.started", org, reason=reason, always=True)
    return row


def end(session: Session, actor: Actor, org_id: int) -> Organization:
    """End the actor's impersonation; harmless if there is none."""
    org = access(session, actor, org_id, Action.ACT_AS_OWNER)
    if _end(session, actor, org):
        history.record(session, actor, org, "acting.ended", org, always=True)
    return org


def _end(session: Session, actor: Actor, org: Organization) -> bool:
    ended = session.scalars(
        update(Impersonation)
        .where(
            Impersonation.org_id == org.id,
            Impersonation.user_id == actor.user_id,
            Impersonation.ended_at.is_(None),
        )
        .values(ended_at=clock.now())
        .returning(Impersonation.id)
    )
    return bool(ended.all())

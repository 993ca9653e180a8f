"""Impersonation: an administrator acts as an owner of an organization for an hour.

The reason is mailed to the owners and kept in history, in the entry of the start and in every entry
that the administrator causes in the organization during that hour.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access.permissions import (
    ORGDESK,
    Action,
    Actor,
    access,
    find_impersonation,
    find_role,
)
from core.audit import history
from core.base import clock, validation
from core.base.errors import InvalidInput, NotFound
from core.database import db
from core.members import leaving, member_mails
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

    leaving.end_impersonation(session, org, actor.user_id or 0)
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
    """End the actor's impersonation and withdraw invitations made under it; harmless if none."""
    org = access(session, actor, org_id, Action.ACT_AS_OWNER)
    leaving.end_offers(session, actor, [org], actor.user_id or 0)
    return org


def run_due(is_stopping: Callable[[], bool] = lambda: False) -> int:
    """End the impersonations whose time is over, and return how many; safe in several processes.

    They give no right from that moment on; this withdraws the invitations made under them.
    """
    with db.read() as session:
        is_over = Impersonation.ended_at.is_(None) & (Impersonation.ends_at <= clock.now())
        over = session.scalars(select(Impersonation.id).where(is_over)).all()
    ended = 0
    for impersonation_id in over:
        if is_stopping():
            break
        ended += db.run(_end_if_over, impersonation_id)
    return ended


def _end_if_over(session: Session, impersonation_id: int) -> bool:
    org_id = session.scalar(
        select(Impersonation.org_id).where(Impersonation.id == impersonation_id)
    )
    try:
        org = access(session, ORGDESK, org_id or 0, Action.VIEW)
    except NotFound:
        return False  # deleted; if it is restored, the next run ends this
    row = session.get(Impersonation, impersonation_id)
    if row is None or row.ended_at is not None or row.ends_at > clock.now():
        return False
    leaving.end_offers(session, ORGDESK, [org], row.user_id)
    return True

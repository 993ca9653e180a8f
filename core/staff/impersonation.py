"""Standing in: an administrator does for an hour, with a reason, what an owner may.

The reason opens the entry in history, is mailed to the owners, and stands in every entry that the
administrator makes in the organization meanwhile.
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

LASTS = timedelta(minutes=60)
REASON_LONGEST: Final = 200
"""In characters."""


def start(session: Session, actor: Actor, org_id: int, *, reason: str) -> Impersonation:
    """Let an administrator act as an owner for an hour; the page has asked for the password.

    Starting again begins a new hour. Raises `InvalidInput` without a reason, and for an owner.
    """
    org = access(session, actor, org_id, Action.ACT_AS_OWNER)
    check = validation.Check()
    why = check("reason", validation.reason, reason) or ""
    if len(why) > REASON_LONGEST:
        check.refuse("reason", f"Shorten it to {REASON_LONGEST} characters.")
    check.done()
    is_standing_in = find_impersonation(session, actor, org_id) is not None
    if find_role(session, actor, org_id) is Role.OWNER and not is_standing_in:
        raise InvalidInput({"reason": "You are an owner yourself. Just do what you came for."})

    _end(session, actor, org)
    now = clock.now()
    row = Impersonation(
        org_id=org.id,
        user_id=actor.user_id or 0,
        reason=why,
        started_at=now,
        ends_at=now + LASTS,
        ended_at=None,
    )
    session.add(row)
    member_mails.send_to_owners(
        session,
        org,
        "acting_as_owner",
        by=actor.name,
        reason=why,
        minutes=int(LASTS.total_seconds() // 60),
        link=member_mails.page_link(org, "history"),
    )
    history.record(session, actor, org, "acting.started", org, reason=why, always=True)
    return row


def end(session: Session, actor: Actor, org_id: int) -> Organization:
    """Let an administrator act as an owner no longer; harmless for who does not."""
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

"""When organizations were last active: when one of their members last used Orgdesk, to the hour."""

from datetime import timedelta
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.base import clock
from core.models import Membership, Organization

NOTED_EVERY: Final = timedelta(hours=1)


def note(session: Session, user_id: int | None) -> None:
    """Write down that a person's organizations are active, each at most once an hour.

    A row that somebody else is just changing is left for the next time: nobody waits for this.
    """
    now = clock.now()
    due = (
        select(Organization.id)
        .join(Membership, Membership.org_id == Organization.id)
        .where(
            Membership.user_id == user_id,
            Organization.deleted_at.is_(None),
            Organization.last_active_at <= now - NOTED_EVERY,
        )
        .with_for_update(of=Organization, skip_locked=True)
    )
    session.execute(
        update(Organization)
        .where(Organization.id.in_(due))
        .values(last_active_at=now)
        .execution_options(unrecorded=True, synchronize_session=False)
    )

"""Rows of organizations. Rights are checked by use cases."""

from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.base import clock
from core.database import search
from core.models import Organization, Stage
from core.organizations import public_ids


def make(session: Session, actor: Actor, name: str, *, is_unclaimed: bool = False) -> Organization:
    """Add a free organization without members and return it.

    An unclaimed one needs no owner until the first one claims it.
    """
    now = clock.now()
    org = Organization(
        public_id=public_ids.new(),
        name=name,
        is_listed=False,
        stage=Stage.FREE,
        stage_entered_at=now,
        created_at=now,
        created_by=actor.user_id,
        unclaimed_since=now if is_unclaimed else None,
        last_active_at=now,
        member_count=0,
        version=0,
    )
    search.index_organization(org)
    session.add(org)
    session.flush()  # others refer to its id
    return org

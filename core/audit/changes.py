"""Whether others have changed what a person is looking at."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, may, staff_rights
from core.base import clock
from core.models import Entry, orm

MAX_WATCHED: Final = 100
"""Organizations that can be asked about at once."""
_FURTHEST: Final = timedelta(days=1)


def has_changed(session: Session, actor: Actor, org_ids: Sequence[int], since: datetime) -> bool:
    """Return whether anyone else has changed one of these organizations since a moment.

    Those that the actor may not view are ignored. Only the entries since then are read, of at most
    a day.
    """
    ids = set(org_ids[:MAX_WATCHED])
    if Action.VIEW_ALL not in staff_rights(session, actor):
        ids = {org_id for org_id in ids if may(session, actor, org_id, Action.VIEW)}
    is_by_another = or_(Entry.actor_id.is_(None), Entry.actor_id != actor.user_id)
    changed = select(Entry.id).where(
        Entry.at > max(since, clock.now() - _FURTHEST),
        orm.unindexed(Entry.org_id).in_(ids),
        is_by_another,
    )
    return session.scalar(changed.limit(1)) is not None

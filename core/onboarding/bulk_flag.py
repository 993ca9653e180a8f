"""Chunks: a run goes on in the background, a few organizations in each transaction.

How far it has come is kept in the same transaction as what was done: killed anywhere, it goes on
from there, and does each organization once. Several processes may share one.
"""

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.base import clock
from core.base.errors import DomainError, Unavailable
from core.database import db
from core.models import Organization, Run, RunRefusal, User
from core.onboarding import flags
from core.onboarding.flags import Plan
from core.organizations import filters, org_views
from core.organizations.org_views import Order, View

CHUNK: Final = 10
"""Organizations of one transaction."""
WORKS: Final = timedelta(seconds=2)
"""How long runs go on before mails have their turn."""
_REST_AT_LEAST = 0.02
"""Seconds; it rests as long as it has worked, so that others have at least half of the time."""
_BY_ID = Order(Organization.id, descending=False)

log = logging.getLogger(__name__)


def work(is_stopping: Callable[[], bool] = lambda: False) -> bool:
    """Go on with runs for a short while, and return whether anything is left to do."""
    ends_at = time.monotonic() + WORKS.total_seconds()
    while not is_stopping():
        with db.read() as session:
            going = select(Run.id).where(Run.ended_at.is_(None)).order_by(Run.id).limit(1)
            run_id = session.scalar(going)
        if run_id is None:
            return False
        began_at = time.monotonic()
        _go_on(run_id)
        time.sleep(max(_REST_AT_LEAST, time.monotonic() - began_at))
        if time.monotonic() > ends_at:
            return True
    return False


def _go_on(run_id: int) -> None:
    """Do the next few; a run that cannot go on ends with the reason."""
    try:
        db.run(advance, run_id)
    except Unavailable:
        raise
    except DomainError as refusal:
        db.run(_stop, run_id, str(refusal))
    except Exception:
        log.exception("run %s failed", run_id)
        db.run(_stop, run_id, "It failed; the log says why. Start it again for what is left.")


def advance(session: Session, run_id: int) -> Run | None:
    """Flag the next few organizations of a run in this transaction; None when it has ended."""
    run = _take(session, run_id)
    if run is None:
        return None
    user = session.get_one(User, run.actor_id)
    actor, view = Actor(user.id, user.name), filters.from_query(run.view)
    org_views.open_view(session, actor, view)
    org_ids = _next_ids(session, view, run)
    plan, note = Plan.from_json(run.options), run.options["note"]
    flagged = flags.flag_all(session, actor, org_ids, plan, note)
    session.add_all(
        RunRefusal(run_id=run.id, org_id=org_id, name=name, why=why)
        for org_id, name, why in flagged.refused
    )
    run.done += len(flagged.done)
    run.refused += len(flagged.refused)
    run.cursor = max(org_ids, default=run.last_id)
    if len(org_ids) < CHUNK:
        run.ended_at = clock.now()
    return run


def _take(session: Session, run_id: int) -> Run | None:
    """Take the row of a run that goes on: other processes wait here, then go on from its end."""
    taken = session.scalar(
        update(Run)
        .where(Run.id == run_id, Run.ended_at.is_(None))
        .values(cursor=Run.cursor)
        .returning(Run.id)
    )
    return None if taken is None else session.get_one(Run, run_id, populate_existing=True)


def _stop(session: Session, run_id: int, why: str) -> None:
    run = _take(session, run_id)
    if run is not None:
        run.ended_at, run.ended_because = clock.now(), why


def _next_ids(session: Session, view: View, run: Run) -> list[int]:
    source, row_id, where = org_views.matches(session, view, along=_BY_ID)
    some = (
        select(row_id)
        .select_from(source)
        .where(*where, row_id > run.cursor, row_id <= run.last_id)
        .order_by(row_id)
        .limit(CHUNK)
    )
    return list(session.scalars(some))

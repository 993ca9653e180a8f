"""Keeping house: what is over is purged when its time has come, a few rows at a time.

Several processes share it: whoever moves the row `housekeeping` in `locks` on to its next hour does
it this time. Two at once would do no harm, since each purge decides anew in its own transaction.
"""

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Select, delete, exists, literal_column, select, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningDelete

from core.access.permissions import ORGDESK, Action, access, lock_user_or_none
from core.audit import history
from core.base import clock
from core.base.errors import NotFound
from core.database import counters, db, job_locks
from core.models import (
    Challenge,
    FormerMembership,
    Impersonation,
    Invitation,
    Link,
    Logo,
    Mail,
    Membership,
    Organization,
    Run,
    Throttle,
    Upload,
    User,
)
from core.models import Session as SignedIn

JOB = "housekeeping"
EVERY = timedelta(hours=1)
DELETED_ORGANIZATIONS_STAY = timedelta(days=30)
FORMER_MEMBERSHIPS_STAY = timedelta(days=90)
UNPROVEN_ACCOUNTS_STAY = timedelta(days=7)
MAILS_STAY = timedelta(days=30)
RUNS_STAY = timedelta(days=90)
SESSIONS_STAY = timedelta(days=1)
"""After their last possible moment, as links do."""
BATCH = 200
"""Rows in one transaction, so that nobody waits for a purge."""

_PAUSE = 0.02

log = logging.getLogger(__name__)


def keep(is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Purge what is over, if it is this process's turn, and return how many rows went."""
    if not job_locks.claim(JOB, next_at=clock.now() + EVERY):
        return 0
    purged = sum(_purge_all(purge, is_stopping) for purge in PURGES)
    if purged:
        log.info("housekeeping purged %s rows", purged)
    return purged


def _purge_all(purge: Callable[[Session], int], is_stopping: Callable[[], bool]) -> int:
    """Call a purge until nothing is left to do; when it fails, the next one still has its turn."""
    purged = 0
    try:
        while not is_stopping() and (gone := db.run(purge)):
            purged += gone
            time.sleep(_PAUSE)  # lets those in who wait for SQLite's one write lock
    except IntegrityError:
        log.exception("%s left rows that others need", purge.__name__)
    return purged


def purge_organizations(session: Session) -> int:
    """Purge one organization that was deleted long ago, with all that belonged to it alone."""
    over = clock.now() - DELETED_ORGANIZATIONS_STAY
    org_id = session.scalar(
        select(Organization.id)
        .where(Organization.deleted_at <= over)
        .order_by(Organization.deleted_at)
        .limit(1)
    )
    if org_id is None:
        return 0
    try:
        org = access(session, ORGDESK, org_id, Action.RESTORE)
    except NotFound:
        return 0  # another process purged it in this very moment
    if org.deleted_at is None or org.deleted_at > over:
        return 0
    logo = org.logo
    session.delete(org)
    history.record(session, ORGDESK, org, "organization.purged", org)
    is_shared = exists().where(Organization.logo == logo)
    session.execute(delete(Logo).where(Logo.digest == logo, ~is_shared))
    return 1


def purge_accounts(session: Session) -> int:
    """Purge one account whose address was never proven and which nobody ever used."""
    is_over = (
        User.proven_at.is_(None)
        & User.last_seen_at.is_(None)
        & User.staff.is_(None)
        & (User.created_at <= clock.now() - UNPROVEN_ACCOUNTS_STAY)
        & ~exists().where(Membership.user_id == User.id)
        & ~exists().where(FormerMembership.user_id == User.id)
        & ~exists().where(Invitation.invited_by == User.id)
    )
    user_id = session.scalar(select(User.id).where(is_over).limit(1))
    user = user_id and lock_user_or_none(session, user_id)
    if not user or session.scalar(select(User.id).where(User.id == user_id, is_over)) is None:
        return 0
    session.delete(user)
    history.record(session, ORGDESK, user.id, "account.purged", user)
    return 1


def purge_former_memberships(session: Session) -> int:
    """Forget roles that are too old to be given back."""
    over = FormerMembership.removed_at <= clock.now() - FORMER_MEMBERSHIPS_STAY
    key = tuple_(FormerMembership.org_id, FormerMembership.user_id)
    old = select(FormerMembership.org_id, FormerMembership.user_id).where(over).limit(BATCH)
    return _delete(session, FormerMembership, key, old)


def purge_sessions(session: Session) -> int:
    """Purge sessions that nobody can use any more."""
    over = SignedIn.expires_at <= clock.now() - SESSIONS_STAY
    old = select(SignedIn.id).where(over).limit(BATCH)
    return _delete(session, SignedIn, SignedIn.id, old)


def purge_links(session: Session) -> int:
    """Purge links that have expired, used or not."""
    old = select(Link.id).where(Link.expires_at <= clock.now() - SESSIONS_STAY).limit(BATCH)
    return _delete(session, Link, Link.id, old)


def purge_challenges(session: Session) -> int:
    """Purge sign-ins that nobody gave a code for."""
    over = Challenge.created_at <= clock.now() - SESSIONS_STAY
    old = select(Challenge.id).where(over).limit(BATCH)
    return _delete(session, Challenge, Challenge.id, old)


def purge_stand_ins(session: Session) -> int:
    """Purge what administrators were allowed for an hour; history keeps it."""
    over = Impersonation.ends_at <= clock.now() - SESSIONS_STAY
    old = select(Impersonation.id).where(over).limit(BATCH)
    return _delete(session, Impersonation, Impersonation.id, old)


def purge_uploads(session: Session) -> int:
    """Purge files that were sent and never used."""
    old = select(Upload.id).where(Upload.expires_at <= clock.now()).limit(BATCH)
    return _delete(session, Upload, Upload.id, old)


def purge_throttles(session: Session) -> int:
    """Purge counts whose window has passed."""
    old = select(Throttle.key).where(Throttle.ends_at <= clock.now()).limit(BATCH)
    return _delete(session, Throttle, Throttle.key, old)


def purge_mails(session: Session) -> int:
    """Purge old mails: those that were sent, and those that never will be."""
    over = Mail.created_at <= clock.now() - MAILS_STAY
    old = select(Mail.id).where(over).order_by(Mail.id).limit(BATCH)
    return _delete(session, Mail, Mail.id, old)


def purge_runs(session: Session) -> int:
    """Purge runs that ended long ago, with the lists of what they could not do."""
    over = Run.created_at <= clock.now() - RUNS_STAY
    old = select(Run.id).where(over, Run.ended_at.is_not(None)).limit(BATCH)
    return _delete(session, Run, Run.id, old)


def _delete(session: Session, kind: type[Any], key: Any, old: Select[*tuple[Any, ...]]) -> int:
    """Delete the rows of `kind` with these keys, and return how many there were."""
    gone: ReturningDelete[Any] = (
        delete(kind)
        .where(key.in_(old))
        .returning(literal_column("1"))
        .execution_options(synchronize_session=False)
    )
    return len(session.scalars(gone).all())


PURGES: Final = (
    purge_organizations,
    purge_former_memberships,
    purge_accounts,
    purge_sessions,
    purge_links,
    purge_challenges,
    purge_stand_ins,
    purge_throttles,
    purge_uploads,
    purge_mails,
    purge_runs,
    counters.merge,
)

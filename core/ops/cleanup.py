"""Cleanup: purges rows whose time has passed, in small batches.

One process at a time claims it, once an hour. Two at once would do no harm, because each purge
selects its rows in its own transaction.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    cast,
    delete,
    exists,
    literal_column,
    null,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningDelete, ReturningUpdate

from core import models
from core.access.permissions import ORGDESK, Action, access, lock_user_or_none
from core.accounts.drafts import DRAFT_TTL
from core.audit import history
from core.base import clock
from core.base.errors import NotFound
from core.database import counters, db, job_locks
from core.members.members import FORMER_MEMBERSHIP_TTL
from core.models import (
    Challenge,
    Draft,
    Entry,
    FormerMembership,
    Impersonation,
    Invitation,
    Link,
    ListVisit,
    Logo,
    Mail,
    Membership,
    Organization,
    Run,
    RunItem,
    RunStatus,
    Throttle,
    Upload,
    User,
)
from core.models.audit import IS_ABOUT_LOGO
from core.organizations import worklist
from core.organizations.organizations import DELETED_TTL

JOB: Final = "housekeeping"
INTERVAL: Final = timedelta(hours=1)
UNCONFIRMED_ACCOUNT_TTL: Final = timedelta(days=7)
MAIL_TTL: Final = timedelta(days=30)
RUN_TTL: Final = timedelta(days=90)
INPUT_TTL: Final = timedelta(days=30)
"""How long what was put into a run, such as addresses, is kept after it has ended."""
EXPIRED_TTL: Final = timedelta(days=1)
"""How long sessions, links, challenges and impersonations are kept after they have expired."""
BATCH_SIZE: Final = 200
"""Rows deleted in one transaction, so that no request waits long for it."""
_PAUSE_SECONDS: Final = 0.02
_TAKES_LOGO: Final = ("organization.merged_in", "organization.unmerged_from")
"""Events that can have changed a logo among other fields."""

log = logging.getLogger(__name__)


def run_due(is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Run all purges if they are due, and return the number of rows deleted."""
    if not job_locks.claim(JOB, next_at=clock.now() + INTERVAL):
        return 0
    purged = sum(_purge_all(purge, is_stopping) for purge in PURGES)
    if purged:
        log.info("purged %s rows", purged)
    return purged


def _purge_all(purge: Callable[[Session], int], is_stopping: Callable[[], bool]) -> int:
    """Call a purge until nothing is left; if it fails, log it, so that the next ones still run."""
    purged = 0
    try:
        while not is_stopping() and (deleted := db.run(purge)):
            purged += deleted
            time.sleep(_PAUSE_SECONDS)  # lets others get the one write lock of SQLite
    except IntegrityError:
        log.exception("%s failed: other rows still need those it deletes", purge.__name__)
    return purged


def purge_organizations(session: Session) -> int:
    """Purge one organization deleted longer ago than `DELETED_TTL`, with everything it owns.

    Those that were merged into it go first. While the other one lives, they are part of it.
    """
    org_id = session.scalar(
        select(Organization.id)
        .where(Organization.deleted_at <= _deleted_until(), Organization.merged_into.is_(None))
        .order_by(Organization.deleted_at)
        .limit(1)
    )
    merged = select(Organization.id).where(Organization.merged_into == org_id).limit(1)
    source_id = session.scalar(merged) if org_id is not None else None
    if org_id is None or not (locked := _lock_to_purge(session, org_id, source_id)):
        return 0
    org = locked[source_id or org_id]
    logo = org.logo
    session.delete(org)
    history.record(session, ORGDESK, org, "organization.purged", org)
    if logo is not None and not _is_needed(session, org, logo):
        session.execute(delete(Logo).where(Logo.digest == logo))
    return 1


def _deleted_until() -> datetime:
    """Return when an organization must have been deleted, at the latest, to be purged now."""
    return clock.now() - DELETED_TTL


def _lock_to_purge(session: Session, org_id: int, source_id: int | None) -> dict[int, Organization]:
    """Lock a deleted organization, and one merged into it; none if another process has them."""
    ids = {org_id: Action.RESTORE} | ({source_id: Action.UNDO_MERGE} if source_id else {})
    try:
        locked = {each: access(session, ORGDESK, each, ids[each]) for each in sorted(ids)}
    except NotFound:
        return {}
    deleted_at = locked[org_id].deleted_at
    return locked if deleted_at is not None and deleted_at <= _deleted_until() else {}


def _is_needed(session: Session, org: Organization, logo: str) -> bool:
    """Return whether another organization has a picture, or can have it back by an undo."""
    is_named = cast(Entry.changes, String).contains(logo)
    elsewhere = Entry.chain != f"org:{org.id}"
    named = select(Entry.id).where(text(IS_ABOUT_LOGO), elsewhere, is_named)
    merged = select(Entry.id).where(Entry.event.in_(_TAKES_LOGO), elsewhere, is_named)
    shared = select(Organization.id).where(Organization.logo == logo, Organization.id != org.id)
    return any(session.scalar(found.limit(1)) is not None for found in (shared, named, merged))


def purge_accounts(session: Session) -> int:
    """Purge one account that was never confirmed nor used within `UNCONFIRMED_ACCOUNT_TTL`."""
    is_over = (
        User.proven_at.is_(None)
        & User.last_seen_at.is_(None)
        & User.staff.is_(None)
        & (User.created_at <= clock.now() - UNCONFIRMED_ACCOUNT_TTL)
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
    """Purge former memberships that can no longer be reinstated."""
    is_over = FormerMembership.removed_at <= clock.now() - FORMER_MEMBERSHIP_TTL
    key = tuple_(FormerMembership.org_id, FormerMembership.user_id)
    old = select(FormerMembership.org_id, FormerMembership.user_id).where(is_over)
    return _delete(session, FormerMembership, key, old)


def purge_sessions(session: Session) -> int:
    """Purge expired sessions."""
    is_over = models.Session.expires_at <= clock.now() - EXPIRED_TTL
    return _delete_by_id(session, models.Session, is_over)


def purge_links(session: Session) -> int:
    """Purge expired links, used or not."""
    return _delete_by_id(session, Link, Link.expires_at <= clock.now() - EXPIRED_TTL)


def purge_challenges(session: Session) -> int:
    """Purge logins for which no two-factor code was entered."""
    return _delete_by_id(session, Challenge, Challenge.created_at <= clock.now() - EXPIRED_TTL)


def purge_impersonations(session: Session) -> int:
    """Purge impersonations that have ended; history keeps their record."""
    return _delete_by_id(session, Impersonation, Impersonation.ends_at <= clock.now() - EXPIRED_TTL)


def purge_uploads(session: Session) -> int:
    """Purge expired uploads, which were never used."""
    return _delete_by_id(session, Upload, Upload.expires_at <= clock.now())


def purge_drafts(session: Session) -> int:
    """Purge old drafts."""
    key = tuple_(Draft.user_id, Draft.form)
    old = select(Draft.user_id, Draft.form).where(Draft.updated_at <= clock.now() - DRAFT_TTL)
    return _delete(session, Draft, key, old)


def purge_list_visits(session: Session) -> int:
    """Purge what tells who worked on a list, when that is over."""
    key = tuple_(ListVisit.list, ListVisit.user_id)
    is_over = ListVisit.at <= clock.now() - worklist.VISIT_TTL
    return _delete(
        session, ListVisit, key, select(ListVisit.list, ListVisit.user_id).where(is_over)
    )


def purge_throttles(session: Session) -> int:
    """Purge throttling counts whose window has passed."""
    old = select(Throttle.key).where(Throttle.ends_at <= clock.now())
    return _delete(session, Throttle, Throttle.key, old)


def purge_mails(session: Session) -> int:
    """Purge old mails, whether they were sent or not."""
    is_over = Mail.created_at <= clock.now() - MAIL_TTL
    return _delete(session, Mail, Mail.id, select(Mail.id).where(is_over).order_by(Mail.id))


def purge_runs(session: Session) -> int:
    """Purge old runs that have ended, and proposals that were not confirmed, with their lists."""
    is_over = (Run.created_at <= clock.now() - RUN_TTL) & Run.ended_at.is_not(None)
    is_expired = (Run.created_at <= clock.now() - EXPIRED_TTL) & (Run.status == RunStatus.PROPOSED)
    return _delete_by_id(session, Run, is_over | is_expired)


def purge_inputs(session: Session) -> int:
    """Purge what was put into runs that ended longer ago than `INPUT_TTL`, such as addresses."""
    old = (
        select(RunItem.run_id, RunItem.n)
        .join(Run, Run.id == RunItem.run_id)
        .where(Run.ended_at <= clock.now() - INPUT_TTL, RunItem.input.is_not(None))
        .limit(BATCH_SIZE)
    )
    purged: ReturningUpdate[Any] = (
        update(RunItem)
        .where(tuple_(RunItem.run_id, RunItem.n).in_(old))
        .values(input=null(), base=null())
        .returning(literal_column("1"))
        .execution_options(synchronize_session=False)
    )
    return len(session.scalars(purged).all())


def _delete_by_id(session: Session, model: Any, is_over: ColumnElement[bool]) -> int:
    return _delete(session, model, model.id, select(model.id).where(is_over))


def _delete(session: Session, model: type[Any], key: Any, old: Select[*tuple[Any, ...]]) -> int:
    """Delete a batch of the rows with these keys, and return how many there were."""
    deleted: ReturningDelete[Any] = (
        delete(model)
        .where(key.in_(old.limit(BATCH_SIZE)))
        .returning(literal_column("1"))
        .execution_options(synchronize_session=False)
    )
    return len(session.scalars(deleted).all())


PURGES: Final = (
    purge_organizations,
    purge_former_memberships,
    purge_accounts,
    purge_sessions,
    purge_links,
    purge_challenges,
    purge_impersonations,
    purge_throttles,
    purge_uploads,
    purge_drafts,
    purge_list_visits,
    purge_mails,
    purge_runs,
    purge_inputs,
    counters.merge,
)

"""Onboarding news: owners hear of each move; reps of raised hands, checks, what is due or stuck.

What an organization's rep was told last is kept beside it: a check is told when it turned since,
a due step once for its day, and that it is stuck once per stay in a stage, or after a snooze.
"""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from core.base import clock
from core.base.settings import settings
from core.database import db, job_locks
from core.mail import digests
from core.members import member_mails
from core.models import (
    Entry,
    LastNotification,
    Membership,
    Organization,
    Role,
    Staff,
    Stage,
    User,
)
from core.onboarding import stages, stuck, working_days

MOVES_EVERY = timedelta(minutes=10)
"""How often an owner hears of moves at most: many may move at once."""
REPS_EVERY = timedelta(hours=1)
BATCH = 100
"""Organizations that are looked through in one transaction in the morning."""

ASKED: Final = "asked"
CHECKS: Final = "checks"
DUE: Final = "due"
STUCK: Final = "stuck"

_JOB: Final = "mornings"
_CHECKED: Final = (Stage.ONBOARDING, Stage.PREPRODUCTION)


def tell(session: Session, org: Organization, entries: Sequence[Entry]) -> None:
    """Add the lines that entries of an organization mean to its owners and its rep."""
    for entry in entries:
        for change in entry.changes:
            if change["field"] == "stage" and entry.event.startswith("stage."):
                _tell_owners(session, org, change["old"], change["new"], entry.reason)
        if entry.event == "onboarding.requested" and org.requested_at is not None:
            _tell_asked(session, org)
    look_at_checks(session, org, is_own=all(entry.actor_id == org.rep_id for entry in entries))


def tell_two_factor(session: Session, user_id: int) -> None:
    """Look at the gates that somebody's two-factor counts for."""
    owned = (
        select(Organization)
        .join(Membership, Membership.org_id == Organization.id)
        .where(
            Membership.user_id == user_id,
            Membership.role == Role.OWNER,
            Organization.stage == Stage.PREPRODUCTION,
            Organization.deleted_at.is_(None),
        )
        .order_by(Organization.id)
    )
    for org in session.scalars(owned).all():
        look_at_checks(session, org)


def look_at_checks(session: Session, org: Organization, *, is_own: bool = False) -> None:
    """Tell the rep which checks turned since the last look; what the rep did itself is known."""
    if org.stage not in _CHECKED or org.rep_id is None or org.deleted_at is not None:
        return
    checks = stages.list_checks(session, org)
    now = {"stage": str(org.stage), "met": [check.met_text for check in checks if check.is_met]}
    before = _replace(session, org, CHECKS, json.dumps(now))
    known = json.loads(before) if before else {"stage": ""}
    if known["stage"] != org.stage or is_own:
        return
    missing = sum(not check.is_met for check in checks)
    left = f"{missing} of {len(checks)} checks are missing." if missing else "All checks are met."
    for check in checks:
        if check.is_met != (check.met_text in known["met"]):
            turned = "Turned green" if check.is_met else "Turned red"
            title = f"{org.name}: {check.text}"
            _tell_rep(session, org, org.rep_id, CHECKS, title, f"{turned}. {left}")


def look_in_the_morning(is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Once each working day, tell the reps what is due and what is stuck; return how many lines."""
    next_at = _next_morning(clock.now())
    if not job_locks.claim(_JOB, next_at=next_at, runs_at_first=False):
        return 0
    told, after = 0, 0
    while not is_stopping():
        lines_added, last = db.run(_look_at_some, after)
        told += lines_added
        if last is None:
            break
        after = last
    return told


def _look_at_some(session: Session, after: int) -> tuple[int, int | None]:
    """Look at the next organizations that are due or stuck; return the lines, and the last id."""
    today = working_days.today()
    is_due = Organization.next_step_on == today
    found = session.scalars(
        select(Organization)
        .where(
            Organization.id > after,
            Organization.rep_id.is_not(None),
            Organization.deleted_at.is_(None),
            or_(stuck.condition(today), is_due & Organization.stage.in_(stuck.LIMITED)),
        )
        .order_by(Organization.id)
        .limit(BATCH)
    ).all()
    told = sum(_tell_due(session, org) + _tell_stuck(session, org) for org in found)
    return told, found[-1].id if len(found) == BATCH else None


def _tell_due(session: Session, org: Organization) -> bool:
    day = org.next_step_on
    if day is None or day != working_days.today():
        return False
    if _replace(session, org, DUE, day.isoformat()) == day.isoformat() or org.rep_id is None:
        return False
    detail = f"{org.next_step or 'The next step'}, due today."
    return _tell_rep(session, org, org.rep_id, DUE, f"{org.name}: the next step is due", detail)


def _tell_stuck(session: Session, org: Organization) -> bool:
    why = stuck.reasons(org)
    if not why or org.rep_id is None:
        return False
    stay = f"{org.stage_entered_at.isoformat()} {org.snoozed_until or ''}".strip()
    if _replace(session, org, STUCK, stay) == stay:
        return False
    detail = f"{'; '.join(why)}.".capitalize()
    return _tell_rep(session, org, org.rep_id, STUCK, f"{org.name} is stuck", detail)


def _tell_owners(session: Session, org: Organization, old: str, new: str, reason: str) -> None:
    title = f"{org.name} is in {new} now"
    detail = f"It has moved from {old} to {new}." + (f" The reason: {reason}" if reason else "")
    for owner in member_mails.list_notified_owners(session, org):
        digests.add_for_person(
            session,
            owner.id,
            org,
            digests.MOVED,
            title,
            detail,
            page="onboarding",
            interval=MOVES_EVERY,
        )


def _tell_asked(session: Session, org: Organization) -> None:
    """Tell the rep of an organization that it asks for onboarding, or everybody in sales."""
    in_sales = select(User.id).where(User.staff == Staff.SALES, User.disabled_at.is_(None))
    reps = [org.rep_id] if org.rep_id else session.scalars(in_sales.order_by(User.id)).all()
    detail = f"They wrote: {org.request_note}" if org.request_note else "They wrote nothing else."
    for rep_id in reps:
        _tell_rep(session, org, rep_id, ASKED, f"{org.name} asks for onboarding", detail)


def _tell_rep(
    session: Session, org: Organization, rep_id: int, topic: str, title: str, detail: str
) -> bool:
    digests.add_for_person(
        session, rep_id, org, topic, title, detail, page="onboarding", interval=REPS_EVERY
    )
    return True


def _replace(session: Session, org: Organization, topic: str, value: str) -> str | None:
    """Keep what was told of an organization, and return what was kept before."""
    kept = session.get(
        LastNotification, (org.id, topic), populate_existing=True, with_for_update=True
    )
    before = kept.value if kept else None
    if kept is None:
        session.add(LastNotification(org_id=org.id, topic=topic, value=value))
    else:
        kept.value = value
    return before


def _next_morning(now: datetime) -> datetime:
    """Return when the next working day begins, by the hour in the settings."""
    day = working_days.day_of(now)
    while True:
        morning = datetime.combine(day, time(settings().digest_hour), UTC)
        if morning > now and working_days.count(day, day + timedelta(days=1)):
            return morning
        day += timedelta(days=1)

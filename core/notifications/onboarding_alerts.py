"""Onboarding digests: tell owners about moves, and sales reps about what needs their attention.

Owners hear of every move. Sales reps hear of onboarding requests, of checks that changed, and each
working day of next steps that are due and organizations that are stuck. `LastNotification` keeps
the state that was last reported, so that each state is reported once.
"""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from core.accounts import user_rows
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

REP_INTERVAL: Final = timedelta(hours=1)
"""The shortest time between two digests to a sales rep."""
BATCH_SIZE = 100
"""Organizations that the daily job reads in one transaction."""

REQUESTED: Final = "asked"
CHECKS: Final = "checks"
DUE: Final = "due"
STUCK: Final = "stuck"
HANDED_OVER: Final = "rep"

_JOB: Final = "mornings"
_CHECKED: Final = (Stage.ONBOARDING, Stage.PREPRODUCTION)


def add_for_entry(session: Session, org: Organization, entry: Entry) -> None:
    """Add the digest items that a history entry of an organization causes."""
    for change in entry.changes:
        if change["field"] == "stage" and entry.event.startswith("stage."):
            _add_move(session, org, change["old"], change["new"], entry.reason)
        elif change["field"] == "rep_id" and entry.event == "onboarding.planned" and entry.run_id:
            _add_new_rep(session, org, entry, change["old"], change["new"])
    if entry.event == "onboarding.requested" and org.requested_at is not None:
        _add_request(session, org)


def compare_checks_of_owner(session: Session, user_id: int) -> None:
    """Report the checks that an owner's two-factor has changed."""
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
        compare_checks(session, org)


def run_due(is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Once each working day, report what is due and stuck; return the number of digest items."""
    next_at = _next_due_at(clock.now())
    if not job_locks.claim(_JOB, next_at=next_at, runs_at_first=False):
        return 0
    added, after_id = 0, 0
    while not is_stopping():
        number, last_id = db.run(_run_batch, after_id)
        added += number
        if last_id is None:
            break
        after_id = last_id
    return added


def compare_checks(session: Session, org: Organization, *, is_by_rep: bool = False) -> None:
    """Report the checks that have changed since the last report, unless the rep changed them."""
    if org.stage not in _CHECKED or org.rep_id is None or org.deleted_at is not None:
        return
    checks = stages.list_checks(session, org)
    state = {"stage": str(org.stage), "passed": [check.key for check in checks if check.is_met]}
    before = _replace_state(session, org, CHECKS, json.dumps(state))
    reported = json.loads(before) if before else {}
    passed = reported.get("passed")  # None in rows from before checks had keys
    if reported.get("stage") != org.stage or passed is None or is_by_rep:
        return
    left = _describe_left(checks)
    for check in checks:
        if check.is_met != (check.key in passed):
            detail = f"{'Check passed' if check.is_met else 'Check failed'}. {left}"
            topics = f"no {check.key}", check.key
            topic, opposite = topics[check.is_met], topics[not check.is_met]
            title = f"{org.name}: {check.text}"
            _add_for_rep(session, org, org.rep_id, topic, title, detail, cancels=opposite)


def _describe_left(checks: Sequence[stages.Check]) -> str:
    open_checks = sum(not check.is_met for check in checks)
    return f"{open_checks} of {len(checks)} checks left." if open_checks else "All checks passed."


def _run_batch(session: Session, after_id: int) -> tuple[int, int | None]:
    """Report some organizations; return the number of items, and the last id if more follow."""
    today = working_days.today()
    is_due = Organization.next_step_on == today
    orgs = session.scalars(
        select(Organization)
        .where(
            Organization.id > after_id,
            Organization.rep_id.is_not(None),
            Organization.deleted_at.is_(None),
            or_(stuck.condition(today), is_due & Organization.stage.in_(stuck.LIMITED)),
        )
        .order_by(Organization.id)
        .limit(BATCH_SIZE)
    ).all()
    added = sum(_add_due(session, org) + _add_stuck(session, org) for org in orgs)
    return added, orgs[-1].id if len(orgs) == BATCH_SIZE else None


def _add_due(session: Session, org: Organization) -> bool:
    due_on = org.next_step_on
    if due_on is None or due_on != working_days.today() or org.rep_id is None:
        return False
    if _replace_state(session, org, DUE, due_on.isoformat()) == due_on.isoformat():
        return False
    detail = org.next_step or "Open the plan to see it."
    _add_for_rep(session, org, org.rep_id, DUE, f"{org.name}: next step due today", detail)
    return True


def _add_stuck(session: Session, org: Organization) -> bool:
    reasons = stuck.reasons(org)
    if not reasons or org.rep_id is None:
        return False
    stay = f"{org.stage_entered_at.isoformat()} {org.snoozed_until or ''}".strip()
    if _replace_state(session, org, STUCK, stay) == stay:
        return False
    detail = f"{'; '.join(reasons)}."
    _add_for_rep(session, org, org.rep_id, STUCK, f"{org.name} is stuck", detail)
    return True


def _add_move(session: Session, org: Organization, old: str, new: str, reason: str) -> None:
    title = f"{org.name} moved to {new}"
    detail = f"Moved from {old} to {new}." + (f" Reason: {reason}" if reason else "")
    for owner in member_mails.list_notified_owners(session, org):
        options = {"interval": digests.OWNER_INTERVAL, "field": "stage"}
        _add(session, org, owner.id, digests.MOVED, title, detail, **options)


def _add_request(session: Session, org: Organization) -> None:
    """Tell the sales rep of an organization about its request, or everyone in sales.

    While no one is in sales, administrators are told: a request always reaches someone.
    """
    reps = [org.rep_id] if org.rep_id else _list_staff(session, Staff.SALES)
    reps = reps or _list_staff(session, Staff.ADMINISTRATOR)
    detail = f"They wrote: {org.request_note}" if org.request_note else ""
    for rep_id in reps:
        title = f"{org.name} requested onboarding"
        _add_for_rep(session, org, rep_id, REQUESTED, title, detail, field="requested_at")


def _list_staff(session: Session, role: Staff) -> list[int]:
    active = select(User.id).where(User.staff == role, User.disabled_at.is_(None))
    return list(session.scalars(active.order_by(User.id)))


def _add_new_rep(
    session: Session, org: Organization, entry: Entry, old_id: int | None, new_id: int | None
) -> None:
    """Tell both sales reps about an organization that a run gave to another, but not who did it."""
    names = user_rows.find_names(session, {old_id, new_id, entry.actor_id})
    by = f"By {names.get(entry.actor_id or 0, 'Orgdesk')}."
    for rep_id, title in (
        (new_id, f"{org.name} is now yours"),
        (old_id, f"{org.name} now has {names.get(new_id or 0, 'no sales rep')}"),
    ):
        if rep_id is not None and rep_id != entry.actor_id:
            _add_for_rep(session, org, rep_id, HANDED_OVER, title, by, field="rep_id")


def _add_for_rep(
    session: Session,
    org: Organization,
    rep_id: int,
    topic: str,
    title: str,
    detail: str,
    **options: Any,
) -> None:
    _add(session, org, rep_id, topic, title, detail, interval=REP_INTERVAL, **options)


def _add(session: Session, org: Organization, user_id: int, *item: str, **options: Any) -> None:
    digests.add_for_person(session, user_id, org, *item, page="onboarding", **options)


def _replace_state(session: Session, org: Organization, topic: str, value: str) -> str | None:
    """Store the reported state of an organization, and return the one before."""
    last = session.get(
        LastNotification, (org.id, topic), populate_existing=True, with_for_update=True
    )
    before = last.value if last else None
    if last is None:
        session.add(LastNotification(org_id=org.id, topic=topic, value=value))
    else:
        last.value = value
    return before


def _next_due_at(now: datetime) -> datetime:
    """Return the next working day's `DIGEST_HOUR` after a moment, in UTC."""
    day = working_days.day_of(now)
    while True:
        due_at = datetime.combine(day, time(settings().digest_hour), UTC)
        if due_at > now and working_days.count(day, day + timedelta(days=1)):
            return due_at
        day += timedelta(days=1)

"""When an organization counts as stuck: one rule, for a row in Python and for many rows in SQL.

An organization in onboarding or preproduction is stuck when it has been there for more working days
than the limit in `core.base.settings` (10 and 30 unless set), or when its next step is overdue;
never while it is snoozed.
"""

from datetime import date
from typing import Final

from sqlalchemy import ColumnElement, and_, or_

from core.base.settings import settings
from core.models import Organization, Stage, orm
from core.onboarding import working_days

LIMITED: Final = (Stage.ONBOARDING, Stage.PREPRODUCTION)
"""The stages with a limit of working days."""


def limit(stage: Stage) -> int | None:
    """Return the limit of a stage in working days; None where there is none."""
    limits = {
        Stage.ONBOARDING: settings().onboarding_days,
        Stage.PREPRODUCTION: settings().preproduction_days,
    }
    return limits.get(stage)


def reasons(org: Organization, today: date | None = None) -> list[str]:
    """Return the reasons why an organization is stuck, in words; empty if it is not stuck."""
    today = today or working_days.today()
    max_days = limit(org.stage)
    if max_days is None or is_snoozed(org, today):
        return []
    days = working_days.count(working_days.day_of(org.stage_entered_at), today)
    found = []
    if days > max_days:
        found.append(f"Day {days} of {max_days} in {org.stage}")
    if org.next_step_on is not None and org.next_step_on < today:
        found.append(f"Overdue since {org.next_step_on:%-d %b}")
    return found


def is_snoozed(org: Organization, today: date | None = None) -> bool:
    """Return whether an organization is hidden from the stuck list until a later date."""
    today = today or working_days.today()
    return org.snoozed_until is not None and org.snoozed_until > today


def condition(today: date | None = None) -> ColumnElement[bool]:
    """Return the rule as an SQL condition on organizations that are not deleted.

    Each part can use an index: stage and the moment it was entered, or the date of the next step.
    """
    today = today or working_days.today()
    return and_(
        or_(*(is_over_limit(stage, today) for stage in LIMITED), is_overdue(today)),
        or_(Organization.snoozed_until.is_(None), Organization.snoozed_until <= today),
        Organization.deleted_at.is_(None),
    )


def is_over_limit(stage: Stage, today: date) -> ColumnElement[bool]:
    """Return the SQL condition that an organization is in a stage for longer than its limit."""
    before = working_days.cutoff(limit(stage) or 0, today)
    return and_(Organization.stage == stage, Organization.stage_entered_at < before)


def is_overdue(today: date) -> ColumnElement[bool]:
    """Return the SQL condition that the next step of an organization is overdue.

    The stage is disguised so that SQLite uses the index on dates, which selects fewer rows.
    """
    return and_(
        Organization.next_step_on.is_not(None),
        Organization.next_step_on < today,
        orm.unindexed(Organization.stage).in_(LIMITED),
    )

"""When an organization is stuck on its way: one rule, for a row and for many in SQL."""

from datetime import date
from typing import Final

from sqlalchemy import ColumnElement, and_, or_

from core.base.settings import settings
from core.models import Organization, Stage, orm
from core.onboarding import working_days

LIMITED: Final = (Stage.ONBOARDING, Stage.PREPRODUCTION)
"""The stages that an organization should not stay in for long."""


def limit(stage: Stage) -> int | None:
    """Return how many working days a stage may take; None where it takes as long as it takes."""
    limits = {
        Stage.ONBOARDING: settings().onboarding_days,
        Stage.PREPRODUCTION: settings().preproduction_days,
    }
    return limits.get(stage)


def reasons(org: Organization, today: date | None = None) -> list[str]:
    """Return in words why an organization is stuck; empty when it is not, or is snoozed.

    Stuck is what stays longer than its stage's limit in working days, or has a next step whose day
    has passed.
    """
    today = today or working_days.today()
    most = limit(org.stage)
    if most is None or is_snoozed(org, today):
        return []
    days = working_days.count(working_days.day_of(org.stage_entered_at), today)
    why = []
    if days > most:
        why.append(f"{days} working days in {org.stage}, the limit is {most}")
    if org.next_step_on is not None and org.next_step_on < today:
        why.append(f"the next step was due on {org.next_step_on:%-d %b %Y}")
    return why


def is_stuck(org: Organization, today: date | None = None) -> bool:
    """Return whether an organization is stuck; `reasons` says why."""
    return bool(reasons(org, today))


def is_snoozed(org: Organization, today: date | None = None) -> bool:
    """Return whether somebody asked not to hear of it until a day that has not come."""
    today = today or working_days.today()
    return org.snoozed_until is not None and org.snoozed_until > today


def condition(today: date | None = None) -> ColumnElement[bool]:
    """Return the same rule for a query over organizations, deleted ones left out.

    Each part of it goes by an index: stage and the moment it was entered, or the next step's day.
    """
    today = today or working_days.today()
    return and_(
        or_(*(is_over_limit(stage, today) for stage in LIMITED), is_overdue(today)),
        or_(Organization.snoozed_until.is_(None), Organization.snoozed_until <= today),
        Organization.deleted_at.is_(None),
    )


def is_over_limit(stage: Stage, today: date) -> ColumnElement[bool]:
    """Return the condition of those that are in a stage for longer than its limit."""
    before = working_days.cutoff(limit(stage) or 0, today)
    return and_(Organization.stage == stage, Organization.stage_entered_at < before)


def is_overdue(today: date) -> ColumnElement[bool]:
    """Return the condition of those whose next step should have been done by now.

    The stage is disguised: SQLite would go by its index, and meet all that are in it.
    """
    return and_(
        Organization.next_step_on.is_not(None),
        Organization.next_step_on < today,
        orm.veiled(Organization.stage).in_(LIMITED),
    )

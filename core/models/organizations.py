"""How much of an organization's profile is filled in, for one row and for many in SQL."""

from typing import Final

from sqlalchemy import ColumnElement, and_, case, or_

from core.models import Organization

COUNTED: Final = ("logo", "alert_email", "overview", "sales_email", "phone", "website")
"""What a profile needs on the way to production; not every company is on X."""


def percent(org: Organization) -> int:
    """Return how much of the profile is there, from 0 to 100."""
    filled = sum(getattr(org, field) is not None for field in COUNTED)
    return 100 * filled // len(COUNTED)


def percent_column() -> ColumnElement[int]:
    """Return the same as `percent` for a query over organizations."""
    filled = sum(
        (case((getattr(Organization, field).is_not(None), 1), else_=0) for field in COUNTED[1:]),
        start=case((getattr(Organization, COUNTED[0]).is_not(None), 1), else_=0),
    )
    return 100 * filled // len(COUNTED)


def is_complete(first: ColumnElement[str | None]) -> ColumnElement[bool]:
    """Return the condition of a whole profile; `first` is the column of `COUNTED[0]`.

    It is the one that the index of whole profiles has, unless `first` is disguised.
    """
    return and_(first.is_not(None), *(_column(field).is_not(None) for field in COUNTED[1:]))


def is_incomplete(first: ColumnElement[str | None]) -> ColumnElement[bool]:
    """Return the opposite of `is_complete`, with an index of its own."""
    return or_(first.is_(None), *(_column(field).is_(None) for field in COUNTED[1:]))


def _column(field: str) -> ColumnElement[str | None]:
    column: ColumnElement[str | None] = getattr(Organization, field)
    return column

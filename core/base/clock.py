"""The one clock: every moment in Orgdesk comes from `now()`, aware and in UTC."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return this moment in UTC, to the microsecond."""
    return datetime.now(UTC)

"""The one clock: every moment in Orgdesk comes from `now()`, aware and in UTC."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from time import monotonic, sleep
from typing import Final

STEP: Final = 0.3
"""In seconds; several times what the slowest form that is open to strangers takes."""


def now() -> datetime:
    """Return this moment in UTC, to the microsecond."""
    return datetime.now(UTC)


@contextmanager
def in_steps() -> Iterator[None]:
    """Take a multiple of `STEP`, so that the time reveals nothing about what was done within.

    Forms that are open to strangers use it, outside of transactions: whether an address has an
    account decides what is written and mailed.
    """
    began = monotonic()
    try:
        yield
    finally:
        sleep(STEP - (monotonic() - began) % STEP)

"""How many invitations imports email: to one address, and in a day."""

from datetime import timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access import throttling
from core.base import clock, validation
from core.base.errors import TooManyAttempts
from core.models import Run, RunStatus

OWN_STAFF: Final = "This is a colleague's address. Enter one of the organization's people."
TOO_MANY: Final = "Imports invite an address at most {limit} times a day. Import this row later."
_DAY: Final = timedelta(days=1)


def count(session: Session, address: str) -> None:
    """Count an invitation by an import to an address; raises `TooManyAttempts`."""
    key = validation.email_key(address)
    wait = throttling.hit(session, "imported invitations", key, throttling.IMPORTED)
    if wait:
        raise TooManyAttempts(wait, f"{address} was sent {per_address()} invitations by imports.")


def per_address() -> int:
    """Return how many invitations imports email to one address in a day."""
    [(limit, _)] = throttling.IMPORTED
    return limit


def count_today(session: Session, kind: str) -> int:
    """Return how many invitations the imports of the last day email."""
    started = select(Run.params).where(
        Run.kind == kind, Run.status != RunStatus.PROPOSED, Run.started_at > clock.now() - _DAY
    )
    return sum(params["mails"] for params in session.scalars(started))

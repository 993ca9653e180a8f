"""Lines that wait to be told together: to the alert address of an organization, or to a person.

Who has something to tell adds a line, in the transaction of its cause; `digests` makes one mail of
all the lines that wait for a reader.
"""

from datetime import timedelta
from typing import Final

from sqlalchemy.orm import Session

from core.base import clock
from core.models import Alert, Digest, DigestItem, Organization

GATHERS = timedelta(seconds=5)
"""How long a first line waits for others."""
ALERTS_EVERY = timedelta(minutes=1)
"""An alert address, and an owner whose organizations move, gets at most one mail in this time."""

MOVED: Final = "moved"
"""The topic of moves, of which owners hear whatever they chose."""
LOCKED_OUT: Final = "locked out"
"""The reader of lines that `news` hands on to whoever they concern."""

_TITLE_LONGEST: Final = 200


def is_on(org: Organization, alert: Alert) -> bool:
    """Return whether the alert address wants to hear of this; owners choose what it does not."""
    return alert not in (org.alerts_off or "").split(", ")


def to_alerts(
    session: Session, org: Organization, topic: str, title: str, detail: str = "", *, page: str
) -> None:
    """Add a line for the alert address of an organization; none where there is no address."""
    if org.alert_email is not None:
        line = DigestItem(
            org_id=org.id, topic=topic, title=title, detail=detail, page=_at(page, org)
        )
        add(session, f"org:{org.id}", line, every=ALERTS_EVERY)


def to_person(
    session: Session,
    user_id: int,
    org: Organization,
    topic: str,
    title: str,
    detail: str = "",
    *,
    page: str,
    every: timedelta,
) -> None:
    """Add a line about an organization for a person, who is told at most once in `every`."""
    line = DigestItem(org_id=org.id, topic=topic, title=title, detail=detail, page=_at(page, org))
    add(session, f"person:{user_id}", line, every=every)


def lock_out(session: Session, email_key: str, origin: str) -> None:
    """Note that sign-in to an account is locked; one that does not exist takes as long."""
    line = DigestItem(
        reader=LOCKED_OUT, topic=Alert.LOCKOUTS, title=email_key, detail=origin, page=""
    )
    line.at = clock.now()
    session.add(line)


def add(session: Session, reader: str, line: DigestItem, *, every: timedelta) -> None:
    """Let a line wait for its reader, who has not been told for `every` when it is told."""
    line.reader, line.at = reader, clock.now()
    line.title = " ".join(line.title.split())[:_TITLE_LONGEST]
    line.detail = " ".join(line.detail.split())
    session.add(line)
    digest = session.get(Digest, reader, populate_existing=True, with_for_update=True)
    if digest is None:
        digest = Digest(reader=reader, is_off=False)
        session.add(digest)
    due_at = line.at + GATHERS
    if digest.sent_at is not None:
        due_at = max(due_at, digest.sent_at + every)
    if digest.due_at is None or due_at < digest.due_at:
        digest.due_at = due_at
    session.flush()  # the next line looks for the digest


def _at(page: str, org: Organization) -> str:
    return f"{page}?org={org.public_id}"

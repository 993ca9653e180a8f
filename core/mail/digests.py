"""Digests: the lines that wait for a reader become one mail, and no reader is flooded.

Each is queued in the transaction that takes its lines away, so a line is told in one mail; while
that mail could not be sent, the next lines wait and gather.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, rights_of, take_person
from core.base import clock
from core.base.settings import settings
from core.database import db
from core.mail import outbox
from core.mail.lines import ALERTS_EVERY, MOVED
from core.models import Digest, DigestItem, Mail, Organization, User

MOST_LINES = 50
"""Lines in one mail; of the others it says how many there are."""
BATCH = 10
"""Readers who are told in one transaction, so that nobody waits long for SQLite's write lock."""
ROUNDS = 50


class Reader(NamedTuple):
    """Who is told: where, and what the mail needs to know of it."""

    address: str
    template: str
    things: str
    """What several lines are called: `3 things happened`."""
    org_id: int | None
    context: dict[str, Any]


def choice(session: Session, actor: Actor) -> bool | None:
    """Return whether a person gets digests about onboardings; None for who carries none anyway."""
    asked = (
        select(User.staff, Digest.is_off)
        .outerjoin(Digest, Digest.reader == _key(actor))
        .where(User.id == actor.user_id)
    )
    staff, is_off = session.execute(asked).one()
    return not is_off if Action.MOVE_STAGES in rights_of(None, staff) else None


def choose(session: Session, actor: Actor, *, wanted: bool) -> Digest:
    """Let a person get digests about onboardings, or no longer; owners always hear of moves."""
    take_person(session, actor.user_id or 0)
    digest = session.get(Digest, _key(actor), populate_existing=True)
    if digest is None:
        digest = Digest(reader=_key(actor))
        session.add(digest)
    digest.is_off = not wanted
    return digest


def tell_due(is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Queue a mail for those who are to be told now, and return how many were seen to.

    At most `ROUNDS` times `BATCH`: others wait until what is queued by then has been sent.
    """
    seen_to = 0
    for _ in range(ROUNDS):
        if is_stopping() or not _is_any_due() or not (some := db.run(_tell_some)):
            break
        seen_to += some
    return seen_to


def _is_any_due() -> bool:
    with db.read() as session:
        due = select(Digest.reader).where(Digest.due_at <= clock.now()).limit(1)
        return session.scalar(due) is not None


def _tell_some(session: Session) -> int:
    """Tell those who wait longest; 0 when nobody does, or others see to them just now."""
    due = session.scalars(
        select(Digest)
        .where(Digest.due_at <= clock.now())
        .order_by(Digest.due_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    ).all()
    for digest in due:
        _tell(session, digest)
    return len(due)


def _tell(session: Session, digest: Digest) -> None:
    """Make one mail of all that waits for a reader, unless the mail before it still waits."""
    reader = _find_reader(session, digest)
    if reader is not None and _is_held_up(session, digest, reader):
        digest.due_at = clock.now() + ALERTS_EVERY
        return
    if digest.is_off:
        unwanted = (DigestItem.reader == digest.reader) & (DigestItem.topic != MOVED)
        session.execute(delete(DigestItem).where(unwanted))
    waiting = select(DigestItem).where(DigestItem.reader == digest.reader).order_by(DigestItem.id)
    shown = session.scalars(waiting.limit(MOST_LINES)).all()
    if reader is not None and shown:
        digest.mail_id = _queue(session, digest, reader, shown).id
        digest.sent_at = clock.now()
    session.execute(delete(DigestItem).where(DigestItem.reader == digest.reader))
    digest.due_at = None


def _queue(session: Session, digest: Digest, reader: Reader, shown: Sequence[DigestItem]) -> Mail:
    count = len(shown)
    if count == MOST_LINES:
        count = session.scalars(
            select(func.count()).where(DigestItem.reader == digest.reader)
        ).one()
    told = [{"title": line.title, "detail": line.detail, "page": line.page} for line in shown]
    return outbox.enqueue(
        session,
        reader.template,
        reader.address,
        org_id=reader.org_id,
        headline=shown[0].title if count == 1 else f"{count} {reader.things}",
        lines=told,
        more=count - len(shown),
        **reader.context,
    )


def _find_reader(session: Session, digest: Digest) -> Reader | None:
    """Return who is told; None for an address or an account that is there no more."""
    kind, _, number = digest.reader.partition(":")
    if kind == "org":
        org = session.get(Organization, int(number))
        if org is None or org.alert_email is None:
            return None
        page = {"page": f"history?org={org.public_id}"}
        context = {"organization": org.name, "link": page}
        return Reader(org.alert_email, "alerts", "things happened", org.id, context)
    user = session.get(User, int(number))
    if user is None or user.disabled_at is not None or user.deleted_at is not None:
        return None
    return Reader(user.email, "digest", "things about onboarding", None, {"name": user.name})


def _key(actor: Actor) -> str:
    return f"person:{actor.user_id}"


def _is_held_up(session: Session, digest: Digest, reader: Reader) -> bool:
    """Return whether the mail before this one still waits for the mail server to take it."""
    last = session.get(Mail, digest.mail_id) if digest.mail_id and settings().smtp_url else None
    return (
        last is not None
        and last.sent_at is None
        and last.due_at is not None
        and last.recipient == reader.address
    )

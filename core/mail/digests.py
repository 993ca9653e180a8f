"""Digests: collect items for a recipient and send them together in one mail, not too often.

A use case or a background job adds an item in the transaction of its cause. `run_due` turns the
items that wait for a recipient into one mail and deletes them in the same transaction, so that each
item is mailed once. While a recipient's last digest is still unsent, new items keep waiting. Those
that a run causes wait until it has ended, so that it mails everyone once. What is undone while its
item waits is told to no one, as is its undo.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, delete, exists, or_, select
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, lock_self, rights_of
from core.base import clock
from core.base.settings import settings
from core.database import change_tracking, db
from core.mail import outbox
from core.models import (
    Alert,
    Digest,
    DigestItem,
    Entry,
    Mail,
    Organization,
    Run,
    RunStatus,
    User,
)

DELAY: Final = timedelta(seconds=5)
"""How long the first item of a digest waits for others."""
ALERT_INTERVAL: Final = timedelta(minutes=1)
"""The shortest time between two digests to an alert address."""
OWNER_INTERVAL: Final = timedelta(minutes=10)
"""The shortest time between two digests to an owner."""
POSTPONED_FOR: Final = timedelta(minutes=1)
"""How long a digest waits while the one before it is unsent."""
HELD_FOR: Final = timedelta(seconds=30)
"""How long a digest waits before it looks again whether the run behind its items has ended."""

MOVED: Final = "moved"
"""The topic of stage moves."""
EDITED: Final = "edited"
"""The topic of contact details that staff have edited."""
_ALWAYS_SENT: Final = (MOVED, EDITED)
"""Topics that a recipient cannot turn off."""
LOCKOUTS: Final = "locked out"
"""The recipient of lockouts until `core.notifications.dispatch` assigns them to organizations."""

MAX_ITEMS: Final = 50
"""Items in one mail; it states the number of the others."""
BATCH_SIZE: Final = 10
"""Digests per transaction, so that nobody waits long for SQLite's write lock."""
MAX_BATCHES: Final = 50

_MAX_TITLE: Final = 200


class Recipient(NamedTuple):
    """The address, template and context of a digest."""

    address: str
    template: str
    noun: str
    """What several items are called in the subject: `3 alerts`."""
    org_id: int | None
    context: dict[str, Any]


def is_alert_enabled(org: Organization, alert: Alert) -> bool:
    """Return whether the owners of an organization have left this alert on."""
    return alert not in (org.alerts_off or "").split(", ")


@contextmanager
def caused_by(session: Session, entry: Entry) -> Iterator[None]:
    """Add the items of an entry in the `with` block.

    What it undoes is told to no one if it was not mailed yet.
    """
    with change_tracking.because(session, run_id=entry.run_id, undoes_id=entry.undoes_id):
        yield
    change_tracking.attribute(session, entry.id)
    if entry.undoes_id is not None:
        fields = {change["field"] for change in entry.changes}
        undone = (DigestItem.entry_id == entry.undoes_id, DigestItem.field.in_(fields))
        _take_back(session, *undone)


def add_for_alert_address(
    session: Session,
    org: Organization,
    topic: str,
    title: str,
    detail: str = "",
    *,
    page: str,
    field: str = "",
) -> None:
    """Add an item for the alert address of an organization, if it has one."""
    if org.alert_email is not None:
        item = _make_item(org, topic, title, detail, page, field)
        _add(session, f"org:{org.id}", item, interval=ALERT_INTERVAL)


def add_for_person(
    session: Session,
    user_id: int,
    org: Organization,
    topic: str,
    title: str,
    detail: str = "",
    *,
    page: str,
    interval: timedelta,
    field: str = "",
    cancels: str = "",
) -> None:
    """Add an item about an organization for a person, who gets at most one digest per interval.

    If one of the topic that it `cancels` waits, neither is mailed: things are as they were.
    """
    item, recipient = _make_item(org, topic, title, detail, page, field), f"person:{user_id}"
    opposite = (DigestItem.reader == recipient, DigestItem.org_id == org.id)
    if not cancels or not _take_back(session, *opposite, DigestItem.topic == cancels):
        _add(session, recipient, item, interval=interval)


def add_lockout(session: Session, email_key: str, origin: str) -> None:
    """Record that sign-in to an account is locked, whether or not the account exists.

    Unknown addresses cost the same, so that timing does not reveal which accounts exist.
    """
    item = DigestItem(
        reader=LOCKOUTS, topic=Alert.LOCKOUTS, title=email_key, detail=origin, page=""
    )
    item.at = clock.now()
    session.add(item)


def find_preference(session: Session, actor: Actor) -> bool | None:
    """Return whether a person wants digests of onboardings; None for people who never get any."""
    statement = (
        select(User.staff, Digest.is_off)
        .outerjoin(Digest, Digest.reader == _key(actor))
        .where(User.id == actor.user_id)
    )
    staff, is_off = session.execute(statement).one()
    return not is_off if Action.MOVE_STAGES in rights_of(None, staff) else None


def set_preference(session: Session, actor: Actor, *, wanted: bool) -> Digest:
    """Turn a person's digests of onboardings on or off; stage moves are mailed either way."""
    lock_self(session, actor)
    digest = session.get(Digest, _key(actor), populate_existing=True)
    if digest is None:
        digest = Digest(reader=_key(actor))
        session.add(digest)
    digest.is_off = not wanted
    return digest


def run_due(is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Queue the digests that are due and return how many were handled.

    Stops after `MAX_BATCHES`, so that queued mails are sent before more are queued.
    """
    handled = 0
    for _ in range(MAX_BATCHES):
        if is_stopping() or not _is_any_due() or not (count := db.run(_run_batch)):
            break
        handled += count
    return handled


def _make_item(
    org: Organization, topic: str, title: str, detail: str, page: str, field: str
) -> DigestItem:
    return DigestItem(
        org_id=org.id,
        topic=topic,
        title=" ".join(title.split())[:_MAX_TITLE],
        detail=" ".join(detail.split()),
        page=f"{page}?org={org.public_id}",
        field=field,
    )


def _add(session: Session, recipient: str, item: DigestItem, *, interval: timedelta) -> None:
    """Add an item and move the recipient's digest forward, but not closer than the interval.

    If it tells of an undo, it takes the item of what was undone back instead, where that waits.
    """
    session.flush()  # the digest that the last item has moved
    cause = change_tracking.find_cause(session)
    undoes_id = cause.get("undoes_id") if item.field else None
    undone = (DigestItem.entry_id == undoes_id, DigestItem.field == item.field)
    if undoes_id is not None and _take_back(session, DigestItem.reader == recipient, *undone):
        return
    item.reader, item.at, item.run_id = recipient, clock.now(), cause.get("run_id")
    session.add(item)
    change_tracking.unattributed(session).append(item)
    digest = session.get(Digest, recipient, populate_existing=True, with_for_update=True)
    if digest is None:
        digest = Digest(reader=recipient, is_off=False)
        session.add(digest)
    due_at = item.at + DELAY
    if digest.sent_at is not None:
        due_at = max(due_at, digest.sent_at + interval)
    if digest.due_at is None or due_at < digest.due_at:
        digest.due_at = due_at


def _take_back(session: Session, *which: ColumnElement[bool]) -> bool:
    """Delete items that wait, and return whether there were any."""
    session.flush()
    waiting = delete(DigestItem).where(*which).returning(DigestItem.id)
    return bool(session.scalars(waiting).all())


def _is_any_due() -> bool:
    with db.read() as session:
        due = select(Digest.reader).where(Digest.due_at <= clock.now()).limit(1)
        return session.scalar(due) is not None


def _run_batch(session: Session) -> int:
    """Queue the longest due digests; return 0 when none are due or others have locked them."""
    due = session.scalars(
        select(Digest)
        .where(Digest.due_at <= clock.now())
        .order_by(Digest.due_at)
        .limit(BATCH_SIZE)
        .with_for_update(skip_locked=True)
    ).all()
    for digest in due:
        _queue_or_postpone(session, digest)
    return len(due)


def _queue_or_postpone(session: Session, digest: Digest) -> None:
    """Turn the waiting items into one mail, unless the previous digest is still unsent."""
    recipient = _find_recipient(session, digest)
    if recipient is not None and _is_previous_unsent(session, digest, recipient):
        digest.due_at = clock.now() + POSTPONED_FOR
        return
    of_digest = DigestItem.reader == digest.reader
    if digest.is_off:
        session.execute(delete(DigestItem).where(of_digest, DigestItem.topic.not_in(_ALWAYS_SENT)))
    if recipient is None:
        session.execute(delete(DigestItem).where(of_digest))
        digest.due_at = None
        return
    ready = of_digest & ~_is_held()
    found = session.scalars(select(DigestItem).where(ready).order_by(DigestItem.id)).all()
    if found:
        digest.mail_id = _queue(session, recipient, found).id
        digest.sent_at = clock.now()
        ids = [item.id for item in found]
        session.execute(delete(DigestItem).where(of_digest, DigestItem.id.in_(ids)))
    is_any_held = session.scalar(select(exists().where(of_digest)))
    digest.due_at = clock.now() + HELD_FOR if is_any_held else None


def _is_held() -> ColumnElement[bool]:
    """Return the condition that the run behind an item is going, or ended a moment ago.

    What it did last may not have been dispatched yet.
    """
    is_recent = or_(Run.status == RunStatus.GOING, Run.ended_at > clock.now() - DELAY)
    return exists().where(Run.id == DigestItem.run_id, is_recent)


def _queue(session: Session, recipient: Recipient, items: Sequence[DigestItem]) -> Mail:
    others = len({item.org_id for item in items}) - 1
    headline, shown = items[0].title, items[:MAX_ITEMS]
    if len(items) > 1:
        headline = f"{len(items)} {recipient.noun}"
        if recipient.org_id is None:
            headline += f": {_names(session, items[0], others=others)}"
    return outbox.enqueue(
        session,
        recipient.template,
        recipient.address,
        org_id=recipient.org_id,
        headline=headline,
        lines=[{"title": item.title, "detail": item.detail, "page": item.page} for item in shown],
        more=len(items) - len(shown),
        **recipient.context,
    )


def _names(session: Session, first: DigestItem, *, others: int) -> str:
    """Return `Acme`, `Acme and 1 other`, `Acme and 2 others`."""
    org = session.get(Organization, first.org_id)
    name = org.name if org is not None else "an organization"
    return f"{name} and {others} other{'s' if others > 1 else ''}" if others else name


def _find_recipient(session: Session, digest: Digest) -> Recipient | None:
    """Return where a digest goes; None if its alert address or account no longer exists."""
    kind, _, number = digest.reader.partition(":")
    if kind == "org":
        org = session.get(Organization, int(number))
        if org is None or org.alert_email is None:
            return None
        page = {"page": f"history?org={org.public_id}"}
        context = {"organization": org.name, "link": page}
        return Recipient(org.alert_email, "alerts", "alerts", org.id, context)
    user = session.get(User, int(number))
    if user is None or user.disabled_at is not None or user.deleted_at is not None:
        return None
    return Recipient(user.email, "digest", "onboarding updates", None, {"name": user.name})


def _key(actor: Actor) -> str:
    return f"person:{actor.user_id}"


def _is_previous_unsent(session: Session, digest: Digest, recipient: Recipient) -> bool:
    last = session.get(Mail, digest.mail_id) if digest.mail_id and settings().smtp_url else None
    return (
        last is not None
        and last.sent_at is None
        and last.due_at is not None
        and last.recipient == recipient.address
    )

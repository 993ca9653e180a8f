"""History: an append-only audit log, in hash chains that reveal tampering.

Each organization has a chain, and each person one for changes outside of organizations. An entry is
written in the transaction of its change. Its seal is an HMAC over the entry and the seal before it.
"""

import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, NamedTuple

from sqlalchemy import exists, select
from sqlalchemy.event import listen
from sqlalchemy.orm import Session

from core.access.permissions import Actor, find_impersonation_reason
from core.base import clock, crypto, logs
from core.database import change_tracking
from core.models import Base, ChainHead, Entry, Organization

MAX_REASON: Final = 500
"""Characters of a reason."""
GENESIS: Final = "0" * 64
"""The seal before the first entry of a chain."""
WATCHED: Final = frozenset(
    "acting.started acting.ended member.role_changed member.removed ownership.named "
    "ownership.transferred organization.deleted organization.restored organization.purged "
    "organizations.downloaded stage.overridden".split()
)
"""Besides those of accounts, the events that the security log has, too."""


class Facts(NamedTuple):
    """The content of an entry, in the order in which it is sealed."""

    chain: str
    position: int
    at: datetime
    actor_id: int | None
    org_id: int | None
    event: str
    subject: str
    person_id: int | None
    changes: list[dict[str, Any]]
    reason: str


_encode = json.JSONEncoder(separators=(",", ":"), sort_keys=True).encode


def seal(facts: Facts, before: str) -> str:
    """Return the HMAC of an entry and the seal before it, with a key derived from the app's."""
    sealed = [before, *facts[:2], facts.at.isoformat(), *facts[3:]]
    return hmac.digest(crypto.derive("history"), _encode(sealed).encode(), "sha256").hex()


def record(
    session: Session,
    actor: Actor,
    where: Organization | int,
    event: str,
    row: Base,
    *also: Base,
    reason: str = "",
    person_id: int | None = None,
    always: bool = False,
) -> Entry | None:
    """Record the changes of this transaction to `row` and to other rows in one entry.

    `where` is the organization, or the id of a person where there is none; the caller has locked
    its row, so that the chain grows by one entry at a time. Returns None when nothing changed;
    `always` records an entry anyway, for effects outside these rows such as mails and sessions.
    """
    differences = change_tracking.pop_changes(session, (row, *also))
    if not differences and not always:
        return None
    org_id = None if isinstance(where, int) else where.id
    entry = Entry(
        chain=f"person:{where}" if isinstance(where, int) else f"org:{org_id}",
        at=clock.now(),
        actor_id=actor.user_id or None,
        org_id=org_id,
        event=event,
        subject=change_tracking.row_name(row),
        person_id=person_id if person_id is not None else _person_of(row),
        changes=differences,
        reason=_join_reasons(
            reason, find_impersonation_reason(session, actor, org_id) if org_id else ""
        ),
    )
    _append(session, entry)
    if event.startswith("account.") or event in WATCHED:
        _log_after_commit(session, entry)
    return entry


def _log_after_commit(session: Session, entry: Entry) -> None:
    ids = {"actor": entry.actor_id, "org": entry.org_id, "person": entry.person_id}
    log = partial(logs.security, entry.event, **ids)
    listen(session, "after_commit", lambda _: log(), once=True)


def _join_reasons(reason: str, as_owner: str) -> str:
    """Return a reason together with that of the impersonation under which it was given."""
    if not as_owner or reason == as_owner:
        return reason
    suffix = f"As an owner: {as_owner}"
    return f"{reason[: MAX_REASON - len(suffix) - 3]} ({suffix})" if reason else suffix


def _append(session: Session, entry: Entry) -> None:
    head = session.get(ChainHead, entry.chain, populate_existing=True, with_for_update=True)
    if head is None:
        head = ChainHead(chain=entry.chain, position=0, mac=GENESIS)
        session.add(head)
    entry.position = head.position + 1
    entry.mac = _mac(entry, head.mac)
    head.position, head.mac = entry.position, entry.mac
    head.news_from = head.news_from or entry.position
    session.add(entry)
    session.flush()


def _person_of(row: Base) -> int | None:
    if row.__tablename__ == "users":
        return int(row.id)  # type: ignore[attr-defined]
    return getattr(row, "user_id", None)


def _mac(entry: Entry, before: str) -> str:
    facts = Facts(
        entry.chain,
        entry.position,
        entry.at,
        entry.actor_id,
        entry.org_id,
        entry.event,
        entry.subject,
        entry.person_id,
        entry.changes,
        entry.reason,
    )
    return seal(facts, before)


@dataclass(frozen=True)
class Verified:
    """The number of entries and chains that `verify` has read."""

    entries: int
    chains: int


@dataclass(frozen=True)
class Broken:
    """A position where a chain is broken: an entry was altered, removed or inserted."""

    chain: str
    position: int
    at: datetime | None


def verify(session: Session) -> Iterator[Broken | Verified]:
    """Check all of history; yield each broken position, then the totals, in constant memory."""
    entries = session.execute(
        select(Entry, ChainHead)
        .outerjoin(ChainHead, ChainHead.chain == Entry.chain)
        .order_by(Entry.chain, Entry.position)
        .execution_options(yield_per=1000)
    )
    count, chains = 0, 0
    last: tuple[Entry, ChainHead | None] | None = None
    for entry, head in entries:
        if last is not None and last[0].chain != entry.chain:
            yield from _check_end(*last)
            last = None
        count, chains = count + 1, chains + (last is None)
        expected = 1 if last is None else last[0].position + 1
        before = GENESIS if last is None else last[0].mac
        if entry.position != expected or entry.mac != _mac(entry, before):
            yield Broken(entry.chain, entry.position, entry.at)
        last = entry, head
    if last is not None:
        yield from _check_end(*last)
    yield from _find_emptied(session)
    yield Verified(count, chains)


def _check_end(last: Entry, head: ChainHead | None) -> Iterator[Broken]:
    if head is None or (head.position, head.mac) != (last.position, last.mac):
        yield Broken(last.chain, last.position + 1, None)


def _find_emptied(session: Session) -> Iterator[Broken]:
    """Yield the chains whose entries have all been removed, known by their heads."""
    has_entries = exists().where(Entry.chain == ChainHead.chain)
    for chain, position in session.execute(
        select(ChainHead.chain, ChainHead.position).where(~has_entries)
    ):
        yield Broken(chain, position, None)

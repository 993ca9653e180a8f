"""History: an append-only audit log, in hash chains that reveal tampering.

Each organization has a chain, and each person one for changes outside of organizations. An entry is
written in the transaction of its change. Its seal is an HMAC over the entry and the seal before it,
and the head of the chain has a seal, too; `core.audit.verification` checks all of them.
"""

import logging
from functools import partial
from typing import Final

from sqlalchemy.event import listen
from sqlalchemy.orm import Session

from core.access.permissions import Actor, find_impersonation_reason
from core.audit import sealing, search_texts
from core.audit.receipt_verifier import GENESIS
from core.base import clock, crypto, logs
from core.database import change_tracking
from core.models import Base, ChainHead, Entry, Organization

log = logging.getLogger(__name__)

MAX_REASON: Final = 500
"""Characters of a reason."""
WATCHED: Final = frozenset(
    "acting.started acting.ended member.role_changed member.removed ownership.named "
    "ownership.transferred organization.deleted organization.restored organization.purged "
    "organization.merged mail.link_opened "
    "organizations.downloaded history.downloaded stage.overridden key.rotated "
    "backup.restored".split()
)
"""Besides those of accounts, the events that the security log has, too."""
_TO_LOG: Final = "entries for the security log"


def record(
    session: Session,
    actor: Actor,
    where: Organization | int | None,
    event: str,
    row: Base,
    *also: Base,
    reason: str = "",
    person_id: int | None = None,
    always: bool = False,
) -> Entry | None:
    """Record the changes of this transaction to `row` and to other rows in one entry.

    `where` is the organization, or the id of a person where there is none; the caller has locked
    its row, so that the chain grows by one entry at a time. It is None for what concerns all of
    Orgdesk. Returns None when nothing changed; `always` records an entry anyway, for effects
    outside these rows such as mails and sessions.
    """
    differences = change_tracking.pop_changes(session, (row, *also))
    if not differences and not always:
        return None
    org_id = where.id if isinstance(where, Organization) else None
    as_owner = find_impersonation_reason(session, actor, org_id) if org_id else ""
    entry = Entry(
        chain=_chain_of(where),
        at=clock.now(),
        actor_id=actor.user_id or None,
        org_id=org_id,
        event=event,
        subject=change_tracking.row_name(row),
        person_id=person_id if person_id is not None else _person_of(row),
        changes=differences,
        reason=_join_reasons(reason or change_tracking.find_reason(session), as_owner),
        seal=2,
        **_cause_of(session, _chain_of(where)),
    )
    _append(session, entry)
    _announce(session, entry)
    return entry


def _cause_of(session: Session, chain: str) -> dict[str, int | None]:
    """Return `undoes_id` and `run_id`; an entry is undone in its own chain only."""
    cause = change_tracking.find_cause(session)
    undoes_id = cause.get("undoes_id")
    undone = None if undoes_id is None else session.get(Entry, undoes_id)
    if undone is not None and undone.chain != chain:
        return cause | {"undoes_id": None}
    return cause


def _announce(session: Session, entry: Entry) -> None:
    """Name the entry in the mails that its change queued, and in the security log if it matters."""
    change_tracking.recorded_ids(session).append(entry.id)
    change_tracking.attribute(session, entry.id)
    if entry.event.startswith("account.") or entry.event in WATCHED:
        _log_after_commit(session, entry)


def _log_after_commit(session: Session, entry: Entry) -> None:
    ids = {"actor": entry.actor_id, "org": entry.org_id, "person": entry.person_id}
    log = partial(logs.security, entry.event, **ids)
    session.info.setdefault(_TO_LOG, []).append((entry, log))
    listen(session, "after_commit", _log_entries)


def _log_entries(session: Session) -> None:
    """Log what was committed, which the release of a savepoint is not, and what it took back."""
    if session.in_nested_transaction():
        return
    for entry, log in session.info.pop(_TO_LOG, ()):
        if entry in session:
            log()


def _join_reasons(reason: str, as_owner: str) -> str:
    """Return a reason together with that of the impersonation under which it was given."""
    if not as_owner or reason == as_owner:
        return reason
    suffix = f"As an owner: {as_owner}"
    return f"{reason[: MAX_REASON - len(suffix) - 3]} ({suffix})" if reason else suffix


def open_chain(session: Session, where: Organization | int) -> None:
    """Begin the chain of a new organization or person, so that its absence is found from now on.

    `record` does so, too, where the first entry is written with the row.
    """
    session.add(sealing.new_head(_chain_of(where)))


def _chain_of(where: Organization | int | None) -> str:
    if where is None:
        return "orgdesk"
    return f"person:{where}" if isinstance(where, int) else f"org:{where.id}"


def _append(session: Session, entry: Entry) -> None:
    head = session.get(ChainHead, entry.chain, populate_existing=True, with_for_update=True)
    if head is None:
        head = sealing.new_head(entry.chain)
        session.add(head)
    was_intact = sealing.is_intact(head)
    entry.position, entry.key_id = head.position + 1, crypto.key_id()
    facts = sealing.facts_of(entry)
    entry.mac = head.mac = sealing.mac(facts, head.mac)
    head.digest = sealing.grow(head.digest or GENESIS, facts)
    head.position = entry.position
    head.news_from = head.news_from or entry.position
    if was_intact:
        sealing.seal_head(head)
    else:  # no new seal may hide what was done to the chain
        head.seal, head.key_id = None, crypto.key_id()  # which the database must know
        log.error("the end of history chain %s was altered", entry.chain)
    session.add(entry)
    session.flush()
    search_texts.add(session, entry)


def _person_of(row: Base) -> int | None:
    if row.__tablename__ == "users":
        return int(row.id)  # type: ignore[attr-defined]
    return getattr(row, "user_id", None)

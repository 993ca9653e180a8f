"""Receipts: the history of an organization with a signature, to be kept by its owners.

Whoever holds one can prove later what history said then; see `core.audit.receipt_verifier`.
"""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access
from core.audit import history, receipt_verifier, sealing
from core.base import clock, crypto
from core.base.errors import HistoryAltered
from core.models import ChainHead, Entry


def begin(session: Session, actor: Actor, org_id: int) -> Entry | None:
    """Record that a person downloads a receipt of an organization's history."""
    org = access(session, actor, org_id, Action.VIEW_HISTORY)
    return history.record(session, actor, org, "history.downloaded", org, always=True)


def make(session: Session, actor: Actor, org_id: int) -> dict[str, Any]:
    """Return a receipt of all entries of an organization so far; owners and staff.

    Raises `HistoryAltered` rather than sign what was tampered with.
    """
    org = access(session, actor, org_id, Action.VIEW_HISTORY)
    head = session.get_one(ChainHead, f"org:{org_id}")
    entries = session.scalars(
        select(Entry)
        .where(Entry.chain == head.chain, Entry.position <= head.position)
        .order_by(Entry.position)
        .execution_options(yield_per=1000)
    )
    digest, mac, facts = receipt_verifier.GENESIS, receipt_verifier.GENESIS, []
    for entry in entries:
        fact = sealing.facts_of(entry)
        digest, mac = sealing.grow(digest, fact), entry.mac
        facts.append(sealing.public(fact))
    if (digest, mac) != (head.digest, head.mac) or not sealing.is_intact(head):
        raise HistoryAltered
    receipt = {
        "format": receipt_verifier.FORMAT,
        "chain": head.chain,
        "organization": org.public_id,
        "at": clock.now().isoformat(timespec="seconds"),
        "entries": facts,
        "digest": digest,
        "key_id": crypto.key_id(),
    }
    signer = crypto.signing_key(crypto.key_id())
    return receipt | {"signature": signer.sign(receipt_verifier.signed_part(receipt)).hex()}

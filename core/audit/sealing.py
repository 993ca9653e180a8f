"""Seals of history: those of entries, of the ends of chains, and sums over all ends.

An entry has an HMAC over itself and the one before it. The head of a chain has an HMAC of its own,
so that the newest entries cannot be cut off. Beside them runs a digest without a key, which others
can recompute.
"""

import hashlib
import hmac
from datetime import datetime
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.audit.receipt_verifier import GENESIS, encode
from core.audit.receipt_verifier import grow as grow_digest
from core.base import crypto
from core.models import ChainHead, Entry

_LANES: Final = 2048
"""Bytes of a head in a sum: 1,024 numbers of 16 bits."""
_VERSION_1: Final = 10
"""The number of facts that seal 1 covers."""

Sum = NDArray[np.uint16]


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
    run_id: int | None = None
    undoes_id: int | None = None
    key_id: str | None = None
    seal: int = 2


def facts_of(entry: Entry) -> Facts:
    """Return the content of a stored entry."""
    return Facts(
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
        entry.run_id,
        entry.undoes_id,
        entry.key_id,
        entry.seal,
    )


def public(facts: Facts) -> list[Any]:
    """Return an entry as a list for JSON, the version of its seal first."""
    covered = facts[:_VERSION_1] if facts.seal == 1 else facts[:-1]
    return [facts.seal, *covered[:2], facts.at.isoformat(), *covered[3:]]


def mac(facts: Facts, before: str) -> str:
    """Return the HMAC of an entry and that of the one before it.

    Raises `KeyError` if it was sealed with a key that is not known.
    """
    version, *covered = public(facts)
    sealed = [before, *covered] if version == 1 else [version, before, *covered]
    key = crypto.derive("history", facts.key_id or crypto.first_key_id())
    return hmac.digest(key, encode(sealed).encode(), "sha256").hex()


def grow(digest: str, facts: Facts) -> str:
    """Return the digest of a chain after one more entry."""
    return grow_digest(digest, public(facts))


def head_mac(key_id: str, chain: str, position: int, mac: str, digest: str | None) -> str:
    """Return the HMAC of the end of a chain."""
    sealed = encode([chain, position, mac, digest]).encode()
    return hmac.digest(crypto.derive("heads", key_id), sealed, "sha256").hex()


def seal_head(head: ChainHead) -> None:
    """Seal the end of a chain with the key in use."""
    head.key_id = crypto.key_id()
    head.seal = head_mac(head.key_id, head.chain, head.position, head.mac, head.digest)


def is_intact(head: ChainHead) -> bool:
    """Return whether the seal of a head fits, and it was not set back behind a checkpoint."""
    if head.seal is None or head.key_id not in crypto.secrets_by_id():
        return False
    if head.position < (head.summed_position or 0):
        return False
    expected = head_mac(head.key_id, head.chain, head.position, head.mac, head.digest)
    return hmac.compare_digest(head.seal, expected)


def new_head(chain: str) -> ChainHead:
    """Return the sealed head of a chain without entries."""
    head = ChainHead(chain=chain, position=0, mac=GENESIS, digest=GENESIS)
    seal_head(head)
    return head


def empty_sum() -> Sum:
    """Return the sum of no heads."""
    return np.zeros(_LANES // 2, np.uint16)


def as_term(chain: str, position: int, digest: str) -> Sum:
    """Return a head as a term of a sum (LtHash): terms can be added and taken away, not forged."""
    spread = hashlib.shake_256(encode([chain, position, digest]).encode()).digest(_LANES)
    return np.frombuffer(spread, np.uint16)

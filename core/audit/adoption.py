"""What a database needs once before history is recorded in it: a known key, and sealed chains."""

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from core.audit import keys, sealing
from core.audit.receipt_verifier import GENESIS
from core.audit.verification import absent_chains
from core.base import crypto
from core.models import ChainHead, Entry, Organization, User

_SAMPLE: Final = 50
_BATCH: Final = 1_000


def prepare(session: Session) -> None:
    """Make sure that the secret key is the database's; raises `WrongKey` and `MissingKey`.

    An empty database takes ours, for which a key file is created where SECRET_KEY is not set. A
    database from before keys were remembered takes ours if history was sealed with it; then the
    ends of all chains are sealed, and missing chains begin.
    """
    newest = keys.find_newest(session)
    if newest is not None:
        keys.ensure_ours(newest)
        return
    if keys.is_empty(session):
        crypto.create_key_file()
    if not _is_sealed_with_ours(session):
        raise keys.WrongKey
    keys.remember(session)
    for heads in _batched(_sealed_heads(session)):
        session.execute(update(ChainHead), heads)
    for column in (Organization.id, User.id):
        while absent := session.scalars(absent_chains(column).limit(_BATCH)).all():
            session.execute(insert(ChainHead), [_as_row(sealing.new_head(each)) for each in absent])


def _is_sealed_with_ours(session: Session) -> bool:
    """Return whether entries were sealed with our key; True if there are none."""
    firsts = session.scalars(
        select(Entry).where(Entry.position == 1).order_by(Entry.id).limit(_SAMPLE)
    ).all()
    return not firsts or any(
        sealing.mac(sealing.facts_of(entry), GENESIS) == entry.mac for entry in firsts
    )


def _sealed_heads(session: Session) -> Iterator[dict[str, Any]]:
    """Yield the heads of all chains that are intact with their seals; others get none."""
    rows = session.execute(
        select(Entry, ChainHead)
        .join(ChainHead, ChainHead.chain == Entry.chain)
        .order_by(Entry.chain, Entry.position)
        .execution_options(yield_per=_BATCH)
    )
    chain, end, digest = "", (0, GENESIS), GENESIS
    for entry, head in rows:
        if entry.chain != chain:
            chain, end, digest = entry.chain, (0, GENESIS), GENESIS
        facts = sealing.facts_of(entry)
        is_intact = end[0] + 1 == entry.position and entry.mac == sealing.mac(facts, end[1])
        end = (entry.position, entry.mac) if is_intact else (-1, "")
        digest = sealing.grow(digest, facts)
        if end == (head.position, head.mac):
            sealed = ChainHead(chain=chain, position=end[0], mac=end[1], digest=digest)
            sealing.seal_head(sealed)
            yield _as_row(sealed)


def _as_row(head: ChainHead) -> dict[str, Any]:
    names = ("chain", "position", "mac", "digest", "seal", "key_id")
    return {name: getattr(head, name) for name in names}


def _batched(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(islice(rows, _BATCH)):
        yield batch

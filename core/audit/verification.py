"""Verification of history: everything that was altered, removed or put back without the key.

Chains are read one after another, entry by entry. What is missing is found as well: chains of
organizations and accounts, entries up to the head of a chain, checkpoints that the file lists.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import Select, String, cast, exists, literal, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from core.audit import checkpoints, sealing
from core.audit.receipt_verifier import GENESIS
from core.audit.recorded_values import RecordedValues
from core.base import crypto
from core.models import ChainHead, Entry, Organization, User

ALTERED: Final = "an entry was altered, removed or inserted"
CUT: Final = "the end of the chain was cut off or altered"
UNSEALED: Final = "the head isn't sealed with a known key"
EMPTIED: Final = "all entries are missing"
DIFFERS: Final = "the entries differ from those in the newest checkpoint"
ABSENT: Final = "the chain is missing"
OUT_OF_ORDER: Final = "the entries are out of order"
UNDOES_OTHER: Final = "it undoes an entry that isn't an earlier one of this chain"


@dataclass(frozen=True)
class Verified:
    """The number of entries and chains that `verify` has read."""

    entries: int
    chains: int


@dataclass(frozen=True)
class Broken:
    """Where history was tampered with: a chain, mostly a position in it, and what is wrong."""

    chain: str
    position: int | None
    at: datetime | None
    why: str = ALTERED


Found = Iterator[Broken | Verified]


def verify(session: Session) -> Found:
    """Check all of history; yield what is broken, then the totals.

    While others write, the session must be one of `db.inspect`, whose queries see one moment.
    """
    published = checkpoints.list_published()  # before the first query: see `find_flaws`
    values = RecordedValues(session)
    count, chains = 0, 0
    chain: _Chain | None = None
    for entry, head in _read(session):
        if chain is None or chain.name != entry.chain:
            yield from chain.end() if chain else ()
            yield from _mismatches(values, is_last=False)
            chain, chains = _Chain(entry.chain, head), chains + 1
        is_sealed = yield from chain.check(entry)
        if is_sealed:
            for found in values.add(entry):
                yield Broken(found.row, None, entry.at, str(found))
        count += 1
    yield from chain.end() if chain else ()
    yield from _mismatches(values, is_last=True)
    yield from _check_empty_chains(session)
    yield from _find_absent_chains(session)
    for why in checkpoints.find_flaws(session, published):
        yield Broken("checkpoints", None, None, why)
    yield Verified(count, chains)


def _read(session: Session) -> Iterator[tuple[Entry, ChainHead | None]]:
    rows = session.execute(
        select(Entry, ChainHead)
        .outerjoin(ChainHead, ChainHead.chain == Entry.chain)
        .order_by(Entry.chain, Entry.position)
        .execution_options(yield_per=1000)
    )
    yield from rows


@dataclass
class _Chain:
    """A chain that is being read, from its first entry on."""

    name: str
    head: ChainHead | None
    position: int = 0
    mac: str = GENESIS
    digest: str = GENESIS
    summed_digest: str = GENESIS
    """The digest at the position that is part of the newest checkpoint."""
    last_id: int = 0
    is_altered: bool = False
    undoable: set[int] = field(default_factory=set)

    def check(self, entry: Entry) -> Generator[Broken, None, bool]:
        """Compare an entry with those before it, and return whether its seal fits."""
        facts = sealing.facts_of(entry)
        why = self._find_flaw(entry, facts)
        if why:
            yield Broken(entry.chain, entry.position, entry.at, why)
        self.position, self.mac, self.last_id = entry.position, entry.mac, entry.id
        self.digest = sealing.grow(self.digest, facts)
        self.undoable.add(entry.id)
        self.is_altered = self.is_altered or why == ALTERED
        if self.head is not None and self.head.summed_position == entry.position:
            self.summed_digest = self.digest
        return why != ALTERED

    def _find_flaw(self, entry: Entry, facts: sealing.Facts) -> str:
        if entry.position != self.position + 1 or not _is_sealed(facts, self.mac, entry.mac):
            return ALTERED
        if entry.id <= self.last_id:
            return OUT_OF_ORDER
        if entry.undoes_id is not None and entry.undoes_id not in self.undoable:
            return UNDOES_OTHER
        return ""

    def end(self) -> Iterator[Broken]:
        """Compare the last entry with the head; what follows from an altered entry is left out."""
        head, after = self.head, self.position + 1
        if head is None or (head.position, head.mac) != (self.position, self.mac):
            yield Broken(self.name, after, None, CUT)
        elif not sealing.is_intact(head):
            yield Broken(self.name, after, None, UNSEALED)
        elif not self.is_altered and head.digest != self.digest:
            yield Broken(self.name, after, None, CUT)
        elif not self.is_altered and (head.summed_digest or GENESIS) != self.summed_digest:
            yield Broken(self.name, head.summed_position, None, DIFFERS)


def _is_sealed(facts: sealing.Facts, before: str, mac: str) -> bool:
    known = crypto.secrets_by_id()
    return (facts.key_id is None or facts.key_id in known) and sealing.mac(facts, before) == mac


def _mismatches(values: RecordedValues, *, is_last: bool) -> Iterator[Broken]:
    for found in values.mismatches(is_last=is_last):
        yield Broken(found.row, None, None, str(found))


def _check_empty_chains(session: Session) -> Iterator[Broken]:
    """Yield the chains without entries whose heads say that there were some, or are not sealed."""
    heads = session.scalars(
        select(ChainHead)
        .where(~exists().where(Entry.chain == ChainHead.chain))
        .execution_options(yield_per=1000)
    )
    for head in heads:
        if head.position:
            yield Broken(head.chain, head.position, None, EMPTIED)
        elif not sealing.is_intact(head):
            yield Broken(head.chain, 0, None, UNSEALED)


def _find_absent_chains(session: Session) -> Iterator[Broken]:
    for column in (Organization.id, User.id):
        for name in session.scalars(absent_chains(column)):
            yield Broken(name, None, None, ABSENT)


def absent_chains(column: InstrumentedAttribute[int]) -> Select[str]:
    """Return the query for the names of chains that organizations or accounts lack."""
    kind = "person:" if column is User.id else "org:"
    chain = literal(kind, String) + cast(column, String)
    return select(chain).where(~exists().where(ChainHead.chain == chain))

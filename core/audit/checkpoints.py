"""Checkpoints: signed sums over the ends of all chains, listed outside of the database as well.

The sum (LtHash) of a checkpoint costs what has changed since the one before. Its name goes to the
log and to a file, which reveal an old copy of the database or checkpoints that were cut off.
"""

import hashlib
import logging
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
from cryptography.exceptions import InvalidSignature
from sqlalchemy import make_url, select, text, update
from sqlalchemy.orm import Session

from core.audit import sealing
from core.audit.receipt_verifier import GENESIS, encode
from core.base import clock, crypto
from core.base.settings import PROJECT, settings
from core.database import db, job_locks
from core.models import ChainHead, Checkpoint
from core.models.audit import HAS_MOVED

JOB: Final = "checkpoint"
INTERVAL: Final = timedelta(hours=1)
_BATCH: Final = 1_000
"""Chains in one checkpoint: 0.1 s, for which nobody else can write on SQLite."""
_RESTORED: Final = "restored"

log = logging.getLogger(__name__)


def run_due() -> None:
    """Make checkpoints if they are due; one process does it for all."""
    if job_locks.claim(JOB, next_at=clock.now() + INTERVAL):
        make_all()


def make_all() -> Checkpoint | None:
    """Make checkpoints until the newest covers all chains; return it, None if none was needed."""
    made = None
    while (checkpoint := db.run(make)) is not None:
        made = checkpoint
        publish(checkpoint)
    return made


def make(session: Session) -> Checkpoint | None:
    """Make a checkpoint of chains that have moved since the last one; None if there are none.

    Chains that were tampered with stay out, so that no signature covers them.
    """
    last = find_newest(session)
    chains, entries = (last.chains, last.entries) if last else (0, 0)
    total = _read_total(last)
    moved = [head for head in _list_moved(session) if sealing.is_intact(head)]
    if not moved:
        return None
    for head in moved:
        if head.summed_position is None:
            chains += 1
        else:
            total -= sealing.as_term(head.chain, head.summed_position, head.summed_digest or "")
        total += sealing.as_term(head.chain, head.position, head.digest or "")
        entries += head.position - (head.summed_position or 0)
    session.execute(update(ChainHead), [_as_summed(head) for head in moved])
    checkpoint = Checkpoint(
        number=(last.number if last else 0) + 1,
        at=clock.now(),
        chains=chains,
        entries=entries,
        total=total.tobytes(),
        before=name_of(last) if last else GENESIS,
        key_id=crypto.key_id(),
    )
    checkpoint.signature = crypto.signing_key(checkpoint.key_id).sign(_signed(checkpoint)).hex()
    session.add(checkpoint)
    session.flush()
    return checkpoint


def _list_moved(session: Session) -> Iterator[ChainHead]:
    """Yield heads that moved; those that are locked come next time."""
    return session.scalars(
        select(ChainHead)
        .where(text(f"({HAS_MOVED})"), ChainHead.seal.is_not(None))
        .order_by(ChainHead.chain)
        .limit(_BATCH)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )


def _as_summed(head: ChainHead) -> dict[str, Any]:
    return {
        "chain": head.chain,
        "summed_position": head.position,
        "summed_digest": head.digest,
    }


def find_newest(session: Session) -> Checkpoint | None:
    """Return the newest checkpoint, if there is one."""
    return session.scalar(select(Checkpoint).order_by(Checkpoint.number.desc()).limit(1))


def _read_total(checkpoint: Checkpoint | None) -> sealing.Sum:
    if checkpoint is None:
        return sealing.empty_sum()
    return np.frombuffer(checkpoint.total, np.uint16).copy()


def _signed(checkpoint: Checkpoint) -> bytes:
    facts = [
        *(checkpoint.number, checkpoint.at.isoformat(), checkpoint.chains, checkpoint.entries),
        *(hashlib.sha256(checkpoint.total).hexdigest(), checkpoint.before, checkpoint.key_id),
    ]
    return encode(facts).encode()


def name_of(checkpoint: Checkpoint) -> str:
    """Return the name of a checkpoint: the SHA-256 of what it says and of its signature."""
    signature = bytes.fromhex(checkpoint.signature)
    return hashlib.sha256(_signed(checkpoint) + signature).hexdigest()


def is_signed(checkpoint: Checkpoint) -> bool:
    """Return whether a checkpoint has the signature of a known key."""
    if checkpoint.key_id not in crypto.secrets_by_id():
        return False
    public_key = crypto.signing_key(checkpoint.key_id).public_key()
    try:
        public_key.verify(bytes.fromhex(checkpoint.signature), _signed(checkpoint))
    except (InvalidSignature, ValueError):
        return False
    return True


def find_flaws(session: Session, published: Mapping[int, str]) -> Iterator[str]:
    """Yield in words what is wrong with the checkpoints, and where the chains differ from them.

    `published` is what `list_published` returned before the session's first query: a checkpoint
    that a worker has added since is in the file, but not in what the session reads.
    """
    newest: Checkpoint | None = None
    published = dict(published)
    for checkpoint in session.scalars(
        select(Checkpoint).order_by(Checkpoint.number).execution_options(yield_per=100)
    ):
        expected = (newest.number + 1, name_of(newest)) if newest else (1, GENESIS)
        if (checkpoint.number, checkpoint.before) != expected:
            yield f"checkpoint {checkpoint.number} doesn't follow the one before it"
        if not is_signed(checkpoint):
            yield f"the signature of checkpoint {checkpoint.number} is wrong"
        if published.pop(checkpoint.number, None) not in {None, name_of(checkpoint)}:
            yield f"checkpoint {checkpoint.number} isn't the one that was listed in the file"
        newest = checkpoint
    yield from (f"checkpoint {number} is missing, but was listed" for number in published)
    if not _is_sum_of_chains(session, newest):
        yield f"the chains differ from checkpoint {newest.number if newest else 0}"


def _is_sum_of_chains(session: Session, newest: Checkpoint | None) -> bool:
    total, chains, entries = sealing.empty_sum(), 0, 0
    for chain, position, digest in session.execute(
        select(ChainHead.chain, ChainHead.summed_position, ChainHead.summed_digest)
        .where(ChainHead.summed_position.is_not(None))
        .execution_options(yield_per=_BATCH)
    ):
        total += sealing.as_term(chain, position or 0, digest or "")
        chains, entries = chains + 1, entries + (position or 0)
    if newest is None:
        return chains == 0
    return (newest.total, newest.chains, newest.entries) == (total.tobytes(), chains, entries)


def publish(checkpoint: Checkpoint) -> None:
    """Name a checkpoint in the log and in the file of checkpoints."""
    name = name_of(checkpoint)
    log.info("checkpoint %s of history: %s", checkpoint.number, name)
    _add_line(f"{checkpoint.number} {name}")


def give_up_after(number: int) -> list[int]:
    """Note that a backup was put back, so that later checkpoints are rightly missing.

    Return the numbers of those.
    """
    lost = sorted(each for each in list_published() if each > number)
    _add_line(f"{_RESTORED} {number}")
    return lost


def list_published() -> dict[int, str]:
    """Return the names of checkpoints in the file, by number, without those that were given up."""
    path = published_file()
    names: dict[int, str] = {}
    for line in path.read_text("ascii").splitlines() if path.exists() else ():
        first, _, second = line.partition(" ")
        if first == _RESTORED:
            names = {number: name for number, name in names.items() if number <= int(second)}
        else:
            names[int(first)] = second
    return names


def published_file() -> Path:
    """Return the path of the file that lists the names of checkpoints."""
    if settings().checkpoints_file:
        return Path(settings().checkpoints_file)
    url = make_url(settings().database_url)
    if url.get_backend_name() == "sqlite":
        return Path(f"{url.database}.checkpoints")
    return PROJECT / "data" / "orgdesk.checkpoints"


def _add_line(line: str) -> None:
    try:
        with published_file().open("a") as file:
            file.write(f"{line}\n")
    except OSError:
        log.exception("the file of checkpoints can't be written")

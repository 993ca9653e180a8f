"""Downloads that are under way in this process: how far each has come, and how to end it."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.access.permissions import Actor
from core.organizations.csv_export import Format

_LAST_BYTES = 200
_ROWS = re.compile(rb"^rows (\d+)$", re.MULTILINE)


@dataclass(eq=False)
class Transfer:
    """One download of one person; `end` breaks it off, from any thread."""

    actor: Actor
    form: Format
    end: Callable[[], object]
    sent: int = 0
    """Bytes that have been handed on."""
    said: Path | None = None
    """Where the process that writes the file says how many rows it has read: `rows 5000`."""

    def stop(self) -> None:
        """End it: the file breaks off, and the work with it."""
        self.end()

    def count_rows(self) -> int:
        """Return how many organizations have been read so far."""
        if self.said is None or not self.said.exists():
            return 0
        whole, _, _ = self.said.read_bytes()[-_LAST_BYTES:].rpartition(b"\n")
        rows = _ROWS.findall(whole)
        return int(rows[-1]) if rows else 0


@contextmanager
def under_way(transfer: Transfer) -> Iterator[Transfer]:
    """Let a transfer be found for as long as it lasts."""
    _under_way.append(transfer)
    try:
        yield transfer
    finally:
        _under_way.remove(transfer)


def list_of(actor: Actor) -> list[Transfer]:
    """Return what a person is downloading just now, the first begun first."""
    return [each for each in list(_under_way) if each.actor.user_id == actor.user_id]


_under_way: list[Transfer] = []

"""The history of sample organizations, sealed entry by entry as by `core.audit.history`."""

from datetime import datetime
from typing import Any

from core.audit import sealing
from core.audit.receipt_verifier import GENESIS
from core.base import crypto


class Chain:
    """The history entries of one organization or, without `org_id`, of one account.

    They can be added in any order, and are sealed in the order of time.
    """

    def __init__(self, subject: str, name: str, org_id: int | None = None) -> None:
        self.subject, self._name, self.org_id = subject, name, org_id
        self._added: list[tuple[Any, ...]] = []

    def add(
        self,
        at: datetime,
        actor_id: int,
        event: str,
        *,
        before: tuple[str, Any] | None = None,
        reason: str = "",
        **new: Any,
    ) -> None:
        """Add an entry that changes fields to `new`; `before` is the old value of a field."""
        old = dict([before]) if before else {}
        changes = [
            {"row": self.subject, "field": field, "old": old.get(field), "new": value}
            for field, value in new.items()
        ]
        self._added.append((at, actor_id, event, changes, reason))

    def seal(self) -> tuple[list[tuple[Any, ...]], tuple[Any, ...]]:
        """Return the entries and the head, with their values in the order of the columns."""
        entries, mac, digest, key_id = [], GENESIS, GENESIS, crypto.key_id()
        ordered = sorted(self._added, key=lambda added: added[0])
        for position, (at, actor_id, event, changes, reason) in enumerate(ordered, start=1):
            header = (self._name, position, at, actor_id, self.org_id, event, self.subject)
            facts = sealing.Facts(*header, None, changes, reason, key_id=key_id)
            mac = sealing.mac(facts, mac)
            digest = sealing.grow(digest, facts)
            entries.append((*facts, mac))
        head = (self._name, len(entries), mac, digest)
        return entries, (*head, sealing.head_mac(key_id, *head), key_id)

"""The history of sample organizations, sealed entry by entry as by `core.audit.history`."""

from datetime import datetime
from typing import Any

from core.audit import sealing
from core.audit.receipt_verifier import GENESIS
from core.base import crypto


class Chain:
    """The history entries of one organization or, without `org_id`, of one account."""

    def __init__(self, subject: str, name: str, org_id: int | None = None) -> None:
        self.subject, self._name, self.org_id = subject, name, org_id
        self.entries: list[tuple[Any, ...]] = []
        self._mac = self._digest = GENESIS

    @property
    def head(self) -> tuple[Any, ...]:
        """Return the values of the head, in the order of its columns."""
        head = (self._name, len(self.entries), self._mac, self._digest)
        key_id = crypto.key_id()
        return *head, sealing.head_mac(key_id, *head), key_id

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
        """Append an entry that changes fields to `new`; `before` is the old value of a field."""
        old = dict([before]) if before else {}
        changes = [
            {"row": self.subject, "field": field, "old": old.get(field), "new": value}
            for field, value in new.items()
        ]
        position = len(self.entries) + 1
        header = (self._name, position, at, actor_id, self.org_id, event, self.subject)
        facts = sealing.Facts(*header, None, changes, reason, key_id=crypto.key_id())
        self._mac = sealing.mac(facts, self._mac)
        self._digest = sealing.grow(self._digest, facts)
        self.entries.append((*facts, self._mac))

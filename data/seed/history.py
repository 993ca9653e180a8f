"""The history of sample organizations, sealed entry by entry as in `core.audit.history`."""

from datetime import datetime
from typing import Any

from core.audit import history


class Chain:
    """The history entries of one organization."""

    def __init__(self, org_id: int) -> None:
        self.subject = f"organizations:{org_id}"
        self.entries: list[tuple[Any, ...]] = []
        self.org_id, self._name = org_id, f"org:{org_id}"
        self._mac = history.GENESIS

    @property
    def head(self) -> tuple[str, int, str]:
        """Return the name of the chain, and the position and the seal of its last entry."""
        return self._name, len(self.entries), self._mac

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
        facts = history.Facts(*header, None, changes, reason)
        self._mac = history.seal(facts, self._mac)
        self.entries.append((*facts, self._mac))

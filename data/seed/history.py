"""The history of made-up organizations, sealed entry by entry as `core.audit.history` does it."""

from datetime import datetime
from typing import Any

from core.audit import history


class Chain:
    """The entries of one organization, and where its chain ends."""

    def __init__(self, org_id: int) -> None:
        self.subject = f"organizations:{org_id}"
        self.entries: list[tuple[Any, ...]] = []
        self.org_id, self._name = org_id, f"org:{org_id}"
        self._mac = history.GENESIS

    @property
    def head(self) -> tuple[str, int, str]:
        """Return the chain, the position of its last entry, and that entry's seal."""
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
        """Append an entry in which fields became `new`; `before` is a field's old value."""
        old = dict([before]) if before else {}
        changes = [
            {"row": self.subject, "field": field, "old": old.get(field), "new": value}
            for field, value in new.items()
        ]
        position = len(self.entries) + 1
        place = (self._name, position, at, actor_id, self.org_id, event, self.subject)
        facts = history.Facts(*place, None, changes, reason)
        self._mac = history.seal(facts, self._mac)
        self.entries.append((*facts, self._mac))

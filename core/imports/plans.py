"""Plans of imports: what each row of a file would do, found out without changing anything."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from core.imports.columns import What


class Outcome(StrEnum):
    """What the import of a row would do."""

    NEW = "new"
    CHANGE = "change"
    UNCHANGED = "unchanged"
    ERROR = "error"


@dataclass(frozen=True)
class PlannedRow:
    """A row of a file, and what its import would do."""

    number: int
    """As spreadsheets count, the titles being the first row."""
    cells: Sequence[str]
    outcome: Outcome
    label: str
    """What the row is about, in words: a name, an Organization ID or an address."""
    org_id: int | None = None
    edits: Mapping[str, str] = field(default_factory=dict)
    """The new texts, by field."""
    base: Mapping[str, str] = field(default_factory=dict)
    """The texts that they replace."""
    errors: Mapping[str, str] = field(default_factory=dict)
    """Sentences by field; the field is empty where they are about the row."""
    warning: str = ""
    """What may be wrong, although the row can be imported."""


@dataclass(frozen=True)
class Plan:
    """What the import of a file would do, row by row."""

    what: What
    file: str
    titles: Sequence[str]
    columns: Sequence[str]
    """The field of each column, empty where it is not imported."""
    rows: Sequence[PlannedRow]

    def count(self) -> Counter[Outcome]:
        """Return how many rows have each outcome."""
        return Counter(row.outcome for row in self.rows)

    def having(self, *outcomes: Outcome) -> list[PlannedRow]:
        """Return the rows with one of these outcomes, in their order."""
        return [row for row in self.rows if row.outcome in outcomes]

    @property
    def mails(self) -> int:
        """How many invitations the import would email."""
        return sum("owner_email" in row.edits or "email" in row.edits for row in self.rows)

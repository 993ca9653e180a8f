"""What an inverse is: the use case that puts back what an entry replaced."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.changes.cells import ORGANIZATION, Cell, Change
from core.models import Entry, Organization, Role

P = ParamSpec("P")
R = TypeVar("R")


class Ask(StrEnum):
    """What a person gives before something is undone, as before the act itself."""

    PASSWORD = "password"  # noqa: S105 - the name of a field
    NAME = "name"
    REASON = "reason"


@dataclass(frozen=True)
class Undoing:
    """An entry that is being undone: by whom, which of its cells, and with which reason."""

    session: Session
    actor: Actor
    org: Organization | None
    """The organization of the entry, locked; None for entries of a person's chain."""
    entry: Entry
    changes: Mapping[Cell, Change]
    """All that the entry changed."""
    chosen: frozenset[Cell]
    """The cells to put back."""
    reason: str = ""
    name: str = ""
    """What was typed to confirm a deletion."""

    @property
    def org_id(self) -> int:
        """Return the id of the organization."""
        return self.org.id if self.org is not None else 0

    @property
    def fields(self) -> set[str]:
        """Return the fields to put back."""
        return {cell.field for cell in self.chosen}

    @property
    def cell(self) -> Cell:
        """Return the cell to put back, where there is only one."""
        (cell,) = self.chosen
        return cell

    def call(
        self,
        use_case: Callable[Concatenate[Session, Actor, P], R],
        *args: P.args,
        **options: P.kwargs,
    ) -> R:
        """Call a use case for the person who undoes."""
        return use_case(self.session, self.actor, *args, **options)

    def old(self, field: str) -> Any:
        """Return the value of a field before the entry; None if the entry did not change it."""
        found = (change.old for cell, change in self.changes.items() if cell.field == field)
        return next(found, None)

    def new(self, field: str) -> Any:
        """Return the value of a field after the entry; None if the entry did not change it."""
        found = (change.new for cell, change in self.changes.items() if cell.field == field)
        return next(found, None)


def ask_nothing(_undoing: Undoing) -> set[Ask]:
    """Ask for nothing more than the press of a button."""
    return set()


def ask_reason(_undoing: Undoing) -> set[Ask]:
    """Ask for a reason."""
    return {Ask.REASON}


def ask_password(_undoing: Undoing) -> set[Ask]:
    """Ask for the password."""
    return {Ask.PASSWORD}


def ask_name(_undoing: Undoing) -> set[Ask]:
    """Ask for the password and the name of the organization."""
    return {Ask.PASSWORD, Ask.NAME}


def ask_password_for_owners(undoing: Undoing) -> set[Ask]:
    """Ask for the password where someone becomes an owner, or is invited or offered to be one."""
    roles = {undoing.changes[cell].old for cell in undoing.chosen if cell.field == "role"}
    return {Ask.PASSWORD} if Role.OWNER in roles else set()


@dataclass(frozen=True)
class Inverse:
    """How the entries of an event are undone."""

    put_back: Callable[[Undoing], object]
    """Calls the use case; it records one entry in the chain of what it undoes."""
    fields: frozenset[str]
    """The fields that are put back."""
    about: str = ORGANIZATION
    """What the fields are of: the first part of the key of their cells."""
    lead: str = ""
    """The field that decides for all: the others go with it, where nobody changed them since."""
    pairs: frozenset[str] = frozenset()
    """Fields that are put back together or not at all."""
    asks: Callable[[Undoing], set[Ask]] = ask_nothing
    caution: str = ""
    """What stays different afterwards, as a sentence."""
    only_subject: bool = False
    """Whether only the row that the entry is mainly about is put back."""

    def judges(self, entry: Entry, cell: Cell) -> bool:
        """Return whether a cell of an entry is put back when the entry is undone."""
        if self.only_subject and cell.key != entry.subject:
            return False
        return cell.key.partition(":")[0] == self.about and cell.field in self.fields

"""Comparison of the newest values in history with the rows as they are stored."""

from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from typing import Any, Final, NamedTuple

from sqlalchemy import Column, exists, or_, select
from sqlalchemy.orm import Session

from core.database import change_tracking
from core.models import Base, Entry

_BATCH: Final = 1_000
_PURGED: Final = {"organization.purged", "account.purged"}
Fields = dict[str, Any]


class Mismatch(NamedTuple):
    """A field whose value, stored or replaced later, is not the one that history recorded."""

    row: str
    field: str
    recorded: Any
    stored: Any

    def __str__(self) -> str:
        return f"{self.field} was {self.stored!r}, but history says {self.recorded!r}"


class Recorded(NamedTuple):
    """The newest recorded values of a row in one chain."""

    chain: str
    name: str
    fields: Fields

    @property
    def id(self) -> int:
        """Return the id of the row."""
        return int(self.name.partition(":")[2])


def _table(row: Recorded) -> str:
    return row.name.partition(":")[0]


class RecordedValues:
    """The newest recorded values of the chains that were read, compared with the rows in batches.

    Fields that no entry names are not compared. Rows that went with their organization have no
    entry that says so.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._newest: defaultdict[tuple[str, str], Fields] = defaultdict(dict)
        """By the chain and the row."""
        self._purged: set[str] = set()

    def add(self, entry: Entry) -> Iterator[Mismatch]:
        """Take over the new values of an entry; those of a chain come in its order.

        Yield the fields whose old value is not the one that the entry before it left.
        """
        for change in entry.changes:
            row, name, old = change["row"], change["field"], change["old"]
            fields = self._newest[entry.chain, row]
            if fields.get(name, old) != old:
                yield Mismatch(row, name, fields[name], old)
            fields[name] = change["new"]
        if entry.event in _PURGED:
            self._purged.add(entry.chain)

    def mismatches(self, *, is_last: bool) -> Iterator[Mismatch]:
        """Yield the mismatches of the chains so far, which are complete, if there are many."""
        if len(self._newest) < _BATCH and not is_last:
            return
        rows = [Recorded(*key, fields) for key, fields in self._newest.items()]
        for table, recorded in groupby(sorted(rows, key=_table), key=_table):
            yield from self._compare_table(table, list(recorded))
        self._newest.clear()
        self._purged.clear()

    def _compare_table(self, table: str, rows: list[Recorded]) -> Iterator[Mismatch]:
        if table not in Base.metadata.tables:
            return  # of a later version
        stored = self._load(table, [row.id for row in rows])
        for row in rows:
            yield from self._compare(row, stored.get(row.id))

    def _load(self, name: str, ids: list[int]) -> dict[int, Fields]:
        table = Base.metadata.tables[name]
        loaded: dict[int, Fields] = {}
        for start in range(0, len(ids), _BATCH):
            chosen = table.c.id.in_(ids[start : start + _BATCH])
            for row in self._session.execute(select(table).where(chosen)).mappings():
                loaded[row["id"]] = {
                    column.name: change_tracking.as_recorded(column, row[column.name])
                    for column in _recorded_columns(name)
                }
        return loaded

    def _compare(self, row: Recorded, stored: Fields | None) -> Iterator[Mismatch]:
        now = stored or {}
        differing = [name for name, value in row.fields.items() if value != now.get(name)]
        if differing and stored is None and self._went_with_organization(row):
            return
        is_user = bool(differing) and row.name.startswith("users:")
        newest = self._newest_of_user(row.id) if is_user else row.fields
        for name in differing:
            if newest[name] != now.get(name):
                yield Mismatch(row.name, name, newest[name], now.get(name))

    def _went_with_organization(self, row: Recorded) -> bool:
        org_id = row.fields.get("org_id")
        of_org = Entry.chain == f"org:{org_id}"
        purged = exists().where(of_org, Entry.event == "organization.purged")
        return row.chain in self._purged or bool(org_id and self._session.scalar(select(purged)))

    def _newest_of_user(self, user_id: int) -> Fields:
        """Return the newest values of an account over all chains.

        An account that was created by accepting an invitation has its first entry in the
        organization's chain.
        """
        name, newest = f"users:{user_id}", Fields()
        about = or_(Entry.chain == f"person:{user_id}", Entry.person_id == user_id)
        for entry in self._session.scalars(select(Entry).where(about).order_by(Entry.id)):
            newest |= {each["field"]: each["new"] for each in entry.changes if each["row"] == name}
        return newest


@cache
def _recorded_columns(table: str) -> list[Column[Any]]:
    return [
        column
        for column in Base.metadata.tables[table].c
        if not (column.primary_key or column.info.get("unrecorded"))
    ]

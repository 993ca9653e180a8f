"""Replay of history: applied to the initial rows, its changes must lead to the current rows."""

from collections.abc import Iterable
from datetime import date, datetime
from functools import cache
from typing import Any, Final

from core.audit import sealing
from core.audit.sealing import GENESIS, Facts
from core.database.change_tracking import PRIVATE_MARK
from core.models import Base

EDGES: Final = {
    ("free", "onboarding"),
    ("onboarding", "preproduction"),
    ("preproduction", "production"),
    ("onboarding", "free"),
    ("preproduction", "onboarding"),
    ("preproduction", "free"),
    ("production", "preproduction"),
}
RANKS: Final = {"member": 0, "admin": 1, "owner": 2}

Rows = dict[str, dict[str, Any]]
Violation = tuple[str, str, int, str]


def check(before: Rows, now: Rows, entries: list[dict[str, Any]]) -> Iterable[Violation]:
    """Yield where the replayed rows and the stored rows differ."""
    yield from _broken_chains(entries)
    replayed: Rows = {name: _as_recorded(name, row) for name, row in before.items()}
    for entry in entries:
        for change in entry["changes"]:
            yield from _apply(replayed, entry, change)
        yield from _above_the_inviter(replayed, entry)
    purged = {each["org_id"] for each in entries if each["event"] == "organization.purged"}
    yield from _differences(replayed, now, purged)


def _broken_chains(entries: list[dict[str, Any]]) -> Iterable[Violation]:
    last: dict[str, tuple[int, str]] = {}
    for entry in sorted(entries, key=lambda each: (each["chain"], each["position"])):
        position, mac = last.get(entry["chain"], (0, GENESIS))
        sealed = sealing.mac(Facts(*(entry[name] for name in Facts._fields)), mac)
        if entry["position"] != position + 1 or entry["mac"] != sealed:
            table = "users" if entry["chain"].startswith("person") else "organizations"
            number = int(entry["chain"].partition(":")[2])
            yield "I11", table, number, f"{entry['chain']} breaks at {entry['position']}"
        last[entry["chain"]] = entry["position"], entry["mac"]


def _apply(replayed: Rows, entry: dict[str, Any], change: dict[str, Any]) -> Iterable[Violation]:
    """Apply a change to the replayed rows."""
    table, _, number = change["row"].partition(":")
    row = replayed.setdefault(change["row"], {})
    was = row.get(change["field"])
    if was != change["old"] and not (was is None and change["old"] is None):
        why = f"{entry['event']} of {change['row']} {change['field']}: {was} was {change['old']}"
        yield "I11", table, int(number), why
    row[change["field"]] = change["new"]
    step = change["old"], change["new"]
    if None in step:
        return
    if change["field"] == "stage" and step not in EDGES:
        yield "I13", table, int(number), f"from {step[0]} to {step[1]}"
    if change["field"] == "public_id":
        yield "I16", table, int(number), f"the id {step[0]} became {step[1]}"


def _above_the_inviter(replayed: Rows, entry: dict[str, Any]) -> Iterable[Violation]:
    """Yield accepted invitations whose role was above that of the inviter at that moment."""
    if entry["event"] != "invitation.accepted":
        return
    accepted = {change["row"] for change in entry["changes"]}
    offered = [replayed[name] for name in accepted if name.startswith("invitations:")]
    for row in offered:
        if replayed[f"users:{row['invited_by']}"].get("staff") == "administrator":
            continue  # who may act as an owner
        roles = [
            each["role"]
            for name, each in replayed.items()
            if name.startswith("memberships:")
            and each.get("org_id") == entry["org_id"]
            and each.get("user_id") == row.get("invited_by")
        ]
        if not roles or RANKS[roles[0]] < RANKS[row["role"]]:
            why = f"admitted as {row['role']} by a person with the role {roles or 'gone'}"
            yield "I7", "organizations", entry["org_id"], why


def _differences(replayed: Rows, now: Rows, purged: set[int]) -> Iterable[Violation]:
    """Yield the differences between replayed and stored rows."""
    for name in replayed.keys() | now.keys():
        table, _, number = name.partition(":")
        if replayed.get(name, {}).get("org_id") in purged:
            continue  # gone with its organization
        then, there = replayed.get(name, {}), _as_recorded(name, now.get(name, {}))
        if then == there:
            continue
        differing = {
            field: (then.get(field), there.get(field))
            for field in then.keys() | there.keys()
            if then.get(field) != there.get(field)
        }
        if differing:
            yield "I11", table, int(number), f"{name}, replayed and stored: {differing}"


def _as_recorded(name: str, row: dict[str, Any]) -> dict[str, Any]:
    """Return a row in the form in which history records it."""
    if not row:
        return row
    return {
        field: PRIVATE_MARK if private and row[field] is not None else _value(row[field])
        for field, private in _recorded(name.partition(":")[0])
    }


@cache
def _recorded(table: str) -> list[tuple[str, bool]]:
    """Return the recorded fields of a table, each with whether it is private."""
    return [
        (column.name, bool(column.info.get("private")))
        for column in Base.metadata.tables[table].c
        if not (column.primary_key or column.info.get("unrecorded"))
    ]


def _value(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, str) else value

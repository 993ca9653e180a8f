"""What a world looks like, told so that two worlds of different numbers can be compared."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from core.models import Entry, Mail
from tests.prove.world import CROWD, MOST, World, snapshot

_LEFT_OUT = {
    *("id", "public_id", "org_id", "user_id", "created_by", "invited_by", "rep_id", "mail_id"),
    *("version", "name_key", "search_text", "nonce", "token_hash", "password_hash"),
    *("from_id", "to_id"),
}


def portrait(connection: Connection, worlds: Sequence[World]) -> dict[int, Counter[str]]:
    """Return what each world looks like: its rows, events and mails, without ids and moments."""
    looks: dict[int, Counter[str]] = {world.number: Counter() for world in worlds}
    rows = snapshot(connection)
    for name, row in rows.items():
        number = _number(row, name)
        if number in looks:
            looks[number][f"{name.partition(':')[0]} {_plain(row, number)}"] += 1
    entries = select(Entry.__table__.c.org_id, Entry.__table__.c.person_id, Entry.__table__.c.event)
    for org_id, person_id, event in connection.execute(entries):
        for owner in (org_id, person_id):
            if owner is not None and owner < CROWD:
                looks.get((owner - 1) // MOST, Counter())[f"event {event}"] += 1
                break
    for org_id, template in connection.execute(
        select(Mail.__table__.c.org_id, Mail.__table__.c.template)
    ):
        if org_id is not None and org_id < CROWD:
            looks.get((org_id - 1) // MOST, Counter())[f"mail {template}"] += 1
    return looks


def _number(row: dict[str, Any], name: str) -> int:
    ids = [int(name.partition(":")[2])]
    ids += [row[field] for field in ("org_id", "user_id", "created_by") if row.get(field)]
    known = [each for each in ids if each < CROWD]
    return (known[0] - 1) // MOST if known else _number_in(str(row.get("email", "")))


def _number_in(email: str) -> int:
    digits = email.partition("@")[0].partition(".")[2]
    return int(digits) if digits.isdigit() else -1


def _plain(row: dict[str, Any], number: int) -> str:
    kept = {
        field: (value is not None if field.endswith("_at") else value)
        for field, value in row.items()
        if field not in _LEFT_OUT
    }
    for field in ("org_id", "user_id", "invited_by", "rep_id", "from_id", "to_id"):
        if (row.get(field) or CROWD) < CROWD:
            kept[field] = row[field] - number * MOST
    return (
        str(sorted(kept.items(), key=str))
        .replace(f".{number}@", "@")
        .replace(f" {number}'", "'")
        .replace(f"deleted:{row.get('id')}", "deleted")
    )

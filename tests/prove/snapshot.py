"""Snapshots of datasets that can be compared although their ids differ."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from core.models import Entry, Mail
from tests.prove.dataset import FILLER_IDS, MAX_ROWS, Dataset, audited_rows

_LEFT_OUT = {
    *("id", "public_id", "org_id", "user_id", "created_by", "invited_by", "rep_id", "mail_id"),
    *("version", "name_key", "search_text", "found_by", "nonce", "token_hash", "password_hash"),
    *("from_id", "to_id"),
}
_DELETED = "deleted:"
"""What the id of a person whose account is deleted follows in `email_key`."""


def snapshot(connection: Connection, datasets: Sequence[Dataset]) -> dict[int, Counter[str]]:
    """Return the rows, events and mails of each dataset, without ids and times, and counted."""
    counts: dict[int, Counter[str]] = {data.number: Counter() for data in datasets}
    rows = audited_rows(connection)
    for name, row in rows.items():
        number = _number(row, name)
        if number in counts:
            counts[number][f"{name.partition(':')[0]} {_plain(row, number)}"] += 1
    entries = select(Entry.__table__.c.org_id, Entry.__table__.c.person_id, Entry.__table__.c.event)
    for org_id, person_id, event in connection.execute(entries):
        for owner in (org_id, person_id):
            if owner is not None and owner < FILLER_IDS:
                counts.get((owner - 1) // MAX_ROWS, Counter())[f"event {event}"] += 1
                break
    for org_id, template in connection.execute(
        select(Mail.__table__.c.org_id, Mail.__table__.c.template)
    ):
        if org_id is not None and org_id < FILLER_IDS:
            counts.get((org_id - 1) // MAX_ROWS, Counter())[f"mail {template}"] += 1
    return counts


def _number(row: dict[str, Any], name: str) -> int:
    ids = [int(name.partition(":")[2])]
    ids += [row[field] for field in ("org_id", "user_id", "created_by") if row.get(field)]
    known = [each for each in ids if each < FILLER_IDS]
    return (known[0] - 1) // MAX_ROWS if known else _number_in(str(row.get("email", "")))


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
        if (row.get(field) or FILLER_IDS) < FILLER_IDS:
            kept[field] = row[field] - number * MAX_ROWS
    if str(row.get("email_key", "")).startswith(_DELETED):
        kept["email_key"] = int(row["email_key"].removeprefix(_DELETED)) - number * MAX_ROWS
    return (
        str(sorted(kept.items(), key=str)).replace(f".{number}@", "@").replace(f" {number}'", "'")
    )

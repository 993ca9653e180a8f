"""History as a CSV file: every entry that matches, as a sentence.

`python -m core.audit.csv_export 7 12 "kind=member"` writes the entries of organization 12 that
match, for the person with id 7, to the standard output; `all` stands for all organizations. It is
a process of its own, since in the one that serves pages this work would hold up other people.
"""

import csv
import io
import os
import sys
from codecs import BOM_UTF8
from functools import partial
from typing import BinaryIO, Final

from sqlalchemy.orm import Session

from core.access.permissions import Actor, lock_self
from core.audit import activity, history, sentences
from core.audit.queries import Filters, find_ids
from core.base.formulas import harmless
from core.database import db
from core.models import Entry

COLUMNS: Final = (
    *("Time (UTC)", "Who", "What", "Reason", "Organization ID", "Organization", "Event"),
)
_BATCH: Final = 1_000
_NICENESS: Final = 10
_WHOLE: Final = 10_000
"""Characters of a value, more than any field has."""


def begin(
    session: Session, actor: Actor, filters: Filters, *, org_id: int | None = None
) -> Entry | None:
    """Record that a person downloads the history of an organization, or of all of them."""
    org = activity.authorize(session, actor, org_id)
    reason = f"CSV: {filters.to_query() or 'all entries'}"[: history.MAX_REASON]
    row = org or lock_self(session, actor)
    where = org or row.id
    return history.record(
        session, actor, where, "history.downloaded", row, reason=reason, always=True
    )


def write(
    session: Session, actor: Actor, filters: Filters, sink: BinaryIO, *, org_id: int | None = None
) -> int:
    """Write the entries that match, newest first, and return how many there were."""
    activity.authorize(session, actor, org_id)
    sink.write(BOM_UTF8)  # Excel takes a file without it for another encoding
    sink.write(_lines([COLUMNS]))
    written, before_id = 0, None
    merged = activity.find_merged(session, actor, org_id)
    find = partial(find_ids, session, filters, org_id=org_id, merged=merged, limit=_BATCH)
    while ids := find(before_id=before_id):
        sink.write(_lines(_rows(session, ids)))
        written, before_id = written + len(ids), ids[-1]
        session.expunge_all()
    return written


def _rows(session: Session, ids: list[int]) -> list[tuple[str, ...]]:
    found = activity.load(session, ids)
    names = activity.find_names(session, [entry for entry, *_ in found])
    rows: list[tuple[str, ...]] = []
    for entry, organization, public_id, _ in found:
        said = sentences.describe(entry, names, max_value=_WHOLE)
        of = (entry.reason, public_id or "", organization or "", entry.event)
        rows.append((f"{entry.at:%Y-%m-%d %H:%M:%S}", said.who, said.what, *of))
    return rows


def _lines(rows: list[tuple[str, ...]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(
        [harmless(cell) for cell in row] for row in rows
    )
    return text.getvalue().encode()


def main(person: str, organization: str, query: str) -> None:
    """Write the file that the command line asks for."""
    os.nice(_NICENESS)
    org_id = None if organization == "all" else int(organization)
    with db.read() as session:
        filters, actor = Filters.from_query(query), Actor(int(person), "")
        rows = write(session, actor, filters, sys.stdout.buffer, org_id=org_id)
    sys.stdout.buffer.flush()
    sys.stderr.write(f"rows {rows}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

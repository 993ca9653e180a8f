"""Counts of moves by week, and of who stands where, kept by the database itself.

Charts need not read every move, nor the board every organization. Triggers add a row for each move
that is made, and one that takes it away again when it is purged; and two rows when an organization
goes from one place to another. Nobody waits for anybody: rows are only ever added. Housekeeping
merges rows that are alike; whoever reads adds them up, before and after.
"""

from collections import Counter
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, select, text
from sqlalchemy.orm import Session

from core.models import MoveCount, StageCount, StayCount

EVERYBODY: Final = -1
"""The sales rep of stays whoever carried them."""
BATCH: Final = 500
"""Kinds of rows that are merged at a time."""

_WEEK: Final = {
    "sqlite": "date({at}, 'weekday 0', '-6 days')",
    "postgresql": "date_trunc('week', {at} AT TIME ZONE 'UTC')::date",
}
_NOTE: Final = """
INSERT INTO move_counts (week, from_stage, to_stage, rep_id, number)
    VALUES ({week}, {row}.from_stage, {row}.to_stage, coalesce({row}.rep_id, 0), {number});
INSERT INTO stay_counts (rep_id, week, stage, days, number) VALUES
    (coalesce({row}.rep_id, 0), {week}, {row}.from_stage, {row}.days, {number}),
    (-1, {week}, {row}.from_stage, {row}.days, {number});
"""
_KINDS: Final[tuple[type[MoveCount | StayCount | StageCount], ...]] = (
    MoveCount,
    StayCount,
    StageCount,
)
_STANDS: Final = """INSERT INTO stage_counts (stage, rep_id, number)
    SELECT {row}.stage, coalesce({row}.rep_id, 0), {number}
    WHERE {row}.deleted_at IS NULL{changed};
"""
_CHANGED: Final = """ AND (OLD.stage <> NEW.stage
    OR coalesce(OLD.rep_id, 0) <> coalesce(NEW.rep_id, 0)
    OR (OLD.deleted_at IS NULL) <> (NEW.deleted_at IS NULL))"""
_LEFT: Final = ("OLD", -1)
_CAME: Final = ("NEW", 1)
_EVENTS: Final = (
    ("count_organizations_made", "INSERT", (_CAME,)),
    ("count_organizations_moved", "UPDATE OF stage, rep_id, deleted_at", (_LEFT, _CAME)),
    ("count_organizations_purged", "DELETE", (_LEFT,)),
)
_STANDING: Final = (
    "SELECT stage, coalesce(rep_id, 0), count(*) FROM organizations WHERE deleted_at IS NULL"
    " GROUP BY 1, 2"
)
_EXPECTED: Final = (
    "SELECT coalesce(rep_id, 0), {week}, from_stage, {by}, count(*) FROM moves GROUP BY 1, 2, 3, 4"
)
_DIFFER: Final = """
WITH expected AS ({expected}),
    kept AS (SELECT {keys}, sum(number) FROM {table} GROUP BY {keys} HAVING sum(number) <> 0)
SELECT (SELECT count(*) FROM (SELECT * FROM expected EXCEPT SELECT * FROM kept) AS missing)
    + (SELECT count(*) FROM (SELECT * FROM kept EXCEPT SELECT * FROM expected) AS spare)
"""
_NAMES: Final = {"INSERT": "count_moves_made", "DELETE": "count_moves_purged"}


def triggers(dialect: str) -> list[str]:
    """Return the statements that make the triggers."""
    statements = []
    for event, row, number in (("INSERT", "NEW", 1), ("DELETE", "OLD", -1)):
        week = _WEEK[dialect].format(at=f"{row}.at")
        body = _NOTE.format(week=week, row=row, number=number)
        statements += _trigger(dialect, _NAMES[event], f"{event} ON moves", body)
    for name, event, sides in _EVENTS:
        changed = _CHANGED if len(sides) > 1 else ""
        body = "".join(_STANDS.format(row=r, number=n, changed=changed) for r, n in sides)
        statements += _trigger(dialect, name, f"{event} ON organizations", body)
    return statements


def _trigger(dialect: str, name: str, event: str, body: str) -> list[str]:
    if dialect == "sqlite":
        return [f"CREATE TRIGGER {name} AFTER {event} BEGIN {body} END"]
    return [
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body}"
        "RETURN NULL; END $$",
        f"CREATE TRIGGER {name} AFTER {event} FOR EACH ROW EXECUTE FUNCTION {name}()",
    ]


def recount(connection: Connection) -> None:
    """Count all moves and organizations anew, where they were put in past the triggers."""
    by_rep, stays = _expected(connection.dialect.name)
    everybody = stays.replace("coalesce(rep_id, 0)", str(EVERYBODY))
    connection.execute(delete(MoveCount))
    connection.execute(delete(StayCount))
    connection.execute(delete(StageCount))
    connection.exec_driver_sql(f"INSERT INTO stage_counts (stage, rep_id, number) {_STANDING}")
    connection.exec_driver_sql(
        f"INSERT INTO move_counts (rep_id, week, from_stage, to_stage, number) {by_rep}"
    )
    for counted in (stays, everybody):
        connection.exec_driver_sql(
            f"INSERT INTO stay_counts (rep_id, week, stage, days, number) {counted}"
        )


def find_differences(session: Session) -> int:
    """Return how many counts differ from what they count; it reads every move."""
    by_rep, stays = _expected(session.get_bind().dialect.name)
    everybody = stays.replace("coalesce(rep_id, 0)", str(EVERYBODY))
    compared = (
        (by_rep, "rep_id, week, from_stage, to_stage", "move_counts"),
        (f"{stays} UNION ALL {everybody}", "rep_id, week, stage, days", "stay_counts"),
        (_STANDING, "stage, rep_id", "stage_counts"),
    )
    return sum(_compare(session, *each) for each in compared)


def merge(session: Session) -> int:
    """Merge rows that are alike, some kinds at a time, and return how many rows are gone."""
    return sum(_merge(session, kind) for kind in _KINDS)


def _merge(session: Session, kind: type[MoveCount | StayCount | StageCount]) -> int:
    keys = [column for column in kind.__table__.c if column.name not in {"id", "number"}]
    alike = select(*keys).group_by(*keys).having(func.count() > 1).limit(BATCH).subquery()
    is_alike = [key == alike.c[key.name] for key in keys]
    ids = select(kind.id).join(alike, *_all(is_alike))
    gone = session.execute(
        delete(kind)
        .where(kind.id.in_(ids))
        .returning(*keys, kind.__table__.c.number)
        .execution_options(synchronize_session=False)
    ).all()
    sums: Counter[tuple[Any, ...]] = Counter()
    for *key, number in gone:
        sums[tuple(key)] += number
    names = [key.name for key in keys]
    rows = [
        dict(zip(names, key, strict=True)) | {"number": number}
        for key, number in sums.items()
        if number
    ]
    if rows:
        session.execute(insert(kind), rows)
    return len(gone) - len(rows)


def _all(conditions: list[Any]) -> tuple[Any]:
    first, *others = conditions
    for other in others:
        first &= other
    return (first,)


def _expected(dialect: str) -> tuple[str, str]:
    """Return how the moves count: between stages by rep, and stays by rep."""
    week = _WEEK[dialect].format(at="at")
    return (_EXPECTED.format(week=week, by="to_stage"), _EXPECTED.format(week=week, by="days"))


def _compare(session: Session, expected: str, keys: str, table: str) -> int:
    differ = _DIFFER.format(expected=expected, keys=keys, table=table)
    return session.scalar(text(differ)) or 0

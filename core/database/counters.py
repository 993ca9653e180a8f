"""Counts that triggers maintain: moves by week, organizations by stage and cohort, owners, admins.

They spare charts from reading every move, and the board from reading every organization. A trigger
inserts +1 for each move and -1 when it is purged; for an organization that changes its stage or
sales rep it inserts one of each. As rows are only inserted, transactions never wait for each other.
Cleanup merges rows with the same key; readers sum them up, merged or not.

Triggers also maintain the numbers of owners, of owners without two-factor and of admins on the row
of each organization. The number of members beside them is maintained by use cases, which check its
limit.
"""

from collections import Counter
from typing import Any, Final

from sqlalchemy import Connection, Dialect, and_, delete, func, insert, select, text
from sqlalchemy.orm import Session

from core.models import CohortCount, MoveCount, StageCount, StayCount

ALL_REPS: Final = -1
"""The `rep_id` of stays of all sales reps together."""
BATCH: Final = 500
"""Number of keys whose rows are merged at a time."""

_WEEK: Final = {
    "sqlite": "date({at}, 'weekday 0', '-6 days')",
    "postgresql": "date_trunc('week', {at} AT TIME ZONE 'UTC')::date",
}
_COUNT_MOVE: Final = """
INSERT INTO move_counts (week, from_stage, to_stage, rep_id, number)
    VALUES ({week}, {row}.from_stage, {row}.to_stage, coalesce({row}.rep_id, 0), {number});
INSERT INTO stay_counts (rep_id, week, stage, days, number) VALUES
    (coalesce({row}.rep_id, 0), {week}, {row}.from_stage, {row}.days, {number}),
    (-1, {week}, {row}.from_stage, {row}.days, {number});
"""
_MODELS: Final[tuple[type[MoveCount | StayCount | StageCount | CohortCount], ...]] = (
    MoveCount,
    StayCount,
    StageCount,
    CohortCount,
)
_COUNT_STAGE: Final = """INSERT INTO stage_counts (stage, rep_id, number)
    SELECT {row}.stage, coalesce({row}.rep_id, 0), {number}
    WHERE {row}.deleted_at IS NULL{changed};
"""
_COUNT_COHORT: Final = """INSERT INTO cohort_counts (week, rep_id, stage, number)
    SELECT {week}, coalesce({row}.rep_id, 0), {row}.stage, {number}
    WHERE {row}.flagged_at IS NOT NULL AND {row}.deleted_at IS NULL{changed};
"""
_CHANGED: Final = """ AND (OLD.stage <> NEW.stage
    OR coalesce(OLD.rep_id, 0) <> coalesce(NEW.rep_id, 0)
    OR (OLD.deleted_at IS NULL) <> (NEW.deleted_at IS NULL))"""
_MINUS_OLD: Final = ("OLD", -1)
_PLUS_NEW: Final = ("NEW", 1)
_EVENTS: Final = (
    ("count_organizations_made", "INSERT", (_PLUS_NEW,)),
    ("count_organizations_moved", "UPDATE OF stage, rep_id, deleted_at", (_MINUS_OLD, _PLUS_NEW)),
    ("count_organizations_purged", "DELETE", (_MINUS_OLD,)),
)
_COUNT_ROLE: Final = """UPDATE organizations SET
    owner_count = owner_count + CASE {row}.role WHEN 'owner' THEN {number} ELSE 0 END,
    admin_count = admin_count + CASE {row}.role WHEN 'admin' THEN {number} ELSE 0 END,
    unprotected_owner_count = unprotected_owner_count + CASE WHEN {row}.role = 'owner' AND
        (SELECT two_factor_at FROM users WHERE id = {row}.user_id{lock}) IS NULL
        THEN {number} ELSE 0 END
    WHERE id = {row}.org_id AND {row}.role <> 'member';
"""
_LOCK: Final = {"sqlite": "", "postgresql": " FOR SHARE"}
"""Waits for whoever turns two-factor on or off at the same time."""
_COUNT_PROTECTED: Final = """UPDATE organizations SET unprotected_owner_count =
    unprotected_owner_count + CASE WHEN NEW.two_factor_at IS NULL THEN 1 ELSE -1 END
    WHERE (OLD.two_factor_at IS NULL) <> (NEW.two_factor_at IS NULL)
    AND id IN (SELECT org_id FROM memberships WHERE user_id = NEW.id AND role = 'owner');
"""
_ROLE_EVENTS: Final = (
    ("count_roles_given", "INSERT", (_PLUS_NEW,)),
    ("count_roles_changed", "UPDATE OF role, org_id", (_MINUS_OLD, _PLUS_NEW)),
    ("count_roles_ended", "DELETE", (_MINUS_OLD,)),
)
_MISCOUNTED: Final = """(SELECT o.id, count(m.id) AS members,
        count(CASE m.role WHEN 'owner' THEN 1 END) AS owners,
        count(CASE m.role WHEN 'admin' THEN 1 END) AS admins,
        count(CASE WHEN m.role = 'owner' AND u.two_factor_at IS NULL THEN 1 END) AS unprotected
    FROM organizations o LEFT JOIN memberships m ON m.org_id = o.id
        LEFT JOIN users u ON u.id = m.user_id GROUP BY o.id) AS counted
WHERE organizations.id = counted.id
    AND (member_count <> members OR owner_count <> owners OR admin_count <> admins
        OR unprotected_owner_count <> unprotected)
"""
_COUNT_MISCOUNTED: Final = "SELECT count(*) FROM organizations, {miscounted}"
_RECOUNT_MEMBERS: Final = """UPDATE organizations
SET member_count = members, owner_count = owners, admin_count = admins,
    unprotected_owner_count = unprotected FROM {miscounted}"""
_EXPECTED_STAGES: Final = (
    "SELECT stage, coalesce(rep_id, 0), count(*) FROM organizations WHERE deleted_at IS NULL"
    " GROUP BY 1, 2"
)
_EXPECTED_COHORTS: Final = (
    "SELECT {week}, coalesce(rep_id, 0), stage, count(*) FROM organizations"
    " WHERE deleted_at IS NULL AND flagged_at IS NOT NULL GROUP BY 1, 2, 3"
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
    """Return the statements that create the triggers."""
    statements = []
    for event, row, number in (("INSERT", "NEW", 1), ("DELETE", "OLD", -1)):
        week = _WEEK[dialect].format(at=f"{row}.at")
        body = _COUNT_MOVE.format(week=week, row=row, number=number)
        statements += trigger(dialect, _NAMES[event], f"{event} ON moves", body)
    for name, event, sides in _EVENTS:
        changed = _CHANGED if len(sides) > 1 else ""
        body = "".join(_count_organization(dialect, row, n, changed) for row, n in sides)
        statements += trigger(dialect, name, f"{event} ON organizations", body)
    for name, event, sides in _ROLE_EVENTS:
        lock = _LOCK[dialect]
        body = "".join(_COUNT_ROLE.format(row=row, number=n, lock=lock) for row, n in sides)
        statements += trigger(dialect, name, f"{event} ON memberships", body)
    changed = "UPDATE OF two_factor_at ON users"
    statements += trigger(dialect, "count_owners_protected", changed, _COUNT_PROTECTED)
    return statements


def _count_organization(dialect: str, row: str, number: int, changed: str) -> str:
    week = _WEEK[dialect].format(at=f"{row}.flagged_at")
    values = {"row": row, "number": number, "changed": changed, "week": week}
    return _COUNT_STAGE.format(**values) + _COUNT_COHORT.format(**values)


def trigger(dialect: str, name: str, event: str, body: str) -> list[str]:
    """Return the statements that create a trigger after an event, with the statements `body`."""
    if dialect == "sqlite":
        return [f"CREATE TRIGGER {name} AFTER {event} BEGIN {body} END"]
    return [
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body}"
        "RETURN NULL; END $$",
        f"CREATE TRIGGER {name} AFTER {event} FOR EACH ROW EXECUTE FUNCTION {name}()",
    ]


def recount(connection: Connection) -> None:
    """Recount all that is counted, after rows were inserted without the triggers."""
    connection.exec_driver_sql(_RECOUNT_MEMBERS.format(miscounted=_MISCOUNTED))
    by_rep, stays = _expected(connection.dialect.name)
    all_reps = stays.replace("coalesce(rep_id, 0)", str(ALL_REPS))
    connection.execute(delete(MoveCount))
    connection.execute(delete(StayCount))
    connection.execute(delete(StageCount))
    connection.execute(delete(CohortCount))
    connection.exec_driver_sql(
        f"INSERT INTO cohort_counts (week, rep_id, stage, number) {_cohorts(connection.dialect)}"
    )
    connection.exec_driver_sql(
        f"INSERT INTO stage_counts (stage, rep_id, number) {_EXPECTED_STAGES}"
    )
    connection.exec_driver_sql(
        f"INSERT INTO move_counts (rep_id, week, from_stage, to_stage, number) {by_rep}"
    )
    for counted in (stays, all_reps):
        connection.exec_driver_sql(
            f"INSERT INTO stay_counts (rep_id, week, stage, days, number) {counted}"
        )


def count_differences(session: Session) -> int:
    """Return how many counts are wrong; reads every move and every organization."""
    by_rep, stays = _expected(session.get_bind().dialect.name)
    all_reps = stays.replace("coalesce(rep_id, 0)", str(ALL_REPS))
    compared = (
        (by_rep, "rep_id, week, from_stage, to_stage", "move_counts"),
        (f"{stays} UNION ALL {all_reps}", "rep_id, week, stage, days", "stay_counts"),
        (_EXPECTED_STAGES, "stage, rep_id", "stage_counts"),
        (_cohorts(session.get_bind().dialect), "week, rep_id, stage", "cohort_counts"),
    )
    return sum(_compare(session, *each) for each in compared)


def count_miscounted(session: Session) -> int:
    """Return how many organizations have a wrong number of members, owners or admins."""
    return session.scalar(text(_COUNT_MISCOUNTED.format(miscounted=_MISCOUNTED))) or 0


def _cohorts(dialect: Dialect) -> str:
    return _EXPECTED_COHORTS.format(week=_WEEK[dialect.name].format(at="flagged_at"))


def merge(session: Session) -> int:
    """Merge rows with the same key, `BATCH` keys per table, and return by how many rows fewer."""
    return sum(_merge(session, model) for model in _MODELS)


def _merge(session: Session, model: type[MoveCount | StayCount | StageCount | CohortCount]) -> int:
    keys = [column for column in model.__table__.c if column.name not in {"id", "number"}]
    duplicated = select(*keys).group_by(*keys).having(func.count() > 1).limit(BATCH).subquery()
    same_key = and_(*(key == duplicated.c[key.name] for key in keys))
    ids = select(model.id).join(duplicated, same_key)
    merged = session.execute(
        delete(model)
        .where(model.id.in_(ids))
        .returning(*keys, model.__table__.c.number)
        .execution_options(synchronize_session=False)
    ).all()
    sums: Counter[tuple[Any, ...]] = Counter()
    for *key, number in merged:
        sums[tuple(key)] += number
    names = [key.name for key in keys]
    rows = [
        dict(zip(names, key, strict=True)) | {"number": number}
        for key, number in sums.items()
        if number
    ]
    if rows:
        session.execute(insert(model), rows)
    return len(merged) - len(rows)


def _expected(dialect: str) -> tuple[str, str]:
    """Return the queries of the expected counts: moves between stages, and stays, by sales rep."""
    week = _WEEK[dialect].format(at="at")
    return (_EXPECTED.format(week=week, by="to_stage"), _EXPECTED.format(week=week, by="days"))


def _compare(session: Session, expected: str, keys: str, table: str) -> int:
    differ = _DIFFER.format(expected=expected, keys=keys, table=table)
    return session.scalar(text(differ)) or 0

"""Give runs a kind, a status and the list of what each is about; jobs under way end here."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"

MOMENT = sa.DateTime(timezone=True)
STATUSES = ("proposed", "going", "ended", "cancelled", "failed")
STATES = ("waiting", "done", "refused", "skipped")
UNDER_WAY = "Orgdesk was updated during this job. Flag the remaining organizations again."


def upgrade() -> None:
    op.execute("CREATE TABLE runs_before AS SELECT * FROM runs")
    op.execute("CREATE TABLE run_refusals_before AS SELECT * FROM run_refusals")
    op.drop_table("run_refusals")
    op.drop_table("runs")
    _make_runs()
    _make_run_items()
    _copy()
    op.drop_table("runs_before")
    op.drop_table("run_refusals_before")
    op.add_column("digest_items", sa.Column("run_id", sa.Integer()))


def _make_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("view", sa.Text(), nullable=False),
        sa.Column("status", _enum(STATUSES, "runstatus"), nullable=False),
        sa.Column("undoes_run_id", sa.Integer(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        *(
            sa.Column(name, sa.Integer(), nullable=False)
            for name in ("total", "done", "refused", "skipped")
        ),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("started_at", MOMENT, nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.Column("ended_because", sa.String(length=500), nullable=False),
        sa.Column("dismissed_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_runs_actor_id_id", "runs", ["actor_id", "id"])
    op.create_index(op.f("ix_runs_created_at"), "runs", ["created_at"])
    _index_some("runs", "ix_runs_going", ["id"], "status = 'going'")
    is_undo = "undoes_run_id IS NOT NULL"
    _index_some("runs", "ix_runs_undoes_run_id", ["undoes_run_id", "id"], is_undo)


def _make_run_items() -> None:
    op.create_table(
        "run_items",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("org_id", sa.Integer(), nullable=True),
        sa.Column("entry_id", sa.Integer(), nullable=True),
        sa.Column("input", sa.JSON(), nullable=True),
        sa.Column("base", sa.JSON(), nullable=True),
        sa.Column("state", _enum(STATES, "itemstate"), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name=op.f("fk_run_items_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "n", name=op.f("pk_run_items")),
    )
    op.create_index("ix_run_items_run_id_state_n", "run_items", ["run_id", "state", "n"])
    _index_some("run_items", "ix_run_items_with_input", ["run_id", "n"], "input IS NOT NULL")


def _copy() -> None:
    """Keep the jobs and what they could not flag; which ones they flagged was not recorded."""
    connection = op.get_bind()
    before = _table("runs_before", _KEPT | {"options": sa.JSON()})
    runs = _table("runs", _KEPT | _ADDED)
    for run in connection.execute(before.select()):
        connection.execute(runs.insert(), _converted(run._asdict()))
    op.execute(
        "INSERT INTO run_items (run_id, n, org_id, state, why)"
        " SELECT run_id, row_number() OVER (PARTITION BY run_id ORDER BY org_id), org_id,"
        " 'refused', why FROM run_refusals_before"
    )
    if connection.dialect.name == "postgresql":
        op.execute("SELECT setval('runs_id_seq', max(id)) FROM runs HAVING max(id) IS NOT NULL")


def _converted(run: dict[str, Any]) -> dict[str, Any]:
    options = run.pop("options")
    under_way = {"ended_at": datetime.now(UTC), "ended_because": UNDER_WAY}
    return run | {
        "kind": "flag",
        "params": {name: value for name, value in options.items() if name != "note"},
        "reason": options.get("note") or "",
        "status": "cancelled" if run["ended_because"] or not run["ended_at"] else "ended",
        "digest": "",
        "skipped": 0,
        "started_at": run["created_at"],
        **({} if run["ended_at"] else under_way),
    }


_KEPT = {
    **dict.fromkeys(("id", "actor_id", "total", "done", "refused"), sa.Integer()),
    **dict.fromkeys(("view", "ended_because"), sa.Text()),
    **dict.fromkeys(("created_at", "ended_at", "dismissed_at"), MOMENT),
}
_ADDED = {
    **dict.fromkeys(("kind", "reason", "status", "digest"), sa.Text()),
    "params": sa.JSON(),
    "skipped": sa.Integer(),
    "started_at": MOMENT,
}


def _table(name: str, columns: dict[str, Any]) -> sa.TableClause:
    return sa.table(name, *(sa.column(each, kind) for each, kind in columns.items()))


def _enum(values: tuple[str, ...], name: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=20)


def _index_some(table: str, name: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)

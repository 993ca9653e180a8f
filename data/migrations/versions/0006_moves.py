"""Keep every move between stages, when the next step is due, and what is snoozed."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import numpy as np
import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

STAGES = ("free", "onboarding", "preproduction", "production")
BATCH = 1_000


def upgrade() -> None:
    op.add_column("organizations", sa.Column("next_step_on", sa.Date(), nullable=True))
    op.add_column("organizations", sa.Column("snoozed_until", sa.Date(), nullable=True))
    op.create_index(
        "ix_organizations_stage_entered", "organizations", ["stage", "stage_entered_at", "id"]
    )
    op.create_index(
        "ix_organizations_rep_entered",
        "organizations",
        ["rep_id", "stage", "stage_entered_at", "id"],
    )
    is_due = sa.text("next_step_on IS NOT NULL")
    op.create_index(
        "ix_organizations_next_step_on",
        "organizations",
        ["next_step_on", "id"],
        sqlite_where=is_due,
        postgresql_where=is_due,
    )
    moves = op.create_table(
        "moves",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("org_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("from_stage", _stage("from_stage"), nullable=False),
        sa.Column("to_stage", _stage("to_stage"), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("rep_id", sa.Integer(), nullable=True),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("is_override", sa.Boolean(), nullable=False),
        sa.Column("missing", sa.Text(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organizations.id"], name=op.f("fk_moves_org_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_moves")),
        sqlite_autoincrement=True,
    )
    _tell_from_history(moves)
    op.create_index("ix_moves_org_id_id", "moves", ["org_id", "id"])
    facts = ["from_stage", "to_stage", "days"]
    op.create_index("ix_moves_at", "moves", ["at", *facts, "rep_id"])
    op.create_index("ix_moves_rep_id_at", "moves", ["rep_id", "at", *facts])


def _stage(name: str) -> sa.Enum:
    return sa.Enum(*STAGES, name=name, native_enum=False, create_constraint=True, length=20)


def _tell_from_history(moves: sa.Table) -> None:
    """Write the moves that history knows of."""
    rows = []
    for row in _moves(op.get_bind()):
        rows.append(row)
        if len(rows) == BATCH:
            op.bulk_insert(moves, rows)
            rows = []
    op.bulk_insert(moves, rows)


def _moves(connection: sa.Connection) -> Iterator[dict[str, Any]]:
    entries = connection.execute(
        sa.text(
            "SELECT history.org_id, history.at, actor_id, changes, reason, created_at"
            " FROM history JOIN organizations ON organizations.id = history.org_id"
            " WHERE event LIKE 'stage.%' ORDER BY history.org_id, history.id"
        ).columns(at=sa.DateTime(timezone=True), created_at=sa.DateTime(timezone=True))
    )
    last, entered, rep_id = None, None, None
    for org_id, at, actor_id, changes, reason, created_at in entries.all():
        if org_id != last:
            last, entered, rep_id = org_id, created_at, None
        told = json.loads(changes) if isinstance(changes, str) else changes
        fields = {change["field"]: change for change in told}
        carried = fields.get("rep_id", {"old": rep_id, "new": rep_id})
        rep_id = carried["new"]
        if "stage" not in fields:
            continue
        yield {
            "org_id": org_id,
            "at": at,
            "from_stage": fields["stage"]["old"],
            "to_stage": fields["stage"]["new"],
            "actor_id": actor_id,
            "rep_id": rep_id or carried["old"],
            "days": _working_days(entered, at),
            "is_override": False,
            "missing": "",
            "reason": reason,
        }
        entered = at


def _working_days(begin: datetime, end: datetime) -> int:
    return int(np.busday_count(begin.date(), max(begin, end).date()))

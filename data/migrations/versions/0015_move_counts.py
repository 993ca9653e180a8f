"""Count moves by week, so that charts need not read every one of them."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

STAGES = ("free", "onboarding", "preproduction", "production")
WEEKS = {
    "sqlite": "date(at, 'weekday 0', '-6 days')",
    "postgresql": "date_trunc('week', at AT TIME ZONE 'UTC')::date",
}
COUNT_MOVES = """INSERT INTO move_counts (rep_id, week, from_stage, to_stage, number)
    SELECT coalesce(rep_id, 0), {week}, from_stage, to_stage, count(*) FROM moves
    GROUP BY 1, 2, 3, 4"""
COUNT_STAYS = """INSERT INTO stay_counts (rep_id, week, stage, days, number)
    SELECT {rep_id}, {week}, from_stage, days, count(*) FROM moves GROUP BY 1, 2, 3, 4"""


def upgrade() -> None:
    op.create_table(
        "move_counts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("from_stage", _stage("from_stage"), nullable=False),
        sa.Column("to_stage", _stage("to_stage"), nullable=False),
        sa.Column("rep_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_move_counts")),
    )
    op.create_table(
        "stay_counts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("rep_id", sa.Integer(), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("stage", _stage("stage"), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stay_counts")),
    )
    week = WEEKS[op.get_bind().dialect.name]
    op.execute(COUNT_MOVES.format(week=week))
    for rep_id in ("coalesce(rep_id, 0)", "-1"):
        op.execute(COUNT_STAYS.format(week=week, rep_id=rep_id))
    op.create_index(
        "ix_move_counts_week", "move_counts", ["week", "rep_id", "from_stage", "to_stage", "number"]
    )
    op.create_index(
        "ix_stay_counts_rep_id", "stay_counts", ["rep_id", "week", "stage", "days", "number"]
    )


def _stage(name: str) -> sa.Enum:
    return sa.Enum(*STAGES, name=name, native_enum=False, create_constraint=True, length=20)

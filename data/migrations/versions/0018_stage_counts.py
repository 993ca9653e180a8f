"""Count who stands in which stage, so that the board need not count them each time."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

STAGES = ("free", "onboarding", "preproduction", "production")


def upgrade() -> None:
    stage = sa.Enum(*STAGES, name="stage", native_enum=False, create_constraint=True, length=20)
    op.create_table(
        "stage_counts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("stage", stage, nullable=False),
        sa.Column("rep_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stage_counts")),
    )
    op.execute(
        "INSERT INTO stage_counts (stage, rep_id, number)"
        " SELECT stage, coalesce(rep_id, 0), count(*) FROM organizations"
        " WHERE deleted_at IS NULL GROUP BY 1, 2"
    )
    op.create_index("ix_stage_counts_stage", "stage_counts", ["stage", "rep_id", "number"])

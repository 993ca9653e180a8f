"""Count the organizations that were flagged in each week by the stage that they are in."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"

STAGES = ("free", "onboarding", "preproduction", "production")
WEEK = {
    "sqlite": "date(flagged_at, 'weekday 0', '-6 days')",
    "postgresql": "date_trunc('week', flagged_at AT TIME ZONE 'UTC')::date",
}
COUNT = """INSERT INTO cohort_counts (week, rep_id, stage, number)
    SELECT {week}, coalesce(rep_id, 0), stage, count(*) FROM organizations
    WHERE deleted_at IS NULL AND flagged_at IS NOT NULL GROUP BY 1, 2, 3"""


def upgrade() -> None:
    op.add_column(
        "organizations", sa.Column("flagged_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.execute(
        "UPDATE organizations SET flagged_at = latest FROM (SELECT org_id, max(at) AS latest"
        " FROM moves WHERE from_stage = 'free' AND to_stage = 'onboarding' GROUP BY org_id)"
        " AS flags WHERE organizations.id = org_id"
    )
    stage = sa.Enum(*STAGES, name="stage", native_enum=False, create_constraint=True, length=20)
    op.create_table(
        "cohort_counts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("rep_id", sa.Integer(), nullable=False),
        sa.Column("stage", stage, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cohort_counts")),
    )
    op.execute(COUNT.format(week=WEEK[op.get_bind().dialect.name]))
    op.create_index("ix_cohort_counts_week", "cohort_counts", ["week", "rep_id", "stage", "number"])

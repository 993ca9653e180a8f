"""Index next steps within each stage, and within each stage of a sales rep."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

WAYS = {"stage": ("stage",), "rep": ("rep_id", "stage")}


def upgrade() -> None:
    has_one = sa.text("next_step_on IS NOT NULL")
    for name, columns in WAYS.items():
        op.create_index(
            f"ix_organizations_{name}_next",
            "organizations",
            [*columns, "next_step_on", "id"],
            sqlite_where=has_one,
            postgresql_where=has_one,
        )

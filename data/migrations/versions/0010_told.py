"""Keep what the rep of an organization was told last."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "told",
        sa.Column("org_id", sa.Integer(), nullable=False),
        sa.Column("topic", sa.String(length=20), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organizations.id"], name=op.f("fk_told_org_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("org_id", "topic", name=op.f("pk_told")),
    )

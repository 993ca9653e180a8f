"""Keep who works on which list of organizations."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    op.create_table(
        "list_visits",
        sa.Column("list", sa.String(64), primary_key=True),
        sa.Column(
            "user_id",
            sa.Integer(),
            sa.ForeignKey("users.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_list_visits_user_id", "list_visits", ["user_id"])
    op.create_index("ix_list_visits_at", "list_visits", ["at"])

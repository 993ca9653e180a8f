"""Keep when organizations were last active: when one of their members last used Orgdesk."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column(
        "organizations",
        sa.Column(
            "last_active_at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.text("'2000-01-01 00:00:00'"),
        ),
    )
    op.execute(
        "UPDATE organizations SET last_active_at = coalesce((SELECT max(last_seen_at)"
        " FROM memberships JOIN users ON users.id = user_id"
        " WHERE org_id = organizations.id AND last_seen_at > organizations.created_at),"
        " created_at)"
    )
    op.create_index("ix_organizations_last_active_at_id", "organizations", ["last_active_at", "id"])

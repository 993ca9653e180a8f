"""Narrow organizations by creation and profile."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

COUNTED = ("logo", "alert_email", "overview", "sales_email", "phone", "website")


def upgrade() -> None:
    op.create_index("ix_organizations_created_at_id", "organizations", ["created_at", "id"])
    is_complete = sa.text(" AND ".join(f"{column} IS NOT NULL" for column in COUNTED))
    is_incomplete = sa.text(" OR ".join(f"{column} IS NULL" for column in COUNTED))
    op.create_index(
        "ix_organizations_is_complete",
        "organizations",
        ["id"],
        sqlite_where=is_complete,
        postgresql_where=is_complete,
    )
    op.create_index(
        "ix_organizations_is_incomplete",
        "organizations",
        ["id"],
        sqlite_where=is_incomplete,
        postgresql_where=is_incomplete,
    )

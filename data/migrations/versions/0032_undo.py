"""Let mails name the change that they report, and find the pictures that history names."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    op.add_column("mails", sa.Column("entry_id", sa.Integer()))
    reports = sa.text("entry_id IS NOT NULL")
    op.create_index(
        "ix_mails_entry_id",
        "mails",
        ["entry_id"],
        sqlite_where=reports,
        postgresql_where=reports,
    )
    is_about_logo = sa.text("event = 'logo.changed' OR event = 'logo.removed'")
    op.create_index(
        "ix_history_logos",
        "history",
        ["id"],
        sqlite_where=is_about_logo,
        postgresql_where=is_about_logo,
    )

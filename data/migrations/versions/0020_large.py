"""Index large organizations by all that they are narrowed and sorted by."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"

LOOKED_AT = ("stage", "rep_id", "created_at", "last_active_at", "stage_entered_at", "name_key")


def upgrade() -> None:
    is_large = sa.text("member_count > 10")
    op.create_index(
        "ix_organizations_large",
        "organizations",
        ["member_count", "id", *LOOKED_AT, "deleted_at"],
        sqlite_where=is_large,
        postgresql_where=is_large,
    )

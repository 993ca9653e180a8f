"""Let items of digests name the change that they tell of, so that its undo takes them back."""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"


def upgrade() -> None:
    op.add_column("digest_items", sa.Column("entry_id", sa.Integer()))
    field = sa.Column("field", sa.String(80), server_default="", nullable=False)
    op.add_column("digest_items", field)
    tells_of_entry = sa.text("entry_id IS NOT NULL")
    op.create_index(
        "ix_digest_items_entry_id",
        "digest_items",
        ["entry_id"],
        sqlite_where=tells_of_entry,
        postgresql_where=tells_of_entry,
    )

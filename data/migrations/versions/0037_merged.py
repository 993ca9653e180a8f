"""Let a duplicate be merged into the organization that stays."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"

IS_MERGED = sa.text("merged_into IS NOT NULL")


def upgrade() -> None:
    op.execute(
        "ALTER TABLE organizations ADD COLUMN merged_into INTEGER"
        " CONSTRAINT fk_organizations_merged_into REFERENCES organizations (id)"
    )
    op.create_index(
        "ix_organizations_merged_into",
        "organizations",
        ["merged_into"],
        sqlite_where=IS_MERGED,
        postgresql_where=IS_MERGED,
    )

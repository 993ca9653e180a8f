"""Let an import create organizations that wait for their first owner, and invite people.

Organizations that exist have owners: the new column is empty for them, which touches no row.
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"

IS_UNCLAIMED = sa.text("unclaimed_since IS NOT NULL")


def upgrade() -> None:
    op.add_column("organizations", sa.Column("unclaimed_since", sa.DateTime(timezone=True)))
    op.create_index(
        "ix_organizations_unclaimed",
        "organizations",
        ["id"],
        sqlite_where=IS_UNCLAIMED,
        postgresql_where=IS_UNCLAIMED,
    )
    op.add_column("invitations", sa.Column("run_id", sa.Integer()))

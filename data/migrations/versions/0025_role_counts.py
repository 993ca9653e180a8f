"""Count the owners and admins of each organization, for summaries of very many of them."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    for name in ("owner_count", "admin_count"):
        op.add_column(
            "organizations", sa.Column(name, sa.Integer(), nullable=False, server_default="0")
        )
    op.execute(
        "UPDATE organizations SET owner_count = owners, admin_count = admins"
        " FROM (SELECT org_id, count(CASE role WHEN 'owner' THEN 1 END) AS owners,"
        " count(CASE role WHEN 'admin' THEN 1 END) AS admins FROM memberships GROUP BY org_id)"
        " AS counted WHERE organizations.id = org_id"
    )
    op.create_index(
        "ix_organizations_memberships",
        "organizations",
        ["stage", "member_count", "created_at", "owner_count", "admin_count", "deleted_at"],
    )

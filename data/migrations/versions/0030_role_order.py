"""Sort the members of an organization by role along an index."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"

ORDER = "(CASE role WHEN 'owner' THEN 0 WHEN 'admin' THEN 1 ELSE 2 END)"


def upgrade() -> None:
    columns = ["org_id", sa.text(ORDER), "found_by", "id"]
    op.create_index("ix_memberships_org_id_role_order", "memberships", columns)

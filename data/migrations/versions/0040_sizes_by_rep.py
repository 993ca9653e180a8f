"""Filter the organizations of a sales rep by size and date without reading their rows."""

from alembic import op

revision = "0040"
down_revision = "0039"

NAME = "ix_organizations_rep_id_stage_id"
COLUMNS = ["rep_id", "stage", "id", "deleted_at", "member_count", "created_at"]


def upgrade() -> None:
    op.drop_index(NAME, "organizations")
    op.create_index(NAME, "organizations", COLUMNS)

"""Count owners without two-factor, and index the organizations that are ready to move on."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"

IS_READY = (
    "(stage = 'onboarding' AND alert_email IS NOT NULL AND overview IS NOT NULL"
    " AND sales_email IS NOT NULL AND phone IS NOT NULL AND website IS NOT NULL"
    " OR stage = 'preproduction' AND owner_count >= 2 AND unprotected_owner_count = 0"
    " AND logo IS NOT NULL)"
)
INDEXES = {"ready": ("stage",), "rep_ready": ("rep_id", "stage")}


def upgrade() -> None:
    op.add_column(
        "organizations",
        sa.Column("unprotected_owner_count", sa.Integer(), nullable=False, server_default="0"),
    )
    op.execute(
        "UPDATE organizations SET unprotected_owner_count = number"
        " FROM (SELECT org_id, count(*) AS number FROM memberships"
        " JOIN users ON users.id = user_id WHERE role = 'owner' AND two_factor_at IS NULL"
        " GROUP BY org_id) AS counted WHERE organizations.id = org_id"
    )
    for name, columns in INDEXES.items():
        op.create_index(
            f"ix_organizations_{name}",
            "organizations",
            [*columns, "deleted_at", "stage_entered_at", "id"],
            sqlite_where=sa.text(IS_READY),
            postgresql_where=sa.text(IS_READY),
        )

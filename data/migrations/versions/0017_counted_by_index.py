"""Let indexes say what is deleted, so that matches are counted without looking at their rows."""

from alembic import op

revision = "0017"
down_revision = "0016"

WAYS = (
    ("stage",),
    ("member_count",),
    ("created_at",),
    ("last_active_at",),
    ("rep_id", "stage"),
)


def upgrade() -> None:
    for columns in WAYS:
        name = f"ix_organizations_{'_'.join(columns)}_id"
        op.drop_index(name, "organizations")
        op.create_index(name, "organizations", [*columns, "id", "deleted_at"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE STATISTICS organizations_by_rep (mcv) ON rep_id, stage FROM organizations"
        )
        op.execute("ANALYZE organizations (rep_id, stage)")

"""Find organizations that are in twice, and remember which pairs are none.

Those that exist are matched in the background, a few at a time.
"""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    key = sa.String(160) if is_sqlite else sa.String(160, collation="C")
    op.create_table(
        "unmatched_organizations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("org_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unmatched_organizations")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "duplicate_keys",
        _organization("duplicate_keys", "org_id"),
        sa.Column("key", key, nullable=False),
        sa.PrimaryKeyConstraint("org_id", "key", name=op.f("pk_duplicate_keys")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_duplicate_keys_key_org_id", "duplicate_keys", ["key", "org_id"])
    op.create_table(
        "duplicate_pairs",
        _organization("duplicate_pairs", "first_id"),
        _organization("duplicate_pairs", "second_id"),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("reasons", sa.String(60), nullable=False),
        sa.PrimaryKeyConstraint("first_id", "second_id", name=op.f("pk_duplicate_pairs")),
        sqlite_with_rowid=False,
    )
    best = ["score", "first_id", "second_id"]
    op.create_index("ix_duplicate_pairs_score_first_id_second_id", "duplicate_pairs", best)
    op.create_index("ix_duplicate_pairs_second_id", "duplicate_pairs", ["second_id"])
    op.create_table(
        "duplicate_groups",
        sa.Column("key", key, nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_duplicate_groups")),
    )
    op.create_index("ix_duplicate_groups_size_key", "duplicate_groups", ["size", "key"])
    op.create_table(
        "not_duplicates",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("first_id", sa.Integer(), nullable=False),
        sa.Column("second_id", sa.Integer(), nullable=False),
        sa.Column("organizations", sa.String(40), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_not_duplicates")),
        sa.UniqueConstraint(
            "first_id", "second_id", name=op.f("uq_not_duplicates_first_id_second_id")
        ),
        sqlite_autoincrement=True,
    )
    op.execute("INSERT INTO unmatched_organizations (org_id) SELECT id FROM organizations")


def _organization(table: str, column: str) -> sa.Column[int]:
    refers_to = sa.ForeignKey(
        "organizations.id", name=op.f(f"fk_{table}_{column}"), ondelete="CASCADE"
    )
    return sa.Column(column, sa.Integer(), refers_to, nullable=False)

"""Seal the end of each chain of history, and let checkpoints sum up all of them.

The upgrade seals the heads afterwards, as that takes the secret key.
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"

HAS_MOVED = sa.text("summed_position IS NULL OR summed_position <> position")


def upgrade() -> None:
    op.create_table(
        "secret_keys",
        sa.Column("id", sa.String(length=8), nullable=False),
        sa.Column("proof", sa.String(length=64), nullable=False),
        sa.Column("public_key", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_secret_keys")),
    )
    _add_to_entries()
    _add_to_heads()
    op.create_table(
        "checkpoints",
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("chains", sa.Integer(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("total", sa.LargeBinary(), nullable=False),
        sa.Column("before", sa.String(length=64), nullable=False),
        sa.Column("key_id", sa.String(length=8), nullable=False),
        sa.Column("signature", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_checkpoints")),
    )


def _add_to_entries() -> None:
    op.add_column("history", sa.Column("seal", sa.Integer(), server_default="1", nullable=False))
    op.add_column("history", sa.Column("run_id", sa.Integer()))
    op.add_column("history", sa.Column("undoes_id", sa.Integer()))
    op.add_column("history", sa.Column("key_id", sa.String(length=8)))
    for name, columns in {
        "ix_history_run_id_id": ["run_id", "id"],
        "ix_history_undoes_id": ["undoes_id"],
    }.items():
        where = sa.text(f"{columns[0]} IS NOT NULL")
        op.create_index(
            name, "history", columns, unique=False, sqlite_where=where, postgresql_where=where
        )


def _add_to_heads() -> None:
    with op.batch_alter_table("chain_heads") as heads:
        heads.add_column(sa.Column("digest", sa.String(length=64)))
        heads.add_column(sa.Column("seal", sa.String(length=64)))
        heads.add_column(sa.Column("key_id", sa.String(length=8)))
        heads.add_column(sa.Column("summed_position", sa.Integer()))
        heads.add_column(sa.Column("summed_digest", sa.String(length=64)))
        heads.create_foreign_key(op.f("fk_chain_heads_key_id"), "secret_keys", ["key_id"], ["id"])
    op.create_index(
        "ix_chain_heads_moved",
        "chain_heads",
        ["chain"],
        unique=False,
        sqlite_where=HAS_MOVED,
        postgresql_where=HAS_MOVED,
    )

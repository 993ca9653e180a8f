"""Rename tables and columns that history never names to what they are called in the code."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

TABLES = {
    "lines": "digest_items",
    "told": "last_notifications",
    "stand_ins": "impersonations",
    "view_looks": "view_visits",
}


def upgrade() -> None:
    _make_digest_items()
    _make_last_notifications()
    _make_impersonations()
    _make_view_visits()
    for old, new in TABLES.items():
        _copy_rows(old, new)
        op.drop_table(old)
    _index()
    op.execute("ALTER TABLE digests RENAME COLUMN told_at TO sent_at")
    op.execute("ALTER TABLE sessions RENAME COLUMN place TO ip_address")


def _make_digest_items() -> None:
    op.create_table(
        "digest_items",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("reader", sa.String(length=80), nullable=False),
        sa.Column("org_id", sa.Integer(), nullable=True),
        sa.Column("topic", sa.String(length=20), nullable=False),
        sa.Column("title", sa.String(length=512), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("page", sa.String(length=80), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        _foreign_key("digest_items", "org_id", "organizations", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_digest_items")),
    )


def _make_last_notifications() -> None:
    op.create_table(
        "last_notifications",
        sa.Column("org_id", sa.Integer(), nullable=False),
        sa.Column("topic", sa.String(length=20), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        _foreign_key("last_notifications", "org_id", "organizations", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("org_id", "topic", name=op.f("pk_last_notifications")),
    )


def _make_impersonations() -> None:
    op.create_table(
        "impersonations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("org_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        _foreign_key("impersonations", "org_id", "organizations", ondelete="CASCADE"),
        _foreign_key("impersonations", "user_id", "users"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_impersonations")),
    )


def _make_view_visits() -> None:
    op.create_table(
        "view_visits",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("view_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_org_id", sa.Integer(), nullable=False),
        _foreign_key("view_visits", "user_id", "users", ondelete="CASCADE"),
        _foreign_key("view_visits", "view_id", "saved_views", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "view_id", name=op.f("pk_view_visits")),
    )


def _copy_rows(old: str, new: str) -> None:
    connection = op.get_bind()
    columns = [column["name"] for column in sa.inspect(connection).get_columns(old)]
    rows = sa.select(*map(sa.column, columns)).select_from(sa.table(old))
    connection.execute(sa.table(new, *map(sa.column, columns)).insert().from_select(columns, rows))
    if "id" in columns and connection.dialect.name == "postgresql":
        state = (sa.column("last_value"), sa.column("is_called"))
        moved = sa.func.setval(f"{new}_id_seq", *state)
        connection.execute(sa.select(moved).select_from(sa.table(f"{old}_id_seq")))


def _foreign_key(
    table: str, column: str, parent: str, *, ondelete: str | None = None
) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}")
    return sa.ForeignKeyConstraint([column], [f"{parent}.id"], name=name, ondelete=ondelete)


def _index() -> None:
    op.create_index(op.f("ix_digest_items_org_id"), "digest_items", ["org_id"])
    op.create_index("ix_digest_items_reader_id", "digest_items", ["reader", "id"])
    op.create_index(op.f("ix_impersonations_user_id"), "impersonations", ["user_id"])
    is_open = sa.text("ended_at IS NULL")
    op.create_index(
        "uq_impersonations_open",
        "impersonations",
        ["org_id", "user_id"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    op.create_index(op.f("ix_view_visits_view_id"), "view_visits", ["view_id"])

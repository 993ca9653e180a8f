"""Keep saved views, who looked at which, and with which one a page opens."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "saved_views",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("page", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("name_key", sa.String(length=400), nullable=False),
        sa.Column("query", sa.String(length=2000), nullable=False),
        sa.Column("is_shared", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        _person("owner_id", "saved_views"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_views")),
        sa.UniqueConstraint(
            "owner_id", "page", "name_key", name=op.f("uq_saved_views_owner_id_page_name_key")
        ),
        sqlite_autoincrement=True,
    )
    is_shared = sa.text("is_shared")
    op.create_index(
        "ix_saved_views_shared",
        "saved_views",
        ["page", "id"],
        sqlite_where=is_shared,
        postgresql_where=is_shared,
    )
    op.create_table(
        "view_looks",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("view_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_org_id", sa.Integer(), nullable=False),
        _person("user_id", "view_looks"),
        _view("view_looks"),
        sa.PrimaryKeyConstraint("user_id", "view_id", name=op.f("pk_view_looks")),
    )
    op.create_index(op.f("ix_view_looks_view_id"), "view_looks", ["view_id"])
    op.create_table(
        "default_views",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("page", sa.String(length=20), nullable=False),
        sa.Column("view_id", sa.Integer(), nullable=False),
        _person("user_id", "default_views"),
        _view("default_views"),
        sa.PrimaryKeyConstraint("user_id", "page", name=op.f("pk_default_views")),
    )
    op.create_index(op.f("ix_default_views_view_id"), "default_views", ["view_id"])


def _person(column: str, table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], ["users.id"], name=op.f(f"fk_{table}_{column}"), ondelete="CASCADE"
    )


def _view(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["view_id"], ["saved_views.id"], name=op.f(f"fk_{table}_view_id"), ondelete="CASCADE"
    )

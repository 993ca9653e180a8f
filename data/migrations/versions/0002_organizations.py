"""Keep organizations, who belongs to them, and a way to find them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

SEARCH_INDEX = {
    "sqlite": (
        "CREATE VIRTUAL TABLE organizations_search USING fts5(search_text,"
        " content='organizations', content_rowid='id', tokenize='ascii', prefix='1 2 3 4')",
    ),
    "postgresql": (
        "ALTER TABLE organizations ADD COLUMN search_tokens tsvector GENERATED ALWAYS AS"
        " (array_to_tsvector(array_remove(string_to_array(search_text, ' '), ''))) STORED",
        "ALTER TABLE organizations ALTER COLUMN search_tokens SET STATISTICS 1000",
        "CREATE INDEX ix_organizations_search_tokens ON organizations USING gin (search_tokens)",
    ),
}


def upgrade() -> None:
    op.create_table(
        "organizations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("name_key", sa.String(length=400), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("logo", sa.String(length=64), nullable=True),
        sa.Column("alert_email", sa.String(length=254), nullable=True),
        sa.Column("alert_email_new", sa.String(length=254), nullable=True),
        sa.Column("overview", sa.Text(), nullable=True),
        sa.Column("sales_email", sa.String(length=254), nullable=True),
        sa.Column("phone", sa.String(length=20), nullable=True),
        sa.Column("website", sa.String(length=500), nullable=True),
        sa.Column("twitter", sa.String(length=15), nullable=True),
        sa.Column("is_listed", sa.Boolean(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "stage",
            sa.Enum(
                "free",
                "onboarding",
                "preproduction",
                "production",
                name="stage",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("stage_entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rep_id", sa.Integer(), nullable=True),
        sa.Column("target_on", sa.Date(), nullable=True),
        sa.Column("next_step", sa.String(length=200), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("request_note", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("member_count", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["created_by"], ["users.id"], name=op.f("fk_organizations_created_by")
        ),
        sa.ForeignKeyConstraint(["logo"], ["logos.digest"], name=op.f("fk_organizations_logo")),
        sa.ForeignKeyConstraint(["rep_id"], ["users.id"], name=op.f("fk_organizations_rep_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organizations")),
        sa.UniqueConstraint("public_id", name=op.f("uq_organizations_public_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_organizations_deleted_at",
        "organizations",
        ["deleted_at"],
        unique=False,
        sqlite_where=sa.text("deleted_at IS NOT NULL"),
        postgresql_where=sa.text("deleted_at IS NOT NULL"),
    )
    op.create_index(
        "ix_organizations_is_listed",
        "organizations",
        ["id"],
        unique=False,
        sqlite_where=sa.text("is_listed"),
        postgresql_where=sa.text("is_listed"),
    )
    op.create_index(op.f("ix_organizations_logo"), "organizations", ["logo"], unique=False)
    op.create_index(
        "ix_organizations_member_count_id", "organizations", ["member_count", "id"], unique=False
    )
    op.create_index(
        "ix_organizations_name_key_id", "organizations", ["name_key", "id"], unique=False
    )
    op.create_index(
        "ix_organizations_rep_id_stage_id", "organizations", ["rep_id", "stage", "id"], unique=False
    )
    op.create_index(
        "ix_organizations_requested_at_id",
        "organizations",
        ["requested_at", "id"],
        unique=False,
        sqlite_where=sa.text("requested_at IS NOT NULL"),
        postgresql_where=sa.text("requested_at IS NOT NULL"),
    )
    op.create_index(
        "ix_organizations_stage_entered_at_id",
        "organizations",
        ["stage_entered_at", "id"],
        unique=False,
    )
    op.create_index("ix_organizations_stage_id", "organizations", ["stage", "id"], unique=False)
    op.create_table(
        "former_memberships",
        sa.Column("org_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "member",
                "admin",
                "owner",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id"],
            ["organizations.id"],
            name=op.f("fk_former_memberships_org_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_former_memberships_user_id")
        ),
        sa.PrimaryKeyConstraint("org_id", "user_id", name=op.f("pk_former_memberships")),
    )
    op.create_index(
        op.f("ix_former_memberships_removed_at"), "former_memberships", ["removed_at"], unique=False
    )
    op.create_table(
        "memberships",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("org_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "member",
                "admin",
                "owner",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=20,
            ),
            nullable=False,
        ),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organizations.id"], name=op.f("fk_memberships_org_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_memberships_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_memberships")),
        sa.UniqueConstraint("org_id", "user_id", name=op.f("uq_memberships_org_id_user_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_memberships_org_id_role", "memberships", ["org_id", "role"], unique=False)
    op.create_index(op.f("ix_memberships_user_id"), "memberships", ["user_id"], unique=False)
    for statement in SEARCH_INDEX[op.get_bind().dialect.name]:
        op.execute(statement)

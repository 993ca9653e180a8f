"""Keep offers of ownership, limits of members, and find people of large organizations quickly."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=20)


def upgrade() -> None:
    op.add_column("organizations", sa.Column("member_limit", sa.Integer(), nullable=True))
    op.add_column(
        "memberships",
        sa.Column("found_by", sa.String(length=400), nullable=False, server_default=""),
    )
    op.execute(
        "UPDATE memberships SET found_by ="
        " (SELECT lower(name || ' ' || email) FROM users WHERE users.id = user_id)"
    )
    op.create_index(
        "ix_memberships_org_id_found_by", "memberships", ["org_id", "found_by", "role", "id"]
    )
    op.create_index("ix_memberships_org_id_joined_at", "memberships", ["org_id", "joined_at"])
    op.add_column("former_memberships", sa.Column("removed_by", sa.Integer(), nullable=True))
    op.create_index(
        "ix_former_memberships_org_id_removed_at", "former_memberships", ["org_id", "removed_at"]
    )
    _index_invitations()
    is_disabled = sa.text("disabled_at IS NOT NULL")
    op.create_index(
        "ix_users_disabled_at",
        "users",
        ["disabled_at"],
        sqlite_where=is_disabled,
        postgresql_where=is_disabled,
    )
    _keep_handovers()


def _index_invitations() -> None:
    op.create_index(
        "ix_invitations_org_id_status", "invitations", ["org_id", "status", "expires_at"]
    )
    is_unreminded = sa.text("status = 'pending' AND reminded_at IS NULL")
    op.create_index(
        "ix_invitations_unreminded",
        "invitations",
        ["sent_at"],
        sqlite_where=is_unreminded,
        postgresql_where=is_unreminded,
    )


def _keep_handovers() -> None:
    statuses = ("pending", "accepted", "declined", "revoked")
    op.create_table(
        "handovers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("org_id", sa.Integer(), nullable=False),
        sa.Column("from_id", sa.Integer(), nullable=False),
        sa.Column("to_id", sa.Integer(), nullable=False),
        sa.Column("role_after", _one_of("role", "member", "admin", "owner"), nullable=False),
        sa.Column("status", _one_of("invitationstatus", *statuses), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["from_id"], ["users.id"], name=op.f("fk_handovers_from_id")),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organizations.id"], name=op.f("fk_handovers_org_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["to_id"], ["users.id"], name=op.f("fk_handovers_to_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handovers")),
        sqlite_autoincrement=True,
    )
    is_pending = sa.text("status = 'pending'")
    op.create_index(
        "uq_handovers_pending",
        "handovers",
        ["org_id", "from_id"],
        unique=True,
        sqlite_where=is_pending,
        postgresql_where=is_pending,
    )
    for column in ("from_id", "org_id", "to_id"):
        op.create_index(f"ix_handovers_{column}", "handovers", [column])

"""Keep what is to be told, and what each alert address does not want to hear of."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

UNSENT = {
    "ix_mails_given_up": "due_at IS NULL",
    "ix_mails_retrying": "due_at IS NOT NULL AND error IS NOT NULL",
    "ix_mails_waiting": "due_at IS NOT NULL AND error IS NULL",
}


def upgrade() -> None:
    with op.batch_alter_table("organizations") as organizations:
        organizations.add_column(sa.Column("alerts_off", sa.String(length=100), nullable=True))
    with op.batch_alter_table("chain_heads") as heads:
        heads.add_column(sa.Column("news_from", sa.Integer(), nullable=True))
    has_news = sa.text("news_from IS NOT NULL")
    op.create_index(
        "ix_chain_heads_news_from",
        "chain_heads",
        ["chain"],
        sqlite_where=has_news,
        postgresql_where=has_news,
    )
    op.create_table(
        "lines",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("reader", sa.String(length=80), nullable=False),
        sa.Column("org_id", sa.Integer(), nullable=True),
        sa.Column("topic", sa.String(length=20), nullable=False),
        sa.Column("title", sa.String(length=512), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("page", sa.String(length=80), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organizations.id"], name=op.f("fk_lines_org_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lines")),
    )
    op.create_index(op.f("ix_lines_org_id"), "lines", ["org_id"])
    op.create_index("ix_lines_reader_id", "lines", ["reader", "id"])
    op.create_table(
        "digests",
        sa.Column("reader", sa.String(length=80), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mail_id", sa.Integer(), nullable=True),
        sa.Column("is_off", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["mail_id"], ["mails.id"], name=op.f("fk_digests_mail_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("reader", name=op.f("pk_digests")),
    )
    op.create_index(op.f("ix_digests_mail_id"), "digests", ["mail_id"])
    is_due = sa.text("due_at IS NOT NULL")
    op.create_index(
        "ix_digests_due_at", "digests", ["due_at"], sqlite_where=is_due, postgresql_where=is_due
    )
    for name, condition in UNSENT.items():
        where = sa.text(f"sent_at IS NULL AND {condition}")
        op.create_index(name, "mails", ["id"], sqlite_where=where, postgresql_where=where)

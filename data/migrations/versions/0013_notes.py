"""Keep notes, and find them by their words."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

SEARCH_INDEX = {
    "sqlite": (
        "CREATE VIRTUAL TABLE notes_search USING fts5(search_text,"
        " content='notes', content_rowid='id', tokenize='ascii', prefix='1 2 3 4')",
    ),
    "postgresql": (
        "ALTER TABLE notes ADD COLUMN search_tokens tsvector GENERATED ALWAYS AS"
        " (array_to_tsvector(array_remove(string_to_array(search_text, ' '), ''))) STORED",
        "ALTER TABLE notes ALTER COLUMN search_tokens SET STATISTICS 1000",
        "CREATE INDEX ix_notes_search_tokens ON notes USING gin (search_tokens)",
    ),
}


def upgrade() -> None:
    op.create_table(
        "notes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("org_id", sa.Integer(), nullable=False),
        sa.Column("author_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("is_shared", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["org_id"], ["organizations.id"], name=op.f("fk_notes_org_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk_notes_author_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notes")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_notes_author_id"), "notes", ["author_id"])
    op.create_index("ix_notes_org_id_id", "notes", ["org_id", "id"])
    for statement in SEARCH_INDEX[op.get_bind().dialect.name]:
        op.execute(statement)

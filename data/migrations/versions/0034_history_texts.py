"""Search history by words, person and time.

The texts of older entries are added in the background, the newest first.
"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"

SEARCH_INDEX = {
    "sqlite": (
        "CREATE VIRTUAL TABLE history_texts_search USING fts5(search_text,"
        " content='history_texts', content_rowid='id', tokenize='ascii', prefix='1 2 3 4')",
    ),
    "postgresql": (
        "ALTER TABLE history_texts ADD COLUMN search_tokens tsvector GENERATED ALWAYS AS"
        " (array_to_tsvector(array_remove(string_to_array(search_text, ' '), ''))) STORED",
        "ALTER TABLE history_texts ALTER COLUMN search_tokens SET STATISTICS 1000",
        "CREATE INDEX ix_history_texts_search_tokens ON history_texts USING gin (search_tokens)",
    ),
}


def upgrade() -> None:
    op.create_table(
        "history_texts",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_history_texts")),
    )
    for statement in SEARCH_INDEX[op.get_bind().dialect.name]:
        op.execute(statement)
    for column in ("actor_id", "person_id"):
        op.drop_index(f"ix_history_{column}", "history")
    for column in ("actor_id", "person_id", "event", "at"):
        op.create_index(f"ix_history_{column}_id", "history", [column, "id"])

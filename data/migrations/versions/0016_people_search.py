"""Find people by the words of name and address."""

import sqlalchemy as sa
from alembic import op

from core import search

revision = "0016"
down_revision = "0015"

BATCH = 10_000
SEARCH_INDEX = {
    "sqlite": (
        "CREATE VIRTUAL TABLE users_search USING fts5(search_text,"
        " content='users', content_rowid='id', tokenize='ascii', prefix='1 2 3 4')",
        "INSERT INTO users_search (users_search) VALUES ('rebuild')",
    ),
    "postgresql": (
        "ALTER TABLE users ADD COLUMN search_tokens tsvector GENERATED ALWAYS AS"
        " (array_to_tsvector(array_remove(string_to_array(search_text, ' '), ''))) STORED",
        "ALTER TABLE users ALTER COLUMN search_tokens SET STATISTICS 1000",
        "CREATE INDEX ix_users_search_tokens ON users USING gin (search_tokens)",
    ),
}


def upgrade() -> None:
    op.add_column("users", sa.Column("search_text", sa.Text(), nullable=False, server_default=""))
    _keep_words(op.get_bind())
    for statement in SEARCH_INDEX[op.get_bind().dialect.name]:
        op.execute(statement)


def _keep_words(connection: sa.Connection) -> None:
    some = sa.text("SELECT id, name, email FROM users WHERE id > :last ORDER BY id LIMIT :most")
    keep = sa.text("UPDATE users SET search_text = :words WHERE id = :id")
    last = 0
    while rows := connection.execute(some, {"last": last, "most": BATCH}).all():
        last = rows[-1].id
        words = [
            {"id": row.id, "words": search.search_text(row.name, row.email)}
            for row in rows
            if row.email
        ]
        if words:
            connection.execute(keep, words)

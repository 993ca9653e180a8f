"""Find people by the words of name and address."""

import re
import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

BATCH = 10_000
WORD = re.compile(r"[^\W_]+")
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
            {"id": row.id, "words": _words_of(row.name, row.email)} for row in rows if row.email
        ]
        if words:
            connection.execute(keep, words)


def _words_of(*parts: str) -> str:
    """Return the words as search had them then; a migration does not change with the code."""
    return " ".join(dict.fromkeys(word[:64] for part in parts for word in _words_in(part)))


def _words_in(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return WORD.findall("".join(c for c in plain if not unicodedata.category(c).startswith("M")))

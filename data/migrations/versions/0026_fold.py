"""Find and sort names without the punctuation inside words, and unspaced scripts by pairs."""

import re
import unicodedata
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op
from confusable_homoglyphs import confusables

revision = "0026"
down_revision = "0025"

BATCH = 10_000
WORD = re.compile(r"[^\W_]+")
UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u11ff\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3100-\u31ff"
    "\u3400-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff]+"
)
UNDECOMPOSED = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "ı": "i", "ŋ": "n"}
    | {"æ": "ae", "œ": "oe", "þ": "th"}
    | dict.fromkeys("\u02b9\u02bb\u02bc\u02bd\u02c8\ua78c", "'")
)
LOOK_ALIKES = {
    ord(sign): latin[0].lower()
    for sign, glyphs in confusables.confusables_data.items()
    if len(sign) == 1 and not sign.isascii() and sign.isalpha()
    if (latin := [g["c"] for g in glyphs if g["c"].isascii() and g["c"].isalpha()])
}
FOUND_BY = "(SELECT substr(search_text, 1, 400) FROM users WHERE users.id = memberships.user_id)"
BY_BYTES = (("organizations", "name_key"), ("saved_views", "name_key"), ("memberships", "found_by"))
"""Columns that PostgreSQL is to sort as SQLite does."""


def upgrade() -> None:
    connection = op.get_bind()
    is_sqlite = connection.dialect.name == "sqlite"
    for table in ("invitations", "mails"):
        op.add_column(table, sa.Column("search_text", sa.Text(), nullable=False, server_default=""))
    _rewrite("invitations", "email, search_text", lambda row: {"search_text": _text(row.email)})
    _rewrite("mails", "recipient, search_text", lambda row: {"search_text": _text(row.recipient)})
    _rewrite("users", "name, email, search_text", _of_user)
    _rewrite("notes", "text, search_text", lambda row: {"search_text": _text(row.text)})
    columns = "name, website, sales_email, alert_email, public_id, name_key, search_text"
    _rewrite("organizations", columns, _of_organization)
    _rekey_views(connection)
    op.drop_index("ix_memberships_org_id_found_by", "memberships")
    op.execute(f"UPDATE memberships SET found_by = {FOUND_BY}")  # noqa: S608
    for table, column in () if is_sqlite else BY_BYTES:
        op.execute(f'ALTER TABLE {table} ALTER {column} TYPE varchar(400) COLLATE "C"')
    op.create_index(
        "ix_memberships_org_id_found_by", "memberships", ["org_id", "found_by", "role", "id"]
    )
    for table in ("organizations", "notes", "users") if is_sqlite else ():
        op.execute(f"INSERT INTO {table}_search ({table}_search) VALUES ('rebuild')")  # noqa: S608


def _rewrite(table: str, columns: str, values_of: Callable[[Any], dict[str, str]]) -> None:
    """Update the rows of a table whose values differ from those of the new fold."""
    connection = op.get_bind()
    some = sa.text(f"SELECT id, {columns} FROM {table} WHERE id > :last ORDER BY id LIMIT {BATCH}")  # noqa: S608
    keep: sa.TextClause | None = None
    last = 0
    while rows := connection.execute(some, {"last": last}).all():
        last = rows[-1].id
        changed = []
        for row in rows:
            new = values_of(row)
            if any(getattr(row, name) != value for name, value in new.items()):
                changed.append({**new, "row_id": row.id})
                values = ", ".join(f"{name} = :{name}" for name in new)
                keep = sa.text(f"UPDATE {table} SET {values} WHERE id = :row_id")  # noqa: S608
        if changed and keep is not None:
            connection.execute(keep, changed)


def _of_user(row: Any) -> dict[str, str]:
    return {"search_text": _text(row.name, row.email) if row.email else ""}


def _of_organization(row: Any) -> dict[str, str]:
    domains = [each.rpartition("@")[2] for each in (row.sales_email, row.alert_email) if each]
    found = _text(row.name, row.website, *domains, row.public_id)
    return {"name_key": _key(row.name), "search_text": found}


def _rekey_views(connection: sa.Connection) -> None:
    """Give views their new keys, except where another view of the person has that key by now."""
    views = connection.execute(sa.text("SELECT * FROM saved_views ORDER BY id")).all()
    taken = {(view.owner_id, view.page, view.name_key) for view in views}
    for view in views:
        key = _key(view.name)
        if (view.owner_id, view.page, key) not in taken:
            taken.add((view.owner_id, view.page, key))
            keep = sa.text("UPDATE saved_views SET name_key = :key WHERE id = :id")
            connection.execute(keep, {"key": key, "id": view.id})


def _key(name: str) -> str:
    return " ".join(_words(name))[:400] or name.casefold()[:400]


def _text(name: str, *others: str | None) -> str:
    """Return the search text as it was when this was written; it does not change with the code."""
    alike = "" if name.isascii() else name.translate(LOOK_ALIKES)
    latin = [word for word in _split(alike) if "".join(word[0]).isascii()]
    found = dict.fromkeys(_words(name))
    for parts, is_address in [*_split(name), *latin]:
        forms = parts if is_address or len(parts) == 1 else ["".join(parts), *parts]
        found |= dict.fromkeys(token for form in forms for token in _cut(form))
    for other in filter(None, others):
        found |= dict.fromkeys(t for part in WORD.findall(_folded(other)) for t in _cut(part))
    return " ".join(found)


def _words(text: str) -> list[str]:
    split = _split(text)
    return [p[:64] for parts, is_one in split for p in (parts if is_one else ["".join(parts)])]


def _split(text: str) -> list[tuple[list[str], bool]]:
    words = _folded(text).split()
    split = [(WORD.findall(word), "@" in word or "://" in word) for word in words]
    return [(parts, is_address) for parts, is_address in split if parts]


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    plain = "".join(c for c in plain if not unicodedata.category(c).startswith("M"))
    return unicodedata.normalize("NFC", plain.translate(UNDECOMPOSED))


def _cut(part: str) -> list[str]:
    if part.isascii():
        return [part[:64]]
    found, end = [], 0
    for run in UNSPACED.finditer(part):
        signs = run.group()
        found.append(part[end : run.start()])
        found += (signs[i : i + 2] for i in range(len(signs)))
        end = run.end()
    return [each[:64] for each in (*found, part[end:]) if each]

"""Find organizations, notes and people by words: keep what can be found, ask on either engine."""

from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    String,
    cast,
    column,
    false,
    inspect,
    literal,
    literal_column,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import Session

from core.base import tokenizer
from core.models import Note, Organization, User

_WORD_START = 4
"""Letters of a word that are enough for a look-alike to be considered."""
_MOST_CANDIDATES = 300


class Hits(NamedTuple):
    """Where to select from, which column is the id there, and the condition of being found.

    Hits come in the order of that id without a sort, from either end.
    """

    source: FromClause
    id: ColumnElement[int]
    is_found: ColumnElement[bool]


def index(org: Organization) -> None:
    """Keep what an organization is found and sorted by; called whenever that may have changed."""
    emails = [email for email in (org.sales_email, org.alert_email) if email]
    domains = [email.rpartition("@")[2] for email in emails]
    org.search_text = tokenizer.search_text(org.name, org.website, *domains, org.public_id)
    org.name_key = tokenizer.name_key(org.name)


def find(session: Session, words: str) -> Hits:
    """Return the organizations that have a word beginning with each of these words."""
    return _hits(session, words, near=False)


def list_look_alikes(session: Session, name: str) -> list[str]:
    """Return the names of organizations that a reader may take for `name`, the most alike first."""
    starts = " ".join(word[:_WORD_START] for word in tokenizer.tokens(name))
    candidates = [
        *session.scalars(_names(_hits(session, starts, near=False))),
        *session.scalars(_names(_hits(session, name, near=True))),
    ]
    return tokenizer.look_alike(name, candidates)


def _names(hits: Hits) -> Select[str]:
    return (
        select(Organization.name)
        .select_from(hits.source)
        .where(hits.is_found, Organization.deleted_at.is_(None))
        .order_by(hits.id.desc())
        .limit(_MOST_CANDIDATES)
    )


def find_notes(session: Session, words: str) -> Hits:
    """Return the notes that have a word beginning with each of these words."""
    return _hits(session, words, near=False, kind=Note)


def index_person(user: User) -> None:
    """Keep what a person is found by; called whenever name or address have changed."""
    user.search_text = tokenizer.search_text(user.name, user.email) if user.email else ""


def find_people(session: Session, words: str) -> Hits:
    """Return the people with a word in name or address that begins with each of these words."""
    return _hits(session, words, near=False, kind=User)


def _hits(session: Session, words: str, *, near: bool, kind: type[Any] = Organization) -> Hits:
    rows = inspect(kind).local_table
    if session.get_bind().dialect.name == "sqlite":
        query = tokenizer.fts5_query(words, near=near)
        index = table(f"{rows.name}_search", column("rowid"))
        is_found = literal_column(index.name).op("MATCH")(query)
        source = index.join(kind, kind.id == index.c.rowid)
        return Hits(source, index.c.rowid, is_found if query else false())
    query = tokenizer.tsquery(words, near=near)
    is_found = literal_column(f"{rows.name}.search_tokens").op("@@")(
        cast(literal(query, String()), TSQUERY)
    )
    return Hits(rows, rows.c.id, is_found if query else false())

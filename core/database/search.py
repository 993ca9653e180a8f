"""Find organizations, notes and people by words: keep what can be found, ask on either engine."""

from typing import Any, Final, NamedTuple

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
    or_,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import InstrumentedAttribute, Session

from core.base import tokenizer
from core.models import Note, Organization, User

_WORD_START = 4
"""Letters of a word that are enough for a look-alike to be considered."""
_MOST_CANDIDATES = 300
_MOST_WORDS: Final = 12


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


def contains(column: InstrumentedAttribute[str], typed: str) -> ColumnElement[bool]:
    """Return the condition, whatever the case; what cannot be seen is left out.

    Databases fold the case of ASCII alone, so that the usual spellings of a name are all tried.
    """
    return or_(*(column.icontains(each, autoescape=True) for each in _spellings(_seen(typed))))


def has_words(column: InstrumentedAttribute[str], typed: str) -> list[ColumnElement[bool]]:
    """Return the conditions that every typed word occurs in a column kept in small letters."""
    return [
        or_(*(column.contains(each, autoescape=True) for each in _spellings(word)))
        for word in _seen(typed).split()[:_MOST_WORDS]
    ]


def _seen(typed: str) -> str:
    return "".join(sign for sign in typed if sign.isprintable()).strip()


def _spellings(text: str) -> list[str]:
    if text.isascii():
        return [text.lower()]
    return sorted({text, text.lower(), text.upper(), text.title()})


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

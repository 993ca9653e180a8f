"""Full-text search for organizations, notes and users, on both engines."""

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

_PREFIX_LENGTH = 4
"""Leading letters of a word by which candidates for similar names are found."""
_MAX_CANDIDATES = 300
_MAX_WORDS: Final = 12


class Matches(NamedTuple):
    """The parts of a query for matching rows: what to select from, the id, and the condition.

    Ordered by that `id`, in either direction, the rows need no sort.
    """

    source: FromClause
    id: ColumnElement[int]
    is_found: ColumnElement[bool]


def index_organization(org: Organization) -> None:
    """Update the search text and the sort key of an organization; call it after any change."""
    emails = [email for email in (org.sales_email, org.alert_email) if email]
    domains = [email.rpartition("@")[2] for email in emails]
    org.search_text = tokenizer.search_text(org.name, org.website, *domains, org.public_id)
    org.name_key = tokenizer.name_key(org.name)


def match_organizations(session: Session, words: str) -> Matches:
    """Return the organizations that match all words by prefix."""
    return _match(session, words, Organization)


def list_similar_names(session: Session, name: str) -> list[str]:
    """Return the names of organizations similar to a name, the most similar first."""
    prefixes = " ".join(word[:_PREFIX_LENGTH] for word in tokenizer.tokens(name))
    candidates = [
        *session.scalars(_names(_match(session, prefixes, Organization))),
        *session.scalars(_names(_match(session, name, Organization, near=True))),
    ]
    return tokenizer.similar_names(name, candidates)


def _names(matches: Matches) -> Select[str]:
    return (
        select(Organization.name)
        .select_from(matches.source)
        .where(matches.is_found, Organization.deleted_at.is_(None))
        .order_by(matches.id.desc())
        .limit(_MAX_CANDIDATES)
    )


def match_notes(session: Session, words: str) -> Matches:
    """Return the notes that match all words by prefix."""
    return _match(session, words, Note)


def index_user(user: User) -> None:
    """Update the search text of a user; call it after a change of name or address."""
    user.search_text = tokenizer.search_text(user.name, user.email) if user.email else ""


def match_users(session: Session, words: str) -> Matches:
    """Return the users whose name and address match all words by prefix."""
    return _match(session, words, User)


def contains(column: InstrumentedAttribute[str], typed: str) -> ColumnElement[bool]:
    """Return the condition that a column contains a text, ignoring case and control characters.

    Databases fold the case of ASCII only, so the usual spellings of other texts are all tried.
    """
    return or_(*(column.icontains(each, autoescape=True) for each in _spellings(_printable(typed))))


def has_words(column: InstrumentedAttribute[str], typed: str) -> list[ColumnElement[bool]]:
    """Return the conditions that a lower-case column contains each of the words."""
    return [
        or_(*(column.contains(each, autoescape=True) for each in _spellings(word)))
        for word in _printable(typed).split()[:_MAX_WORDS]
    ]


def _printable(typed: str) -> str:
    return "".join(sign for sign in typed if sign.isprintable()).strip()


def _spellings(text: str) -> list[str]:
    if text.isascii():
        return [text.lower()]
    return sorted({text, text.lower(), text.upper(), text.title()})


def _match(session: Session, words: str, model: type[Any], *, near: bool = False) -> Matches:
    rows = inspect(model).local_table
    if session.get_bind().dialect.name == "sqlite":
        query = tokenizer.fts5_query(words, near=near)
        index = table(f"{rows.name}_search", column("rowid"))
        is_found = literal_column(index.name).op("MATCH")(query)
        source = index.join(model, model.id == index.c.rowid)
        return Matches(source, index.c.rowid, is_found if query else false())
    query = tokenizer.tsquery(words, near=near)
    is_found = literal_column(f"{rows.name}.search_tokens").op("@@")(
        cast(literal(query, String()), TSQUERY)
    )
    return Matches(rows, rows.c.id, is_found if query else false())

"""Full-text search for organizations, notes, users and history, on both engines."""

import re
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    String,
    and_,
    cast,
    column,
    false,
    func,
    inspect,
    literal,
    literal_column,
    or_,
    select,
    table,
    union,
)
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.orm import InstrumentedAttribute, Session

from core.base import tokenizer, validation
from core.models import (
    EntryText,
    Invitation,
    InvitationStatus,
    Membership,
    Note,
    Organization,
    User,
)

_PREFIX_LENGTH = 4
"""Leading letters of a word by which candidates for similar names are found."""
_MAX_CANDIDATES = 300
_SHORTEST_NAME: Final = 3
_ADDRESS: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


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
    """Return the organizations that match all words by prefix.

    An email address also finds the organizations of that person, and those that invited it. What
    names a merged organization finds the one that it was merged into.
    """
    found = _match(session, words, Organization)
    others = [*_by_address(words), *_by_merged(session, words)]
    if not others:
        return found
    of_words = select(found.id.label("id")).select_from(found.source).where(found.is_found)
    ids = union(of_words, *others).subquery()
    rows = inspect(Organization).local_table
    return Matches(rows, rows.c.id, rows.c.id.in_(select(ids.c.id)))


def _by_address(words: str) -> list[Select[int]]:
    if not _ADDRESS.fullmatch(words.strip()):
        return []
    key = validation.email_key(words)
    member = select(Membership.org_id).join(User, User.id == Membership.user_id)
    invited = select(Invitation.org_id).where(Invitation.status == InvitationStatus.PENDING)
    return [member.where(User.email_key == key), invited.where(Invitation.email_key == key)]


def _by_merged(session: Session, words: str) -> list[Select[int]]:
    """Return the query for what merged organizations led to, if these words find any.

    A short word finds so much that combining both takes long, and it names none of them.
    """
    if len(words.strip()) < _SHORTEST_NAME:
        return []
    targets = select_targets(words)
    return [targets] if session.scalar(targets.limit(1)) is not None else []


def select_targets(words: str) -> Select[int]:
    """Select the ids of organizations into which one was merged that has all these words."""
    is_merged = Organization.merged_into.is_not(None)
    return select(func.coalesce(Organization.merged_into, 0)).where(
        is_merged, *has_words(Organization.search_text, words)
    )


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


def match_entries(session: Session, words: str) -> Matches:
    """Return the entries of history whose texts match all words by prefix."""
    return _match(session, words, EntryText)


def index_user(user: User) -> None:
    """Update the search text of a user; call it after a change of name or address."""
    user.search_text = tokenizer.search_text(user.name, user.email) if user.email else ""


def match_users(session: Session, words: str) -> Matches:
    """Return the users whose name and address match all words by prefix."""
    return _match(session, words, User)


def has_words(column: InstrumentedAttribute[str], typed: str) -> list[ColumnElement[bool]]:
    """Return the conditions that a search text contains all the words, also inside its tokens.

    For lists of one organization or one address, where reading each row is cheap.
    """
    if not typed.strip():
        return []
    return [
        or_(*(and_(*(column.contains(prefix) for prefix in prefixes)) for prefixes in word))
        for word in tokenizer.alternatives(typed)
    ] or [false()]


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

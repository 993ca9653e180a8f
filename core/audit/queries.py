"""Which entries of history match the filters of a list: the newest ones, by id.

Each list walks an index that has ids in order, so a page costs the same in a million entries: by
organization, by person, by word, by event, or by id alone. What else is filtered is checked on the
way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from sqlalchemy import (
    ColumnElement,
    Select,
    SQLColumnExpression,
    exists,
    func,
    or_,
    select,
    union,
    union_all,
)
from sqlalchemy.orm import Session

from core.audit import events, search_texts
from core.base.parameters import MAX_ID
from core.database import search
from core.database.search import Matches
from core.models import Entry, EntryText, Invitation, User

MAX_NAMED: Final = 50
"""People or organizations that the words of a filter can stand for, the newest of them."""
_NEAR: Final = 100
"""Entries around a moment whose ids may be out of order: transactions end when they end."""


@dataclass(frozen=True)
class Filters:
    """Which entries are listed; people and organizations are given by words of their names.

    `kind` is the first part of an event, such as "member"; `field` is one of `events.FIELDS`.
    """

    words: str = ""
    person: str = ""
    organization: str = ""
    kind: str = ""
    field: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def to_query(self) -> str:
        """Return the filters as the query of an address, without those that are empty."""
        values = {name: value for name, value in asdict(self).items() if value}
        moments = {name: at.isoformat() for name, at in values.items() if isinstance(at, datetime)}
        return urlencode(values | moments)

    @classmethod
    def from_query(cls, query: str) -> "Filters":
        """Return the filters of the query of an address; raises `ValueError` for odd values."""
        values: dict[str, Any] = dict(parse_qsl(query))
        values |= {name: _moment(values[name]) for name in ("since", "until") if name in values}
        if not values.keys() <= {each.name for each in fields(cls)}:
            raise ValueError("unknown filter")
        if values.get("field", "phone") not in events.FIELDS:
            raise ValueError("unknown field")
        return cls(**values)


EVERYTHING: Final = Filters()


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("naive datetime")
    return moment


def find_ids(
    session: Session,
    filters: Filters,
    *,
    org_id: int | None = None,
    merged: Mapping[int, int] = MappingProxyType({}),
    before_id: int | None = None,
    limit: int,
) -> list[int]:
    """Return the ids of the newest entries that match, of one organization or of all.

    `merged` are organizations whose entries are read with those of the one, from an id on.
    """
    search_ = _resolve(session, filters, org_id, merged, before_id)
    if search_ is None:
        return []
    walks = [select(walk.limit(limit).subquery()) for walk in search_.walks(session)]
    newest = union_all(*walks).subquery().c[0]
    return list(session.scalars(select(newest).distinct().order_by(newest.desc()).limit(limit)))


@dataclass(frozen=True)
class _Search:
    """A list to look for, with the ids that the words of its filters stand for."""

    filters: Filters
    org_ids: Sequence[int] | None = None
    people: Sequence[int] | None = None
    invitations: Sequence[str] = ()
    """The rows of invitations that the filter by person finds, too."""
    merged: Mapping[int, int] = field(default_factory=dict)
    first_id: int | None = None
    end_id: int | None = None

    @property
    def typed(self) -> str:
        """The words to find in the texts of entries."""
        field = search_texts.field_word(self.filters.field) if self.filters.field else ""
        return f"{self.filters.words} {field}".strip()

    def walks(self, session: Session) -> list[Select[int]]:
        """Return queries for ids in order, one for each part of an index that is walked."""
        if self.org_ids is not None:
            return [
                self._walk(Entry.org_id == each, self._from(each), self._has_text())
                for each in self.org_ids
            ]
        if self.people is not None:
            columns = (Entry.actor_id, Entry.person_id)
            chosen = [column == each for each in self.people for column in columns]
            return [self._walk(each, self._has_text()) for each in chosen]
        if self.typed:
            found = search.match_entries(session, self.typed)
            walk = select(found.id.label("id")).select_from(
                found.source.join(Entry, Entry.id == found.id)
            )
            conditions = self._conditions(found.id)
            return [walk.where(found.is_found, *conditions).order_by(found.id.desc())]
        if self.filters.kind:
            return [self._walk(Entry.event == each) for each in _events(self.filters.kind)]
        return [self._walk()]

    def _walk(self, *conditions: ColumnElement[bool] | None) -> Select[int]:
        given = [each for each in conditions if each is not None]
        walk = select(Entry.id.label("id")).where(*given, *self._conditions(Entry.id))
        return walk.order_by(Entry.id.desc())

    def _from(self, org_id: int) -> ColumnElement[bool] | None:
        return Entry.id >= self.merged[org_id] if org_id in self.merged else None

    def _has_text(self) -> ColumnElement[bool] | None:
        if not self.typed:
            return None
        words = search.has_words(EntryText.search_text, self.typed)
        return exists().where(EntryText.id == Entry.id, *words)

    def _conditions(self, id_: SQLColumnExpression[int]) -> list[ColumnElement[bool]]:
        """Return the conditions of all filters but words; `id_` is the id of an entry."""
        filters = self.filters
        conditions = (
            id_ >= self.first_id if self.first_id is not None else None,
            id_ < self.end_id if self.end_id is not None else None,
            Entry.at >= filters.since if filters.since else None,
            Entry.at < filters.until if filters.until else None,
            Entry.event.in_(_events(filters.kind)) if filters.kind else None,
            self._concerns() if self.people is not None else None,
        )
        return [each for each in conditions if each is not None]

    def _concerns(self) -> ColumnElement[bool]:
        people = self.people or ()
        by_or_about = (Entry.actor_id.in_(people), Entry.person_id.in_(people))
        return or_(*by_or_about, Entry.subject.in_(self.invitations))


def _resolve(
    session: Session,
    filters: Filters,
    org_id: int | None,
    merged: Mapping[int, int],
    before_id: int | None,
) -> _Search | None:
    """Return what to look for; None if the words of a filter stand for nothing."""
    org_ids = [org_id, *merged] if org_id is not None else None
    if org_id is None and filters.organization.strip():
        org_ids = _named(session, search.match_organizations(session, filters.organization))
    people, invitations = _find_people(session, filters.person, org_id)
    if org_ids == [] or (people == [] and not invitations):
        return None
    first, end = _range(session, filters) if org_ids is None else (None, None)
    ends = [each for each in (end, before_id) if each is not None]
    return _Search(filters, org_ids, people, invitations, merged, first, min(ends, default=None))


def _find_people(
    session: Session, words: str, org_id: int | None
) -> tuple[list[int] | None, list[str]]:
    """Return the people and the rows of invitations that words stand for; None without words.

    In one organization these are the people of its history, and the addresses that were invited.
    """
    if not words.strip():
        return None, []
    if org_id is None:
        return _named(session, search.match_users(session, words)), []
    here = Entry.org_id == org_id
    in_history = union(select(Entry.actor_id).where(here), select(Entry.person_id).where(here))
    people = select(User.id).where(
        User.id.in_(in_history), *search.has_words(User.search_text, words)
    )
    invited = select(Invitation.id).where(
        Invitation.org_id == org_id, *search.has_words(Invitation.search_text, words)
    )
    rows = session.scalars(invited.order_by(Invitation.id.desc()).limit(MAX_NAMED))
    return list(session.scalars(people)), [f"invitations:{each}" for each in rows]


def _named(session: Session, found: Matches) -> list[int]:
    ids = select(found.id).select_from(found.source).where(found.is_found)
    return list(session.scalars(ids.order_by(found.id.desc()).limit(MAX_NAMED)))


def _events(kind: str) -> list[str]:
    return [event for event in events.SENTENCES if event.startswith(f"{kind}.")]


def _range(session: Session, filters: Filters) -> tuple[int | None, int | None]:
    """Return the first id to consider, and the one to stop before: ids grow with time."""
    first = end = None
    if filters.since:
        later = select(Entry.id).where(Entry.at >= filters.since).order_by(Entry.at, Entry.id)
        first = session.scalar(select(func.min(later.limit(_NEAR).subquery().c.id))) or MAX_ID
    if filters.until:
        earlier = select(Entry.id).where(Entry.at < filters.until)
        earlier = earlier.order_by(Entry.at.desc(), Entry.id.desc())
        end = (session.scalar(select(func.max(earlier.limit(_NEAR).subquery().c.id))) or 0) + 1
    return first, end

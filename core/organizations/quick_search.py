"""Quick search: the few organizations and people that a person may open and most likely means."""

import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, true
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, staff_rights
from core.base import hosts, tokenizer
from core.database import search
from core.models import Membership, Organization, Stage, User

MAX_RESULTS: Final = 7
MAX_OPENED: Final = 8
"""Organizations that `list_opened` looks up."""
_WEB_ADDRESS: Final = re.compile(r"(https?://|www\.)\S+", re.IGNORECASE)


class FoundOrganization(NamedTuple):
    """An organization as a result shows it."""

    public_id: str
    name: str
    logo: str | None
    stage: Stage


class FoundPerson(NamedTuple):
    """A person as a result shows them, with one organization of theirs if there is any."""

    id: int
    name: str
    email: str
    public_id: str | None
    organization: str | None


_COLUMNS: Final = (
    *(Organization.public_id, Organization.name),
    *(Organization.logo, Organization.stage),
)
_IS_LIVE: Final = Organization.deleted_at.is_(None)


def find_organizations(session: Session, actor: Actor, words: str) -> list[FoundOrganization]:
    """Return organizations by name, Organization ID or website: all to staff, to others their own.

    Those with exactly this name or ID come first, then the newest.
    """
    words = _host(words.strip())
    if not words:
        return []
    if Action.VIEW_ALL in staff_rights(session, actor):
        matches = search.match_organizations(session, words)
        source, is_found, order = matches.source, matches.is_found, matches.id.desc()
    else:
        source = Organization.__table__
        has_words = and_(*search.has_words(Organization.search_text, words))
        is_named = or_(has_words, Organization.id.in_(search.select_targets(words)))
        is_found = and_(_is_own(actor), is_named)
        order = Organization.id.desc()
    found = select(*_COLUMNS).select_from(source).where(is_found).order_by(order)
    exact = select(*_COLUMNS).where(_is_named(words), _is_visible(session, actor))
    rows = [*_fetch(session, exact.order_by(Organization.id.desc())), *_fetch(session, found)]
    return list(dict.fromkeys(rows))[:MAX_RESULTS]


def find_people(session: Session, actor: Actor, words: str) -> list[FoundPerson]:
    """Return people by name or email address, each with the first of their organizations.

    Members find the people of their own organizations, staff those of all. Only administrators
    find people without any.
    """
    if not words.strip() or _WEB_ADDRESS.fullmatch(words.strip()):
        return []
    rights = staff_rights(session, actor)
    theirs = (
        select(func.min(Membership.org_id))
        .join(Organization, Organization.id == Membership.org_id)
        .where(Membership.user_id == User.id, _IS_LIVE, _is_visible(session, actor))
        .correlate(User)
        .scalar_subquery()
    )
    people = (
        select(User.id, User.name, User.email, Organization.public_id, Organization.name)
        .join(Organization, Organization.id == theirs, isouter=Action.MANAGE_PEOPLE in rights)
        .where(User.deleted_at.is_(None))
        .limit(MAX_RESULTS)
    )
    if Action.VIEW_ALL in rights:
        matches = search.match_users(session, words)
        people = people.select_from(matches.source).where(matches.is_found)
        people = people.order_by(matches.id.desc())
    else:
        people = people.where(User.id.in_(_colleagues(actor)))
        people = people.where(*search.has_words(User.search_text, words))
        people = people.order_by(User.search_text, User.id)
    return [FoundPerson(*row) for row in session.execute(people)]


def list_opened(
    session: Session, actor: Actor, public_ids: Sequence[str]
) -> list[FoundOrganization]:
    """Return the organizations with these Organization IDs, in this order, that the actor sees."""
    wanted = list(dict.fromkeys(public_ids))[:MAX_OPENED]
    is_wanted = and_(Organization.public_id.in_(wanted), _IS_LIVE, _is_visible(session, actor))
    found = {
        row.public_id: FoundOrganization(*row)
        for row in session.execute(select(*_COLUMNS).where(is_wanted))
    }
    return [found[public_id] for public_id in wanted if public_id in found]


def _fetch(session: Session, rows: Select[*tuple[Any, ...]]) -> list[FoundOrganization]:
    found = session.execute(rows.where(_IS_LIVE).limit(MAX_RESULTS))
    return [FoundOrganization(*row) for row in found]


def _is_visible(session: Session, actor: Actor) -> ColumnElement[bool]:
    return true() if Action.VIEW_ALL in staff_rights(session, actor) else _is_own(actor)


def _is_own(actor: Actor) -> ColumnElement[bool]:
    return Organization.id.in_(_own(actor))


def _own(actor: Actor) -> Select[int]:
    return select(Membership.org_id).where(Membership.user_id == actor.user_id)


def _colleagues(actor: Actor) -> Select[int]:
    own = select(Organization.id).where(_IS_LIVE, _is_own(actor))
    return select(Membership.user_id).where(Membership.org_id.in_(own))


def _is_named(words: str) -> ColumnElement[bool]:
    """Return the condition for exactly this name, or this Organization ID; both have an index."""
    is_id = Organization.public_id == words.upper()
    return (
        is_id
        if words.upper().startswith("ORG-")
        else Organization.name_key == (tokenizer.name_key(words))
    )


def _host(words: str) -> str:
    """Return what a pasted web address is found by, its host without `www` and `com`.

    The last part of a host is in so many rows that looking for it takes long.
    """
    if not _WEB_ADDRESS.fullmatch(words):
        return words
    host = hosts.of_address(words)
    return host.rpartition(".")[0] or host

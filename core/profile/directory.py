"""Connected solutions: a directory of the organizations that chose to be listed, for all users."""

from typing import Any, Final

import pandas as pd
from sqlalchemy import Select, SQLColumnExpression, and_, select
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access
from core.audit import history
from core.base.errors import InvalidInput, NotFound
from core.database.db import count_up_to, frame
from core.database.search import match_organizations
from core.models import Organization, User

CARDS_PER_PAGE: Final = 24
MAX_COUNTED: Final = 1_000
"""Searches are counted up to this number."""

_ON_THE_CARD: Final = (
    Organization.public_id,
    Organization.name,
    Organization.logo,
    Organization.overview,
    Organization.website,
    Organization.sales_email,
    Organization.twitter,
)


def search(
    session: Session, actor: Actor, text: str = "", *, before: int | None = None
) -> pd.DataFrame:
    """Return one page of listed cards, newest first, that match the words of `text` by prefix.

    `before` is the cursor: the id of the last card of the page before. The result has one row more
    than `CARDS_PER_PAGE` if there is another page. Missing values are empty texts.
    """
    _ensure_active_account(session, actor)
    cards, org_id = _listed(session, text, *_ON_THE_CARD)
    if before is not None:
        cards = cards.where(org_id < before)
    found = frame(session, cards.order_by(org_id.desc()).limit(CARDS_PER_PAGE + 1))
    return found.fillna("")


def count(session: Session, actor: Actor, text: str = "") -> int:
    """Return how many cards `search` finds, or `MAX_COUNTED` + 1 if there are more."""
    _ensure_active_account(session, actor)
    return count_up_to(session, _listed(session, text)[0], MAX_COUNTED)


def missing_for_listing(org: Organization) -> str:
    """Return what the profile still needs before its card can be listed, as words: `a logo`."""
    needed = {"a logo": org.logo, "an overview": org.overview, "a public website": org.website}
    missing = [what for what, value in needed.items() if not value]
    return " and ".join(filter(None, [", ".join(missing[:-1]), *missing[-1:]]))


def list_in_solutions(session: Session, actor: Actor, org_id: int, *, listed: bool) -> Organization:
    """Turn the listing in Connected solutions on or off.

    Raises `InvalidInput` where the profile is incomplete.
    """
    org = access(session, actor, org_id, Action.EDIT_PROFILE)
    missing = missing_for_listing(org)
    if listed and missing:
        raise InvalidInput({"is_listed": f"Add {missing} and save first, then turn this on."})
    org.is_listed = listed
    event = "profile.listed" if listed else "profile.unlisted"
    history.record(session, actor, org, event, org)
    return org


def _listed(
    session: Session, text: str, *columns: SQLColumnExpression[Any]
) -> tuple[Select[*tuple[Any, ...]], SQLColumnExpression[int]]:
    """Return a query for listed organizations, with the id first, and the id that orders it."""
    is_listed = and_(
        Organization.is_listed,
        Organization.deleted_at.is_(None),
        Organization.logo.is_not(None),
        Organization.overview.is_not(None),
        Organization.website.is_not(None),
    )
    if not text.strip():
        return select(Organization.id, *columns).where(is_listed), Organization.id
    matches = match_organizations(session, text)
    found = select(Organization.id, *columns).select_from(matches.source)
    return found.where(matches.is_found, is_listed), matches.id


def _ensure_active_account(session: Session, actor: Actor) -> None:
    """Raise `NotFound` for strangers and disabled accounts."""
    active = select(User.id).where(User.id == actor.user_id, User.disabled_at.is_(None))
    if session.scalar(active) is None:
        raise NotFound("page")

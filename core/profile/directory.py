"""Connected solutions: the organizations that show themselves to everybody who is signed in."""

from typing import Any, Final

import pandas as pd
from sqlalchemy import Select, SQLColumnExpression, and_, func, select
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.base.errors import NotFound
from core.database.db import frame
from core.database.search import find
from core.models import Organization, User

CARDS_PER_PAGE: Final = 24
COUNTED_TO: Final = 1000

_ON_THE_CARD: Final = (
    Organization.public_id,
    Organization.name,
    Organization.logo,
    Organization.overview,
    Organization.website,
    Organization.sales_email,
    Organization.phone,
    Organization.twitter,
)


def search(
    session: Session, actor: Actor, text: str = "", *, before: int | None = None
) -> pd.DataFrame:
    """Return the cards that are listed and have words beginning with those of `text`.

    The newest come first; one page of `CARDS_PER_PAGE`, and one row more if there is another page,
    which is asked for by `before`: the id of the last card shown. What a card lacks is empty text.
    """
    _ensure_somebody(session, actor)
    cards, org_id = _listed(session, text, *_ON_THE_CARD)
    if before is not None:
        cards = cards.where(org_id < before)
    found = frame(session, cards.order_by(org_id.desc()).limit(CARDS_PER_PAGE + 1))
    return found.fillna("")


def count(session: Session, actor: Actor, text: str = "") -> int:
    """Return how many cards `search` finds; whatever is above `COUNTED_TO` is one more."""
    _ensure_somebody(session, actor)
    few = _listed(session, text)[0].limit(COUNTED_TO + 1)
    return session.scalar(select(func.count()).select_from(few.subquery())) or 0


def _listed(
    session: Session, text: str, *columns: SQLColumnExpression[Any]
) -> tuple[Select[*tuple[Any, ...]], SQLColumnExpression[int]]:
    """Return a query for listed organizations, their id first, and the id to walk along."""
    is_listed = and_(
        Organization.is_listed,
        Organization.deleted_at.is_(None),
        Organization.logo.is_not(None),
        Organization.overview.is_not(None),
        Organization.website.is_not(None),
    )
    if not text.strip():
        return select(Organization.id, *columns).where(is_listed), Organization.id
    hits = find(session, text)
    found = select(Organization.id, *columns).select_from(hits.source)
    return found.where(hits.is_found, is_listed), hits.id


def _ensure_somebody(session: Session, actor: Actor) -> None:
    """Raise `NotFound` for who has no account here, or none that may be used."""
    here = select(User.id).where(User.id == actor.user_id, User.disabled_at.is_(None))
    if session.scalar(here) is None:
        raise NotFound("page")

"""Mailed links that work once: to prove an address, to choose a password."""

from datetime import timedelta
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.base import clock, crypto
from core.base.errors import LinkNotValid
from core.models import Link

PROVE: Final = "prove"
RESET: Final = "reset"
PROVES_FOR = timedelta(hours=24)
RESETS_FOR = timedelta(minutes=20)

_HOW_TO_GET_ANOTHER: Final = {
    PROVE: "Sign up again to get a new one.",
    RESET: "Choose Forgot password to get a new one.",
}


def make(
    session: Session,
    kind: str,
    email: str,
    lasts: timedelta,
    *,
    user_id: int | None = None,
    org_id: int | None = None,
) -> dict[str, str]:
    """Keep a new link and return what the outbox keeps of it: its kind and nonce, not its token.

    Older links of the same kind for the same person or organization stop working.
    """
    now = clock.now()
    nonce = crypto.new_nonce()
    end(session, kind, user_id=user_id, org_id=org_id)
    session.add(
        Link(
            kind=kind,
            nonce=nonce,
            token_hash=crypto.fingerprint(crypto.token(kind, nonce)),
            user_id=user_id,
            org_id=org_id,
            email=email,
            created_at=now,
            expires_at=now + lasts,
        )
    )
    return {"kind": kind, "nonce": nonce}


def find(session: Session, kind: str, token: str) -> Link:
    """Return the link that still works for this token; raises `LinkNotValid`. It stays unused."""
    link = session.scalar(
        select(Link).where(
            Link.token_hash == crypto.fingerprint(token),
            Link.kind == kind,
            Link.used_at.is_(None),
            Link.expires_at > clock.now(),
        )
    )
    if link is None:
        raise refusal(kind)
    return link


def use(session: Session, kind: str, token: str) -> Link:
    """Use a link up and return it; of several who try at once one succeeds. Raises like `find`."""
    link = find(session, kind, token)
    used = session.scalar(
        update(Link)
        .where(Link.id == link.id, Link.used_at.is_(None), Link.expires_at > clock.now())
        .values(used_at=clock.now())
        .returning(Link.id)
    )
    if used is None:
        raise refusal(kind)
    return link


def refusal(kind: str) -> LinkNotValid:
    """Return the one answer to links of a kind that are unknown, used, replaced or too old."""
    return LinkNotValid(_HOW_TO_GET_ANOTHER.get(kind, "Ask for a new one."))


def end(
    session: Session, kind: str, *, user_id: int | None = None, org_id: int | None = None
) -> None:
    """Stop every unused link of this kind for this person or organization."""
    whose = Link.org_id == org_id if org_id is not None else Link.user_id == user_id
    if org_id is None and user_id is None:
        raise ValueError("a link of nobody")
    session.execute(
        update(Link)
        .where(whose, Link.kind == kind, Link.used_at.is_(None))
        .values(used_at=clock.now())
    )

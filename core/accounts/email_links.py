"""Single-use links in mails: to confirm an address, to choose a new password."""

from datetime import timedelta
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.base import clock, crypto
from core.base.errors import LinkNotValid
from core.models import Link

CONFIRM: Final = "prove"
RESET: Final = "reset"
CONFIRM_TTL = timedelta(hours=24)
RESET_TTL = timedelta(minutes=20)

_HOW_TO_GET_A_NEW_ONE: Final = {
    CONFIRM: "If you already confirmed your address, log in. Otherwise, sign up again.",
    RESET: "If you already changed your password, log in. Otherwise, request a new link.",
}
_ASK_AN_OWNER: Final = "If alerts don't arrive, ask an owner to send a new link."


def create(
    session: Session,
    kind: str,
    email: str,
    ttl: timedelta,
    *,
    user_id: int | None = None,
    org_id: int | None = None,
) -> dict[str, str]:
    """Store a new link and return its kind and nonce, from which the token is derived on sending.

    Earlier links of the same kind for the same person or organization are revoked. A link of
    nobody can't be used.
    """
    now = clock.now()
    nonce = crypto.new_nonce()
    is_of_nobody = user_id is None and org_id is None
    revoke(session, kind, user_id=0 if is_of_nobody else user_id, org_id=org_id)
    session.add(
        Link(
            kind=kind,
            nonce=nonce,
            token_hash=crypto.fingerprint(crypto.token(kind, nonce)),
            user_id=user_id,
            org_id=org_id,
            email=email,
            created_at=now,
            expires_at=now + ttl,
        )
    )
    return {"kind": kind, "nonce": nonce}


def get(session: Session, kind: str, token: str) -> Link:
    """Return the valid link with this token, without using it; raises `LinkNotValid`."""
    link = session.scalar(
        select(Link).where(
            Link.token_hash == crypto.fingerprint(token),
            Link.kind == kind,
            Link.used_at.is_(None),
            Link.expires_at > clock.now(),
        )
    )
    if link is None:
        raise not_valid(kind)
    return link


def redeem(session: Session, kind: str, token: str) -> Link:
    """Use a link up and return it; only one of several concurrent calls succeeds.

    Raises `LinkNotValid`.
    """
    link = get(session, kind, token)
    used = session.scalar(
        update(Link)
        .where(Link.id == link.id, Link.used_at.is_(None), Link.expires_at > clock.now())
        .values(used_at=clock.now())
        .returning(Link.id)
    )
    if used is None:
        raise not_valid(kind)
    return link


def not_valid(kind: str) -> LinkNotValid:
    """Return the error for links that are unknown, used, revoked or expired alike."""
    return LinkNotValid(_HOW_TO_GET_A_NEW_ONE.get(kind, _ASK_AN_OWNER))


def revoke(
    session: Session, kind: str, *, user_id: int | None = None, org_id: int | None = None
) -> None:
    """Revoke the unused links of this kind for a person or an organization."""
    owner = Link.org_id == org_id if org_id is not None else Link.user_id == user_id
    if org_id is None and user_id is None:
        raise ValueError("pass user_id or org_id")
    session.execute(
        update(Link)
        .where(owner, Link.kind == kind, Link.used_at.is_(None))
        .values(used_at=clock.now())
    )

"""The texts of a profile: as people write them, as they are kept, and how two edits meet."""

from collections.abc import Callable, Mapping
from typing import Final

from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.base import validation
from core.base.errors import Stale
from core.database import search
from core.models import Organization
from core.profile import alert_address

_CLEANERS: Final[dict[str, Callable[[str], str | None]]] = {
    "name": validation.organization_name,
    "alert_email": validation.optional(validation.email),
    "overview": validation.overview,
    "sales_email": validation.optional(validation.email),
    "phone": validation.phone,
    "website": validation.website,
    "twitter": validation.twitter_handle,
}


def texts(org: Organization) -> dict[str, str]:
    """Return what the form shows: each field as a person writes it."""
    kept = {field: getattr(org, field) for field in _CLEANERS}
    kept["alert_email"] = org.alert_email_new or org.alert_email
    return {field: _as_text(field, value) for field, value in kept.items()}


def preview(typed: Mapping[str, str]) -> dict[str, str]:
    """Return what was typed as it would be shown once saved; what is unfit stays as it is."""
    return {field: _tidied(field, text) for field, text in typed.items()}


def change(
    session: Session,
    actor: Actor,
    org: Organization,
    shown: Mapping[str, str],
    typed: Mapping[str, str],
    *,
    check: validation.Check | None = None,
) -> list[str]:
    """Change the fields in which `typed` differs from what was `shown`; return which they are.

    All or nothing; raises `InvalidInput`, with what `check` has refused already, and `Stale` where
    somebody else changed the same one.
    """
    edited = {field: text for field, text in typed.items() if text != shown[field]}
    wanted = _clean(org, edited, check or validation.Check())
    now = texts(org)
    as_text = {field: _as_text(field, value) for field, value in wanted.items()}
    changed = [f for f in wanted if as_text[f] != shown[f] and as_text[f] != now[f]]
    disputed = [f for f in changed if now[f] != shown[f]]
    if disputed:
        raise Stale({f: now[f] for f in disputed}, {f: as_text[f] for f in disputed})
    for field in changed:
        if field == "alert_email":
            alert_address.change(session, actor, org, wanted[field])
        else:
            setattr(org, field, wanted[field])
    search.index(org)
    return changed


def _clean(
    org: Organization, typed: Mapping[str, str], check: validation.Check
) -> dict[str, str | None]:
    clean = {field: check(field, _CLEANERS[field], text) for field, text in typed.items()}
    if org.alert_email and clean.get("alert_email", "") is None:
        check.refuse("alert_email", "Alerts need one address. Write the one they should go to.")
    check.done()
    return clean


def _as_text(field: str, value: str | None) -> str:
    if not value:
        return ""
    if field == "phone":
        return validation.show_phone(value)
    return f"@{value}" if field == "twitter" else value


def _tidied(field: str, text: str) -> str:
    try:
        return _as_text(field, _CLEANERS[field](text))
    except validation.Unfit:
        return text

"""The profile of an organization: its fields, how they are edited, and when they were confirmed."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Final

from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access
from core.accounts import user_rows
from core.audit import history
from core.base import clock, phones, validation
from core.base.errors import Stale
from core.database import change_tracking, search
from core.members import member_mails
from core.models import Organization
from core.profile import alert_address

CONFIRMATION_INTERVAL: Final = timedelta(days=365)
"""How often owners are asked to confirm that the profile is still correct."""
FIELDS: Final = {
    "name": "Organization name",
    "alert_email": "Alert email address",
    "overview": "Company overview",
    "sales_email": "Sales email",
    "phone": "Phone",
    "website": "Public website",
    "twitter": "Twitter (X) handle",
}
"""The fields in the order of the form, with their labels."""
CONTACT_FIELDS: Final = {
    field: FIELDS[field] for field in ("sales_email", "phone", "website", "twitter")
}
"""The fields that staff can edit as well, with their labels. The alert address is not one."""
CLEANERS: Final[dict[str, Callable[[str], str | None]]] = {
    "name": validation.organization_name,
    "alert_email": validation.optional(validation.email),
    "overview": validation.overview,
    "sales_email": validation.optional(validation.email),
    "phone": validation.phone,
    "website": validation.website,
    "twitter": validation.twitter_handle,
}
"""How the text of each field is cleaned; empty ones become None, except the name."""
ONLY_OWNERS: Final = "Only owners can change this. Ask one of them."


def save(
    session: Session,
    actor: Actor,
    org_id: int,
    original: Mapping[str, str],
    edited: Mapping[str, str],
    *,
    confirms: bool = True,
) -> Organization:
    """Save the fields in which `edited` differs from the `original` texts of the form.

    Saving confirms that the profile is correct, unless `confirms` is False. Changes that others
    made to other fields meanwhile are kept. Raises `InvalidInput`, and `Stale` with both texts
    where someone changed the same field; to overwrite theirs, save again with theirs as
    `original`.
    """
    org = access(session, actor, org_id, Action.EDIT_PROFILE)
    if _change(session, actor, org, original, edited, validation.Check()):
        if confirms:
            org.confirmed_at = clock.now()
        history.record(session, actor, org, "profile.changed", org)
    return org


def save_contact_details(
    session: Session,
    actor: Actor,
    org_id: int,
    original: Mapping[str, str],
    edited: Mapping[str, str],
    *,
    reason: str,
) -> Organization:
    """Save contact details on behalf of staff, and tell the owners what changed and why.

    Follows the rules of `save`. Raises `InvalidInput` without a reason, and for any field that is
    not in `CONTACT_FIELDS`.
    """
    org = access(session, actor, org_id, Action.EDIT_CONTACT)
    check = validation.Check()
    reason = check("reason", validation.reason, reason) or ""
    for field in set(edited) - set(CONTACT_FIELDS):
        check.refuse(field, ONLY_OWNERS)
    allowed = {field: text for field, text in edited.items() if field in CONTACT_FIELDS}
    changed = _change(session, actor, org, original, allowed, check)
    if changed:
        _notify_owners(session, actor, org, changed, reason)
        history.record(session, actor, org, "profile.changed", org, reason=reason)
    return org


def _notify_owners(
    session: Session, actor: Actor, org: Organization, changed: Sequence[str], reason: str
) -> None:
    """Mail the owners what staff have changed; in a run it becomes a line of their digest."""
    what = ", ".join(CONTACT_FIELDS[field] for field in changed)
    if change_tracking.find_cause(session).get("run_id") is not None:
        detail = f"By {actor.name} from the Orgdesk team. Reason: {reason}"
        title, field = f"{org.name}: {what} changed", ", ".join(sorted(changed))
        member_mails.add_to_digests(session, org, title, detail, field=field)
        return
    member_mails.send_to_owners(
        session,
        org,
        "contact_changed",
        by=actor.name,
        what=what,
        reason=reason,
        link=member_mails.page_link(org, "history"),
    )


def confirm(session: Session, actor: Actor, org_id: int) -> Organization:
    """Record that the profile is still correct, without a change."""
    org = access(session, actor, org_id, Action.EDIT_PROFILE)
    if org.confirmed_at is not None and clock.now() - org.confirmed_at < timedelta(minutes=1):
        return org
    org.confirmed_at = clock.now()
    history.record(session, actor, org, "profile.confirmed", org)
    return org


def is_confirmation_due(org: Organization) -> bool:
    """Return whether the owners are to be asked if the profile is still correct."""
    return clock.now() - (org.confirmed_at or org.created_at) >= CONFIRMATION_INTERVAL


def form_texts(org: Organization) -> dict[str, str]:
    """Return the fields as the form displays them; the alert address is the pending one if any."""
    values = {field: getattr(org, field) for field in CLEANERS}
    values["alert_email"] = org.alert_email_new or org.alert_email
    return {field: _as_text(field, value) for field, value in values.items()}


def preview(edited: Mapping[str, str]) -> dict[str, str]:
    """Return the texts as they would be displayed once saved; invalid ones are left unchanged."""
    return {field: _cleaned_text(field, text) for field, text in edited.items()}


def _change(
    session: Session,
    actor: Actor,
    org: Organization,
    original: Mapping[str, str],
    edited: Mapping[str, str],
    check: validation.Check,
) -> list[str]:
    """Change the edited fields, all or none, and return their names.

    Raises `InvalidInput`, including what `check` has collected already, and `Stale`.
    """
    typed = {field: text for field, text in edited.items() if text != original[field]}
    cleaned = _clean(org, typed, check, domain=user_rows.find_domain(session, actor.user_id))
    current = form_texts(org)
    texts = {field: _as_text(field, value) for field, value in cleaned.items()}
    changed = [f for f in cleaned if texts[f] != original[f] and texts[f] != current[f]]
    conflicts = [f for f in changed if current[f] != original[f]]
    if conflicts:
        raise Stale({f: current[f] for f in conflicts}, {f: texts[f] for f in conflicts})
    for field in changed:
        if field == "alert_email":
            alert_address.change(session, actor, org, cleaned[field])
        else:
            setattr(org, field, cleaned[field])
    search.index_organization(org)
    return changed


def _clean(
    org: Organization, typed: Mapping[str, str], check: validation.Check, *, domain: str
) -> dict[str, str | None]:
    """Return the clean values; `domain` is that of the person, which a name may contain."""
    cleaners = CLEANERS | {"name": partial(validation.organization_name, domain=domain)}
    cleaned = {field: check(field, cleaners[field], text) for field, text in typed.items()}
    if org.alert_email and cleaned.get("alert_email", "") is None:
        check.refuse("alert_email", "Alerts need an address. Enter the one to send them to.")
    check.done()
    return cleaned


def _as_text(field: str, value: str | None) -> str:
    if not value:
        return ""
    if field == "phone":
        return phones.format_international(value)
    return f"@{value}" if field == "twitter" else value


def _cleaned_text(field: str, text: str) -> str:
    try:
        return _as_text(field, CLEANERS[field](text))
    except validation.InvalidValue:
        return text

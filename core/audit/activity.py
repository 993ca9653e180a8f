"""History as people read it: who changed what, from what to what, when and why."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import pandas as pd
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access, access_staff
from core.models import Entry, Organization, User

COLUMNS: Final = (
    "id who_id who what before after at reason org_id organization public_id org_logo".split()
)
OVERRIDDEN: Final = " (checks overridden)"
"""Ends what a line tells of a move whose failed checks an administrator overrode."""
PAGE: Final = 50
"""Entries on one page; an entry that changed several fields takes a line for each."""

EVENTS: Final = {
    "account.created": "Account created",
    "account.deleted": "Account deleted",
    "account.purged": "Unproven account removed",
    "account.proven": "Address confirmed",
    "account.renamed": "Name of a person changed",
    "account.password_changed": "Password changed",
    "account.password_reset": "Password reset by mail",
    "account.reset_sent": "Password link sent",
    "account.sessions_ended": "Sessions ended",
    "account.two_factor_on": "Two-factor set up",
    "account.two_factor_replaced": "Two-factor set up on another device",
    "account.two_factor_off": "Two-factor turned off",
    "account.two_factor_reset": "Two-factor reset by an administrator",
    "account.recovery_codes_made": "New recovery codes made",
    "account.recovery_code_used": "Recovery code used",
    "account.disabled": "Account disabled",
    "account.enabled": "Account enabled",
    "organization.created": "Organization created",
    "acting.started": "Acts as an owner",
    "acting.ended": "No longer acts as an owner",
    "organization.deleted": "Organization deleted",
    "organization.restored": "Organization restored",
    "organization.purged": "Organization purged",
    "organizations.downloaded": "Organizations downloaded",
    "invitation.sent": "Invitation sent",
    "invitation.resent": "Invitation sent again",
    "invitation.accepted": "Invitation accepted",
    "invitation.declined": "Invitation declined",
    "invitation.revoked": "Invitation revoked",
    "member.removed": "Member removed",
    "member.left": "Member left",
    "member.reinstated": "Member reinstated",
    "ownership.offered": "Ownership offered",
    "ownership.withdrawn": "Offer of ownership withdrawn",
    "ownership.declined": "Offer of ownership declined",
    "ownership.transferred": "Ownership handed over",
    "ownership.named": "Owner named",
    "logo.changed": "Logo",
    "logo.removed": "Logo",
    "profile.confirmed": "Profile confirmed as still right",
    "onboarding.requested": "Onboarding requested",
    "view.saved": "View saved",
    "view.renamed": "View renamed",
    "view.replaced": "View changed",
    "view.shared": "Sharing of a view changed",
    "view.removed": "View deleted",
}
"""Events that are told as a whole; of all others each changed field is told."""
_FIELDS: Final = {
    "name": "Organization name",
    "alert_email": "Alert email address",
    "alert_email_new": "Alert email address, not confirmed yet",
    "alerts_off": "Alerts not told",
    "text": "Note",
    "overview": "Company overview",
    "sales_email": "Sales email",
    "phone": "Phone",
    "website": "Public website",
    "twitter": "Twitter (X) handle",
    "is_listed": "List in connected solutions",
    "stage": "Stage",
    "role": "Role",
    "rep_id": "Sales rep",
    "target_on": "Target date",
    "next_step": "Next step",
    "next_step_on": "Next step due",
    "snoozed_until": "Snoozed until",
    "staff": "Staff role",
    "member_limit": "Limit of members",
    "disabled_at": "Account disabled",
    "proven_at": "Address confirmed",
    "password_hash": "Password",
    "two_factor_at": "Two-factor",
}
_ABOUT_SOMEBODY: Final = ("account.", "member.", "ownership.")
_SILENT: Final = {
    "org_id",
    "author_id",
    "is_shared",
    "edited_at",
    "stage_entered_at",
    "requested_at",
    "request_note",
    "nonce",
    "sent_at",
    "expires_at",
    "answered_at",
    "confirmed_at",
    "created_at",
    "created_by",
}
"""Fields that follow from what is told beside them."""


def table(
    session: Session,
    actor: Actor,
    *,
    org_id: int | None = None,
    person_id: int | None = None,
    event: str = "",
    since: datetime | None = None,
    before_id: int | None = None,
    most: int = PAGE,
) -> pd.DataFrame:
    """Return the latest changes, newest first, one row for each thing that changed.

    Of one organization for who may review its history, of all for staff. `before_id` goes on where
    a page ended. The columns are `COLUMNS`: ids, words ready to be read, and the moment in UTC.
    """
    if org_id is not None:
        access(session, actor, org_id, Action.VIEW_HISTORY)
    else:
        access_staff(session, actor, Action.VIEW_ALL)
    wanted = _entries(org_id, person_id, event, since).order_by(Entry.id.desc())
    if before_id is not None:
        wanted = wanted.where(Entry.id < before_id)
    return _frame(session, wanted.limit(most))


def latest(session: Session, actor: Actor, org_id: int, *, most: int = 5) -> pd.DataFrame:
    """Return the last changes of an organization for everybody who may see it; as `table`."""
    access(session, actor, org_id, Action.VIEW)
    wanted = _entries(org_id, None, "", None).order_by(Entry.id.desc()).limit(most)
    return _frame(session, wanted).head(most)


def _entries(
    org_id: int | None, person_id: int | None, event: str, since: datetime | None
) -> Select[Entry, str, str, str, str | None]:
    wanted = (
        select(Entry, User.name, Organization.name, Organization.public_id, Organization.logo)
        .outerjoin(User, User.id == Entry.actor_id)
        .outerjoin(Organization, Organization.id == Entry.org_id)
    )
    if org_id is not None:
        wanted = wanted.where(Entry.org_id == org_id)
    if person_id is not None:
        wanted = wanted.where(Entry.actor_id == person_id)
    if event:
        wanted = wanted.where(Entry.event.startswith(f"{event}."))
    if since is not None:
        wanted = wanted.where(Entry.at >= since)
    return wanted


def _frame(session: Session, wanted: Select[Entry, str, str, str, str | None]) -> pd.DataFrame:
    found = session.execute(wanted).all()
    names = _people_named_in(session, [entry for entry, *_ in found])
    rows = [
        (
            *(entry.id, entry.actor_id, _who(entry, who), what, before, after),
            *(entry.at, entry.reason, entry.org_id, organization, public_id, logo),
        )
        for entry, who, organization, public_id, logo in found
        for what, before, after in _told(entry, names)
    ]
    return pd.DataFrame(rows, columns=pd.Index(COLUMNS))


def _who(entry: Entry, name: str | None) -> str:
    return name or ("Orgdesk" if entry.actor_id is None else "A deleted account")


def _told(entry: Entry, names: dict[int, str]) -> Iterator[tuple[str, str, str]]:
    """Yield what happened, in words: the thing, its value before and after."""
    person = names.get(entry.person_id, "a deleted account") if entry.person_id else ""
    whose = f" of {person}" if person else ""
    is_about = entry.event.startswith(_ABOUT_SOMEBODY) and entry.person_id != entry.actor_id
    about = f": {person}" if person and is_about else ""
    whole = EVENTS.get(entry.event)
    if whole is not None:
        yield whole + about, "", ""
        return
    for change in entry.changes:
        field = change["field"]
        if field not in _SILENT:
            label = _FIELDS.get(field, field.replace("_", " ").capitalize())
            is_override = field == "stage" and entry.event == "stage.overridden"
            label += OVERRIDDEN if is_override else ""
            label += whose if field in {"role", "staff"} else ""
            yield label, *(_value(field, change[side], names) for side in ("old", "new"))


def _value(field: str, value: Any, names: dict[int, str]) -> str:
    if value is None or value == "":
        return "(empty)"
    if field == "rep_id":
        return names.get(value, "a deleted account")
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)


def _people_named_in(session: Session, entries: list[Entry]) -> dict[int, str]:
    ids = {entry.person_id for entry in entries if entry.person_id}
    for entry in entries:
        for change in entry.changes:
            if change["field"] == "rep_id":
                ids |= {change["old"], change["new"]} - {None}
    if not ids:
        return {}
    named = session.execute(select(User.id, User.name).where(User.id.in_(ids)))
    return dict(named.all())

"""Activity: history entries in words, with who changed what, when and why."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import pandas as pd
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access, access_staff, may
from core.models import Entry, Organization, User

COLUMNS: Final = (
    "id who_id who what before after at reason org_id organization public_id org_logo".split()
)
OVERRIDDEN: Final = " (checks overridden)"
"""Marks a move whose failed checks an administrator overrode, at the end of its label."""
PAGE_SIZE: Final = 50
"""Entries on one page; an entry that changed several fields has a row for each."""

_EVENTS: Final = {
    "account.created": "Account created",
    "account.deleted": "Account deleted",
    "account.purged": "Unconfirmed account removed",
    "account.proven": "Email confirmed",
    "account.renamed": "Name changed",
    "account.password_changed": "Password changed",
    "account.password_reset": "Password reset by email",
    "account.reset_sent": "Password reset link sent",
    "account.reset_link_made": "Password reset link printed on the server",
    "account.link_opened": "Emailed link opened by an administrator",
    "account.sessions_ended": "Sessions ended",
    "account.two_factor_on": "Two-factor turned on",
    "account.two_factor_replaced": "Two-factor moved to a new device",
    "account.two_factor_off": "Two-factor turned off",
    "account.two_factor_reset": "Two-factor reset by an administrator",
    "account.recovery_codes_made": "Recovery codes replaced",
    "account.recovery_code_used": "Recovery code used",
    "account.disabled": "Account disabled",
    "account.enabled": "Account enabled",
    "organization.created": "Organization created",
    "acting.started": "Started acting as an owner",
    "acting.ended": "Stopped acting as an owner",
    "organization.deleted": "Organization deleted",
    "organization.restored": "Organization restored",
    "organization.purged": "Organization purged",
    "organizations.downloaded": "Organizations downloaded",
    "history.downloaded": "Receipt of history downloaded",
    "key.rotated": "Secret key replaced",
    "backup.restored": "Backup restored",
    "invitation.sent": "Invitation sent",
    "invitation.resent": "Invitation resent",
    "invitation.accepted": "Invitation accepted",
    "invitation.declined": "Invitation declined",
    "invitation.revoked": "Invitation revoked",
    "member.removed": "Member removed",
    "member.left": "Member left",
    "member.reinstated": "Member reinstated",
    "ownership.offered": "Ownership offered",
    "ownership.withdrawn": "Ownership offer withdrawn",
    "ownership.declined": "Ownership offer declined",
    "ownership.transferred": "Ownership transferred",
    "ownership.named": "Owner assigned",
    "logo.changed": "Logo changed",
    "logo.removed": "Logo removed",
    "profile.confirmed": "Profile confirmed",
    "mail.link_opened": "Emailed link opened by an administrator",
    "onboarding.requested": "Onboarding requested",
    "view.saved": "View saved",
    "view.renamed": "View renamed",
    "view.replaced": "View changed",
    "view.shared": "View sharing changed",
    "view.removed": "View deleted",
}
"""Events with a label of their own; all others are described field by field."""
_FIELD_LABELS: Final = {
    "name": "Organization name",
    "alert_email": "Alert email address",
    "alert_email_new": "Alert email address (not confirmed)",
    "alerts_off": "Alerts turned off",
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
    "member_limit": "Member limit",
    "disabled_at": "Account disabled",
    "proven_at": "Email confirmed",
    "password_hash": "Password",
    "two_factor_at": "Two-factor",
}
_STAGES: Final = ("stage.flagged", "stage.moved", "stage.withdrawn", "stage.overridden")
_VISIBLE: Final = {
    Action.VIEW: (
        *("organization.created", "organization.restored", "onboarding.requested", *_STAGES),
        *("profile.changed", "profile.confirmed", "profile.listed", "profile.unlisted"),
        *("logo.changed", "logo.removed"),
        *("member.removed", "member.left", "member.reinstated", "invitation.accepted"),
    ),
    Action.VIEW_INVITATIONS: (
        *("invitation.sent", "invitation.resent", "invitation.declined", "invitation.revoked"),
        *("invitation.role_changed", "member.role_changed"),
        *("ownership.offered", "ownership.withdrawn", "ownership.declined"),
        *("ownership.transferred", "ownership.named"),
    ),
}
"""The events that people without the right to view history can see in excerpts, by their right."""
_WITH_VALUES: Final = (*_STAGES, "invitation.role_changed", "member.role_changed")
"""Those of them whose values before and after such people can see as well."""
_ABOUT_A_PERSON: Final = ("account.", "member.", "ownership.")
_HIDDEN_FIELDS: Final = {
    "org_id",
    "author_id",
    "is_shared",
    "edited_at",
    "stage_entered_at",
    "requested_at",
    "request_note",
    "nonce",
    "run_id",
    "unclaimed_since",
    "sent_at",
    "expires_at",
    "answered_at",
    "confirmed_at",
    "created_at",
    "created_by",
}
"""Fields that say nothing beyond the others of their entry."""


def table(
    session: Session,
    actor: Actor,
    *,
    org_id: int | None = None,
    person_id: int | None = None,
    event: str = "",
    since: datetime | None = None,
    before_id: int | None = None,
    limit: int = PAGE_SIZE,
) -> pd.DataFrame:
    """Return the latest changes, newest first, with one row for each field that changed.

    Changes of one organization need the right to view its history; changes of all organizations
    are for staff. `person_id` filters by who made them, `event` by the first part of the event,
    such as "member". `before_id` continues after a page, `limit` counts entries. The columns are
    `COLUMNS`, with moments in UTC.
    """
    if org_id is not None:
        access(session, actor, org_id, Action.VIEW_HISTORY)
    else:
        access_staff(session, actor, Action.VIEW_ALL)
    entries = _entries(org_id, person_id, event, since).order_by(Entry.id.desc())
    if before_id is not None:
        entries = entries.where(Entry.id < before_id)
    return _frame(session, entries.limit(limit))


def latest(session: Session, actor: Actor, org_id: int, *, limit: int = 5) -> pd.DataFrame:
    """Return the latest changes of an organization, like `table`, as far as the actor can see them.

    Without the right to view history these are the changes of what the actor can see anyway, and
    only stages and roles have their values before and after.
    """
    access(session, actor, org_id, Action.VIEW)
    entries = _entries(org_id, None, "", None).order_by(Entry.id.desc()).limit(limit)
    if may(session, actor, org_id, Action.VIEW_HISTORY):
        return _frame(session, entries).head(limit)
    visible = [
        event
        for action, events in _VISIBLE.items()
        if may(session, actor, org_id, action)
        for event in events
    ]
    return _frame(session, entries.where(Entry.event.in_(visible)), hides_values=True).head(limit)


def of_account(session: Session, actor: Actor, *, limit: int = PAGE_SIZE) -> pd.DataFrame:
    """Return the latest changes to the actor's own account, newest first, like `table`."""
    entries = _entries(None, None, "", None).where(Entry.chain == f"person:{actor.user_id}")
    changes = _frame(session, entries.order_by(Entry.position.desc()).limit(limit))
    return changes.assign(what=changes["what"].str.removesuffix(f": {actor.name}"))


def _entries(
    org_id: int | None, person_id: int | None, event: str, since: datetime | None
) -> Select[Entry, str, str, str, str | None]:
    entries = (
        select(Entry, User.name, Organization.name, Organization.public_id, Organization.logo)
        .outerjoin(User, User.id == Entry.actor_id)
        .outerjoin(Organization, Organization.id == Entry.org_id)
    )
    if org_id is not None:
        entries = entries.where(Entry.org_id == org_id)
    if person_id is not None:
        entries = entries.where(Entry.actor_id == person_id)
    if event:
        entries = entries.where(Entry.event.startswith(f"{event}."))
    if since is not None:
        entries = entries.where(Entry.at >= since)
    return entries


def _frame(
    session: Session,
    entries: Select[Entry, str, str, str, str | None],
    *,
    hides_values: bool = False,
) -> pd.DataFrame:
    """Return the rows of entries; `hides_values` those that only history shows."""
    found = session.execute(entries).all()
    names = _names_of_people(session, [entry for entry, *_ in found])
    rows = [
        (
            *(entry.id, entry.actor_id, _who(entry, who), what, before, after),
            *(entry.at, entry.reason, entry.org_id, organization, public_id, logo),
        )
        for entry, who, organization, public_id, logo in found
        for what, before, after in _describe(entry, names)
    ]
    frame = pd.DataFrame(rows, columns=pd.Index(COLUMNS))
    if hides_values:
        events = {entry.id: entry.event for entry, *_ in found}
        is_hidden = ~frame["id"].map(events).isin(_WITH_VALUES)
        frame.loc[is_hidden, ["before", "after"]] = ""
        frame["reason"] = ""
    return frame


def _who(entry: Entry, name: str | None) -> str:
    return name or ("Orgdesk" if entry.actor_id is None else "A deleted account")


def _describe(entry: Entry, names: dict[int, str]) -> Iterator[tuple[str, str, str]]:
    """Yield a label, the value before and the value after for each row of an entry."""
    person = names.get(entry.person_id, "a deleted account") if entry.person_id else ""
    label = _EVENTS.get(entry.event)
    if label is not None:
        is_about_other = entry.person_id != entry.actor_id
        is_about_person = entry.event.startswith(_ABOUT_A_PERSON) and is_about_other
        yield f"{label}: {person}" if person and is_about_person else label, "", ""
        return
    for change in entry.changes:
        field = change["field"]
        if field not in _HIDDEN_FIELDS:
            before, after = (_format(field, change[side], names) for side in ("old", "new"))
            yield _field_label(entry, field, person), before, after


def _field_label(entry: Entry, field: str, person: str) -> str:
    label = _FIELD_LABELS.get(field, field.replace("_", " ").capitalize())
    if field == "stage" and entry.event == "stage.overridden":
        label += OVERRIDDEN
    return f"{label} of {person}" if person and field in {"role", "staff"} else label


def _format(field: str, value: Any, names: dict[int, str]) -> str:
    if value is None or value == "":
        return "(empty)"
    if field == "rep_id":
        return names.get(value, "a deleted account")
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)


def _names_of_people(session: Session, entries: list[Entry]) -> dict[int, str]:
    """Return the names of the people that entries are about, by id."""
    ids = {entry.person_id for entry in entries if entry.person_id}
    for entry in entries:
        for change in entry.changes:
            if change["field"] == "rep_id":
                ids |= {change["old"], change["new"]} - {None}
    if not ids:
        return {}
    named = session.execute(select(User.id, User.name).where(User.id.in_(ids)))
    return dict(named.all())

"""Alerts: what history entries mean to the alert address of an organization.

Use cases send no alerts themselves. `dispatch` reads each history entry once and asks `describe`
which alerts it causes. Owners choose which alerts they receive; changes of that choice are always
sent.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access
from core.audit import history
from core.base import phones, validation
from core.models import Alert, Entry, Organization, Role

LABELS: Final = {
    Alert.OWNERS: "An owner is added or removed",
    Alert.ROLES: "Someone gets a higher role",
    Alert.CONTACT: "Contact details change",
    Alert.STAGE: "Stage changes",
    Alert.INVITATIONS: "An invitation can't be delivered",
    Alert.LOCKOUTS: "An owner's login is blocked after wrong passwords",
}
ALWAYS: Final = "always"
"""The topic of alerts that cannot be turned off."""

_CONTACT_FIELDS: Final = {
    "name": "Organization name",
    "alert_email": "Alert email address",
    "alert_email_new": "Alert email address (not confirmed)",
    "sales_email": "Sales email",
    "phone": "Phone",
    "website": "Public website",
    "twitter": "Twitter (X) handle",
}
_ALWAYS_SENT: Final = {
    "organization.deleted": "The organization was deleted",
    "acting.started": "An Orgdesk administrator is acting as an owner",
    "organization.restored": "The organization was restored",
}

Values = dict[str, tuple[Any, Any]]
"""The old and the new value of each field that changed in a row."""


class AlertItem(NamedTuple):
    """An alert: its topic, a title, a detail, and the page that shows more."""

    topic: str
    title: str
    detail: str
    page: str
    field: str = ""
    """What has changed, if an undo before the alert is mailed leaves nothing to tell."""


class People(NamedTuple):
    """The people in history entries: names by id, and ids by membership row (`memberships:7`)."""

    names: Mapping[int, str]
    members: Mapping[str, int]

    def name(self, user_id: int | None) -> str:
        """Return a person's name, also of a deleted account."""
        return self.names.get(user_id or 0, "A deleted account")


def choose(session: Session, actor: Actor, org_id: int, wanted: Collection[Alert]) -> Organization:
    """Choose which alerts an organization receives."""
    org = access(session, actor, org_id, Action.EDIT_PROFILE)
    return _choose(session, actor, org, wanted)


def choose_for_owners(
    session: Session, actor: Actor, org_id: int, wanted: Collection[Alert], *, reason: str
) -> Organization:
    """Choose as an administrator; the alert address hears of it, with the reason.

    Raises `InvalidInput` without a reason.
    """
    org = access(session, actor, org_id, Action.ACT_AS_OWNER)
    check = validation.Check()
    reason = check("reason", validation.reason, reason) or ""
    check.done()
    return _choose(session, actor, org, wanted, reason)


def _choose(
    session: Session, actor: Actor, org: Organization, wanted: Collection[Alert], reason: str = ""
) -> Organization:
    org.alerts_off = as_stored(wanted)
    history.record(session, actor, org, "alerts.chosen", org, reason=reason)
    return org


def as_stored(wanted: Collection[Alert]) -> str | None:
    """Return what is stored where these alerts are on: those that are off."""
    return ", ".join(alert for alert in Alert if alert not in wanted) or None


def from_stored(off: str | None) -> list[Alert]:
    """Return the alerts that are on, of those off as they are stored."""
    return [alert for alert in Alert if alert not in (off or "").split(", ")]


def list_enabled(org: Organization) -> list[Alert]:
    """Return the alerts that an organization receives."""
    return from_stored(org.alerts_off)


def describe(entry: Entry, people: People) -> Iterator[AlertItem]:
    """Yield the alerts that an entry of an organization's history causes."""
    by = f"By {'Orgdesk' if entry.actor_id is None else people.name(entry.actor_id)}."
    if entry.reason:
        by += f" Reason: {' '.join(entry.reason.split())}"
    if entry.event in _ALWAYS_SENT:
        yield AlertItem(ALWAYS, _ALWAYS_SENT[entry.event], by, "history")
    for row, values in _values_by_row(entry).items():
        if row.startswith("memberships:") and "role" in values:
            yield from _describe_role(entry, people, row, values, by)
        elif row.startswith("organizations:") and entry.event != "organization.created":
            yield from _describe_organization(values, by)


def _values_by_row(entry: Entry) -> dict[str, Values]:
    rows: dict[str, Values] = {}
    for change in entry.changes:
        rows.setdefault(change["row"], {})[change["field"]] = (change["old"], change["new"])
    return rows


def _describe_role(
    entry: Entry, people: People, row: str, values: Values, by: str
) -> Iterator[AlertItem]:
    old, new = values["role"]
    old_id, new_id = values.get("user_id", (None, None))
    is_subject = row == entry.subject
    who = new_id or old_id or (entry.person_id if is_subject else people.members.get(row))
    name = people.name(who)
    previously = f"Previously {old}. " if old else ""
    if new == Role.OWNER:
        title = f"{name} became an owner"
        yield AlertItem(Alert.OWNERS, title, previously + by, "members", "role")
    elif old == Role.OWNER:
        now = f"Now {new}. " if new else ""
        title = f"{name} is no longer an owner"
        yield AlertItem(Alert.OWNERS, title, now + by, "members", "role")
    elif old and new and Role(new).rank > Role(old).rank:
        title = f"{name} became an {new}"
        yield AlertItem(Alert.ROLES, title, previously + by, "members", "role")


def _describe_organization(values: Values, by: str) -> Iterator[AlertItem]:
    for field, (old, new) in values.items():
        if field == "stage":
            title = f"Stage changed to {new}"
            yield AlertItem(Alert.STAGE, title, f"Previously {old}. {by}", "onboarding", field)
        elif field == "alerts_off":
            choice = f"Turned off: {new}." if new else "All alerts are on."
            yield AlertItem(ALWAYS, "Alert settings changed", f"{choice} {by}", "profile")
        elif field in _CONTACT_FIELDS and not (field == "alert_email_new" and new is None):
            title = f"{_CONTACT_FIELDS[field]} changed"
            change = f"{_format(field, old)} → {_format(field, new)}. {by}"
            yield AlertItem(Alert.CONTACT, title, change, "profile", field)


def _format(field: str, value: str | None) -> str:
    if not value:
        return "(empty)"
    return phones.format_international(value) if field == "phone" else value

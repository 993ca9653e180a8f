"""Alerts: what the alert address of an organization hears of, and in which words.

History is the one table of facts: nobody sends an alert, `news` reads each entry once and asks
here what it means. Owners choose what they do not want to hear of; that somebody chose is told.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access
from core.audit import history
from core.base import validation
from core.mail import digests
from core.models import Alert, Entry, Organization, Role

LABELS: Final = {
    Alert.OWNERS: "An owner is added or removed",
    Alert.ROLES: "A role is raised",
    Alert.CONTACT: "Contact data of the profile changes",
    Alert.STAGE: "The stage moves",
    Alert.INVITATIONS: "An invitation cannot be delivered",
    Alert.LOCKOUTS: "Sign-in of an owner is locked after wrong passwords",
}
ALWAYS: Final = "always"
"""The topic of what is told whatever was chosen: that it was, and what happens to all of it."""

_CONTACT: Final = {
    "name": "Organization name",
    "alert_email": "Alert email address",
    "alert_email_new": "Alert email address, not confirmed yet,",
    "sales_email": "Sales email",
    "phone": "Phone",
    "website": "Public website",
    "twitter": "Twitter (X) handle",
}
_WHOLE: Final = {
    "organization.deleted": "The organization is deleted",
    "acting.started": "An administrator of Orgdesk acts as an owner",
    "organization.restored": "The organization is there again",
}

Values = dict[str, tuple[Any, Any]]


class Told(NamedTuple):
    """One thing to tell: of which kind, in a few words, with the rest, and where it is seen."""

    topic: str
    title: str
    detail: str
    page: str


class People(NamedTuple):
    """Who the ids in entries are: names by person, people by membership (`memberships:7`)."""

    names: Mapping[int, str]
    members: Mapping[str, int]

    def name(self, user_id: int | None) -> str:
        """Return a person's name."""
        return self.names.get(user_id or 0, "A deleted account")


def choose(session: Session, actor: Actor, org_id: int, wanted: Collection[Alert]) -> Organization:
    """Choose what the alert address hears of from now on."""
    org = access(session, actor, org_id, Action.EDIT_PROFILE)
    org.alerts_off = ", ".join(alert for alert in Alert if alert not in wanted) or None
    history.record(session, actor, org, "alerts.chosen", org)
    return org


def chosen(org: Organization) -> list[Alert]:
    """Return what the alert address hears of."""
    return [alert for alert in Alert if digests.is_alert_enabled(org, alert)]


def read(entry: Entry, people: People) -> Iterator[Told]:
    """Yield what an entry of an organization's history means to its owners."""
    by = f"By {'Orgdesk' if entry.actor_id is None else people.name(entry.actor_id)}."
    why = f" The reason: {' '.join(entry.reason.split())}" if entry.reason else ""
    if entry.event in _WHOLE:
        yield Told(ALWAYS, _WHOLE[entry.event], by + why, "history")
    for row, values in _by_row(entry).items():
        if row.startswith("memberships:") and "role" in values:
            yield from _of_role(entry, people, row, values, by + why)
        elif row.startswith("organizations:") and entry.event != "organization.created":
            yield from _of_organization(values, by + why)


def _by_row(entry: Entry) -> dict[str, Values]:
    rows: dict[str, Values] = {}
    for change in entry.changes:
        rows.setdefault(change["row"], {})[change["field"]] = (change["old"], change["new"])
    return rows


def _of_role(entry: Entry, people: People, row: str, values: Values, by: str) -> Iterator[Told]:
    old, new = values["role"]
    old_id, new_id = values.get("user_id", (None, None))
    is_subject = row == entry.subject
    who = new_id or old_id or (entry.person_id if is_subject else people.members.get(row))
    name = people.name(who)
    was = f"{old} before. " if old else ""
    if new == Role.OWNER:
        yield Told(Alert.OWNERS, f"{name} is an owner now", was.capitalize() + by, "members")
    elif old == Role.OWNER:
        now = f"{new} now. " if new else ""
        yield Told(Alert.OWNERS, f"{name} is no longer an owner", now.capitalize() + by, "members")
    elif old and new and Role(new).rank > Role(old).rank:
        yield Told(Alert.ROLES, f"{name} is an {new} now", was.capitalize() + by, "members")


def _of_organization(values: Values, by: str) -> Iterator[Told]:
    for field, (old, new) in values.items():
        if field == "stage":
            yield Told(Alert.STAGE, f"The stage is {new} now", f"{old} before. {by}", "onboarding")
        elif field == "alerts_off":
            said = f"Not told any more: {new}." if new else "Everything is told."
            yield Told(ALWAYS, "What is told here has changed", f"{said} {by}", "profile")
        elif field in _CONTACT and not (field == "alert_email_new" and new is None):
            change = f"{_shown(field, old)} → {_shown(field, new)}. {by}"
            yield Told(Alert.CONTACT, f"{_CONTACT[field]} has changed", change, "profile")


def _shown(field: str, value: str | None) -> str:
    if not value:
        return "(empty)"
    return validation.show_phone(value) if field == "phone" else value

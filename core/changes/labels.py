"""Labels of cells and of their values, for the dialog that asks before something is undone."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from core.base import phones
from core.changes import cells
from core.changes.cells import EXISTENCE, MERGED_INTO, ORGANIZATION, Cell
from core.models import Handover, Invitation, Organization, User
from core.profile import profile

_EMPTY: Final = "(empty)"
_GONE: Final = "a deleted account"
_ORGANIZATION: Final = profile.FIELDS | {
    "alert_email_new": "Alert email address (not confirmed)",
    "alerts_off": "Alerts turned off",
    "is_listed": "List in connected solutions",
    "logo": "Logo",
    "member_limit": "Member limit",
    "stage": "Stage",
    "stage_entered_at": "In this stage since",
    "rep_id": "Sales rep",
    "target_on": "Target date",
    "next_step": "Next step",
    "next_step_on": "Next step due",
    "snoozed_until": "Snoozed until",
    "requested_at": "Onboarding requested",
    "request_note": "Note of the request",
    EXISTENCE: "Organization",
    MERGED_INTO: "Organization",
}
_OTHERS: Final = {
    ("notes", "text"): "Note",
    ("not_duplicates", "organizations"): "Not duplicates",
    ("saved_views", "name"): "Name of the view",
    ("saved_views", "query"): "Filters of the view",
    ("saved_views", "is_shared"): "Shared with staff",
}


def label_of(session: Session, cell: Cell) -> str:
    """Return the label of a cell, such as `Role of Mia`."""
    kind = cell.key.partition(":")[0]
    if cell.key == ORGANIZATION:
        return _ORGANIZATION.get(cell.field, cell.field)
    if kind in {"person", "users"}:
        what = {"staff": "Staff role", "disabled_at": "Account"}.get(cell.field, "Role")
        return f"{what} of {_name_of(session, cell.id)}"
    if kind == ORGANIZATION:
        return _name_of_organization(session, cell.id)
    row = cells.find_row(session, cell.key)
    if isinstance(row, Invitation):
        return f"{'Role' if cell.field == 'role' else 'Invitation'} of {row.email or _GONE}"
    if isinstance(row, Handover):
        return f"Offer of ownership to {_name_of(session, row.to_id)}"
    return _OTHERS.get((kind, cell.field), cell.field)


def text_of(session: Session, cell: Cell, value: Any) -> str:
    """Return a value of a cell as text."""
    if cell.field == "disabled_at":
        return "Disabled" if value else "Active"
    if cell.field == "role" and not value:
        return "Not a member"
    if cell.field == EXISTENCE:
        return {cells.EXISTS: "In use", cells.DELETED: "Deleted"}.get(value, "Not created")
    if cell.field == MERGED_INTO:
        return f"Merged into {_name_of_organization(session, value)}" if value else "Not merged"
    if value is None or value == "":
        return _EMPTY
    return _TEXTS.get(cell.field, _plain)(session, value)


def _plain(_session: Session, value: Any) -> str:
    return ("On" if value else "Off") if isinstance(value, bool) else str(value)


def _name_of(session: Session, user_id: int) -> str:
    person = session.get(User, user_id)
    return _GONE if person is None or person.deleted_at is not None else person.name


def _name_of_organization(session: Session, org_id: int) -> str:
    org = session.get(Organization, org_id)
    return "A purged organization" if org is None else org.name


def _capitalized(_session: Session, value: Any) -> str:
    return str(value).capitalize()


def _date(_session: Session, value: Any) -> str:
    moment = datetime.fromisoformat(value) if "T" in value else date.fromisoformat(value)
    return f"{moment.day} {moment:%b %Y}"


_TEXTS: Final[dict[str, Callable[[Session, Any], str]]] = {
    "phone": lambda _, value: phones.format_international(value),
    "twitter": lambda _, value: f"@{value}",
    "logo": lambda _session, _value: "A picture",
    "rep_id": _name_of,
    "stage": _capitalized,
    "role": _capitalized,
    "status": _capitalized,
    "staff": _capitalized,
    "stage_entered_at": _date,
    "target_on": _date,
    "next_step_on": _date,
    "snoozed_until": _date,
    "requested_at": _date,
}

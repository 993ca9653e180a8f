"""Contact data of an organization, as staff may change it: with a reason that its owners read."""

from collections.abc import Mapping
from typing import Final

from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access
from core.audit import history
from core.base import validation
from core.members import member_mails
from core.models import Organization
from core.profile import profile_texts

CONTACT: Final = {
    "sales_email": "Sales email",
    "phone": "Phone",
    "website": "Public website",
    "twitter": "Twitter (X) handle",
}
"""What staff may change, too; the alert address is its owners' alone."""


def save(
    session: Session,
    actor: Actor,
    org_id: int,
    shown: Mapping[str, str],
    typed: Mapping[str, str],
    *,
    reason: str,
) -> Organization:
    """Save the contact data of an organization for staff, by the rules of `profile.save`.

    Its owners are told the reason. Raises `InvalidInput` without a reason, and for any other field.
    """
    org = access(session, actor, org_id, Action.EDIT_CONTACT)
    check = validation.Check()
    why = check("reason", validation.reason, reason) or ""
    for field in set(typed) - set(CONTACT):
        check.refuse(field, "Only owners change this. Ask one of them.")
    fit = {field: text for field, text in typed.items() if field in CONTACT}
    changed = profile_texts.change(session, actor, org, shown, fit, check=check)
    if changed:
        _tell_owners(session, actor, org, changed, why)
        history.record(session, actor, org, "profile.changed", org, reason=why)
    return org


def _tell_owners(
    session: Session, actor: Actor, org: Organization, changed: list[str], reason: str
) -> None:
    member_mails.send_to_owners(
        session,
        org,
        "contact_changed",
        by=actor.name,
        what=", ".join(CONTACT[field] for field in changed),
        reason=reason,
        link=member_mails.page_link(org, "history"),
    )

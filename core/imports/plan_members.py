"""Plan the import of members: each row invites a person to an organization.

The organization is named by its ID, or by a name that no other one has. Nobody gets a role above
member, and staff are not invited.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access_staff
from core.accounts import user_rows
from core.base import tokenizer, validation
from core.base.errors import MemberLimit
from core.imports import mail_caps
from core.imports.columns import What, texts, unguarded
from core.imports.plan_organizations import BATCH, find_by_id, refuse_id, too_long
from core.imports.plans import Outcome, Plan, PlannedRow
from core.imports.reader import Row, Sheet
from core.members import invitation_rows, invitees
from core.models import Invitation, InvitationStatus, Membership, Organization, User

_NO_ORGANIZATION: Final = "Enter the Organization ID, or the name of the organization."
_UNKNOWN_NAME: Final = "No organization has this name. Enter its Organization ID."
_SAME_NAME: Final = "{n} organizations have this name. Enter the Organization ID of one."
_TOO_MANY_PENDING: Final = f"The limit of {invitees.MAX_PENDING} pending invitations is reached."


@dataclass(frozen=True)
class _Context:
    """What all rows of a file are judged by."""

    session: Session
    staff: set[str]
    """The keys of the addresses of staff."""
    seen: dict[tuple[int, str], int] = field(default_factory=dict)
    """The row of each organization and address seen so far."""
    invited: Counter[str] = field(default_factory=Counter)
    """How often the file invites each address."""
    pending: Counter[int] = field(default_factory=Counter)
    """How many people the file invites to each organization."""


class _Known(NamedTuple):
    """The organizations of some rows, and who is a member or invited there."""

    by_id: Mapping[str, Organization]
    by_name: Mapping[str, Sequence[Organization]]
    people: set[tuple[int, str]]
    """The organization and the key of the address of each person in the rows who is one of them."""
    open: Mapping[int, int]
    """How many open invitations each organization has."""


def plan(
    session: Session, actor: Actor, sheet: Sheet, columns: Sequence[str], *, file: str = ""
) -> Plan:
    """Return what the import of a file would do; `columns` has the field of each column."""
    access_staff(session, actor, Action.IMPORT)
    context = _Context(session, user_rows.list_staff_addresses(session))
    rows: list[PlannedRow] = []
    for start in range(0, len(sheet.rows), BATCH):
        batch = sheet.rows[start : start + BATCH]
        typed = [texts(columns, row.cells) for row in batch]
        known = _find_known(session, typed)
        for row, each in zip(batch, typed, strict=True):
            if len(row.cells) > len(sheet.titles):
                rows.append(too_long(row, len(sheet.titles)))
            else:
                rows.append(_plan_row(context, row, each, known))
    return Plan(What.MEMBERS, file, sheet.titles, columns, rows)


def _find_known(session: Session, typed: Sequence[Mapping[str, str]]) -> _Known:
    by_id = find_by_id(session, [each.get("public_id", "") for each in typed])
    names = {_key_of(each) for each in typed} - {""}
    by_name: dict[str, list[Organization]] = defaultdict(list)
    named = select(Organization).where(
        Organization.name_key.in_(names), Organization.deleted_at.is_(None)
    )
    for org in session.scalars(named):
        by_name[org.name_key].append(org)
    ids = {org.id for org in by_id.values()} | {o.id for orgs in by_name.values() for o in orgs}
    addresses = (_read_address(validation.Check(), each) for each in typed)
    keys = {validation.email_key(address) for address in addresses if address}
    return _Known(by_id, by_name, _find_people(session, ids, keys), _count_open(session, ids))


def _read_address(check: validation.Check, typed: Mapping[str, str]) -> str:
    return check("email", validation.email, unguarded(typed.get("email", "")))


def _key_of(typed: Mapping[str, str]) -> str:
    """Return the key of the name by which a row finds its organization; empty if it has an ID."""
    name = "" if "public_id" in typed else unguarded(typed.get("organization", ""))
    return tokenizer.name_key(name) if name else ""


def _find_people(session: Session, org_ids: set[int], keys: set[str]) -> set[tuple[int, str]]:
    """Return which of these addresses, by their key, are of members or invited, and where."""
    members = (
        select(Membership.org_id, User.email_key)
        .join(User, User.id == Membership.user_id)
        .where(Membership.org_id.in_(org_ids), User.email_key.in_(keys))
    )
    invited = select(Invitation.org_id, Invitation.email_key).where(
        Invitation.org_id.in_(org_ids),
        Invitation.email_key.in_(keys),
        Invitation.status == InvitationStatus.PENDING,
    )
    return {(org_id, key) for org_id, key in session.execute(members.union_all(invited))}


def _count_open(session: Session, org_ids: set[int]) -> dict[int, int]:
    is_open = invitation_rows.is_open()
    counted = select(Invitation.org_id, func.count()).where(Invitation.org_id.in_(org_ids), is_open)
    return dict(session.execute(counted.group_by(Invitation.org_id)).all())


def _plan_row(context: _Context, row: Row, typed: Mapping[str, str], known: _Known) -> PlannedRow:
    check = validation.Check()
    address = _read_address(check, typed)
    org = check("public_id", _find_organization, typed, session=context.session, known=known)
    label = address or typed.get("email", "")
    if check.errors:
        return PlannedRow(row.number, row.cells, Outcome.ERROR, label, errors=check.errors)
    key = validation.email_key(address)
    first = context.seen.setdefault((org.id, key), row.number)
    why = f"Row {first} has the same person." if first != row.number else ""
    if not why and (org.id, key) in known.people:
        return PlannedRow(row.number, row.cells, Outcome.UNCHANGED, label, org.id)
    why = why or _refuse(context, org, key, known)
    if why:
        return PlannedRow(
            row.number, row.cells, Outcome.ERROR, label, org.id, errors={"email": why}
        )
    edits = {"email": address, "organization": org.name}
    return PlannedRow(row.number, row.cells, Outcome.NEW, label, org.id, edits)


def _find_organization(
    typed: Mapping[str, str], *, session: Session, known: _Known
) -> Organization:
    """Return the organization that a row names; raises `InvalidValue`."""
    if "public_id" in typed:
        public_id = typed["public_id"].upper()
        org = known.by_id.get(public_id)
        refusal = refuse_id(session, public_id, org)
        if org is None or refusal:
            raise validation.InvalidValue(refusal)
        return org
    if "organization" not in typed:
        raise validation.InvalidValue(_NO_ORGANIZATION)
    found = known.by_name.get(_key_of(typed), ())
    if len(found) != 1:
        raise validation.InvalidValue(_SAME_NAME.format(n=len(found)) if found else _UNKNOWN_NAME)
    return found[0]


def _refuse(context: _Context, org: Organization, key: str, known: _Known) -> str:
    """Return why a person cannot be invited, or an empty text; count the invitation."""
    context.invited[key] += 1
    context.pending[org.id] += 1
    limit = mail_caps.per_address()
    if key in context.staff:
        return mail_caps.OWN_STAFF
    if org.member_limit is not None and org.member_count >= org.member_limit:
        return str(MemberLimit(org.member_limit))
    if known.open.get(org.id, 0) + context.pending[org.id] > invitees.MAX_PENDING:
        return _TOO_MANY_PENDING
    return mail_caps.TOO_MANY.format(limit=limit) if context.invited[key] > limit else ""

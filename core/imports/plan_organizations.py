"""Plan the import of organizations: a row with an Organization ID changes, another one creates.

Each row is judged by the cleaners and the checks of the forms, without changing anything. An
Organization ID is the only way to name an existing organization; one with the same name or website
is a warning.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, Rights, access_staff, staff_rights
from core.accounts import user_rows
from core.base import tokenizer, validation
from core.base.errors import InvalidInput
from core.imports import existing, mail_caps, unclaimed
from core.imports.columns import What, texts, unguarded
from core.imports.plans import Outcome, Plan, PlannedRow
from core.imports.reader import Row, Sheet
from core.models import Organization
from core.organizations import look_alikes, public_ids
from core.organizations.look_alikes import LookAlike, Reason, Traits

BATCH: Final = 500
"""Rows that are looked up together."""
_TYPO: Final = "This isn't an Organization ID. Check it for typing errors."
_UNKNOWN: Final = "No organization has this ID. Check it, or leave it empty to create one."
_MERGED: Final = "This organization was merged into {id}. Use that ID instead."
_DELETED: Final = "This organization was deleted. Ask an administrator to restore it."


@dataclass(frozen=True)
class _Context:
    """What all rows of a file are judged by."""

    session: Session
    actor: Actor
    rights: Rights
    staff: set[str]
    """The keys of the addresses of staff."""
    ids: dict[str, int] = field(default_factory=dict)
    """The row of each Organization ID seen so far."""
    names: dict[str, int] = field(default_factory=dict)
    """The row of each new name seen so far, by its key."""
    invited: Counter[str] = field(default_factory=Counter)
    """How often the file invites each address."""


def plan(
    session: Session, actor: Actor, sheet: Sheet, columns: Sequence[str], *, file: str = ""
) -> Plan:
    """Return what the import of a file would do; `columns` has the field of each column."""
    access_staff(session, actor, Action.IMPORT)
    context = _Context(
        session,
        actor,
        staff_rights(session, actor),
        user_rows.list_staff_addresses(session),
    )
    rows: list[PlannedRow] = []
    for start in range(0, len(sheet.rows), BATCH):
        batch = sheet.rows[start : start + BATCH]
        rows += _plan_batch(context, batch, columns, len(sheet.titles))
    return Plan(What.ORGANIZATIONS, file, sheet.titles, columns, rows)


def _plan_batch(
    context: _Context, batch: Sequence[Row], columns: Sequence[str], width: int
) -> list[PlannedRow]:
    """Return the plan of some rows, which share a few queries."""
    found = [texts(columns, row.cells) for row in batch]
    orgs = find_by_id(context.session, [each.get("public_id", "") for each in found])
    people = existing.find_people(context.session, [*orgs.values()])
    planned = []
    for row, each in zip(batch, found, strict=True):
        if len(row.cells) > width:
            planned.append(too_long(row, width))
        elif "public_id" in each:
            planned.append(_plan_existing(context, row, each, orgs, people))
        else:
            planned.append(_plan_new(context, row, each))
    return _with_warnings(context, planned)


def find_by_id(session: Session, typed: Iterable[str]) -> dict[str, Organization]:
    """Return the organizations with these IDs, deleted ones among them, by their ID."""
    ids = {each.upper() for each in typed} - {""}
    found = select(Organization).where(Organization.public_id.in_(ids))
    return {org.public_id: org for org in session.scalars(found)}


def too_long(row: Row, width: int) -> PlannedRow:
    """Return the refusal of a row that has cells beyond the titles."""
    why = f"This row has {len(row.cells)} cells, but only {width} columns have a title."
    return _error(row, row.cells[0], {"": why})


def _error(
    row: Row, label: str, errors: Mapping[str, str], org_id: int | None = None
) -> PlannedRow:
    return PlannedRow(row.number, row.cells, Outcome.ERROR, label, org_id, errors=errors)


def _plan_existing(
    context: _Context,
    row: Row,
    typed: Mapping[str, str],
    orgs: Mapping[str, Organization],
    people: existing.People,
) -> PlannedRow:
    public_id = typed["public_id"].upper()
    org = orgs.get(public_id)
    first = context.ids.setdefault(public_id, row.number)
    twice = f"Row {first} has the same Organization ID." if first != row.number else ""
    refusal = refuse_id(context.session, public_id, org) or twice
    if org is None or refusal:
        return _error(row, typed["public_id"], {"public_id": refusal})
    judged = existing.judge(
        context.session, context.actor, org, typed, rights=context.rights, people=people
    )
    if "owner_email" in judged.edits:
        _judge_address(context, judged.edits["owner_email"], judged.errors)
    if judged.errors:
        return _error(row, org.name, judged.errors, org.id)
    outcome = Outcome.CHANGE if judged.edits else Outcome.UNCHANGED
    return PlannedRow(row.number, row.cells, outcome, org.name, org.id, judged.edits, judged.base)


def refuse_id(session: Session, public_id: str, org: Organization | None) -> str:
    """Return why an Organization ID cannot be imported, or an empty text."""
    if not public_ids.is_valid(public_id):
        return _TYPO
    if org is None:
        return _UNKNOWN
    if org.merged_into is not None:
        return _MERGED.format(id=session.get_one(Organization, org.merged_into).public_id)
    return _DELETED if org.deleted_at is not None else ""


def _plan_new(context: _Context, row: Row, typed: Mapping[str, str]) -> PlannedRow:
    given = {field: unguarded(text) for field, text in typed.items()}
    label = given.get("name", "")
    errors = {field: existing.ONLY_LATER for field in given if field not in unclaimed.FIELDS}
    if given.get("stage", "").casefold() == "free":
        errors.pop("stage")
    wanted = {field: given.get(field, "") for field in unclaimed.FIELDS}
    try:
        values = unclaimed.clean(wanted, is_staff=_is_staff(context))
    except InvalidInput as refusal:
        errors |= refusal.fields
    else:
        _judge_address(context, values["owner_email"] or "", errors)
    if errors:
        return _error(row, label, errors)
    edits = {field: text for field, text in wanted.items() if text}
    return PlannedRow(row.number, row.cells, Outcome.NEW, label, edits=edits)


def _is_staff(context: _Context) -> Callable[[str], bool]:
    return lambda address: validation.email_key(address) in context.staff


def _judge_address(context: _Context, address: str, errors: dict[str, str]) -> None:
    """Refuse the address of a colleague, and one that the file invites too often."""
    key = validation.email_key(address)
    context.invited[key] += 1
    if key in context.staff:
        errors["owner_email"] = mail_caps.OWN_STAFF
    elif context.invited[key] > mail_caps.per_address():
        errors["owner_email"] = mail_caps.TOO_MANY.format(limit=mail_caps.per_address())


def _with_warnings(context: _Context, planned: list[PlannedRow]) -> list[PlannedRow]:
    """Warn where a new organization has the name or the website of another one."""
    new = {row.number: row.edits for row in planned if row.outcome is Outcome.NEW}
    keys = {
        number: Traits.of(edits["name"], edits.get("website")).keys for number, edits in new.items()
    }
    known = look_alikes.find(context.session, {*chain(*keys.values())})
    warned = []
    for row in planned:
        warning = ""
        if row.number in new:
            key = tokenizer.name_key(row.edits["name"])
            first = context.names.setdefault(key, row.number)
            warning = f"Row {first} has the same name." if first != row.number else ""
            warning = _describe_alike(known, keys[row.number], key) or warning
        warned.append(replace(row, warning=warning) if warning else row)
    return warned


def _describe_alike(known: Mapping[str, LookAlike], keys: Collection[str], name_key: str) -> str:
    """Return which organization a new one may be and why, or an empty text."""
    shared = min((key for key in keys if key in known), default="")  # the name before the website
    if not shared:
        return ""
    public_id, name = known[shared]
    if shared.startswith(Reason.WEBSITE):
        return f"This may be {public_id}, which has the same website."
    if tokenizer.name_key(name) == name_key:
        return f"This may be {public_id}, which has the same name."
    return f"This may be {public_id}, {name}: the names read alike."

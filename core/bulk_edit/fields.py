"""The fields that can be edited in bulk: who may, what they hold now, and what may be set."""

from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, and_, case, distinct, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from core.access.permissions import Action, Actor, Rights
from core.base import validation
from core.base.errors import InvalidInput
from core.models import Organization, RunItem, Stage
from core.onboarding import onboarding
from core.onboarding.onboarding import Plan
from core.profile import profile
from core.runs import items
from core.runs.items import Selection

Values = Mapping["Field", str | int | None]
"""What each field is set to; None clears it. Dates are in ISO format, alerts are those off."""


class Field(StrEnum):
    """A field, by the name of its column."""

    STAGE = "stage"
    REP = "rep_id"
    TARGET = "target_on"
    NEXT_STEP = "next_step"
    NEXT_STEP_ON = "next_step_on"
    SNOOZE = "snoozed_until"
    SALES_EMAIL = "sales_email"
    PHONE = "phone"
    WEBSITE = "website"
    TWITTER = "twitter"
    ALERTS = "alerts_off"

    @property
    def column(self) -> InstrumentedAttribute[Any]:
        """The column of organizations."""
        column: InstrumentedAttribute[Any] = getattr(Organization, self.value)
        return column


CONTACT: Final = (Field.SALES_EMAIL, Field.PHONE, Field.WEBSITE, Field.TWITTER)
PLANNED: Final = (Field.REP, Field.TARGET, Field.NEXT_STEP, Field.NEXT_STEP_ON)
DATES: Final = (Field.TARGET, Field.NEXT_STEP_ON, Field.SNOOZE)
NEVER_EMPTY: Final = (Field.STAGE, Field.REP)
"""Fields that can be set, but not cleared."""
NEEDS_REASON: Final = (*CONTACT, Field.STAGE, Field.ALERTS)
"""Fields whose change owners hear of, with the reason."""
ACTIONS: Final = {
    **dict.fromkeys((Field.STAGE, *PLANNED, Field.SNOOZE), Action.MOVE_STAGES),
    **dict.fromkeys(CONTACT, Action.EDIT_CONTACT),
    Field.ALERTS: Action.ACT_AS_OWNER,
}
"""The permission that each field takes."""
LABELS: Final = {
    Field.STAGE: "Stage",
    Field.REP: "Sales rep",
    Field.TARGET: "Target date",
    Field.NEXT_STEP: "Next step",
    Field.NEXT_STEP_ON: "Next step due",
    Field.SNOOZE: "Snoozed until",
    **{Field(name): label for name, label in profile.CONTACT_FIELDS.items()},
    Field.ALERTS: "Alerts",
}


class Current(NamedTuple):
    """What the selected organizations have in a field now."""

    values: int
    """How many different values there are, besides none at all."""
    empty: int
    only: Any
    """The value, if there is one."""


def list_editable(rights: Rights) -> list[Field]:
    """Return the fields that someone with these rights can edit in bulk."""
    return [field for field in Field if ACTIONS[field] in rights]


def count_values(session: Session, actor: Actor, selection: Selection) -> dict[Field, Current]:
    """Return what the selected organizations have in each field, by one query."""
    items.authorize(session, actor, selection)
    counts = [
        column
        for field in Field
        for column in (
            func.count(distinct(field.column)),
            func.count() - func.count(field.column),
            func.min(field.column),
        )
    ]
    row = session.execute(select(*counts).where(_is_selected(session, selection))).one()
    return {field: Current(*row[3 * at : 3 * at + 3]) for at, field in enumerate(Field)}


def _is_selected(session: Session, selection: Selection) -> ColumnElement[bool]:
    if selection.matching is None:
        return Organization.id.in_(selection.org_ids)
    matching = items.select_matching(session, selection.matching, selection.org_ids)
    return Organization.id.in_(matching)


def clean(session: Session, values: Values) -> dict[Field, str | int | None]:
    """Return clean values, as they are stored; raises `InvalidInput` with all that are not valid.

    What depends on the organization, such as the checks of its next stage, is left to the run.
    """
    check, cleaned = validation.Check(), dict(values)
    for field, value in values.items():
        if sentence := _error_of(field, value):
            check.refuse(field, sentence)
        elif field in CONTACT and value is not None:
            cleaned[field] = check(field, profile.CLEANERS[field], str(value))
    refused = {**_errors_of_plan(session, values), **_errors_of_snooze(values)}
    for name, sentence in refused.items():
        check.refuse(name, sentence)
    check.done()
    return cleaned


def _error_of(field: Field, value: str | int | None) -> str:
    """Return what is wrong with a value, whatever the organization; empty if nothing is."""
    if field in NEVER_EMPTY and not value:
        return f"Choose a {LABELS[field].lower()}."
    if field is Field.STAGE and value not in list(Stage):
        return "Choose a stage."
    return "Enter a value, or choose Clear." if value == "" else ""


def _errors_of_plan(session: Session, values: Values) -> Mapping[str, str]:
    """Return what is wrong with the plan; each organization may have a next step already."""
    rep_id = values.get(Field.REP)
    plan = Plan(
        rep_id if isinstance(rep_id, int) else None,
        as_date(values.get(Field.TARGET)),
        str(values.get(Field.NEXT_STEP, "As before") or ""),
        as_date(values.get(Field.NEXT_STEP_ON)),
    )
    try:
        onboarding.clean_plan(session, plan, earlier=None if Field.REP in values else Plan())
    except InvalidInput as error:
        return error.fields
    return {}


def _errors_of_snooze(values: Values) -> Mapping[str, str]:
    until = as_date(values.get(Field.SNOOZE))
    try:
        if until is not None:
            onboarding.ensure_snooze(until)
    except InvalidInput as error:
        return {Field.SNOOZE: str(error)}
    return {}


def as_date(value: str | int | None) -> date | None:
    """Return a stored date."""
    return date.fromisoformat(value) if isinstance(value, str) and value else None


def count_changes(session: Session, run_id: int, values: Values) -> dict[Field, int]:
    """Return in how many organizations of a run each field differs from what it is set to."""
    differ = [field.column.is_distinct_from(_typed(field, values[field])) for field in values]
    return dict(zip(values, _count_where(session, run_id, differ), strict=True))


def count_unchanged(session: Session, run_id: int, values: Values) -> int:
    """Return how many organizations of a run have all of these values already."""
    same = [
        field.column.is_not_distinct_from(_typed(field, value)) for field, value in values.items()
    ]
    return _count_where(session, run_id, [and_(*same)])[0]


def _count_where(
    session: Session, run_id: int, conditions: Sequence[ColumnElement[bool]]
) -> list[int]:
    counts = [func.count(case((condition, 1))) for condition in conditions]
    of_run = select(RunItem.org_id).where(RunItem.run_id == run_id)
    counted = select(*counts).where(Organization.id.in_(of_run), Organization.deleted_at.is_(None))
    return list(session.execute(counted).one())


def _typed(field: Field, value: str | int | None) -> Any:
    return as_date(value) if field in DATES else value

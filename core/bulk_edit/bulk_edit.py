"""Bulk edit: a run that changes the same fields of many organizations, in the background."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final, NamedTuple

from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access, access_staff
from core.base import validation
from core.base.errors import InvalidInput
from core.bulk_edit import fields
from core.bulk_edit.fields import ACTIONS, CONTACT, LABELS, NEEDS_REASON, PLANNED, Field, Values
from core.database import change_tracking
from core.models import Organization, Run, RunItem, Stage
from core.notifications import alerts
from core.onboarding import onboarding
from core.onboarding.onboarding import Plan
from core.profile import profile
from core.runs import advance, items, runs
from core.runs.advance import Refused
from core.runs.items import NewItem, Selection
from core.runs.kinds import Kind, Params, Skipped


class EditParams(Params):
    """The fields to change, and what each is set to."""

    values: dict[Field, str | int | None]


@dataclass(frozen=True)
class Preview:
    """What a proposed run would do, as things are now."""

    run: Run
    changing: dict[Field, int]
    """In how many organizations each field has another value."""
    unchanged: int
    """Organizations that have all of the values already."""
    tried: int
    """Organizations that were tried, the first of the list."""
    refused: Sequence[Refused]
    """Those of them that would be refused."""


def propose(
    session: Session, actor: Actor, selection: Selection, values: Values, *, reason: str = ""
) -> Preview:
    """Propose to set fields of the selected organizations, and return what it would do.

    Nothing is changed before the run is confirmed. Raises `InvalidInput` for values that no
    organization can have, without any, and without a reason for what owners hear of.
    """
    _authorize(session, actor, values)
    if not values:
        raise InvalidInput({"values": "Choose at least one field to change."})
    cleaned = fields.clean(session, values)
    check = validation.Check()
    needed = any(field in NEEDS_REASON for field in values)
    cleaner = validation.reason if needed else validation.optional(validation.reason)
    reason = check("reason", cleaner, reason) or ""
    check.done()
    listed = [NewItem(org_id) for org_id in items.list_ids(session, actor, selection)]
    params = EditParams(values=cleaned)
    run = runs.propose(session, actor, EDIT, params, listed, reason=reason, view=selection.view)
    refused = advance.foresee(session, actor, run, EDIT)
    changing = fields.count_changes(session, run.id, cleaned)
    unchanged = fields.count_unchanged(session, run.id, cleaned)
    return Preview(run, changing, unchanged, min(run.total, advance.MAX_TRIED), refused)


def _authorize(session: Session, actor: Actor, values: Values) -> None:
    access_staff(session, actor, Action.VIEW_ALL)
    for action in {ACTIONS[field] for field in values}:
        access_staff(session, actor, action)


def _check(session: Session, actor: Actor, params: EditParams) -> None:
    _authorize(session, actor, params.values)
    rep_id = params.values.get(Field.REP)
    if isinstance(rep_id, int):
        onboarding.ensure_rep(session, rep_id)


def _apply(session: Session, actor: Actor, run: Run, item: RunItem, params: EditParams) -> None:
    org = access(session, actor, item.org_id or 0, Action.VIEW_ALL)
    edit = _Edit(session, actor, org, params.values, run.reason)
    before = len(change_tracking.recorded_ids(session))
    for part in (_move, _plan, _snooze, _edit_contact, _choose_alerts):
        part(edit)
    if len(change_tracking.recorded_ids(session)) == before:
        raise Skipped("It has these values already.")


class _Edit(NamedTuple):
    """What is set in one organization, which is locked."""

    session: Session
    actor: Actor
    org: Organization
    values: Values
    reason: str

    def call(self, use_case: Callable[..., Any], *args: Any, **options: Any) -> None:
        use_case(self.session, self.actor, self.org.id, *args, **options)

    def differs(self, field: Field) -> bool:
        """Return whether a field is set to another value than it has."""
        now = getattr(self.org, field)
        now = now.isoformat() if isinstance(now, date) else now
        return field in self.values and now != self.values[field]


def _move(edit: _Edit) -> None:
    if not edit.differs(Field.STAGE):
        return
    stage = Stage(str(edit.values[Field.STAGE]))
    if (edit.org.stage, stage) == (Stage.FREE, Stage.ONBOARDING):
        plan = _planned(edit, Plan(edit.actor.user_id))
        edit.call(onboarding.flag_one, plan, note=edit.reason)
    else:
        edit.call(onboarding.move, stage, from_stage=edit.org.stage, reason=edit.reason)


def _plan(edit: _Edit) -> None:
    if any(edit.differs(field) for field in PLANNED):
        now = Plan.of(edit.org)
        edit.call(onboarding.plan, _planned(edit, now), earlier=now)


def _planned(edit: _Edit, plan: Plan) -> Plan:
    """Return a plan with the values that are set; without a next step none is due."""
    values = {str(field): edit.values[field] for field in PLANNED if field in edit.values}
    for name in values.keys() & set(fields.DATES):
        values[name] = fields.as_date(values[name])  # type: ignore[assignment]
    if values.get(Field.NEXT_STEP, "") is None:
        values |= {"next_step": "", "next_step_on": None}
    return replace(plan, **values)  # type: ignore[arg-type]


def _snooze(edit: _Edit) -> None:
    if edit.differs(Field.SNOOZE):
        edit.call(onboarding.snooze, until=fields.as_date(edit.values[Field.SNOOZE]))


def _edit_contact(edit: _Edit) -> None:
    if any(edit.differs(field) for field in CONTACT):
        original = profile.form_texts(edit.org)
        typed = {str(it): str(edit.values[it] or "") for it in CONTACT if it in edit.values}
        edit.call(profile.save_contact_details, original, typed, reason=edit.reason)


def _choose_alerts(edit: _Edit) -> None:
    if edit.differs(Field.ALERTS):
        wanted = alerts.from_stored(str(edit.values[Field.ALERTS] or ""))
        edit.call(alerts.choose_for_owners, wanted, reason=edit.reason)


def _title(params: EditParams) -> str:
    names = [LABELS[field].lower() for field in Field if field in params.values]
    return f"Edit {', '.join(names)}"


EDIT: Final = Kind("edit", EditParams, check=_check, apply=_apply, title=_title)

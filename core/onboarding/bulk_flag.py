"""Bulk flagging: a run that flags organizations for onboarding, in the background.

`core.runs.advance` does its work, and goes on with it after a restart.
"""

from dataclasses import replace
from datetime import date
from typing import Final, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access_staff
from core.base import validation
from core.base.errors import MoreMatch
from core.database.db import count_up_to
from core.models import Organization, Run, RunItem, Stage
from core.onboarding import onboarding
from core.onboarding.onboarding import Plan
from core.runs import items, runs
from core.runs.items import NewItem, Selection
from core.runs.kinds import Kind, Params


class PlanParams(Params):
    """The plan of all organizations that are flagged, with the rep who gets them."""

    rep_id: int
    target_on: date | None = None
    next_step: str = ""
    next_step_on: date | None = None

    def as_plan(self) -> Plan:
        """Return it as the onboarding use cases take it."""
        return Plan(**self.model_dump())


class Selected(NamedTuple):
    """The number of organizations that are selected, and how many of them can be flagged."""

    all: int
    free: int


def count(session: Session, actor: Actor, selection: Selection) -> Selected:
    """Count the organizations that a run would flag, up to `MAX_ITEMS` + 1."""
    access_staff(session, actor, Action.MOVE_STAGES)
    items.authorize(session, actor, selection)
    return Selected(items.count(session, selection), _count_free(session, selection))


def _count_free(session: Session, selection: Selection) -> int:
    view = selection.matching
    if view is None:
        is_free = (Organization.stage == Stage.FREE) & Organization.deleted_at.is_(None)
        free = select(Organization.id).where(Organization.id.in_(selection.org_ids), is_free)
        return count_up_to(session, free, items.MAX_ITEMS)
    if view.stages and Stage.FREE not in view.stages:
        return 0
    return items.count(session, replace(selection, matching=replace(view, stages=(Stage.FREE,))))


def start(
    session: Session,
    actor: Actor,
    selection: Selection,
    plan: Plan,
    *,
    note: str = "",
    expected: int,
) -> Run:
    """Start to flag the selected organizations; those that are not free are refused one by one.

    The actor becomes their sales rep unless the plan names another. `expected` is the number of
    organizations that the actor saw: raises `MoreMatch` when there are more now.
    """
    access_staff(session, actor, Action.MOVE_STAGES)
    check = validation.Check()
    reason = check("note", validation.optional(validation.reason), note) or ""
    check.done()
    if plan.rep_id is None:
        plan = replace(plan, rep_id=actor.user_id)
    params = PlanParams.model_validate(onboarding.clean_plan(session, plan).as_json())
    listed = [NewItem(org_id) for org_id in items.list_ids(session, actor, selection)]
    if len(listed) > expected:
        raise MoreMatch(len(listed))
    run = runs.propose(session, actor, FLAG, params, listed, reason=reason, view=selection.view)
    return runs.confirm(session, actor, run.id, shown=len(listed))


def _check(session: Session, actor: Actor, params: PlanParams) -> None:
    access_staff(session, actor, Action.MOVE_STAGES)
    onboarding.ensure_rep(session, params.rep_id)


def _apply(session: Session, actor: Actor, run: Run, item: RunItem, params: PlanParams) -> None:
    onboarding.flag_planned(session, actor, item.org_id or 0, params.as_plan(), note=run.reason)


FLAG: Final = Kind(
    "flag", PlanParams, check=_check, apply=_apply, title=lambda _: "Flag for onboarding"
)

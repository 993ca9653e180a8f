"""Runs: flag all organizations of a view in the background; begun, watched, and ended here."""

from dataclasses import replace
from typing import Final, NamedTuple

import pandas as pd
from sqlalchemy import exists, func, literal, or_, select
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access_staff, take_person
from core.base import clock, formulas, validation
from core.base.errors import MoreMatch, NotFound, TooManyMatch
from core.database import db
from core.database.frames import frame
from core.models import Organization, Run, RunRefusal, Staff, Stage, User
from core.onboarding import flags
from core.onboarding.flags import Plan
from core.organizations import filters, org_views
from core.organizations.org_views import View

MOST: Final = 20_000
"""Organizations of one run; whoever means more narrows the view first."""


class Matching(NamedTuple):
    """How many organizations a view is about, and how many of them can be flagged."""

    all: int
    free: int


def count(session: Session, actor: Actor, view: View) -> Matching:
    """Return how many a run over this view would meet, counted no further than `MOST` + 1."""
    access_staff(session, actor, Action.MOVE_STAGES)
    org_views.open_view(session, actor, view)
    stages = view.stages or tuple(Stage)
    free = _count(session, replace(view, stages=(Stage.FREE,))) if Stage.FREE in stages else 0
    return Matching(_count(session, view), free)


def start(
    session: Session, actor: Actor, view: View, plan: Plan, *, note: str = "", shown: int
) -> Run:
    """Begin to flag all organizations of a view, of which there were `shown`; twice is harmless.

    Raises `TooManyMatch`, and `MoreMatch` when more match by now than were shown.
    """
    access_staff(session, actor, Action.MOVE_STAGES)
    org_views.open_view(session, actor, view)
    take_person(session, actor.user_id or 0)
    check = validation.Check()
    said = check("note", validation.optional(validation.reason), note)
    check.done()
    if plan.rep_id is None:
        plan = replace(plan, rep_id=actor.user_id)
    options = flags.clean(session, plan).as_json() | {"note": said or ""}
    query = filters.to_query(view)
    going = select(Run).where(Run.actor_id == actor.user_id, Run.ended_at.is_(None))
    for run in session.scalars(going):
        if (run.view, run.options) == (query, options):
            return run
    total = _count(session, view)
    if total > MOST:
        raise TooManyMatch(MOST)
    if total > shown:
        raise MoreMatch(total)
    last_id = session.scalar(select(func.max(Organization.id))) or 0
    run = Run(actor_id=actor.user_id, view=query, options=options, total=total, last_id=last_id)
    run.created_at = clock.now()
    session.add(run)
    session.flush()  # gives it its id
    return run


def cancel(session: Session, actor: Actor, run_id: int) -> Run:
    """End a run where it is; what it has done stays done.

    One's own, and for administrators anybody's.
    """
    run = _get(session, actor, run_id)
    if run.ended_at is None:
        run.ended_at, run.ended_because = clock.now(), f"Cancelled by {actor.name}."
    return run


def dismiss(session: Session, actor: Actor, run_id: int) -> Run:
    """Let a run that has ended no longer be listed."""
    run = _get(session, actor, run_id)
    if run.ended_at is not None:
        run.dismissed_at = clock.now()
    return run


def list_open(session: Session, actor: Actor) -> list[Run]:
    """Return the actor's runs that go on or were not dismissed, the latest first.

    Administrators see those of others, too, while they go on.
    """
    is_administrator = exists().where(
        User.id == actor.user_id,
        User.staff == Staff.ADMINISTRATOR,
        User.two_factor_at.is_not(None),
        User.disabled_at.is_(None),
    )
    runs = (
        select(Run)
        .where(
            Run.dismissed_at.is_(None),
            or_(Run.actor_id == actor.user_id, Run.ended_at.is_(None) & is_administrator),
        )
        .order_by(Run.id.desc())
    )
    return list(session.scalars(runs.limit(5)))


def refused(session: Session, actor: Actor, run_id: int) -> pd.DataFrame:
    """Return the organizations that a run did not flag: public_id, name, why."""
    _get(session, actor, run_id)
    rows = (
        select(Organization.public_id, RunRefusal.name, RunRefusal.why)
        .select_from(RunRefusal)
        .outerjoin(Organization, Organization.id == RunRefusal.org_id)
        .where(RunRefusal.run_id == run_id)
        .order_by(RunRefusal.org_id)
    )
    return frame(session, rows)


def refused_file(session: Session, actor: Actor, run_id: int) -> bytes:
    """Return the same as `refused` as CSV whose cells no spreadsheet runs."""
    rows = refused(session, actor, run_id)
    rows["name"] = rows["name"].map(formulas.harmless)
    names = {"public_id": "Organization ID", "name": "Name", "why": "Why it was not flagged"}
    return rows.rename(columns=names).to_csv(index=False, lineterminator="\r\n").encode()


def _count(session: Session, view: View) -> int:
    source, _, where = org_views.matches(session, view)
    some = select(literal(1)).select_from(source).where(*where).limit(MOST + 1)
    return session.scalar(select(func.count()).select_from(some.subquery())) or 0


def _get(session: Session, actor: Actor, run_id: int) -> Run:
    run = session.get(Run, run_id, populate_existing=True, with_for_update=db.is_writing(session))
    if run is not None and run.actor_id != actor.user_id:
        access_staff(session, actor, Action.OVERRIDE_GATE)
    if run is None:
        raise NotFound("run")
    return run

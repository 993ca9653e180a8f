"""The undo of a run: all is as before, but for what somebody changed meanwhile, who is named."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.base.errors import CannotUndo, InvalidInput, NotPermitted, RunNotOver, RunUndone
from core.bulk_edit import bulk_edit
from core.bulk_edit.fields import Field
from core.changes import run_undo
from core.changes.run_undo import UndoPlan
from core.database import change_tracking, db
from core.members import account_access, members
from core.models import Mail, Organization, Role, Run, Stage
from core.notifications import dispatch
from core.onboarding import bulk_flag, onboarding
from core.onboarding.onboarding import Plan
from core.ops import cleanup
from core.organizations.filters import Filters
from core.profile import profile
from core.runs import advance, items, runs
from core.runs.items import Selection
from core.staff import impersonation
from tests.conftest import Clock
from tests.runs.work import finish, reload, run_to_end, work_on_a_batch
from tests.support.cast import Cast, email

ALL = Selection((), Filters())
WHY = "That was a mistake."
KEPT = ("stage", "stage_entered_at", "rep_id", "target_on", "next_step", "requested_at", "phone")

one = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(advance, "_MIN_PAUSE", 0.0)


@pytest.fixture
def raised_hand(cast: Cast, clock: Clock) -> None:
    """Acme has asked for onboarding, Otto Ltd has a plan; then a week passes."""
    db.run(onboarding.request, cast.olga, cast.acme.id, note="In spring.")
    day = date(2026, 12, 24)
    db.run(onboarding.plan, cast.sue, cast.otto_ltd.id, Plan(cast.sue.user_id, day, "Call", None))
    clock.turn(timedelta(days=7))


def values() -> list[tuple[Any, ...]]:
    columns = [getattr(Organization, name) for name in KEPT]
    with db.read() as session:
        rows = session.execute(select(*columns).order_by(Organization.id)).all()
        return [tuple(row) for row in rows]


def flag_all(cast: Cast) -> Run:
    run = db.run(bulk_flag.start, cast.sam, ALL, Plan(), expected=2)
    run_to_end()
    return reload(run)


def propose(actor: Actor, run: Run, reason: str = WHY) -> UndoPlan:
    return db.run(run_undo.propose, actor, run.id, reason=reason)


@pytest.mark.usefixtures("raised_hand")
class TestUndo:
    def test_a_flagging_is_taken_back_with_hands_plans_and_days(
        self, cast: Cast, clock: Clock
    ) -> None:
        before = values()
        run = flag_all(cast)
        assert {row[0] for row in values()} == {Stage.ONBOARDING}
        clock.turn(timedelta(hours=1))
        plan = propose(cast.sam, run)
        assert (plan.put_back, plan.doubtful, plan.refused) == (2, 0, [])
        assert {row[0] for row in values()} == {Stage.ONBOARDING}
        undo = finish(cast.sam, plan.run)
        assert (undo.done, undo.refused, undo.undoes_run_id) == (2, 0, run.id)
        assert values() == before

    def test_what_was_changed_meanwhile_is_left_and_listed_with_who_and_when(
        self, cast: Cast, clock: Clock
    ) -> None:
        acme_before, _ = values()
        run = flag_all(cast)
        clock.turn(timedelta(hours=1))
        db.run(
            onboarding.move,
            cast.ada,
            cast.otto_ltd.id,
            Stage.PREPRODUCTION,
            from_stage=Stage.ONBOARDING,
            reason="They are ready.",
            override=True,
        )
        clock.turn(timedelta(hours=1))
        plan = propose(cast.sam, run)
        assert (plan.put_back, plan.doubtful) == (1, 1)
        (refused,) = plan.refused
        assert refused.name == "Otto Ltd"
        assert "was changed since, by Ada, 30 Nov 2026, 13:00 UTC." in refused.why
        otto_before = values()[1]
        undo = finish(cast.sam, plan.run)
        assert (undo.done, undo.refused) == (1, 1)
        assert values() == [acme_before, otto_before]
        with db.read() as session:
            listed = items.list_refusals(session, cast.sam, undo.id)
        assert listed["why"].tolist() == [refused.why]

    def test_an_undo_is_undone(self, cast: Cast) -> None:
        run = flag_all(cast)
        flagged = [(row[0], row[2]) for row in values()]
        undo = finish(cast.sam, propose(cast.sam, run).run)
        with pytest.raises(RunUndone):
            propose(cast.sam, run)
        again = finish(cast.sam, propose(cast.sam, undo).run)
        assert (again.done, again.refused) == (2, 0)
        assert [(row[0], row[2]) for row in values()] == flagged

    def test_a_bulk_edit_is_taken_back(self, cast: Cast) -> None:
        db.run(profile.save, cast.olga, cast.acme.id, {"phone": ""}, {"phone": "+14155550132"})
        before = values()
        set_to = {Field.PHONE: "+49 431 979900", Field.REP: cast.sue.user_id, Field.NEXT_STEP: None}
        edit = db.run(bulk_edit.propose, cast.ada, ALL, set_to, reason="As agreed.")
        run = finish(cast.ada, edit.run)
        assert values() != before
        plan = propose(cast.ada, run)
        assert (plan.put_back, plan.doubtful) == (4, 0)
        undo = finish(cast.ada, plan.run)
        assert (undo.done, undo.refused) == (4, 0)
        assert values() == before

    def test_cancel_then_undo_gives_the_start(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(advance, "BATCH_SIZE", 1)
        before = values()
        run = db.run(bulk_flag.start, cast.sam, ALL, Plan(), expected=2)
        with pytest.raises(RunNotOver):
            propose(cast.sam, run)
        work_on_a_batch(run)
        db.run(runs.cancel, cast.sam, run.id)
        undo = finish(cast.sam, propose(cast.sam, run).run)
        assert (undo.total, undo.done) == (1, 1)
        assert values() == before

    @one
    def test_it_survives_the_purge_of_its_run(self, cast: Cast, clock: Clock) -> None:
        before = values()
        run = flag_all(cast)
        clock.turn(cleanup.RUN_TTL)
        assert db.run(cleanup.purge_runs) == 1
        assert finish(cast.sam, propose(cast.sam, run).run).done == 2
        assert values() == before

    def test_a_leaving_rep_hands_over_and_it_is_taken_back(self, cast: Cast) -> None:
        db.run(onboarding.flag, cast.sam, [cast.acme.id])
        own = Selection((), Filters(rep_id=cast.sam.user_id))
        before = values()
        set_to = {Field.REP: cast.sue.user_id}
        edit = db.run(bulk_edit.propose, cast.ada, own, set_to, reason="Sam leaves.")
        run = finish(cast.ada, edit.run)
        assert (run.total, run.done) == (1, 1)
        assert values()[0][2] == cast.sue.user_id
        db.run(account_access.set_staff, cast.ada, cast.sam.user_id, None)
        undo = finish(cast.ada, propose(cast.ada, run).run)
        assert (undo.done, undo.refused) == (1, 0)
        assert values() == before

    @one
    def test_each_owner_gets_one_mail(self, cast: Cast, clock: Clock) -> None:
        run = flag_all(cast)
        clock.turn(timedelta(hours=1))
        dispatch.run_due()
        clock.turn(timedelta(hours=1))
        dispatch.run_due()
        with db.read() as session:
            before = session.scalar(select(func.max(Mail.id))) or 0
        finish(cast.sam, propose(cast.sam, run).run)
        for _ in range(3):
            clock.turn(timedelta(hours=1))
            dispatch.run_due()
        with db.read() as session:
            sent = session.scalars(select(Mail.recipient).where(Mail.id > before)).all()
        assert sorted(sent) == [email(cast.olga), email(cast.otto)]


class TestRefusals:
    @one
    def test_it_takes_a_reason(self, cast: Cast) -> None:
        with pytest.raises(InvalidInput, match="few words"):
            propose(cast.sam, flag_all(cast), reason="")

    @one
    def test_who_may_not_do_a_thing_cannot_undo_into_it(self, cast: Cast) -> None:
        run = flag_all(cast)
        with pytest.raises(NotPermitted):
            propose(cast.olga, run)
        undo = finish(cast.oda, propose(cast.oda, run).run)
        assert (undo.done, undo.refused) == (0, 2)
        assert {row[0] for row in values()} == {Stage.ONBOARDING}

    @one
    def test_a_run_without_changes_has_nothing_to_undo(self, cast: Cast) -> None:
        db.run(onboarding.flag, cast.sue, [cast.acme.id, cast.otto_ltd.id])
        with pytest.raises(CannotUndo, match="changed nothing"):
            propose(cast.sam, flag_all(cast))

    @one
    def test_what_takes_a_password_is_left_to_the_history(self, cast: Cast) -> None:
        def lower_an_owner(session: Session) -> None:
            of_adam = (cast.acme.id, cast.adam.user_id or 0)
            members.change_role(session, cast.olga, *of_adam, Role.OWNER)
            with change_tracking.because(session, run_id=99):
                members.change_role(session, cast.olga, *of_adam, Role.MEMBER)

        db.run(lower_an_owner)
        db.run(impersonation.start, cast.ada, cast.acme.id, reason="They asked for help.")
        undo = finish(cast.ada, db.run(run_undo.propose, cast.ada, 99, reason=WHY).run)
        assert (undo.done, undo.refused) == (0, 1)
        with db.read() as session:
            why = items.list_refusals(session, cast.ada, undo.id)["why"].iloc[0]
        assert why == "This takes your password. Undo it from the history."

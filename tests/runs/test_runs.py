"""Runs, by the example of bulk flagging: what was shown is done, each once, also after crashes."""

import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, insert, select, update
from sqlalchemy.orm import Session

from core.base.errors import (
    DifferentNumber,
    InvalidInput,
    MoreMatch,
    NothingSelected,
    NotPermitted,
    ProposalExpired,
    TooManyMatch,
)
from core.database import db
from core.members import account_access
from core.models import Entry, Move, Organization, Run, RunItem, RunStatus, Staff, Stage
from core.onboarding import bulk_flag, onboarding
from core.onboarding.onboarding import Plan
from core.ops import cleanup, run_types
from core.ops.run_types import RUN_TYPES
from core.organizations import organizations, public_ids
from core.organizations.filters import Filters
from core.runs import advance, items, runs
from core.runs.items import NewItem, Selection
from tests.conftest import Clock
from tests.support.cast import Cast

CREATED = 24
FREE = Filters(stages=(Stage.FREE,))
ALL = Selection((), Filters())


@pytest.fixture
def free_count(engine: Engine, cast: Cast) -> int:
    """Two dozen free organizations besides Acme and Otto's; returns how many are free."""
    rows = [
        {
            "public_id": public_ids.encode(500_000_000 + number),
            "name": f"Practice {number}",
            "name_key": f"practice {number}",
            "search_text": f"practice {number}",
            "created_at": cast.acme.created_at,
            "stage_entered_at": cast.acme.created_at,
        }
        for number in range(CREATED)
    ]
    with db.Session(db.writing_engine()) as session, session.begin():
        session.execute(insert(Organization), rows)
    return CREATED + 2


@pytest.fixture
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run without pauses between batches."""
    monkeypatch.setattr(advance, "_MIN_PAUSE", 0.0)


pytestmark = pytest.mark.usefixtures("without_pauses")


def start(cast: Cast, view: Filters = FREE, *, expected: int = 99) -> Run:
    plan = Plan(cast.sue.user_id)
    return db.run(bulk_flag.start, cast.sam, Selection((), view), plan, expected=expected)


def reload(run: Run) -> Run:
    with db.read() as session:
        return session.get_one(Run, run.id)


def run_to_end() -> None:
    while advance.run_due(RUN_TYPES):
        pass


def work_on_a_batch(run: Run) -> None:
    advance.run_batch(run.id, RUN_TYPES)


def moves_of_each() -> list[int]:
    """Return how often each flagged organization was moved."""
    with db.read() as session:
        grouped = select(func.count()).select_from(Move).group_by(Move.org_id)
        return list(session.scalars(grouped))


def set_stage(cast: Cast, stage: Stage) -> None:
    set_stage = update(Organization).where(Organization.id == cast.acme.id).values(stage=stage)
    with db.engine().begin() as connection:
        connection.execute(set_stage)


def _list_organizations() -> list[int]:
    with db.read() as session:
        return list(session.scalars(select(Organization.id)))


one = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


class TestRunDue:
    def test_matching_organizations_are_flagged_and_the_others_listed(
        self, cast: Cast, free_count: int
    ) -> None:
        set_stage(cast, Stage.PRODUCTION)
        with db.read() as session:
            assert bulk_flag.count(session, cast.sam, ALL) == (free_count, free_count - 1)
        run = start(cast, Filters())
        run_to_end()
        ended = reload(run)
        assert (ended.total, ended.done, ended.refused) == (free_count, free_count - 1, 1)
        assert ended.ended_at is not None
        assert ended.ended_because == ""
        with db.read() as session:
            listed = items.list_refusals(session, cast.sam, run.id)
            reps = set(session.scalars(select(Organization.rep_id)).all())
        assert list(listed["name"]) == ["Acme"]
        assert "is in production now" in listed["why"].iloc[0]
        assert reps == {None, cast.sue.user_id}

    @one
    def test_it_leaves_people_half_the_time_but_only_if_any_are_here(self, engine: Engine) -> None:
        began = time.monotonic() - 1
        with db.in_background(), ThreadPoolExecutor(1) as someone:
            assert advance._pause_after(time.monotonic()) < 0.1
            someone.submit(_list_organizations).result()
            assert 1 <= advance._pause_after(began) < 10

    @one
    def test_organizations_created_later_are_not_flagged(self, cast: Cast, free_count: int) -> None:
        start(cast)
        late = {**dict.fromkeys(("name", "name_key", "search_text", "public_id"), "late")}
        moment = cast.acme.created_at
        with db.engine().begin() as connection:
            connection.execute(
                insert(Organization).values(
                    **late, created_at=moment, stage_entered_at=moment, is_listed=False
                )
            )
        run_to_end()
        with db.read() as session:
            free = session.scalars(select(Organization.name).where(Organization.stage == "free"))
            assert free.all() == ["late"]

    @one
    def test_a_view_with_words_is_applied(self, cast: Cast, free_count: int) -> None:
        run = start(cast, Filters(words="practice"))
        run_to_end()
        assert reload(run).done == CREATED
        with db.read() as session:
            assert session.get_one(Organization, cast.acme.id).stage is Stage.FREE

    @one
    def test_starting_the_same_run_twice_returns_the_first(
        self, cast: Cast, free_count: int
    ) -> None:
        assert start(cast).id == start(cast).id

    @one
    def test_running_again_flags_nothing_twice(self, cast: Cast, free_count: int) -> None:
        start(cast)
        run_to_end()
        again = start(cast, Filters())
        run_to_end()
        assert (reload(again).done, reload(again).refused) == (0, free_count)
        assert moves_of_each() == [1] * free_count

    @one
    def test_a_cancelled_run_stops_after_its_batch(self, cast: Cast, free_count: int) -> None:
        run = start(cast)
        work_on_a_batch(run)
        db.run(runs.cancel, cast.sam, run.id)
        run_to_end()
        assert reload(run).done == advance.BATCH_SIZE
        assert reload(run).ended_because == "Cancelled by Sam."

    @one
    def test_a_run_ends_when_its_rep_loses_the_right(self, cast: Cast, free_count: int) -> None:
        run = start(cast)
        work_on_a_batch(run)
        db.run(account_access.set_staff, cast.ada, cast.sam.user_id, Staff.OPS)
        run_to_end()
        assert reload(run).done == advance.BATCH_SIZE
        assert "You don't have permission to flag for onboarding" in reload(run).ended_because

    @one
    def test_a_failure_ends_the_run(
        self, cast: Cast, free_count: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = start(cast)
        monkeypatch.setattr(onboarding, "flag_planned", lambda *_, **__: 1 / 0)
        run_to_end()
        assert (reload(run).status, reload(run).done) == (RunStatus.FAILED, 0)
        assert reload(run).ended_because.startswith("Failed")

    def test_a_failed_run_is_resumed_where_it_stopped(
        self, cast: Cast, free_count: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = start(cast)
        work_on_a_batch(run)
        with monkeypatch.context() as broken:
            broken.setattr(onboarding, "flag_planned", lambda *_, **__: 1 / 0)
            run_to_end()
        db.run(runs.resume, cast.sam, run.id)
        run_to_end()
        assert (reload(run).status, reload(run).done) == (RunStatus.ENDED, free_count)
        assert moves_of_each() == [1] * free_count

    @one
    @pytest.mark.parametrize(
        "stored", [{"kind": "delete everything"}, {"params": {"rep_id": 6, "sql": "DROP"}}]
    )
    def test_only_what_is_listed_is_run_with_known_parameters(
        self, cast: Cast, free_count: int, stored: dict[str, Any]
    ) -> None:
        run = start(cast)
        with db.engine().begin() as connection:
            connection.execute(update(Run).values(**stored))
        run_to_end()
        assert (reload(run).status, reload(run).done) == (RunStatus.FAILED, 0)
        assert reload(run).ended_because.endswith(("delete everything.", "can't be read."))
        assert run_types.title_of(reload(run)) in {"Delete everything", "Flag"}

    @one
    def test_a_short_run_does_not_wait_for_a_long_one(self, cast: Cast, free_count: int) -> None:
        long = start(cast, Filters(words="practice"))
        ids = Selection((cast.acme.id,))
        short = db.run(bulk_flag.start, cast.sue, ids, Plan(), expected=1)
        worked_on: list[int] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(advance, "run_batch", lambda run_id, _: worked_on.append(run_id))
            advance.run_due(RUN_TYPES, is_stopping=lambda: len(worked_on) == 4)
        assert worked_on == [long.id, short.id] * 2

    def test_entries_have_the_number_of_their_run(self, cast: Cast, free_count: int) -> None:
        run = start(cast)
        run_to_end()
        with db.read() as session:
            numbers = session.scalars(select(Entry.run_id)).all()
        assert numbers == [run.id] * free_count

    def test_open_runs_are_listed_for_their_rep_and_administrators(
        self, session: Session, cast: Cast
    ) -> None:
        run = bulk_flag.start(session, cast.sam, Selection((), FREE), Plan(), expected=99)
        assert runs.list_open(session, cast.sam) == [run]
        assert runs.list_open(session, cast.ada) == [run]
        assert runs.list_open(session, cast.sue) == []
        runs.cancel(session, cast.sam, run.id)
        assert runs.list_open(session, cast.ada) == []
        runs.dismiss(session, cast.sam, run.id)
        assert runs.list_open(session, cast.sam) == []

    def test_ended_runs_are_purged_later(self, session: Session, cast: Cast, clock: Clock) -> None:
        run = bulk_flag.start(session, cast.sam, Selection((), FREE), Plan(), expected=99)
        clock.turn(cleanup.RUN_TTL)
        assert cleanup.purge_runs(session) == 0
        runs.cancel(session, cast.sam, run.id)
        assert cleanup.purge_runs(session) == 1


class TestList:
    """What was shown is what is done."""

    @one
    def test_rows_that_come_to_match_later_are_not_changed(
        self, cast: Cast, free_count: int
    ) -> None:
        set_stage(cast, Stage.PRODUCTION)
        run = start(cast)
        set_stage(cast, Stage.FREE)
        run_to_end()
        assert reload(run).done == free_count - 1
        with db.read() as session:
            assert session.get_one(Organization, cast.acme.id).stage is Stage.FREE

    def test_unticked_rows_are_not_changed(self, cast: Cast, free_count: int) -> None:
        selection = Selection((cast.acme.id, cast.otto_ltd.id), FREE)
        run = db.run(bulk_flag.start, cast.sam, selection, Plan(), expected=CREATED)
        run_to_end()
        assert reload(run).done == run.total == CREATED
        with db.read() as session:
            names = session.scalars(select(Organization.name).where(Organization.stage == "free"))
            assert set(names.all()) == {"Acme", "Otto Ltd"}

    def test_a_row_deleted_since_is_refused(self, cast: Cast) -> None:
        ids = (cast.acme.id, cast.otto_ltd.id)
        run = db.run(bulk_flag.start, cast.sam, Selection(ids), Plan(), expected=2)
        db.run(organizations.delete, cast.olga, cast.acme.id, name="Acme")
        run_to_end()
        assert (reload(run).total, reload(run).done, reload(run).refused) == (2, 1, 1)
        with db.read() as session:
            listed = items.list_refusals(session, cast.oda, run.id)
        assert listed["why"].iloc[0].startswith("This organization doesn't exist")

    @one
    def test_a_list_has_a_digest_of_all_that_was_shown(self, session: Session, cast: Cast) -> None:
        params = bulk_flag.PlanParams(rep_id=cast.sam.user_id or 0)
        listed = [NewItem(cast.acme.id, input={"phone": "1"}), NewItem(cast.otto_ltd.id)]
        run = runs.propose(session, cast.sam, bulk_flag.FLAG, params, listed)
        again = runs.propose(session, cast.sam, bulk_flag.FLAG, params, listed)
        assert again.id == run.id
        other = [NewItem(cast.acme.id, input={"phone": "2"}), NewItem(cast.otto_ltd.id)]
        assert runs.propose(session, cast.sam, bulk_flag.FLAG, params, other).id != run.id
        assert session.scalar(select(func.count()).select_from(Run)) == 1
        assert session.scalar(select(func.count()).select_from(RunItem)) == 2


class TestConfirmation:
    def propose(self, session: Session, cast: Cast) -> Run:
        params = bulk_flag.PlanParams(rep_id=cast.sam.user_id or 0)
        listed = [NewItem(cast.acme.id)]
        return runs.propose(session, cast.sam, bulk_flag.FLAG, params, listed)

    @one
    def test_a_proposal_changes_nothing(self, cast: Cast) -> None:
        db.run(self.propose, cast)
        run_to_end()
        assert moves_of_each() == []

    @one
    def test_the_number_that_was_shown_is_confirmed(self, session: Session, cast: Cast) -> None:
        run = self.propose(session, cast)
        with pytest.raises(DifferentNumber, match="Enter 1,"):
            runs.confirm(session, cast.sam, run.id, shown=2)
        assert runs.confirm(session, cast.sam, run.id, shown=1).status is RunStatus.GOING
        assert runs.confirm(session, cast.sam, run.id, shown=1).id == run.id

    @one
    def test_a_proposal_expires(self, session: Session, cast: Cast, clock: Clock) -> None:
        run = self.propose(session, cast)
        clock.turn(runs.PROPOSAL_TTL + timedelta(seconds=1))
        with pytest.raises(ProposalExpired):
            runs.confirm(session, cast.sam, run.id, shown=1)
        assert self.propose(session, cast).id != run.id
        clock.turn(cleanup.EXPIRED_TTL)
        assert cleanup.purge_runs(session) == 1

    @one
    def test_without_a_row_there_is_no_run(self, session: Session, cast: Cast) -> None:
        with pytest.raises(NothingSelected):
            bulk_flag.start(session, cast.sam, Selection(), Plan(), expected=9)

    def test_more_matches_than_confirmed_are_refused(self, cast: Cast, free_count: int) -> None:
        with pytest.raises(MoreMatch, match=f"{free_count} organizations match now"):
            start(cast, expected=free_count - 1)

    def test_a_run_has_a_limit(
        self, cast: Cast, free_count: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(items, "MAX_ITEMS", free_count - 1)
        with pytest.raises(TooManyMatch, match="Narrow the table"):
            start(cast)

    def test_the_plan_is_checked_at_the_start(self, session: Session, cast: Cast) -> None:
        with pytest.raises(InvalidInput):
            bulk_flag.start(session, cast.sam, ALL, Plan(cast.olga.user_id), expected=99)

    def test_only_administrators_can_select_deleted_organizations(
        self, session: Session, cast: Cast
    ) -> None:
        with pytest.raises(NotPermitted):
            bulk_flag.start(
                session, cast.sam, Selection((), Filters(is_deleted=True)), Plan(), expected=99
            )


def die_during_the_third_batch() -> None:
    """Run in another process and kill it in the middle of a batch."""
    flag, flagged = onboarding.flag_planned, []

    def flag_until_killed(*args: Any, **options: Any) -> Organization:
        flagged.append(args)
        if len(flagged) == 2 * advance.BATCH_SIZE + 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return flag(*args, **options)

    onboarding.flag_planned = flag_until_killed
    run_to_end()


class TestInterrupted:
    def test_after_a_kill_the_run_continues_and_flags_each_once(
        self, cast: Cast, free_count: int
    ) -> None:
        run = start(cast)
        killed = multiprocessing.get_context("spawn").Process(target=die_during_the_third_batch)
        killed.start()
        killed.join(30)
        assert killed.exitcode == -signal.SIGKILL
        assert reload(run).done == 2 * advance.BATCH_SIZE
        run_to_end()
        assert reload(run).done == free_count
        assert moves_of_each() == [1] * free_count
        with db.read() as session:
            entries = select(func.count()).where(Entry.event == "stage.flagged")
            assert session.scalar(entries) == free_count

    def test_several_workers_share_a_run(self, cast: Cast, free_count: int) -> None:
        run = start(cast)
        together = [threading.Thread(target=run_to_end) for _ in range(3)]
        for thread in together:
            thread.start()
        for thread in together:
            thread.join()
        assert reload(run).done == free_count
        assert moves_of_each() == [1] * free_count

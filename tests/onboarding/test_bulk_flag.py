"""Bulk flagging: a run flags each matching organization once, also after crashes."""

import multiprocessing
import os
import signal
import threading

import pytest
from sqlalchemy import Engine, func, insert, select, update
from sqlalchemy.orm import Session

from core.base.errors import InvalidInput, MoreMatch, NotPermitted, TooManyMatch
from core.database import db
from core.members import account_access
from core.models import Entry, Move, Organization, Run, Staff, Stage
from core.onboarding import bulk_flag, onboarding
from core.onboarding.onboarding import Plan
from core.ops import cleanup
from core.organizations import public_ids
from core.organizations.filters import Filters
from tests.conftest import Clock
from tests.support.cast import Cast

CREATED = 24
FREE = Filters(stages=(Stage.FREE,))


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
    monkeypatch.setattr(bulk_flag, "_MIN_PAUSE", 0.0)


pytestmark = pytest.mark.usefixtures("without_pauses")


def start(cast: Cast, view: Filters = FREE, *, expected: int = 99) -> Run:
    return db.run(bulk_flag.start, cast.sam, view, Plan(cast.sue.user_id), expected=expected)


def reload(run: Run) -> Run:
    with db.read() as session:
        return session.get_one(Run, run.id)


def run_to_end() -> None:
    while bulk_flag.run_due():
        pass


def moves_of_each() -> list[int]:
    """Return how often each flagged organization was moved."""
    with db.read() as session:
        grouped = select(func.count()).select_from(Move).group_by(Move.org_id)
        return list(session.scalars(grouped))


def set_stage(cast: Cast, stage: Stage) -> None:
    set_stage = update(Organization).where(Organization.id == cast.acme.id).values(stage=stage)
    with db.engine().begin() as connection:
        connection.execute(set_stage)


one = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


class TestRunDue:
    def test_matching_organizations_are_flagged_and_the_others_listed(
        self, cast: Cast, free_count: int
    ) -> None:
        set_stage(cast, Stage.PRODUCTION)
        with db.read() as session:
            assert bulk_flag.count(session, cast.sam, Filters()) == (free_count, free_count - 1)
        run = start(cast, Filters())
        run_to_end()
        ended = reload(run)
        assert (ended.total, ended.done, ended.refused) == (free_count, free_count - 1, 1)
        assert ended.ended_at is not None
        assert ended.ended_because == ""
        with db.read() as session:
            listed = bulk_flag.list_refusals(session, cast.sam, run.id)
            reps = set(session.scalars(select(Organization.rep_id)).all())
        assert list(listed["name"]) == ["Acme"]
        assert "is in production now" in listed["why"].iloc[0]
        assert reps == {None, cast.sue.user_id}

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
        again = start(cast)
        run_to_end()
        assert reload(again).done == 0
        assert moves_of_each() == [1] * free_count

    @one
    def test_a_cancelled_run_stops_after_its_batch(self, cast: Cast, free_count: int) -> None:
        run = start(cast)
        db.run(bulk_flag.flag_next_batch, run.id)
        db.run(bulk_flag.cancel, cast.sam, run.id)
        run_to_end()
        assert reload(run).done == bulk_flag.BATCH_SIZE
        assert reload(run).ended_because == "Cancelled by Sam."

    @one
    def test_a_run_ends_when_its_rep_loses_the_right(self, cast: Cast, free_count: int) -> None:
        run = start(cast)
        db.run(bulk_flag.flag_next_batch, run.id)
        db.run(account_access.set_staff, cast.ada, cast.sam.user_id, Staff.OPS)
        run_to_end()
        assert reload(run).done == bulk_flag.BATCH_SIZE
        assert "You don't have permission to flag for onboarding" in reload(run).ended_because

    @one
    def test_a_failure_ends_the_run(
        self, cast: Cast, free_count: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = start(cast)
        monkeypatch.setattr(onboarding, "_flag", lambda *_: 1 / 0)
        run_to_end()
        assert reload(run).done == 0
        assert reload(run).ended_because.startswith("Failed")

    def test_open_runs_are_listed_for_their_rep_and_administrators(
        self, session: Session, cast: Cast
    ) -> None:
        run = bulk_flag.start(session, cast.sam, FREE, Plan(), expected=99)
        assert bulk_flag.list_open(session, cast.sam) == [run]
        assert bulk_flag.list_open(session, cast.ada) == [run]
        assert bulk_flag.list_open(session, cast.sue) == []
        bulk_flag.cancel(session, cast.sam, run.id)
        assert bulk_flag.list_open(session, cast.ada) == []
        bulk_flag.dismiss(session, cast.sam, run.id)
        assert bulk_flag.list_open(session, cast.sam) == []

    def test_ended_runs_are_purged_later(self, session: Session, cast: Cast, clock: Clock) -> None:
        run = bulk_flag.start(session, cast.sam, FREE, Plan(), expected=99)
        clock.turn(cleanup.RUN_TTL)
        assert cleanup.purge_runs(session) == 0
        bulk_flag.cancel(session, cast.sam, run.id)
        assert cleanup.purge_runs(session) == 1


class TestConfirmation:
    def test_more_matches_than_confirmed_are_refused(self, cast: Cast, free_count: int) -> None:
        with pytest.raises(MoreMatch, match=f"{free_count} organizations match now"):
            start(cast, expected=free_count - 1)

    def test_a_run_has_a_limit(
        self, cast: Cast, free_count: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bulk_flag, "MAX_ORGANIZATIONS", free_count - 1)
        with pytest.raises(TooManyMatch, match="Narrow the table"):
            start(cast)

    def test_the_plan_is_checked_at_the_start(self, session: Session, cast: Cast) -> None:
        with pytest.raises(InvalidInput):
            bulk_flag.start(session, cast.sam, FREE, Plan(cast.olga.user_id), expected=99)

    def test_only_administrators_can_select_deleted_organizations(
        self, session: Session, cast: Cast
    ) -> None:
        with pytest.raises(NotPermitted):
            bulk_flag.start(session, cast.sam, Filters(is_deleted=True), Plan(), expected=99)


def die_during_the_third_batch() -> None:
    """Run in another process and kill it in the middle of a batch."""
    flag, flagged = onboarding._flag, []

    def flag_until_killed(*args: object) -> object:
        flagged.append(args)
        if len(flagged) == 2 * bulk_flag.BATCH_SIZE + 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return flag(*args)

    onboarding._flag = flag_until_killed
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
        assert reload(run).done == 2 * bulk_flag.BATCH_SIZE
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

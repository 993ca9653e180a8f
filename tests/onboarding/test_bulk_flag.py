"""Runs: all that match are flagged in the background, each once, whatever happens meanwhile."""

import multiprocessing
import os
import signal
import threading

import pytest
from sqlalchemy import Engine, func, insert, select, update
from sqlalchemy.orm import Session

from core.accounts import administration
from core.base.errors import InvalidInput, MoreMatch, NotPermitted, TooManyMatch
from core.database import db
from core.models import Entry, Move, Organization, Run, Staff, Stage
from core.onboarding import bulk_flag, onboarding
from core.onboarding.onboarding import Plan
from core.ops import cleanup
from core.organizations import public_ids
from core.organizations.filters import Filters
from tests.conftest import Clock
from tests.support.cast import Cast

MANY = 24
FREE = Filters(stages=(Stage.FREE,))


@pytest.fixture
def many(engine: Engine, cast: Cast) -> int:
    """Two dozen free organizations besides Acme and Otto's; returns how many are free."""
    rows = [
        {
            "public_id": public_ids.spell(500_000_000 + number),
            "name": f"Practice {number}",
            "name_key": f"practice {number}",
            "search_text": f"practice {number}",
            "created_at": cast.acme.created_at,
            "stage_entered_at": cast.acme.created_at,
        }
        for number in range(MANY)
    ]
    with db.Session(db.writing_engine()) as session, session.begin():
        session.execute(insert(Organization), rows)
    return MANY + 2


@pytest.fixture
def untiring(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let runs rest for no longer than they must."""
    monkeypatch.setattr(bulk_flag, "_MIN_PAUSE", 0.0)


pytestmark = pytest.mark.usefixtures("untiring")


def start(cast: Cast, view: Filters = FREE, *, expected: int = 99) -> Run:
    return db.run(bulk_flag.start, cast.sam, view, Plan(cast.sue.user_id), expected=expected)


def now(run: Run) -> Run:
    with db.read() as session:
        return session.get_one(Run, run.id)


def work() -> None:
    while bulk_flag.run_due():
        pass


def moves_of_each() -> list[int]:
    """Return how often each flagged organization was moved."""
    with db.read() as session:
        grouped = select(func.count()).select_from(Move).group_by(Move.org_id)
        return list(session.scalars(grouped))


def put(cast: Cast, stage: Stage) -> None:
    put = update(Organization).where(Organization.id == cast.acme.id).values(stage=stage)
    with db.engine().begin() as connection:
        connection.execute(put)


one = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


class TestWork:
    def test_all_that_match_are_flagged_and_the_others_are_listed(
        self, cast: Cast, many: int
    ) -> None:
        put(cast, Stage.PRODUCTION)
        with db.read() as session:
            assert bulk_flag.count(session, cast.sam, Filters()) == (many, many - 1)
        run = start(cast, Filters())
        work()
        ended = now(run)
        assert (ended.total, ended.done, ended.refused) == (many, many - 1, 1)
        assert ended.ended_at is not None
        assert ended.ended_because == ""
        with db.read() as session:
            listed = bulk_flag.list_refusals(session, cast.sam, run.id)
            reps = set(session.scalars(select(Organization.rep_id)).all())
        assert list(listed["name"]) == ["Acme"]
        assert "is in production now" in listed["why"].iloc[0]
        assert reps == {None, cast.sue.user_id}

    @one
    def test_those_that_came_later_are_left_alone(self, cast: Cast, many: int) -> None:
        start(cast)
        late = {**dict.fromkeys(("name", "name_key", "search_text", "public_id"), "late")}
        moment = cast.acme.created_at
        with db.engine().begin() as connection:
            connection.execute(
                insert(Organization).values(
                    **late, created_at=moment, stage_entered_at=moment, is_listed=False
                )
            )
        work()
        with db.read() as session:
            free = session.scalars(select(Organization.name).where(Organization.stage == "free"))
            assert free.all() == ["late"]

    @one
    def test_a_view_by_words_is_followed(self, cast: Cast, many: int) -> None:
        run = start(cast, Filters(words="practice"))
        work()
        assert now(run).done == MANY
        with db.read() as session:
            assert session.get_one(Organization, cast.acme.id).stage is Stage.FREE

    @one
    def test_the_same_run_twice_is_one(self, cast: Cast, many: int) -> None:
        assert start(cast).id == start(cast).id

    @one
    def test_a_run_again_does_nothing_twice(self, cast: Cast, many: int) -> None:
        start(cast)
        work()
        again = start(cast)
        work()
        assert now(again).done == 0
        assert moves_of_each() == [1] * many

    @one
    def test_a_cancelled_run_ends_where_it_is(self, cast: Cast, many: int) -> None:
        run = start(cast)
        db.run(bulk_flag.flag_next_batch, run.id)
        db.run(bulk_flag.cancel, cast.sam, run.id)
        work()
        assert now(run).done == bulk_flag.BATCH_SIZE
        assert now(run).ended_because == "Cancelled by Sam."

    @one
    def test_a_rep_who_lost_the_right_stops(self, cast: Cast, many: int) -> None:
        run = start(cast)
        db.run(bulk_flag.flag_next_batch, run.id)
        db.run(administration.set_staff, cast.ada, cast.sam.user_id, Staff.OPS)
        work()
        assert now(run).done == bulk_flag.BATCH_SIZE
        assert "You don't have permission to flag for onboarding" in now(run).ended_because

    @one
    def test_a_failure_ends_it_and_is_no_loop(
        self, cast: Cast, many: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = start(cast)
        monkeypatch.setattr(onboarding, "_flag", lambda *_: 1 / 0)
        work()
        assert now(run).done == 0
        assert now(run).ended_because.startswith("Failed")

    def test_who_began_it_finds_it_again(self, session: Session, cast: Cast) -> None:
        run = bulk_flag.start(session, cast.sam, FREE, Plan(), expected=99)
        assert bulk_flag.list_open(session, cast.sam) == [run]
        assert bulk_flag.list_open(session, cast.ada) == [run]
        assert bulk_flag.list_open(session, cast.sue) == []
        bulk_flag.cancel(session, cast.sam, run.id)
        assert bulk_flag.list_open(session, cast.ada) == []
        bulk_flag.dismiss(session, cast.sam, run.id)
        assert bulk_flag.list_open(session, cast.sam) == []

    def test_it_is_purged_long_after_its_end(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        run = bulk_flag.start(session, cast.sam, FREE, Plan(), expected=99)
        clock.turn(cleanup.RUNS_STAY)
        assert cleanup.purge_runs(session) == 0
        bulk_flag.cancel(session, cast.sam, run.id)
        assert cleanup.purge_runs(session) == 1


class TestConfirmation:
    def test_more_than_were_shown_are_not_flagged_unseen(self, cast: Cast, many: int) -> None:
        with pytest.raises(MoreMatch, match=f"{many} organizations match now"):
            start(cast, expected=many - 1)

    def test_a_run_has_a_limit(
        self, cast: Cast, many: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bulk_flag, "MAX_ORGANIZATIONS", many - 1)
        with pytest.raises(TooManyMatch, match="Narrow the table"):
            start(cast)

    def test_what_is_typed_is_checked_before_it_begins(self, session: Session, cast: Cast) -> None:
        with pytest.raises(InvalidInput):
            bulk_flag.start(session, cast.sam, FREE, Plan(cast.olga.user_id), expected=99)

    def test_only_an_administrator_sees_deleted_ones(self, session: Session, cast: Cast) -> None:
        with pytest.raises(NotPermitted):
            bulk_flag.start(session, cast.sam, Filters(is_deleted=True), Plan(), expected=99)


def die_within_the_third_batch() -> None:
    """Work in a process of its own, and be killed with a batch half done."""
    flag, flagged = onboarding._flag, []

    def flag_until_killed(*args: object) -> object:
        flagged.append(args)
        if len(flagged) == 2 * bulk_flag.BATCH_SIZE + 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return flag(*args)

    onboarding._flag = flag_until_killed
    work()


class TestInterrupted:
    def test_killed_in_the_middle_it_goes_on_and_flags_each_once(
        self, cast: Cast, many: int
    ) -> None:
        run = start(cast)
        killed = multiprocessing.get_context("spawn").Process(target=die_within_the_third_batch)
        killed.start()
        killed.join(30)
        assert killed.exitcode == -signal.SIGKILL
        assert now(run).done == 2 * bulk_flag.BATCH_SIZE
        work()
        assert now(run).done == many
        assert moves_of_each() == [1] * many
        with db.read() as session:
            entries = select(func.count()).where(Entry.event == "stage.flagged")
            assert session.scalar(entries) == many

    def test_several_workers_share_it(self, cast: Cast, many: int) -> None:
        run = start(cast)
        together = [threading.Thread(target=work) for _ in range(3)]
        for thread in together:
            thread.start()
        for thread in together:
            thread.join()
        assert now(run).done == many
        assert moves_of_each() == [1] * many

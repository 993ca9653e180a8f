"""Races of moves: one transition succeeds, from the displayed stage, and the gate holds."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import select, update

from core.base.errors import DomainError, GateNotMet, WrongStage
from core.database import db
from core.models import Entry, Move, Organization, Stage
from core.onboarding import bulk_flag, onboarding
from core.onboarding.onboarding import Plan
from core.ops.run_types import RUN_TYPES
from core.organizations import organizations
from core.profile import profile
from core.runs import advance
from core.runs.items import Selection
from tests.support.cast import Cast

ROUNDS = 12
FREE, ONBOARDING, PREPRODUCTION, PRODUCTION = Stage
FILLED = {
    "alert_email": "alarm@acme.example",
    "overview": "We heal.",
    "sales_email": "sales@acme.example",
    "phone": "+12125550123",
    "website": "https://acme.example",
}
Act = Callable[[], object]
Race = Callable[..., list[object]]


@pytest.fixture
def race() -> Iterator[Race]:
    """Run functions at the same time, and return their results or refusals."""
    with ThreadPoolExecutor(4) as threads:

        def run_after(barrier: Barrier, act: Act) -> object:
            barrier.wait(30)
            try:
                return act()
            except DomainError as refusal:
                return refusal

        def run_together(*acts: Act) -> list[object]:
            barrier = Barrier(len(acts))
            running = [threads.submit(run_after, barrier, act) for act in acts]
            return [future.result(60) for future in running]

        yield run_together


def change_acme(cast: Cast, **values: object) -> None:
    """Change Acme directly, without a use case."""
    with db.Session(db.writing_engine()) as session, session.begin():
        session.execute(
            update(Organization)
            .where(Organization.id == cast.acme.id)
            .values(**values)
            .execution_options(unrecorded=True)
        )


def moves(cast: Cast) -> list[tuple[Stage, Stage]]:
    with db.read() as session:
        made = select(Move).where(Move.org_id == cast.acme.id).order_by(Move.id)
        return [(move.from_stage, move.to_stage) for move in session.scalars(made)]


def refusals(results: list[object], kind: type[DomainError]) -> int:
    assert not [
        each for each in results if isinstance(each, DomainError) and type(each) is not kind
    ]
    return sum(isinstance(each, kind) for each in results)


def test_of_several_flags_one_succeeds(race: Race, cast: Cast) -> None:
    for number in range(ROUNDS):
        change_acme(cast, stage=FREE)
        results = race(
            lambda: db.run(onboarding.flag_one, cast.sam, cast.acme.id),
            lambda: db.run(onboarding.flag_one, cast.sue, cast.acme.id),
            lambda: db.run(onboarding.move, cast.ada, cast.acme.id, ONBOARDING, from_stage=FREE),
        )
        assert refusals(results, WrongStage) == 2
        assert moves(cast) == [(FREE, ONBOARDING)] * (number + 1)


def test_a_double_click_moves_one_stage(race: Race, cast: Cast) -> None:
    for number in range(ROUNDS):
        change_acme(cast, stage=ONBOARDING, **FILLED)
        move = (onboarding.move, cast.sam, cast.acme.id)
        results = race(
            lambda: db.run(*move, PREPRODUCTION, from_stage=ONBOARDING),  # noqa: B023
            lambda: db.run(*move, PREPRODUCTION, from_stage=ONBOARDING),  # noqa: B023
            lambda: db.run(*move, FREE, from_stage=ONBOARDING, reason="A break."),  # noqa: B023
        )
        assert refusals(results, WrongStage) == 2
        assert len(moves(cast)) == number + 1


def test_deleted_organizations_are_not_flagged(race: Race, cast: Cast) -> None:
    for _ in range(ROUNDS):
        change_acme(cast, stage=FREE, deleted_at=None)
        before = len(moves(cast))
        flagged, deleted = race(
            lambda: db.run(onboarding.flag, cast.sam, [cast.acme.id, cast.otto_ltd.id]),
            lambda: db.run(organizations.delete, cast.olga, cast.acme.id, name="Acme"),
        )
        assert isinstance(deleted, Organization)
        assert isinstance(flagged, onboarding.FlagResult)
        is_in = "Acme" in flagged.flagged
        assert is_in or "This organization doesn't exist" in flagged.refused[0].reason
        assert len(moves(cast)) == before + is_in


def test_no_move_passes_while_an_owner_clears_a_field(race: Race, cast: Cast) -> None:
    for _ in range(ROUNDS):
        change_acme(cast, stage=ONBOARDING, **FILLED)
        shown, typed = {"website": FILLED["website"]}, {"website": ""}
        moved, saved = race(
            lambda: db.run(
                onboarding.move, cast.sam, cast.acme.id, PREPRODUCTION, from_stage=ONBOARDING
            ),
            lambda: db.run(profile.save, cast.olga, cast.acme.id, shown, typed),  # noqa: B023
        )
        assert isinstance(saved, Organization)
        with db.read() as session:
            entries = select(Entry.event).where(Entry.org_id == cast.acme.id).order_by(Entry.id)
            events = list(session.scalars(entries))
        if isinstance(moved, GateNotMet):
            assert events[-1] == "profile.changed"
        else:
            assert events[-2:] == ["stage.moved", "profile.changed"]


def test_a_run_and_a_rep_flag_an_organization_once(race: Race, cast: Cast) -> None:
    for number in range(ROUNDS):
        change_acme(cast, stage=FREE)
        run = db.run(bulk_flag.start, cast.sam, Selection((cast.acme.id,)), Plan(), expected=9)
        results = race(
            lambda: advance.run_batch(run.id, RUN_TYPES),  # noqa: B023
            lambda: advance.run_batch(run.id, RUN_TYPES),  # noqa: B023
            lambda: db.run(onboarding.flag_one, cast.sue, cast.acme.id),
        )
        assert refusals(results, WrongStage) <= 1
        assert len(moves(cast)) == number + 1

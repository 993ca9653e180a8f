"""Moves: the way an organization went, as the path shows it."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from core import activity, moves, onboarding
from core.errors import NotFound, NotPermitted
from core.models import Stage
from core.moves import Visit
from tests.cast import Cast
from tests.conftest import Clock

FREE, ONBOARDING, PREPRODUCTION, PRODUCTION = Stage
WHY = "The contract is signed."


def override(session: Session, cast: Cast, start: Stage, end: Stage) -> None:
    onboarding.move(session, cast.ada, cast.acme.id, end, shown=start, reason=WHY, override=True)


def test_the_path_knows_since_when_and_for_how_many_working_days(
    session: Session, cast: Cast, clock: Clock
) -> None:
    flagged_at = clock.moment
    onboarding.flag(session, cast.sam, [cast.acme.id])
    clock.turn(timedelta(days=8))
    override(session, cast, ONBOARDING, PREPRODUCTION)
    overridden_at = clock.moment
    clock.turn(timedelta(days=1))
    assert moves.path(session, cast.mia, cast.acme.id) == [
        Visit(FREE, cast.acme.created_at, 230),
        Visit(ONBOARDING, flagged_at, 6),
        Visit(PREPRODUCTION, overridden_at, 1, is_override=True),
    ]


def test_a_second_time_is_counted(session: Session, cast: Cast, clock: Clock) -> None:
    for _ in range(2):
        onboarding.flag(session, cast.sam, [cast.acme.id])
        clock.turn(timedelta(days=1))
        onboarding.move(session, cast.sam, cast.acme.id, FREE, shown=ONBOARDING, reason="A break.")
    assert moves.path(session, cast.mia, cast.acme.id) == [Visit(FREE, clock.moment, 0, times=3)]


def test_an_override_stays_marked_in_moves_and_history(session: Session, cast: Cast) -> None:
    onboarding.flag(session, cast.sam, [cast.acme.id])
    override(session, cast, ONBOARDING, PREPRODUCTION)
    latest = moves.table(session, cast.olga, cast.acme.id).iloc[0]
    assert latest["is_override"]
    assert "Phone is empty" in latest["missing"].splitlines()
    assert (latest["who"], latest["rep"], latest["reason"]) == ("Ada", "Sam", WHY)
    told = activity.table(session, cast.olga, org_id=cast.acme.id).iloc[0]
    assert (told["what"], told["reason"]) == ("Stage (checks overridden)", WHY)


def test_a_member_reads_no_reasons(session: Session, cast: Cast) -> None:
    with pytest.raises(NotPermitted):
        moves.table(session, cast.mia, cast.acme.id)
    with pytest.raises(NotFound):
        moves.path(session, cast.otto, cast.acme.id)

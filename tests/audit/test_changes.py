"""People learn that somebody else has changed what they look at."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.audit import changes
from tests.conftest import Clock
from tests.support.cast import Cast
from tests.support.history import rename


@pytest.mark.parametrize(
    ("name", "is_told"),
    [("oda", True), ("mia", True), ("olga", False), ("otto", False)],
)
def test_a_change_of_another_person_is_told_to_who_may_see_it(
    session: Session, cast: Cast, clock: Clock, name: str, is_told: bool
) -> None:
    reader: Actor = getattr(cast, name)
    loaded = clock.now()
    clock.turn(timedelta(minutes=1))
    assert not changes.has_changed(session, cast.oda, [cast.acme.id], loaded)
    rename(session, cast.olga, cast.acme.id, "Acme Clinic")
    session.flush()
    assert changes.has_changed(session, reader, [cast.acme.id], loaded) is is_told
    assert not changes.has_changed(session, reader, [cast.otto_ltd.id], loaded)
    assert not changes.has_changed(session, reader, [cast.acme.id], clock.now())
    assert not changes.has_changed(session, reader, [], loaded)

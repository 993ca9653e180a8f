"""I1 to I17: whatever is done, one after the other or at the same moment, they hold."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.prove import machine, races
from tests.prove.databases import Database
from tests.prove.invariants import NAMES


@pytest.fixture
def database(engine: Engine) -> Iterator[Database]:
    """The test's own database, which is emptied many times."""
    database = Database(engine.url.render_as_string(hide_password=False))
    yield database
    database.close()


def test_one_thing_after_another(database: Database) -> None:
    machine.walk(database, examples=8, steps=15, derandomize=True)


@pytest.mark.parametrize("aim", NAMES)
def test_several_things_at_the_same_moment(database: Database, aim: str) -> None:
    with races.crew_of("threads", database.address) as crew:
        tally = races.run(database, crew, aim, count=4 if aim in races.ALONE else 8, seed="test")
    assert tally.broken == []


def test_in_several_processes(database: Database) -> None:
    with races.crew_of("processes", database.address) as crew:
        for aim in ("I1", "I4", "I10"):
            assert races.run(database, crew, aim, count=6, seed="test").broken == []

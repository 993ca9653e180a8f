"""The invariants I1 to I17 hold after any operations, in sequence and in races."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.prove import races, rules, state_machine
from tests.prove.database import Database
from tests.prove.dataset import Dataset, build
from tests.prove.invariants import NAMES
from tests.prove.snapshot import snapshot
from tests.support.depth import rounds


@pytest.fixture
def database(engine: Engine) -> Iterator[Database]:
    """The database of the test, which is emptied many times."""
    database = Database(engine.url.render_as_string(hide_password=False))
    yield database
    database.close()


def test_the_invariants_hold_in_sequence(database: Database) -> None:
    state_machine.run(database, examples=rounds(5, 40), steps=15, derandomize=True)


def test_snapshots_of_the_same_acts_are_equal(database: Database) -> None:
    datasets = [Dataset(1), Dataset(2)]
    database.empty()
    with database.begin() as connection:
        build(connection, datasets)
    for data in datasets:
        for person in ("adam", "oda"):  # who invited Oda, so that her invitation is revoked
            rules.delete_account(data, person)
    with database.begin() as connection:
        first, second = snapshot(connection, datasets).values()
    assert first == second


@pytest.mark.parametrize("aim", NAMES)
def test_the_invariants_hold_in_races(database: Database, aim: str) -> None:
    with races.executor_of("threads", database.address) as executor:
        tally = races.run(
            database, executor, aim, count=rounds(2 if aim in races.SINGLE else 3, 40), seed="test"
        )
    assert tally.broken == []


def test_the_invariants_hold_across_processes(database: Database) -> None:
    with races.executor_of("processes", database.address) as executor:
        for aim in ("I1", "I4", "I10"):
            assert races.run(database, executor, aim, count=rounds(4, 20), seed="test").broken == []

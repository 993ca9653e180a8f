"""Random worlds are undone: `tests.prove.undos` runs as many as there is time for."""

from sqlalchemy import Engine

from tests.prove import undos
from tests.support.cast import Cast


def test_whatever_happened_is_put_back_as_its_plan_foresees(engine: Engine, cast: Cast):
    worlds = 100
    tally = undos.run(worlds, "make test", cast, acts=2)
    assert tally.worlds == worlds
    assert tally.whole > worlds / 2
    assert tally.copies > 2 * worlds

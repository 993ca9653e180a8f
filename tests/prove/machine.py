"""The state machine: Hypothesis lets one thing happen after another, and looks at all of it."""

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from hypothesis.stateful import run_state_machine_as_test as walk_it

from core.models import Role, Stage
from tests.prove.databases import Database
from tests.prove.invariants import Done, check
from tests.prove.races import answer
from tests.prove.rules import RULES, Op
from tests.prove.world import Start, World, build, snapshot

_STARTS = st.builds(
    Start,
    adam=st.sampled_from((Role.ADMIN, Role.OWNER)),
    mia=st.sampled_from((*Role,)),
    stage=st.sampled_from((*Stage,)),
    is_full=st.booleans(),
)


def walk(database: Database, *, examples: int, steps: int, derandomize: bool = False) -> None:
    """Walk so many ways of so many steps; what breaks is raised, with the shortest way there."""
    machine = type("Walk", (_Walk, *_walks()), {"database": database})
    walk_it(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=derandomize,
            database=None,
            phases=(Phase.generate, Phase.shrink),
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


class _Walk(RuleBasedStateMachine):
    """One world in an empty database, and what was done there so far."""

    database: Database

    @initialize(start=_STARTS)
    def begin(self, start: Start) -> None:
        self.world = World(0, start)
        self.done: list[Done] = []
        with self.database.begin() as connection:
            build(connection, [self.world])
            self.before = snapshot(connection)

    @invariant()
    def all_of_it_holds(self) -> None:
        if hasattr(self, "world"):
            with self.database.begin() as connection:
                broken = check(connection, [self.world], self.before, self.done)
            assert broken == [], "; ".join(str(each.op) for each in self.done)

    def teardown(self) -> None:
        self.database.empty()


def _walks() -> tuple[type, ...]:
    """Return what has one step for each rule."""
    steps = {
        name: rule(what=st.tuples(*map(st.sampled_from, each.choices)))(_step(name))
        for name, each in RULES.items()
    }
    return (type("Steps", (), steps),)


def _step(name: str) -> Callable[..., None]:
    def step(self: Any, what: tuple[Any, ...]) -> None:
        op = Op(name, what)
        self.done.append(Done(0, op, answer(op, self.world)))

    step.__name__ = name
    return step

"""The state machine: Hypothesis runs operations in sequence and checks all invariants."""

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from hypothesis.stateful import run_state_machine_as_test as run_it

from core.models import Role, Stage
from tests.prove.database import Database
from tests.prove.dataset import Dataset, Options, audited_rows, build
from tests.prove.invariants import Done, check
from tests.prove.races import execute
from tests.prove.rules import RULES, Operation

_OPTIONS = st.builds(
    Options,
    adam=st.sampled_from((Role.ADMIN, Role.OWNER)),
    mia=st.sampled_from((*Role,)),
    stage=st.sampled_from((*Stage,)),
    is_full=st.booleans(),
)


def run(database: Database, *, examples: int, steps: int, derandomize: bool = False) -> None:
    """Run the state machine; a violation is raised with the shortest sequence that leads to it."""
    machine = type("Machine", (_Machine, *_steps()), {"database": database})
    run_it(
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


class _Machine(RuleBasedStateMachine):
    """A dataset in an empty database, and the operations run on it so far."""

    database: Database

    @initialize(start=_OPTIONS)
    def begin(self, start: Options) -> None:
        self.data = Dataset(0, start)
        self.done: list[Done] = []
        with self.database.begin() as connection:
            build(connection, [self.data])
            self.before = audited_rows(connection)

    @invariant()
    def invariants_hold(self) -> None:
        if hasattr(self, "data"):
            with self.database.begin() as connection:
                broken = check(connection, [self.data], self.before, self.done)
            assert broken == [], "; ".join(str(each.operation) for each in self.done)

    def teardown(self) -> None:
        self.database.empty()


def _steps() -> tuple[type, ...]:
    """Return a class with one Hypothesis rule for each of our rules."""
    steps = {
        name: rule(what=st.tuples(*map(st.sampled_from, each.choices)))(_step(name))
        for name, each in RULES.items()
    }
    return (type("Steps", (), steps),)


def _step(name: str) -> Callable[..., None]:
    def step(self: Any, what: tuple[Any, ...]) -> None:
        operation = Operation(name, what)
        self.done.append(Done(0, operation, execute(operation, self.data)))

    step.__name__ = name
    return step

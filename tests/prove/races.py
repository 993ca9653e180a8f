"""Races: several operations run concurrently on one small dataset.

Many races share one database, each with its own dataset, and are checked together. A seed makes
each of them again. They run in threads of one process or in several processes.
"""

import multiprocessing
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing.connection import Connection as Pipe
from random import Random
from typing import Any, Final, NamedTuple, Protocol

from core.accounts import sessions
from core.base.errors import DomainError
from core.models import Role, Stage
from core.organizations.organizations import DELETED_TTL
from tests.prove.database import Database
from tests.prove.dataset import Dataset, Options, audited_rows, build
from tests.prove.invariants import NAMES, SERIAL, Broken, Done, Outcome, check
from tests.prove.rules import Operation, choose_any, choose_operation
from tests.prove.snapshot import snapshot
from tests.support.engines import use

BATCH: Final = 40
"""Races in one database before it is checked and emptied."""
PART: Final = BATCH
"""Races between two progress reports."""
SINGLE: Final = {"I14"}
"""Invariants about the whole database, which are raced on one dataset at a time."""
OPERATION_COUNTS: Final = (2,) * 12 + (3,) * 5 + (4,) * 3 + (5, 6, 8, 12)
"""The numbers of concurrent operations to choose from: mostly two."""
INCOMPARABLE: Final = {
    *("purge", "claim_mail", "make_checkpoint"),
    *("delete", "accept_newest", "reset_newest", "accept_ownership", "refuse_ownership"),
}
"""Rules that affect other datasets, and rules that read before they write."""
SAME_RULE_SHARE: Final = 0.3
"""The share of races in which all operations are of the same rule."""
COMPARED_EVERY: Final = 4
"""One of so many races of two operations is compared with both serial orders."""
MAX_THREADS: Final = 12
MAX_PROCESSES: Final = 3
TIMEOUT: Final = 120


class Race(NamedTuple):
    """The operations of each participant on one dataset."""

    aim: str
    seed: str
    data: Dataset
    seats: tuple[tuple[Operation, ...], ...]

    def __str__(self) -> str:
        return (
            f"race {self.seed} of {self.data.options}: {' | '.join(map(str, sum(self.seats, ())))}"
        )


@dataclass
class Tally:
    """How many races were run for each invariant, and the violations in them."""

    races: Counter[str] = field(default_factory=Counter)
    compared: int = 0
    broken: list[tuple[Broken, str]] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Add the numbers of another tally."""
        self.races.update(other.races)
        self.compared += other.compared
        self.broken += other.broken

    def lines(self, engine: str) -> Iterator[str]:
        """Yield a line for each invariant: how many races aimed at it, and how many violated it."""
        broke = Counter(name for name, _ in {(each.name, race) for each, race in self.broken})
        for name in (*NAMES, *sorted(broke.keys() - {*NAMES, SERIAL})):
            number = self.races[name] or self.races.total()
            yield f"{name} {engine} {broke[name]} of {number}"
        yield f"{SERIAL} {engine} {broke[SERIAL]} of {self.compared}"


class Executor(Protocol):
    """Runs the operations of races concurrently."""

    size: int

    def run(self, races: Sequence[Race]) -> list[Done]: ...


def make(aim: str, seed: str, number: int, *, seats: int) -> Race:
    """Return the race of this seed, on the dataset of this number."""
    random = Random(seed)
    options = choose_options(aim, random)
    operations = [choose_any(aim, random) for _ in range(random.choice(OPERATION_COUNTS))]
    if random.random() < SAME_RULE_SHARE:
        operations = [choose_operation(operations[0].rule, random.choice) for _ in operations]
    taken = min(len(operations), seats)
    return Race(
        aim,
        seed,
        Dataset(number, options),
        tuple(tuple(operations[seat::taken]) for seat in range(taken)),
    )


def choose_options(aim: str, random: Random) -> Options:
    """Choose the initial state of a dataset at random."""
    return Options(
        adam=random.choice((Role.OWNER, Role.OWNER, Role.ADMIN)),
        mia=random.choice((Role.MEMBER, Role.ADMIN, Role.OWNER)),
        stage=random.choice((*Stage,)),
        is_full=random.random() < 0.7,
        is_crowded=aim == "I3",
        deleted_for=timedelta(days=random.choice((5, 5, 31))),
        room=random.choice((None, None, None, 0, 1)),
    )


def run(database: Database, executor: Executor, aim: str, count: int, seed: str) -> Tally:
    """Run `count` races aimed at an invariant."""
    tally = Tally()
    at_once = 1 if aim in SINGLE else BATCH
    for first in range(0, count, at_once):
        numbers = range(first, min(first + at_once, count))
        races = [
            make(aim, f"{seed}.{aim}.{number}", index, seats=executor.size)
            for index, number in enumerate(numbers)
        ]
        tally.add(_run_together(database, executor, races))
    return tally


def _run_together(database: Database, executor: Executor, races: Sequence[Race]) -> Tally:
    serial = _serial_runs(races)
    everything = [*races, *(one_order for pair in serial.values() for one_order in pair)]
    datasets = [race.data for race in everything]
    ends_at = time.monotonic() + sessions.TICKET_TTL.total_seconds()
    with database.begin() as connection:
        build(connection, datasets)
        before = audited_rows(connection)
    done = executor.run(everything)
    tally = Tally(Counter({races[0].aim: len(races)}))
    is_in_time = time.monotonic() < ends_at  # orders that began after a ticket expired differ
    with database.begin() as connection:
        broken = check(connection, datasets, before, done)
        if serial and is_in_time:
            broken += _compare(races, serial, done, snapshot(connection, datasets))
            tally.compared = len(serial)
    descriptions = {race.data.number: str(race) for race in everything}
    tally.broken = [
        (each, descriptions.get(each.number, f"one of {races[0]} …")) for each in broken
    ]
    database.empty()
    return tally


def _serial_runs(races: Sequence[Race]) -> dict[int, tuple[Race, Race]]:
    """Return both serial orders of some races of two operations, on further datasets."""
    serial = {}
    free = len(races)
    for race in races[::COMPARED_EVERY]:
        operations = sum(race.seats, ())
        if len(operations) == 2 and _is_comparable(race):
            orders = (operations, operations[::-1])
            serial[race.data.number] = tuple(
                race._replace(data=Dataset(free + index, race.data.options), seats=(order,))
                for index, order in enumerate(orders)
            )
            free += 2
    return serial


def _is_comparable(race: Race) -> bool:
    """Return whether a race can be compared with its serial orders."""
    is_purged = race.data.options.deleted_for > DELETED_TTL
    rules = {operation.rule for operation in sum(race.seats, ())}
    return race.aim not in SINGLE and not is_purged and not rules & INCOMPARABLE


def _compare(
    races: Sequence[Race],
    serial: dict[int, tuple[Race, Race]],
    done: list[Done],
    snapshots: dict[int, Counter[str]],
) -> Iterator[Broken]:
    outcomes: dict[int, list[str]] = {}
    for each in done:
        outcomes.setdefault(each.number, []).append(f"{each.operation}: {each.outcome.what}")
    for race in races:
        numbers = [race.data.number]
        numbers += [one_order.data.number for one_order in serial.get(race.data.number, ())]
        raced, *orders = [snapshots[number] + Counter(outcomes[number]) for number in numbers]
        if orders and raced not in orders:
            why = " or ".join(f"{_few(raced - each)} for {_few(each - raced)}" for each in orders)
            yield Broken(SERIAL, race.data.number, why)


def _few(rows: Counter[str]) -> str:
    return "; ".join(rows)


def play_seat(races: Sequence[Race], seat: int, barriers: dict[int, Any]) -> list[Done]:
    """Run the operations of one participant of all races, and return their outcomes."""
    done = []
    for race in races:
        if seat >= len(race.seats):
            continue
        if len(race.seats) > 1:
            barriers[len(race.seats)].wait(TIMEOUT)
        done += [
            Done(race.data.number, operation, execute(operation, race.data))
            for operation in race.seats[seat]
        ]
    return done


def execute(operation: Operation, data: Dataset) -> Outcome:
    """Run an operation, and return its outcome in a form that can be pickled."""
    try:
        result = operation.do(data)
    except DomainError as refusal:
        return Outcome("refused", type(refusal).__name__)
    except Exception as error:  # noqa: BLE001 - any error is a violation
        return Outcome("failed", repr(error))
    if operation.rule == "claim_mail":
        return Outcome("done", result and result.id)
    return Outcome("done", result if isinstance(result, bool | int) else type(result).__name__)


class Threads:
    """Runs races in threads of this process."""

    size = MAX_THREADS

    def __init__(self, url: str) -> None:
        self.url = url
        self.pool = ThreadPoolExecutor(self.size)
        self.barriers = {seats: threading.Barrier(seats) for seats in range(2, self.size + 1)}

    def run(self, races: Sequence[Race]) -> list[Done]:
        """Run races, and return the outcomes of their operations."""
        seats = range(max(len(race.seats) for race in races))
        playing = [self.pool.submit(play_seat, races, seat, self.barriers) for seat in seats]
        return [done for each in playing for done in each.result(TIMEOUT * 5)]

    def stop(self) -> None:
        """Stop the threads or processes."""
        self.pool.shutdown()


class Processes:
    """Runs races in several processes."""

    size = MAX_PROCESSES

    def __init__(self, url: str) -> None:
        context = multiprocessing.get_context("fork")
        barriers = {seats: context.Barrier(seats) for seats in range(2, self.size + 1)}
        self.pipes: list[Pipe] = []
        self.processes = []
        for seat in range(self.size):
            ours, theirs = context.Pipe()
            process = context.Process(
                target=_serve, args=(url, seat, theirs, barriers), daemon=True
            )
            process.start()
            self.pipes.append(ours)
            self.processes.append(process)

    def run(self, races: Sequence[Race]) -> list[Done]:
        """Run races, and return the outcomes of their operations."""
        for pipe in self.pipes:
            pipe.send(races)
        return [done for pipe in self.pipes for done in pipe.recv()]

    def stop(self) -> None:
        """Stop the threads or processes."""
        for pipe in self.pipes:
            pipe.send(None)
        for process in self.processes:
            process.join(10)


def _serve(url: str, seat: int, pipe: Pipe, barriers: dict[int, Any]) -> None:
    whose = os.getppid()
    with use(url):
        while os.getppid() == whose:  # stop when the parent process is gone
            if not pipe.poll(1):
                continue
            if (races := pipe.recv()) is None:
                break
            pipe.send(play_seat(races, seat, barriers))


EXECUTORS: Final = {"threads": Threads, "processes": Processes}


@contextmanager
def executor_of(kind: str, url: str) -> Iterator[Executor]:
    """Start an executor for a database, and stop it at the end of the block."""
    executor = EXECUTORS[kind](url)
    try:
        yield executor
    finally:
        executor.stop()

"""Races: a few people do something in the same small world at the same moment.

Many races share one database, each in a world of its own, and are looked at together; a seed makes
each of them again. Crews are threads of one process, or processes.
"""

import multiprocessing
import os
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing.connection import Connection as Pipe
from random import Random
from typing import Any, Final, NamedTuple, Protocol

from core.base.errors import DomainError
from core.models import Role, Stage
from core.organizations.organizations import RESTORED_WITHIN
from tests.prove.databases import Database
from tests.prove.invariants import NAMES, SERIAL, Answer, Broken, Done, check
from tests.prove.portrait import portrait
from tests.prove.rules import Op, draw, draw_any
from tests.prove.world import Start, World, build, snapshot
from tests.support.engines import use

AT_ONCE: Final = 40
"""Races in one database before it is looked at and emptied."""
PART: Final = AT_ONCE
"""Races between one report and the next."""
ALONE: Final = {"I14"}
"""What is about the whole database: there is one world at a time."""
SIZES: Final = (2,) * 12 + (3,) * 5 + (4,) * 3 + (5, 6, 8, 12)
"""How many things happen at once: mostly two."""
INCOMPARABLE: Final = {
    *("purge", "claim_mail"),
    *("delete", "accept_newest", "reset_newest", "accept_ownership", "refuse_ownership"),
}
"""Rules that reach into other worlds, and rules that look before they do something."""
SAME: Final = 0.3
"""In how many races everybody does the same."""
COMPARED: Final = 4
"""Of so many races of two, one is compared with both orders."""
THREADS: Final = 12
PROCESSES: Final = 3
PATIENCE: Final = 120


class Race(NamedTuple):
    """What happens in one world: one list of things for each who takes part."""

    aim: str
    seed: str
    world: World
    seats: tuple[tuple[Op, ...], ...]

    def __str__(self) -> str:
        start = self.world.start
        return f"race {self.seed} in {start}: {' | '.join(map(str, sum(self.seats, ())))}"


@dataclass
class Tally:
    """How many races were run for each aim, and what broke in them."""

    races: Counter[str] = field(default_factory=Counter)
    compared: int = 0
    broken: list[tuple[Broken, str]] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Count what another one has counted."""
        self.races.update(other.races)
        self.compared += other.compared
        self.broken += other.broken

    def lines(self, engine: str) -> Iterator[str]:
        """Yield a line for each invariant: in how many of the races aimed at it it broke."""
        broke = Counter(name for name, _ in {(each.name, race) for each, race in self.broken})
        for name in (*NAMES, *sorted(broke.keys() - {*NAMES, SERIAL})):
            number = self.races[name] or self.races.total()
            yield f"{name} {engine} {broke[name]} of {number}"
        yield f"{SERIAL} {engine} {broke[SERIAL]} of {self.compared}"


class Crew(Protocol):
    """Who takes part in races."""

    size: int

    def run(self, races: Sequence[Race]) -> list[Done]: ...


def make(aim: str, seed: str, number: int, *, seats: int) -> Race:
    """Make the race of this seed, in the world of this number."""
    chance = Random(seed)
    start = start_of(aim, chance)
    ops = [draw_any(aim, chance) for _ in range(chance.choice(SIZES))]
    if chance.random() < SAME:
        ops = [draw(ops[0].rule, chance.choice) for _ in ops]
    taken = min(len(ops), seats)
    return Race(
        aim, seed, World(number, start), tuple(tuple(ops[seat::taken]) for seat in range(taken))
    )


def start_of(aim: str, chance: Random) -> Start:
    """Let chance choose how a world begins."""
    return Start(
        adam=chance.choice((Role.OWNER, Role.OWNER, Role.ADMIN)),
        mia=chance.choice((Role.MEMBER, Role.ADMIN, Role.OWNER)),
        stage=chance.choice((*Stage,)),
        is_full=chance.random() < 0.7,
        is_crowded=aim == "I3",
        deleted_for=timedelta(days=chance.choice((5, 5, 31))),
        room=chance.choice((None, None, None, 0, 1)),
    )


def run(database: Database, crew: Crew, aim: str, count: int, seed: str) -> Tally:
    """Run so many races at an aim and return what came of them."""
    tally = Tally()
    at_once = 1 if aim in ALONE else AT_ONCE
    for first in range(0, count, at_once):
        numbers = range(first, min(first + at_once, count))
        races = [
            make(aim, f"{seed}.{aim}.{number}", place, seats=crew.size)
            for place, number in enumerate(numbers)
        ]
        tally.add(_run_together(database, crew, races))
    return tally


def _run_together(database: Database, crew: Crew, races: Sequence[Race]) -> Tally:
    twins = _twins(races)
    everything = [*races, *(twin for pair in twins.values() for twin in pair)]
    worlds = [race.world for race in everything]
    with database.begin() as connection:
        build(connection, worlds)
        before = snapshot(connection)
    done = crew.run(everything)
    tally = Tally(Counter({races[0].aim: len(races)}), len(twins))
    with database.begin() as connection:
        broken = check(connection, worlds, before, done)
        broken += _compare(races, twins, done, portrait(connection, worlds))
    told = {race.world.number: str(race) for race in everything}
    tally.broken = [(each, told.get(each.number, f"one of {races[0]} …")) for each in broken]
    database.empty()
    return tally


def _twins(races: Sequence[Race]) -> dict[int, tuple[Race, Race]]:
    """Return, for some races of two, the same done one after the other, in worlds beside it."""
    twins = {}
    free = len(races)
    for race in races[::COMPARED]:
        ops = sum(race.seats, ())
        if len(ops) == 2 and _is_comparable(race):
            orders = (ops, ops[::-1])
            twins[race.world.number] = tuple(
                race._replace(world=World(free + place, race.world.start), seats=(order,))
                for place, order in enumerate(orders)
            )
            free += 2
    return twins


def _is_comparable(race: Race) -> bool:
    """Return whether it can be compared: nothing reaches beyond its world, or looks before."""
    is_purged = race.world.start.deleted_for > RESTORED_WITHIN
    rules = {op.rule for op in sum(race.seats, ())}
    return race.aim not in ALONE and not is_purged and not rules & INCOMPARABLE


def _compare(
    races: Sequence[Race],
    twins: dict[int, tuple[Race, Race]],
    done: list[Done],
    portraits: dict[int, Counter[str]],
) -> Iterator[Broken]:
    answers: dict[int, list[str]] = {}
    for each in done:
        answers.setdefault(each.number, []).append(f"{each.op}: {each.answer.what}")
    for race in races:
        numbers = [race.world.number]
        numbers += [twin.world.number for twin in twins.get(race.world.number, ())]
        raced, *orders = [portraits[number] + Counter(answers[number]) for number in numbers]
        if orders and raced not in orders:
            why = " or ".join(f"{_few(raced - each)} for {_few(each - raced)}" for each in orders)
            yield Broken(SERIAL, race.world.number, why)


def _few(rows: Counter[str]) -> str:
    return "; ".join(rows)


def play(races: Sequence[Race], seat: int, barriers: dict[int, Any]) -> list[Done]:
    """Take one seat in all of the races, and return what was answered to it."""
    done = []
    for race in races:
        if seat >= len(race.seats):
            continue
        if len(race.seats) > 1:
            barriers[len(race.seats)].wait(PATIENCE)
        done += [Done(race.world.number, op, answer(op, race.world)) for op in race.seats[seat]]
    return done


def answer(op: Op, world: World) -> Answer:
    """Let something happen, and return what is kept of the answer: it fits through a pipe."""
    try:
        result = op.do(world)
    except DomainError as refusal:
        return Answer("refused", type(refusal).__name__)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        return Answer("failed", repr(error))
    if op.rule == "claim_mail":
        return Answer("done", result and result.id)
    return Answer("done", result if isinstance(result, bool | int) else type(result).__name__)


class Threads:
    """A crew of threads in this process."""

    size = THREADS

    def __init__(self, url: str) -> None:
        self.url = url
        self.pool = ThreadPoolExecutor(self.size)
        self.barriers = {seats: threading.Barrier(seats) for seats in range(2, self.size + 1)}

    def run(self, races: Sequence[Race]) -> list[Done]:
        """Run the races, in this process's database."""
        seats = range(max(len(race.seats) for race in races))
        playing = [self.pool.submit(play, races, seat, self.barriers) for seat in seats]
        return [done for each in playing for done in each.result(PATIENCE * 5)]

    def stop(self) -> None:
        """Let everybody go."""
        self.pool.shutdown()


class Processes:
    """A crew of processes."""

    size = PROCESSES

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
        """Run the races in all of the processes."""
        for pipe in self.pipes:
            pipe.send(races)
        return [done for pipe in self.pipes for done in pipe.recv()]

    def stop(self) -> None:
        """Let everybody go."""
        for pipe in self.pipes:
            pipe.send(None)
        for process in self.processes:
            process.join(10)


def _serve(url: str, seat: int, pipe: Pipe, barriers: dict[int, Any]) -> None:
    whose = os.getppid()
    with use(url):
        while os.getppid() == whose:  # who has lost its lane goes, too
            if not pipe.poll(1):
                continue
            if (races := pipe.recv()) is None:
                break
            pipe.send(play(races, seat, barriers))


CREWS: Final = {"threads": Threads, "processes": Processes}


@contextmanager
def crew_of(kind: str, url: str) -> Iterator[Crew]:
    """Gather a crew for a database, and let it go at the end."""
    crew = CREWS[kind](url)
    try:
        yield crew
    finally:
        crew.stop()

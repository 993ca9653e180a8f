"""Lanes: processes beside each other, each with a database and a crew of its own."""

import multiprocessing
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any, Final

import typer

from tests.prove import races
from tests.prove.databases import Database
from tests.support.engines import ENGINES, Postgresql, Sqlite, use

BESIDE: Final = max(1, (os.cpu_count() or 1) // 2)
"""Lanes of each engine and crew."""


@dataclass(frozen=True)
class Lane:
    """Where one process races: its engine's name, its database's address, its kind of crew."""

    engine: str
    address: str
    crew: str


@contextmanager
def scratch() -> Iterator[Path]:
    """Make a directory in memory where there is one, and remove it at the end."""
    memory = Path("/dev/shm")
    path = Path(tempfile.mkdtemp(prefix="prove-", dir=memory if memory.is_dir() else None))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def started(engine: str, *, hasty: bool = True) -> Iterator[Sqlite | Postgresql]:
    """Start an engine, and stop it at the end; PostgreSQL is faster than safe unless told not."""
    with scratch() as directory:
        place = directory / "engines" / engine
        place.mkdir(parents=True)
        running = ENGINES[engine](place) if hasty else Postgresql(place, hasty=False)
        try:
            yield running
        finally:
            running.stop()


def race(engines: Sequence[str], aims: Sequence[str], count: int, seed: str) -> dict[str, Any]:
    """Run so many races at each aim on each engine, and return a tally for each engine."""
    tallies = {engine: races.Tally() for engine in engines}
    begun = time.monotonic()
    with ExitStack() as running:
        lanes = []
        for engine in engines:
            server = running.enter_context(started(engine))
            crews = [crew for crew in races.CREWS for _ in range(BESIDE)]
            lanes += [
                Lane(engine, server.make(f"lane{place}"), crew) for place, crew in enumerate(crews)
            ]
        share = -(-count // (len(lanes) // len(engines)))
        for lane, tally in _run_beside(lanes, aims, share, seed):
            tallies[lane.engine].add(tally)
            ran = sum(each.races.total() for each in tallies.values())
            rate = ran / (time.monotonic() - begun)
            typer.echo(f"\r\033[K{ran:,} races, {rate:.0f} a second", nl=False, err=True)
    typer.echo(err=True)
    return tallies


def _run_beside(
    lanes: Sequence[Lane], aims: Sequence[str], share: int, seed: str
) -> Iterator[tuple[Lane, races.Tally]]:
    context = multiprocessing.get_context("fork")
    pipes: dict[Any, Lane] = {}
    processes = []
    for place, lane in enumerate(lanes):
        ours, theirs = context.Pipe(duplex=False)
        work = (lane, aims, share, f"{seed}.{place}", theirs)
        processes.append(context.Process(target=_work, args=work))
        processes[-1].start()
        theirs.close()
        pipes[ours] = lane
    try:
        while pipes:
            for pipe in multiprocessing.connection.wait(list(pipes)):
                try:
                    yield pipes[pipe], pipe.recv()
                except EOFError:
                    del pipes[pipe]
        _ensure_all_ended(processes)
    except KeyboardInterrupt:  # what was run so far is told
        for process in processes:
            process.kill()


def _ensure_all_ended(processes: Sequence[Any]) -> None:
    for process in processes:
        process.join()
        if process.exitcode:
            raise SystemExit("A lane did not come to its end.")


def _work(lane: Lane, aims: Sequence[str], share: int, seed: str, pipe: Pipe) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with races.crew_of(lane.crew, lane.address) as crew, use(lane.address):
        database = Database(lane.address)
        for part, first in enumerate(range(0, share, races.PART)):
            size = min(races.PART, share - first)
            for aim in aims:
                pipe.send(races.run(database, crew, aim, size, f"{seed}.{part}"))
        database.close()

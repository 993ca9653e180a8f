"""Worker processes that race concurrently, each with its own database and executor."""

import multiprocessing
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any, Final

import typer

from tests.prove import races
from tests.prove.database import Database
from tests.support.engines import ENGINES, Postgresql, Sqlite, use

Servers = Mapping[str, Sqlite | Postgresql]
"""The running engines by their names."""
WORKERS_PER_KIND: Final = max(1, (os.cpu_count() or 1) // 2)
"""Worker processes for each engine and executor."""


@dataclass(frozen=True)
class Worker:
    """A worker process: the engine, the URL of its database, and its kind of executor."""

    engine: str
    address: str
    executor: str


@contextmanager
def scratch() -> Iterator[Path]:
    """Create a temporary directory, in memory if possible, and remove it at the end."""
    memory = Path("/dev/shm")
    path = Path(tempfile.mkdtemp(prefix="prove-", dir=memory if memory.is_dir() else None))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def started(engine: str, *, is_fast: bool = True) -> Iterator[Sqlite | Postgresql]:
    """Start an engine, and stop it at the end; `is_fast` gives up the durability of PostgreSQL."""
    with scratch() as directory:
        folder = directory / "engines" / engine
        folder.mkdir(parents=True)
        is_durable = engine == "postgresql" and not is_fast
        running = Postgresql(folder, is_fast=False) if is_durable else ENGINES[engine](folder)
        try:
            yield running
        finally:
            running.stop()


def race(servers: Servers, aims: Sequence[str], count: int, seed: str) -> dict[str, Any]:
    """Run `count` races for each invariant on each engine, and return a tally for each engine."""
    tallies = {engine: races.Tally() for engine in servers}
    begun = time.monotonic()
    executors = [executor for executor in races.EXECUTORS for _ in range(WORKERS_PER_KIND)]
    workers = [
        Worker(engine, server.make(f"worker{index}"), executor)
        for engine, server in servers.items()
        for index, executor in enumerate(executors)
    ]
    share = -(-count // len(executors))
    for worker, tally in _run_beside(workers, aims, share, seed):
        tallies[worker.engine].add(tally)
        ran = sum(each.races.total() for each in tallies.values())
        rate = ran / (time.monotonic() - begun)
        typer.echo(f"\r\033[K{ran:,} races, {rate:.0f} a second", nl=False, err=True)
    typer.echo(err=True)
    return tallies


def _run_beside(
    workers: Sequence[Worker], aims: Sequence[str], share: int, seed: str
) -> Iterator[tuple[Worker, races.Tally]]:
    context = multiprocessing.get_context("fork")
    pipes: dict[Any, Worker] = {}
    processes = []
    for index, worker in enumerate(workers):
        ours, theirs = context.Pipe(duplex=False)
        work = (worker, aims, share, f"{seed}.{index}", theirs)
        processes.append(context.Process(target=_work, args=work))
        processes[-1].start()
        theirs.close()
        pipes[ours] = worker
    try:
        while pipes:
            for pipe in multiprocessing.connection.wait(list(pipes)):
                try:
                    yield pipes[pipe], pipe.recv()
                except EOFError:
                    del pipes[pipe]
        _ensure_all_ended(processes)
    except KeyboardInterrupt:  # what was run so far is reported
        for process in processes:
            process.kill()


def _ensure_all_ended(processes: Sequence[Any]) -> None:
    for process in processes:
        process.join()
        if process.exitcode:
            raise SystemExit("A worker process failed.")


def _work(worker: Worker, aims: Sequence[str], share: int, seed: str, pipe: Pipe) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with races.executor_of(worker.executor, worker.address) as executor, use(worker.address):
        database = Database(worker.address)
        for part, first in enumerate(range(0, share, races.PART)):
            size = min(races.PART, share - first)
            for aim in aims:
                pipe.send(races.run(database, executor, aim, size, f"{seed}.{part}"))
        database.close()

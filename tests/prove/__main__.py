"""Run as many stress tests as there is time for, and print one line for each."""

import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from tests.prove import contention, crashes, faults, killed_runs, state_machine, workers
from tests.prove import undos as undo_worlds
from tests.prove.database import Database
from tests.prove.invariants import NAMES
from tests.prove.workers import Servers
from tests.support.cast import Cast
from tests.support.engines import Postgresql, Sqlite, use

_MAX_PRINTED = 20
"""How many violations are printed in full."""


class Job(NamedTuple):
    """A stage on one engine: what to run on the database at `address`, how often, by which seed."""

    stage: "Stage"
    engine: str
    address: str
    count: int
    seed: str
    cast: Cast | None


Stage = Callable[[Job], Iterator[str]]
"""Prints what it found to hold, and yields the violations."""


def main(
    races: Annotated[int, typer.Option(help="Races at each invariant, on each engine.")] = 200,
    kills: Annotated[
        int, typer.Option(help="Processes killed while they write, on each engine.")
    ] = 40,
    walks: Annotated[int, typer.Option(help="Runs of the state machine.")] = 20,
    stops: Annotated[
        int, typer.Option(help="Immediate stops of PostgreSQL while processes write.")
    ] = 2,
    undos: Annotated[int, typer.Option(help="Worlds that are undone, on each engine.")] = 200,
    engine: Annotated[list[str], typer.Option()] = ["sqlite", "postgresql"],  # noqa: B006
    aim: Annotated[list[str], typer.Option(help="Only these invariants.")] = list(NAMES),  # noqa: B006
    seed: Annotated[str, typer.Option(help="A seed that makes the same races again.")] = "",
) -> None:
    """Exit with 1 if any invariant was violated."""
    logging.disable()
    seed = seed or str(time.time_ns())
    typer.echo(f"seed {seed}")
    violations: list[str] = []
    with ExitStack() as running:
        servers = {name: running.enter_context(workers.started(name)) for name in engine}
        violations += _race(servers, aim, races, seed) if races else ()
        jobs = [
            *_jobs(_undo, servers, undos, seed),
            *_jobs(_run_state_machine, servers, walks, seed),
            *_jobs(_kill_runs, servers, kills, seed),
            *_jobs(_crash, servers, kills, seed),
        ]
        violations += _run_beside(jobs)
    violations += _inject_faults(engine, stops, seed) if stops else ()
    if violations:
        typer.echo("\nVIOLATED")
        typer.echo("\n".join(violations[:_MAX_PRINTED]))
        raise typer.Exit(1)


def _race(servers: Servers, aims: list[str], count: int, seed: str) -> Iterator[str]:
    for engine, tally in workers.race(servers, aims, count, seed).items():
        typer.echo("\n".join(tally.lines(engine)))
        for broken, race in tally.broken:
            yield f"{broken.name} {engine}: {broken.why}\n    {race}"


def _jobs(stage: Stage, servers: Servers, count: int, seed: str) -> Iterator[Job]:
    """Yield a stage on each engine, with a database of its own; none if it is left out."""
    for engine, server in servers.items() if count else ():
        if stage is _undo:
            address = server.borrow(with_cast=True)
            yield Job(stage, engine, address, count, seed, server.cast())
        else:
            address = server.make(stage.__name__.strip("_"))
            yield Job(stage, engine, address, count, seed, None)


def _run_beside(jobs: list[Job]) -> list[str]:
    """Run jobs side by side, as many as there are processors, and return the violations."""
    if not jobs:
        return []
    with get_context("fork").Pool(os.cpu_count()) as pool:
        return [why for found in pool.imap_unordered(_run, jobs) for why in found]


def _run(job: Job) -> list[str]:
    with use(job.address):
        return list(job.stage(job))


def _run_state_machine(job: Job) -> Iterator[str]:
    with closing(Database(job.address)) as database:
        try:
            state_machine.run(database, examples=job.count, steps=40)
        except AssertionError as broken:
            yield f"walk {job.engine}: {broken}"
        else:
            typer.echo(f"walks {job.engine} 0 of {job.count}")


def _undo(job: Job) -> Iterator[str]:
    assert job.cast is not None
    try:
        tally = undo_worlds.run(job.count, job.seed, job.cast, acts=8)
    except AssertionError as broken:
        yield f"undos {job.engine}: {broken}"
    else:
        typer.echo("\n".join(tally.lines(job.engine)))


def _crash(job: Job) -> Iterator[str]:
    with closing(Database(job.address)) as database:
        result = crashes.run(database, job.count, job.seed)
    yield from _report(job.engine, "kills", result)


def _kill_runs(job: Job) -> Iterator[str]:
    with closing(Database(job.address)) as database:
        result = killed_runs.kill(database, job.count, job.seed)
    typer.echo(
        f"runs {job.engine} {len(result.broken)} broken of {result.items} items done once each, "
        f"in {result.kills} kills of their workers"
    )
    yield from (f"runs on {job.engine}: {why}" for why in result.broken)


def _report(engine: str, what: str, result: crashes.Crashes) -> Iterator[str]:
    typer.echo(
        f"{what} {engine} {len(result.lost)} of {result.reported} acknowledged rows lost, "
        f"{len(result.broken)} broken, in {result.kills} {what}, "
        f"{result.during_use_case} during a use case"
    )
    yield from (f"lost on {engine}: {row}" for row in result.lost)
    yield from (f"broken on {engine} by {what}: {why}" for why in result.broken)


def _inject_faults(engines: list[str], stops: int, seed: str) -> Iterator[str]:
    """Yield what faults break, one after another: some are timed."""
    for engine in engines:
        is_durable = engine == "postgresql"
        with (
            _database(engine, is_fast=not is_durable) as (database, server),
            workers.scratch() as directory,
        ):
            if isinstance(server, Postgresql):
                yield from _stop(database, server, stops, seed)
                copied = faults.back_up(database, directory, server)
            else:
                yield from _lock_and_fill(database)
                copied = faults.back_up(database, directory, None)
            yield from _contend(database, engine)
            typer.echo(f"backup {engine} during writes: {len(copied)} violations")
            yield from (f"backup {engine}: {why}" for why in copied)


def _contend(database: Database, engine: str) -> Iterator[str]:
    seals = contention.measure_seals()
    typer.echo(f"seals {seals:.3f} ms of processor per entry of history")
    waits = contention.measure(database)
    typer.echo(
        f"writers {engine} {contention.WRITERS} at once: {waits.refused} refused, "
        f"{len(waits.failures)} failures, median {waits.median:.0f} ms, p99 {waits.p99:.0f} ms"
    )
    yield from (f"writers {engine}: {why}" for why in waits.failures)


def _lock_and_fill(database: Database) -> Iterator[str]:
    for seconds, expected in ((4.0, (faults.WRITERS, 0)), (6.5, (0, faults.WRITERS))):
        done, refused, has_recovered = faults.lock(database, seconds)
        typer.echo(
            f"locked sqlite {seconds} s: {done} done, {refused} refused, recovered: {has_recovered}"
        )
        if (done, refused) != expected or not has_recovered:
            yield f"locked for {seconds} s"
    refused, failures, has_recovered = faults.fill(database)
    typer.echo(
        f"full sqlite: {refused} refused, {len(failures)} failures, recovered: {has_recovered}"
    )
    yield from (
        failures if has_recovered else [*failures, "it did not recover after the disk was full"]
    )


def _stop(database: Database, server: Postgresql, stops: int, seed: str) -> Iterator[str]:
    def stop(_children: object = None) -> None:
        pid = server.server.get_pid() or 0
        os.kill(pid, signal.SIGQUIT)
        while Path(f"/proc/{pid}").exists():
            time.sleep(0.02)

    def start() -> None:
        server.server.start()
        server.reconnect()

    failures = faults.restart(database, stop, start)
    typer.echo(f"restart postgresql during writes: {len(failures)} failures")
    yield from (f"restart: {why}" for why in failures)

    def stop_and_start(_children: object) -> None:
        stop()
        start()
        database.reconnect()

    result = crashes.run(database, stops * crashes.BATCH, seed, stop_and_start)
    yield from _report("postgresql", "stops", result)


@contextmanager
def _database(
    engine: str, *, is_fast: bool = True
) -> Iterator[tuple[Database, Sqlite | Postgresql]]:
    """Open a database of its own for this process."""
    with workers.started(engine, is_fast=is_fast) as server:
        address = server.make("prove")
        with use(address):
            database = Database(address)
            yield database, server
            database.close()


if __name__ == "__main__":
    typer.run(main)

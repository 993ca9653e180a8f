"""Run as many stress tests as there is time for, and print one line for each."""

import logging
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from tests.prove import contention, crashes, faults, killed_runs, state_machine, workers
from tests.prove import undos as undo_worlds
from tests.prove.database import Database
from tests.prove.invariants import NAMES
from tests.support.engines import Postgresql, Sqlite, use

_MAX_PRINTED = 20
"""How many violations are printed in full."""


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
    violations = [
        *(_race(engine, aim, races, seed) if races else ()),
        *(_run_state_machine(engine, walks) if walks else ()),
        *(_undo(engine, undos, seed) if undos else ()),
        *(_crash(engine, kills, seed) if kills else ()),
        *(_kill_runs(engine, kills, seed) if kills else ()),
        *(_inject_faults(engine, stops, seed) if stops else ()),
    ]
    if violations:
        typer.echo("\nVIOLATED")
        typer.echo("\n".join(violations[:_MAX_PRINTED]))
        raise typer.Exit(1)


def _race(engines: list[str], aims: list[str], count: int, seed: str) -> Iterator[str]:
    for engine, tally in workers.race(engines, aims, count, seed).items():
        typer.echo("\n".join(tally.lines(engine)))
        for broken, race in tally.broken:
            yield f"{broken.name} {engine}: {broken.why}\n    {race}"


def _run_state_machine(engines: list[str], examples: int) -> Iterator[str]:
    for engine in engines:
        with _database(engine) as (database, _):
            try:
                state_machine.run(database, examples=examples, steps=40)
            except AssertionError as broken:
                yield f"walk {engine}: {broken}"
                continue
        typer.echo(f"walks {engine} 0 of {examples}")


def _undo(engines: list[str], worlds: int, seed: str) -> Iterator[str]:
    for engine in engines:
        with workers.started(engine, is_fast=True) as server, use(server.borrow(with_cast=True)):
            try:
                tally = undo_worlds.run(worlds, seed, server.cast(), acts=8)
            except AssertionError as broken:
                yield f"undos {engine}: {broken}"
            else:
                typer.echo("\n".join(tally.lines(engine)))


def _crash(engines: list[str], count: int, seed: str) -> Iterator[str]:
    for engine in engines:
        with _database(engine) as (database, _):
            result = crashes.run(database, count, seed)
        yield from _report(engine, "kills", result)


def _kill_runs(engines: list[str], count: int, seed: str) -> Iterator[str]:
    for engine in engines:
        with _database(engine) as (database, _):
            result = killed_runs.kill(database, count, seed)
        typer.echo(
            f"runs {engine} {len(result.broken)} broken of {result.items} items done once each, "
            f"in {result.kills} kills of their workers"
        )
        yield from (f"runs on {engine}: {why}" for why in result.broken)


def _report(engine: str, what: str, result: crashes.Crashes) -> Iterator[str]:
    typer.echo(
        f"{what} {engine} {len(result.lost)} of {result.reported} acknowledged rows lost, "
        f"{len(result.broken)} broken, in {result.kills} {what}, "
        f"{result.during_use_case} during a use case"
    )
    yield from (f"lost on {engine}: {row}" for row in result.lost)
    yield from (f"broken on {engine} by {what}: {why}" for why in result.broken)


def _inject_faults(engines: list[str], stops: int, seed: str) -> Iterator[str]:
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

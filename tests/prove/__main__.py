"""Run as many proofs as there is time for, and print one line for each."""

import logging
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from tests.prove import faults, kills, lanes, machine
from tests.prove.databases import Database
from tests.prove.invariants import NAMES
from tests.support.engines import Postgresql, Sqlite, use

_SHOWN = 20
"""How many breakages are told in full."""


def main(
    races: Annotated[int, typer.Option(help="Races at each invariant, on each engine.")] = 200,
    kills: Annotated[int, typer.Option(help="Children killed amid writes, on each engine.")] = 40,
    walks: Annotated[int, typer.Option(help="Ways through the state machine.")] = 20,
    stops: Annotated[int, typer.Option(help="Immediate stops of PostgreSQL amid writes.")] = 2,
    engine: Annotated[list[str], typer.Option()] = ["sqlite", "postgresql"],  # noqa: B006
    aim: Annotated[list[str], typer.Option(help="Only these invariants.")] = list(NAMES),  # noqa: B006
    seed: Annotated[str, typer.Option(help="The same seed makes the same races.")] = "",
) -> None:
    """Exit with 1 if anything did not hold."""
    logging.disable()
    seed = seed or str(time.time_ns())
    typer.echo(f"seed {seed}")
    told = [
        *(_race(engine, aim, races, seed) if races else ()),
        *(_walk(engine, walks) if walks else ()),
        *(_kill(engine, kills, seed) if kills else ()),
        *(_go_wrong(engine, stops, seed) if stops else ()),
    ]
    if told:
        typer.echo("\nDID NOT HOLD")
        typer.echo("\n".join(told[:_SHOWN]))
        raise typer.Exit(1)


def _race(engines: list[str], aims: list[str], count: int, seed: str) -> Iterator[str]:
    for engine, tally in lanes.race(engines, aims, count, seed).items():
        typer.echo("\n".join(tally.lines(engine)))
        for broken, race in tally.broken:
            yield f"{broken.name} {engine}: {broken.why}\n    {race}"


def _walk(engines: list[str], examples: int) -> Iterator[str]:
    for engine in engines:
        with _opened(engine) as (database, _):
            try:
                machine.walk(database, examples=examples, steps=40)
            except AssertionError as broken:
                yield f"walk {engine}: {broken}"
                continue
        typer.echo(f"walks {engine} 0 of {examples}")


def _kill(engines: list[str], count: int, seed: str) -> Iterator[str]:
    for engine in engines:
        with _opened(engine) as (database, _):
            came_of = kills.run(database, count, seed)
        yield from _tell(engine, "kills", came_of)


def _tell(engine: str, what: str, came_of: kills.Killed) -> Iterator[str]:
    typer.echo(
        f"{what} {engine} {len(came_of.lost)} of {came_of.said} acknowledged rows lost, "
        f"{len(came_of.broken)} broken, in {came_of.kills} {what}, {came_of.amid} amid a use case"
    )
    yield from (f"lost on {engine}: {kept}" for kept in came_of.lost)
    yield from (f"broken on {engine} by {what}: {why}" for why in came_of.broken)


def _go_wrong(engines: list[str], stops: int, seed: str) -> Iterator[str]:
    for engine in engines:
        is_safe = engine == "postgresql"
        with (
            _opened(engine, hasty=not is_safe) as (database, server),
            lanes.scratch() as directory,
        ):
            if isinstance(server, Postgresql):
                yield from _stop(database, server, stops, seed)
                copied = faults.back_up(database, directory, server)
            else:
                yield from _lock_and_fill(database)
                copied = faults.back_up(database, directory, None)
            typer.echo(f"backup {engine} amid writes: {len(copied)} broken in it")
            yield from (f"backup {engine}: {why}" for why in copied)


def _lock_and_fill(database: Database) -> Iterator[str]:
    for seconds, expected in ((4.0, (faults.WRITERS, 0)), (6.5, (0, faults.WRITERS))):
        done, refused, is_well = faults.lock(database, seconds)
        typer.echo(
            f"locked sqlite {seconds} s: {done} done, {refused} refused, well after: {is_well}"
        )
        if (done, refused) != expected or not is_well:
            yield f"locked for {seconds} s"
    refused, odd, is_well = faults.fill(database)
    typer.echo(f"full sqlite: {refused} refused, {len(odd)} odd, well after: {is_well}")
    yield from odd if is_well else [*odd, "it does not work after the disk was full"]


def _stop(database: Database, server: Postgresql, stops: int, seed: str) -> Iterator[str]:
    def stop(_children: object = None) -> None:
        pid = server.server.get_pid() or 0
        os.kill(pid, signal.SIGQUIT)
        while Path(f"/proc/{pid}").exists():
            time.sleep(0.02)

    def start() -> None:
        server.server.start()
        server.reconnect()

    odd = faults.restart(database, stop, start)
    typer.echo(f"restart postgresql amid requests: {len(odd)} odd")
    yield from (f"restart: {why}" for why in odd)

    def stop_and_start(_children: object) -> None:
        stop()
        start()
        database.reconnect()

    came_of = kills.run(database, stops * kills.AT_ONCE, seed, stop_and_start)
    yield from _tell("postgresql", "stops", came_of)


@contextmanager
def _opened(engine: str, *, hasty: bool = True) -> Iterator[tuple[Database, Sqlite | Postgresql]]:
    """Let this process work on a database of its own."""
    with lanes.started(engine, hasty=hasty) as server:
        address = server.make("proved")
        with use(address):
            database = Database(address)
            yield database, server
            database.close()


if __name__ == "__main__":
    typer.run(main)

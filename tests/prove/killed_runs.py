"""Bulk jobs whose workers are killed: each item is done once, and their undo gives the start."""

import os
import signal
import time
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from sqlalchemy import func, insert, select

from core.access.permissions import Actor
from core.changes import run_undo
from core.database import db
from core.models import Entry, Move, Organization, Run, RunStatus, Stage
from core.onboarding import bulk_flag
from core.onboarding.onboarding import Plan
from core.ops.run_types import RUN_TYPES
from core.organizations.filters import Filters
from core.runs import advance
from core.runs.items import Selection
from tests.prove.database import Database
from tests.support import cast
from tests.support.engines import use

ORGANIZATIONS: Final = 40
WORKERS: Final = 2
LIFETIMES: Final = (0.1, 1.5)
"""The shortest and the longest lifetime of the workers, in seconds."""
MAX_ROUNDS: Final = 200
_KEPT: Final = ("stage", "stage_entered_at", "rep_id", "next_step")


@dataclass
class Killed:
    """How many workers were killed, how many items they were to do, and what broke."""

    kills: int = 0
    items: int = 0
    broken: list[str] = field(default_factory=list)


def kill(database: Database, count: int, seed: str) -> Killed:
    """Kill `count` workers of runs, and return the result."""
    result, random = Killed(), Random(seed)
    while result.kills < count:
        rep = _build()
        before = _values()
        everything = Selection((), Filters())
        flagging = db.run(bulk_flag.start, rep, everything, Plan(), expected=ORGANIZATIONS + 2)
        _work_until_over(database, flagging.id, random, result)
        _check(flagging.id, result)
        shown = _count(select(Entry.id).where(Entry.run_id == flagging.id))
        undo = db.run(run_undo.start, rep, flagging.id, reason="A mistake.", shown=shown)
        _work_until_over(database, undo.id, random, result)
        _check(undo.id, result)
        if _values() != before:
            result.broken.append(f"run {undo.id} did not give the start")
        db.engine().dispose()
        database.empty()
    return result


def _build() -> Actor:
    """Add the cast and organizations that are free, and return a sales rep."""
    with db.transaction() as session:
        people = cast.make(session)
        rows = [
            {
                **dict.fromkeys(("name", "name_key", "search_text", "public_id"), f"Org {number}"),
                "created_at": people.acme.created_at,
                "stage_entered_at": people.acme.created_at,
            }
            for number in range(ORGANIZATIONS)
        ]
        session.execute(insert(Organization), rows, execution_options={"unrecorded": True})
        session.info.clear()  # the cast is not recorded in history
        return people.sam


def _values() -> list[tuple[Any, ...]]:
    columns = [getattr(Organization, name) for name in _KEPT]
    with db.read() as session:
        found = session.execute(select(*columns).order_by(Organization.id))
        return [tuple(row) for row in found]


def _work_until_over(database: Database, run_id: int, random: Random, result: Killed) -> None:
    for _ in range(MAX_ROUNDS):
        with db.read() as session:
            if session.get_one(Run, run_id).status is not RunStatus.GOING:
                return
        db.engine().dispose()
        children = [_begin(database.address) for _ in range(WORKERS)]
        time.sleep(random.uniform(*LIFETIMES))
        for pid in children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            result.kills += 1
    result.broken.append(f"run {run_id} never ended")


def _begin(address: str) -> int:
    """Fork a process that works on runs until it is killed."""
    pid = os.fork()
    if pid:
        return pid
    try:
        with use(address):
            while True:
                advance.run_due(RUN_TYPES)
                time.sleep(0.01)
    finally:
        os._exit(1)


def _check(run_id: int, result: Killed) -> None:
    """Note what is wrong with a run that has ended: each item is to be done once."""
    with db.read() as session:
        run = session.get_one(Run, run_id)
    result.items += run.total
    moved = _count(select(Move.id))
    entries = select(Entry.org_id).where(Entry.run_id == run_id)
    each = select(func.max(func.count()).over()).select_from(entries.subquery()).group_by("org_id")
    with db.read() as session:
        most = session.scalars(each.limit(1)).first()
        stages = set(session.scalars(select(Organization.stage)).all())
    expected = Stage.FREE if run.kind == "undo" else Stage.ONBOARDING
    times = 2 if run.kind == "undo" else 1
    facts = {
        "status": (run.status, RunStatus.ENDED),
        "done": (run.done, run.total),
        "moves": (moved, times * run.total),
        "entries of each": (most, 1),
        "stages": (stages, {expected}),
    }
    result.broken += [
        f"run {run_id}: {name} {found}, not {wanted}"
        for name, (found, wanted) in facts.items()
        if found != wanted
    ]


def _count(rows: Any) -> int:
    with db.read() as session:
        return session.scalars(select(func.count()).select_from(rows.subquery())).one()

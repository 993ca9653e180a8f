"""Bulk flagging in the background: how long it takes, and the effect on other people."""

import statistics
import threading
import time
from dataclasses import dataclass

from sqlalchemy import select

from core.access.permissions import Actor
from core.database import db
from core.models import Organization, Run, Stage
from core.onboarding import bulk_flag
from core.onboarding.onboarding import NO_PLAN
from core.organizations.filters import Filters
from core.runs.items import Selection
from tests.bench import clicks
from tests.bench.servers import Server

MAX_ORGANIZATIONS = 10_000
TIMEOUT = 1_800.0


@dataclass
class Flagging:
    """The figures of one bulk run, which changes the data for good."""

    flagged: int
    refused: int
    seconds: float
    click_p50_ms: float
    click_p95_ms: float
    click_alone_p50_ms: float


def measure(server: Server, cookie: str, actor: Actor) -> Flagging:
    """Flag up to `MAX_ORGANIZATIONS` of the oldest free organizations by the server's worker."""
    alone = clicks.measure(server, cookie, threading.Event(), clicks.IDLE_CLICKS)
    view, count = _first_free()
    began = time.perf_counter()
    with clicks.clicking(server, cookie) as times:
        selection = Selection((), view)
        run = db.run(bulk_flag.start, actor, selection, NO_PLAN, expected=count)
        ended = _wait(run.id)
    return Flagging(
        flagged=ended.done,
        refused=ended.refused,
        seconds=round(time.perf_counter() - began, 1),
        click_p50_ms=round(statistics.median(times), 1),
        click_p95_ms=round(statistics.quantiles(times, n=20)[-1], 1),
        click_alone_p50_ms=round(statistics.median(alone), 1),
    )


def _first_free() -> tuple[Filters, int]:
    """Return a view of free organizations created up to some date, and their number."""
    free = Organization.stage == Stage.FREE, Organization.deleted_at.is_(None)
    made = select(Organization.created_at).where(*free).order_by(Organization.created_at)
    with db.read() as session:
        days = [each.date() for each in session.scalars(made.limit(MAX_ORGANIZATIONS))]
    whole = [day for day in days if day != days[-1]] or days
    return Filters(stages=(Stage.FREE,), created_to=whole[-1]), len(whole)


def _wait(run_id: int) -> Run:
    for _ in range(int(TIMEOUT / 0.2)):
        with db.read() as session:
            run = session.get_one(Run, run_id)
        if run.ended_at is not None:
            return run
        time.sleep(0.2)
    raise SystemExit("The bulk run did not end in time.")

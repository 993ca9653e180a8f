"""Contention: fifty writers at once, none of whom may see a lock error, and how long they wait."""

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from core.audit import sealing
from core.base import clock, crypto
from core.models import ChainHead
from tests.prove.database import Database
from tests.prove.dataset import Dataset, build
from tests.prove.races import execute
from tests.prove.rules import Operation

WRITERS = 50
"""Writers at the same time, on as many organizations."""
WRITES = 10
"""Writes of each."""
UNAVAILABLE = "Unavailable"
PAUSE = 1.0
"""Seconds in which each writer writes once: people click, they do not hammer."""


class Waits(NamedTuple):
    """How many writes were refused as unavailable, what else failed, and the milliseconds taken.

    Refusals and times depend on the machine: the goal, none and 250 ms at the 99th percentile,
    holds for one that does nothing else.
    """

    refused: int
    failures: list[str]
    median: float
    p99: float


def measure(database: Database) -> Waits:
    """Let fifty writers write ten times each, and return how long they waited."""
    datasets = [Dataset(number) for number in range(WRITERS)]
    with database.begin() as connection:
        build(connection, datasets)

    def write(data: Dataset) -> tuple[list[float], list[str]]:
        took, failures = [], []
        for step in range(WRITES):
            time.sleep(PAUSE * (data.number + 1) / WRITERS if step == 0 else 0)
            began = time.perf_counter()
            outcome = execute(Operation("rename", ("mia", f"Mia{step}")), data)
            took.append(1000 * (time.perf_counter() - began))
            failures += [] if outcome.status == "done" else [str(outcome.what)]
            time.sleep(max(PAUSE - took[-1] / 1000, 0))
        return took, failures

    with ThreadPoolExecutor(WRITERS) as pool:
        results = list(pool.map(write, datasets))
    database.empty()
    took = sorted(each for times, _ in results for each in times)
    failures = [each for _, failed in results for each in failed]
    refused = failures.count(UNAVAILABLE)
    others = [each for each in failures if each != UNAVAILABLE]
    return Waits(refused, others, statistics.median(took), took[int(len(took) * 0.99) - 1])


def measure_seals(number: int = 5_000) -> float:
    """Return the processor time that the seals of one entry take, in milliseconds."""
    change = {"row": "organizations:1", "field": "name", "old": "Acme", "new": "Acme Ltd"}
    head = sealing.new_head("org:1")
    facts = sealing.Facts(
        *("org:1", 1, clock.now(), 1, 1, "profile.changed", "organizations:1", None),
        *([change, change], "as asked"),
        key_id=crypto.key_id(),
    )
    began = time.process_time()
    for _ in range(number):
        _seal(head, facts)
    return 1000 * (time.process_time() - began) / number


def _seal(head: ChainHead, facts: sealing.Facts) -> None:
    assert sealing.is_intact(head)
    head.mac = sealing.mac(facts, head.mac)
    head.digest = sealing.grow(head.digest or "", facts)
    head.position += 1
    sealing.seal_head(head)

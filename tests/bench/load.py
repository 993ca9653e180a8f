"""A load test: two hundred people, each with a click every five seconds."""

import threading
import time
from dataclasses import dataclass

from tests.bench.pages import percentile
from tests.bench.servers import Server
from tests.support.streamlit_client import open_app

PEOPLE = 200
PAUSE = 5.0
ROUNDS = 4


@dataclass
class Load:
    """Milliseconds per click, errors, and KiB of server memory per idle person."""

    p50_ms: float
    p95_ms: float
    clicks: int
    errors: int
    kib_per_person: float


def measure(server: Server, cookie: str, page: str = "organizations") -> Load:
    """Let all of them open a page, click a few times, and stay idle."""
    times: list[float] = []
    errors: list[str] = []
    idle, leave = threading.Barrier(PEOPLE + 1), threading.Event()

    def click(number: int) -> None:
        try:
            with open_app(server.url, cookie=cookie) as client:
                time.sleep(PAUSE * number / PEOPLE)
                client.rerun(page)
                for _ in range(ROUNDS):
                    time.sleep(PAUSE)
                    began = time.perf_counter()
                    client.rerun(page)
                    times.append((time.perf_counter() - began) * 1000)
                idle.wait(60)
                leave.wait(60)
        except Exception as error:  # noqa: BLE001 - any error is counted
            errors.append(str(error))
            idle.abort()

    before = server.memory
    people = [
        threading.Thread(target=click, args=(number,), daemon=True) for number in range(PEOPLE)
    ]
    for person in people:
        person.start()
    try:
        idle.wait(PAUSE * (ROUNDS + 2) + 120)
    except threading.BrokenBarrierError:
        errors.append("not all of them finished")
    each = (server.memory - before) / 1024 / PEOPLE
    leave.set()
    for person in people:
        person.join(60)
    ascending = sorted(times) or [float("nan")]
    return Load(
        round(percentile(ascending, 0.5), 1),
        round(percentile(ascending, 0.95), 1),
        *(len(times), len(errors)),
        round(each, 1),
    )

"""Two hundred people at once, each with a click every five seconds."""

import threading
import time
from dataclasses import dataclass

from tests.bench.pages import at
from tests.bench.servers import Served
from tests.support.streamlit_client import open_app

PEOPLE = 200
PAUSE = 5.0
ROUNDS = 4


@dataclass
class Crowd:
    """What they met: milliseconds of each click, errors, and KiB that each leaves when idle."""

    p50_ms: float
    p95_ms: float
    clicks: int
    errors: int
    kib_per_person: float


def gather(server: Served, cookie: str, page: str = "organizations") -> Crowd:
    """Let everybody come, click a few times, and be idle."""
    taken: list[float] = []
    errors: list[str] = []
    idle, leave = threading.Barrier(PEOPLE + 1), threading.Event()

    def act(number: int) -> None:
        try:
            with open_app(server.url, cookie=cookie) as client:
                time.sleep(PAUSE * number / PEOPLE)
                client.rerun(page)
                for _ in range(ROUNDS):
                    time.sleep(PAUSE)
                    began = time.perf_counter()
                    client.rerun(page)
                    taken.append((time.perf_counter() - began) * 1000)
                idle.wait(60)
                leave.wait(60)
        except Exception as error:  # noqa: BLE001 - whatever went wrong is what is counted
            errors.append(str(error))
            idle.abort()

    before = server.memory
    people = [threading.Thread(target=act, args=(number,), daemon=True) for number in range(PEOPLE)]
    for person in people:
        person.start()
    try:
        idle.wait(PAUSE * (ROUNDS + 2) + 120)
    except threading.BrokenBarrierError:
        errors.append("not everybody came to the end")
    each = (server.memory - before) / 1024 / PEOPLE
    leave.set()
    for person in people:
        person.join(60)
    ascending = sorted(taken) or [float("nan")]
    return Crowd(
        round(at(ascending, 0.5), 1),
        round(at(ascending, 0.95), 1),
        *(len(taken), len(errors)),
        round(each, 1),
    )

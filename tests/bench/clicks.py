"""Another person who keeps clicking while the server is busy with something long."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.bench.servers import Server
from tests.support.streamlit_client import open_app

PAGE = "account"
IDLE_CLICKS = 40


def measure(server: Server, cookie: str, done: threading.Event, limit: int = 10_000) -> list[float]:
    """Return the milliseconds of each click, until `done` is set or the limit is reached."""
    times: list[float] = []
    with open_app(server.url, cookie=cookie) as client:
        client.rerun(PAGE)
        while (not done.is_set() and len(times) < limit) or not times:
            began = time.perf_counter()
            client.rerun(PAGE)
            times.append((time.perf_counter() - began) * 1000)
            done.wait(0.05)
    return times


@contextmanager
def clicking(server: Server, cookie: str) -> Iterator[list[float]]:
    """Keep clicking for the length of the block; the list of milliseconds is filled at its end."""
    done, times = threading.Event(), list[float]()
    thread = threading.Thread(target=lambda: times.extend(measure(server, cookie, done)))
    thread.start()
    try:
        yield times
    finally:
        done.set()
        thread.join()

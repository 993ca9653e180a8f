"""Somebody else who clicks on, while the server has something long to do."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.bench.servers import Served
from tests.support.streamlit_client import open_app

PAGE = "account"
ALONE = 40


def take(server: Served, cookie: str, done: threading.Event, most: int = 10_000) -> list[float]:
    """Return what each click took, in milliseconds, until it is done or there were enough."""
    taken: list[float] = []
    with open_app(server.url, cookie=cookie) as client:
        client.rerun(PAGE)
        while (not done.is_set() and len(taken) < most) or not taken:
            began = time.perf_counter()
            client.rerun(PAGE)
            taken.append((time.perf_counter() - began) * 1000)
            done.wait(0.05)
    return taken


@contextmanager
def meanwhile(server: Served, cookie: str) -> Iterator[list[float]]:
    """Click on for as long as the block lasts; the list is filled at its end."""
    done, taken = threading.Event(), list[float]()
    thread = threading.Thread(target=lambda: taken.extend(take(server, cookie, done)))
    thread.start()
    try:
        yield taken
    finally:
        done.set()
        thread.join()

"""All organizations as files: how fast they come, what they take, what others notice meanwhile."""

import http.client
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import psutil

from tests.bench import clicks
from tests.bench.servers import Served, own_memory

FORMATS = ("csv", "parquet", "xlsx")
XLSX_UP_TO = 100_000
"""Organizations; more take minutes, and none beyond 1,048,575 fit."""


@dataclass
class Downloaded:
    """What one download was like; MiB of memory are those of the server and its children."""

    form: str
    rows_per_s: int
    first_byte_s: float
    seconds: float
    mib: float
    more_memory_mib: float
    click_p50_ms: float
    click_alone_p50_ms: float


def measure(server: Served, cookie: str, organizations: int) -> Iterator[Downloaded]:
    """Download every format once, while somebody else clicks."""
    alone = statistics.median(clicks.take(server, cookie, threading.Event(), clicks.ALONE))
    for form in FORMATS:
        if form != "xlsx" or organizations <= XLSX_UP_TO:
            yield _measure(server, cookie, form, organizations, alone)


def _measure(
    server: Served, cookie: str, form: str, organizations: int, alone: float
) -> Downloaded:
    done, before = threading.Event(), _memory(server)
    most = [before]
    watching = threading.Thread(target=lambda: most.extend(_watch(server, done)))
    watching.start()
    began = time.perf_counter()
    with clicks.meanwhile(server, cookie) as taken_meanwhile:
        first, size = _download(server, cookie, form)
        taken = time.perf_counter() - began
    done.set()
    watching.join()
    return Downloaded(
        form=form,
        rows_per_s=round(organizations / taken),
        first_byte_s=round(first - began, 2),
        seconds=round(taken, 2),
        mib=round(size / 2**20, 1),
        more_memory_mib=round((max(most) - before) / 2**20, 1),
        click_p50_ms=round(statistics.median(taken_meanwhile), 1),
        click_alone_p50_ms=round(alone, 1),
    )


def _download(server: Served, cookie: str, form: str) -> tuple[float, int]:
    """Return when the first byte was there, and how many there were."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=600)
    connection.request("GET", f"/download/organizations.{form}", headers={"Cookie": cookie})
    answer = connection.getresponse()
    if answer.status != 200:
        raise SystemExit(f"The download was refused: {answer.read().decode()}")
    size = len(answer.read(1))
    first = time.perf_counter()
    while piece := answer.read(2**20):
        size += len(piece)
    connection.close()
    return first, size


def _watch(server: Served, done: threading.Event) -> list[int]:
    seen = []
    while not done.wait(0.05):
        seen.append(_memory(server))
    return seen


def _memory(server: Served) -> int:
    parent = psutil.Process(server.pid)
    held = 0
    for process in (parent, *parent.children(recursive=True)):
        with suppress(psutil.Error):  # it has just ended
            held += own_memory(process)
    return held

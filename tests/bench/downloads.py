"""Downloads of all organizations: their speed and memory, and the effect on other people."""

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
from tests.bench.servers import Server, own_memory

FORMATS = ("csv", "parquet", "xlsx")
XLSX_UP_TO = 100_000
"""Organizations; more take minutes, and the format ends at 1,048,575 rows."""


@dataclass
class Downloaded:
    """The figures of one download; memory is that of the server and its child processes."""

    form: str
    rows_per_s: int
    first_byte_s: float
    seconds: float
    mib: float
    more_memory_mib: float
    click_p50_ms: float
    click_alone_p50_ms: float


def measure(server: Server, cookie: str, organizations: int) -> Iterator[Downloaded]:
    """Download every format once, while another person clicks."""
    alone = statistics.median(clicks.measure(server, cookie, threading.Event(), clicks.IDLE_CLICKS))
    for form in FORMATS:
        if form != "xlsx" or organizations <= XLSX_UP_TO:
            yield _measure(server, cookie, form, organizations, alone)


def _measure(
    server: Server, cookie: str, form: str, organizations: int, alone: float
) -> Downloaded:
    done, before = threading.Event(), _memory(server)
    seen = [before]
    watching = threading.Thread(target=lambda: seen.extend(_watch(server, done)))
    watching.start()
    began = time.perf_counter()
    with clicks.clicking(server, cookie) as click_times:
        first, size = _download(server, cookie, form)
        elapsed = time.perf_counter() - began
    done.set()
    watching.join()
    return Downloaded(
        form=form,
        rows_per_s=round(organizations / elapsed),
        first_byte_s=round(first - began, 2),
        seconds=round(elapsed, 2),
        mib=round(size / 2**20, 1),
        more_memory_mib=round((max(seen) - before) / 2**20, 1),
        click_p50_ms=round(statistics.median(click_times), 1),
        click_alone_p50_ms=round(alone, 1),
    )


def _download(server: Server, cookie: str, form: str) -> tuple[float, int]:
    """Return the time of the first byte, and the number of bytes."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=600)
    connection.request("GET", f"/download/organizations.{form}", headers={"Cookie": cookie})
    response = connection.getresponse()
    if response.status != 200:
        raise SystemExit(f"The download was refused: {response.read().decode()}")
    size = len(response.read(1))
    first = time.perf_counter()
    while piece := response.read(2**20):
        size += len(piece)
    connection.close()
    return first, size


def _watch(server: Server, done: threading.Event) -> list[int]:
    seen = []
    while not done.wait(0.05):
        seen.append(_memory(server))
    return seen


def _memory(server: Server) -> int:
    parent = psutil.Process(server.pid)
    held = 0
    for process in (parent, *parent.children(recursive=True)):
        with suppress(psutil.Error):  # the process has just ended
            held += own_memory(process)
    return held

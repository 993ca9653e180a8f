"""Servers in separate processes, and the time until they are ready."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from urllib.request import urlopen

import psutil

from core.base.settings import PROJECT
from tests.support import ports

TIMEOUT = 60.0


@dataclass(frozen=True)
class Server:
    """A running server, and the seconds until it was ready."""

    url: str
    started_in: float
    pid: int

    @property
    def memory(self) -> int:
        """Return the bytes of memory of this process alone."""
        return own_memory(psutil.Process(self.pid))


def own_memory(process: psutil.Process) -> int:
    """Return the bytes of memory of a process without shared libraries."""
    held = process.memory_info()
    return int(held.rss - held.shared)


@contextmanager
def serve(what: str, **environment: str) -> Iterator[Server]:
    """Serve `orgdesk` or `empty` on a free port, and stop it at the end."""
    port = ports.find_free()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "tests.bench.instrumented", what]
    settings = os.environ | {"PORT": str(port), "PUBLIC_URL": url, "LOG_LEVEL": "WARNING"}
    settings["FORWARDED_ALLOW_IPS"] = ""
    began = time.perf_counter()
    with subprocess.Popen(command, cwd=PROJECT, env=settings | environment) as process:
        try:
            _wait_until_ready(f"{url}/_stcore/health", process)
            yield Server(url, time.perf_counter() - began, process.pid)
        finally:
            process.terminate()


def _wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    ends = time.perf_counter() + TIMEOUT
    while time.perf_counter() < ends and process.poll() is None:
        with suppress(OSError), closing(urlopen(url, timeout=5)):
            return
        time.sleep(0.02)
    raise SystemExit("The server did not start.")

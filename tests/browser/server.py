"""A server process of Orgdesk, as `make run` starts it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from core.base.settings import PROJECT
from tests.support import ports
from tests.support.engines import SECRET_KEY

TIMEOUT = 60.0


@dataclass(frozen=True)
class Server:
    """A running server: its URL, its database, its log file, and its process."""

    url: str
    database_url: str
    log: Path
    process: subprocess.Popen[bytes]

    def read_log(self) -> str:
        """Return the content of its log."""
        return self.log.read_text()


@contextmanager
def serve(
    database_url: str,
    directory: Path,
    *,
    port: int = 0,
    app: str = "app.py",
    **environment: str,
) -> Iterator[Server]:
    """Start a server on a free port, wait until it is ready, and stop it at the end."""
    port = port or ports.find_free()
    url = f"http://127.0.0.1:{port}"
    settings = {
        "DATABASE_URL": database_url,
        "SECRET_KEY": SECRET_KEY,
        "PUBLIC_URL": url,
        "FORWARDED_ALLOW_IPS": "",
        **environment,
    }
    command = [sys.executable, "-m", "streamlit", "run", app]
    options = [f"--server.port={port}", "--server.address=127.0.0.1"]
    log = directory / f"server-{port}.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command + options,
            cwd=PROJECT,
            env=os.environ | settings,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        server = Server(url, database_url, log, process)
        try:
            _wait_until_ready(server)
            yield server
        finally:
            process.terminate()


def _wait_until_ready(server: Server) -> None:
    for _ in range(int(TIMEOUT / 0.1)):
        with suppress(OSError), closing(urlopen(f"{server.url}/readyz", timeout=5)) as response:
            if response.status == 200:
                return
        with suppress(subprocess.TimeoutExpired):
            server.process.wait(0.1)
            break
    raise AssertionError(f"Orgdesk did not start:\n{server.read_log()}")

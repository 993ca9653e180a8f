"""The processes that write large downloads, whose output is passed on while they work."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import anyio
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from core.base.settings import PROJECT

MAX_DOWNLOADS: Final = 2
"""Downloads that one process of the app serves at the same time."""
PIECE: Final = 2**18
_MAX_ERROR: Final = 2_000
CAPACITY: Final = anyio.CapacityLimiter(MAX_DOWNLOADS)

Opened = tuple[Path, asyncio.StreamReader, Callable[[], Awaitable[str]]]


class ProcessResponse(Response):
    """A response whose body is the output of a module that runs in a process of its own."""

    def __init__(self, headers: dict[str, str], module: str, *arguments: str) -> None:
        super().__init__(headers=headers)
        del self.headers["content-length"]
        self.command = (module, *arguments)

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file; kill the process when the connection is closed."""
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        async with CAPACITY, anyio.create_task_group() as tasks:
            tasks.start_soon(cancel_on_disconnect, receive, tasks.cancel_scope)
            await send(start)
            async with export_process(*self.command) as (_, output, wait):
                while piece := await output.read(PIECE):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                await wait()
            await send({"type": "http.response.body", "body": b""})
            tasks.cancel_scope.cancel()


async def cancel_on_disconnect(receive: Receive, scope: anyio.CancelScope) -> None:
    """Cancel a scope when the connection is closed."""
    while (await receive())["type"] != "http.disconnect":
        continue
    scope.cancel()


@asynccontextmanager
async def export_process(module: str, *arguments: str) -> AsyncIterator[Opened]:
    """Run a module with arguments, and kill it at the end of the block.

    Yields the file of its reports, its output, and a function that returns its last report. That
    raises `RuntimeError` if the process failed, so that the response breaks off instead of looking
    complete.
    """
    with TemporaryDirectory() as directory:
        progress = Path(directory) / "progress"
        with progress.open("wb") as errors:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", module, *arguments),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                cwd=PROJECT,
                env=os.environ | {"TMPDIR": directory},
                limit=PIECE,
            )
        try:
            assert process.stdout is not None
            yield progress, process.stdout, partial(_wait, process, progress)
        finally:
            if process.returncode is None:
                process.kill()
                with anyio.CancelScope(shield=True):
                    await process.wait()


async def _wait(process: asyncio.subprocess.Process, progress: Path) -> str:
    if await process.wait():
        raise RuntimeError(f"the export process failed: {progress.read_text()[-_MAX_ERROR:]}")
    return progress.read_text().splitlines()[-1]

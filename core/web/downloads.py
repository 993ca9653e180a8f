"""Downloads of all organizations of a view, sent while they are read.

A process of its own does the work (see `core.organizations.export_process`); here its output is
handed on, and it is ended when the person closes the connection.
"""

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Final

import anyio
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from core.access.permissions import Actor
from core.accounts import sessions
from core.base import clock
from core.base.errors import DomainError, Unavailable
from core.base.settings import PROJECT
from core.database import db
from core.organizations import downloads, filters, org_views, transfers
from core.organizations.csv_export import Format
from core.organizations.transfers import Transfer
from core.web.gatekeeper import token_of

log = logging.getLogger(__name__)

AT_ONCE: Final = 2
"""Downloads that one process of ours serves at the same time."""
_PIECE: Final = 2**18
_KINDS: Final = {
    Format.CSV: "text/csv; charset=utf-8",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Format.PARQUET: "application/vnd.apache.parquet",
}
_under_way = anyio.CapacityLimiter(AT_ONCE)


async def send_organizations(request: Request) -> Response:
    """Send the organizations that the query asks for, as a file, to staff."""
    if request.headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
        return _refusal(403, "Open Organizations in Orgdesk, and choose Download there.")
    if request.path_params["form"] not in list(Format):
        return _refusal(404, "There is no such file. Choose Download on Organizations again.")
    form = Format(request.path_params["form"])
    actor = await to_thread.run_sync(_find_reader, request)
    if isinstance(actor, Response):
        return actor
    if request.method == "HEAD":
        return Response(headers=_headers(form))
    if _under_way.borrowed_tokens >= AT_ONCE:
        return _refusal(503, "Others are downloading just now. Try again in a minute.")
    refused = await to_thread.run_sync(_write_down, actor, request.url.query, form)
    return refused or _Download(form, actor, request.url.query)


def _find_reader(request: Request) -> Actor | Response:
    """Return who asks, or the refusal: the same right and the same query as on the page."""
    token = token_of(request)
    try:
        view = filters.from_query(request.url.query)
        with db.read() as session:
            signed_in = sessions.find(session, token) if token else None
            if signed_in is None:
                return _refusal(401, "Log in first.")
            org_views.open_view(session, signed_in.actor, view)
            return signed_in.actor
    except ValueError:
        return _refusal(400, "There is no such filter. Choose Download on Organizations again.")
    except DomainError as error:
        return _refusal(503 if isinstance(error, Unavailable) else 403, str(error))


def _write_down(actor: Actor, query: str, form: Format) -> Response | None:
    """Let history know; what it does not know is not sent."""
    try:
        db.run(downloads.begin, actor, filters.from_query(query), form)
    except DomainError as error:
        return _refusal(503 if isinstance(error, Unavailable) else 403, str(error))
    return None


def _refusal(status: int, sentence: str) -> Response:
    return PlainTextResponse(sentence, status, {"cache-control": "no-store"})


def _headers(form: Format) -> dict[str, str]:
    name = f"organizations-{clock.now():%Y-%m-%d}.{form}"
    return {
        "content-type": _KINDS[form],
        "content-disposition": f'attachment; filename="{name}"',
        "cache-control": "no-store",
    }


class _Download(Response):
    """An answer whose body another process writes; it goes on as long as somebody reads it."""

    def __init__(self, form: Format, actor: Actor, query: str) -> None:
        super().__init__(headers=_headers(form))
        del self.headers["content-length"]
        self.form, self.actor, self.query = form, actor, query

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file, and stop the work when the connection is closed."""
        loop = asyncio.get_running_loop()
        async with _under_way, anyio.create_task_group() as together:
            stop = partial(loop.call_soon_threadsafe, together.cancel_scope.cancel)
            together.start_soon(_cancel_when_left, receive, together.cancel_scope)
            with transfers.under_way(Transfer(self.actor, self.form, stop)) as transfer:
                await self._send(send, transfer)
            together.cancel_scope.cancel()

    async def _send(self, send: Send, transfer: Transfer) -> None:
        started, told = monotonic(), "stopped"
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        try:
            await send(start)
            async with _working(transfer, self.query) as (output, end):
                while piece := await output.read(_PIECE):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                    transfer.sent += len(piece)
                told = await end()
            await send({"type": "http.response.body", "body": b""})
        finally:
            log.info(
                "person %s downloaded organizations as %s (%s): %s, %s bytes in %.1f s",
                *(self.actor.user_id, self.form, self.query or "all", told),
                *(transfer.sent, monotonic() - started),
            )


async def _cancel_when_left(receive: Receive, work: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
    work.cancel()


@asynccontextmanager
async def _working(
    transfer: Transfer, query: str
) -> AsyncIterator[tuple[asyncio.StreamReader, Callable[[], Awaitable[str]]]]:
    """Let a process write the file: its output, and what to call at the end for what it says.

    That raises `RuntimeError` when it failed: then the answer must break off, not look whole.
    """
    with TemporaryDirectory() as directory:
        transfer.said = said = Path(directory) / "said"
        person = str(transfer.actor.user_id)
        with said.open("wb") as errors:
            process = await asyncio.create_subprocess_exec(
                *(
                    sys.executable,
                    "-m",
                    "core.organizations.export_process",
                    transfer.form,
                    person,
                    query,
                ),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                cwd=PROJECT,
                env=os.environ | {"TMPDIR": directory},
                limit=_PIECE,
            )
        try:
            assert process.stdout is not None
            yield process.stdout, partial(_end, process, said)
        finally:
            if process.returncode is None:
                process.kill()
                with anyio.CancelScope(shield=True):
                    await process.wait()


async def _end(process: asyncio.subprocess.Process, said: Path) -> str:
    if await process.wait():
        raise RuntimeError(f"a download broke off: {said.read_text()[-2_000:]}")
    return said.read_text().splitlines()[-1]

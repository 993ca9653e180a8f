"""Download of the organizations that match the filters, sent while they are read.

Another process does the work (see `core.organizations.export_process`); here its output is passed
on, and it is killed when the person closes the connection.
"""

import asyncio
import logging
from time import monotonic
from typing import Final

import anyio
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from core.access.permissions import Actor
from core.accounts import sessions
from core.base.errors import DomainError, Unavailable
from core.database import db
from core.organizations import csv_export, downloads, queries
from core.organizations.csv_export import Format
from core.organizations.downloads import Download
from core.organizations.filters import Filters
from core.web.export_processes import (
    CAPACITY,
    MAX_DOWNLOADS,
    PIECE,
    cancel_on_disconnect,
    export_process,
)
from core.web.gatekeeper import find_token

log = logging.getLogger(__name__)

_CONTENT_TYPES: Final = {
    Format.CSV: "text/csv; charset=utf-8",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Format.PARQUET: "application/vnd.apache.parquet",
}


async def send_organizations(request: Request) -> Response:
    """Send the organizations that match the query as a file; staff only."""
    if request.headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
        return _refuse(403, "Open Organizations in Orgdesk and choose Download there.")
    if request.path_params["form"] not in list(Format):
        return _refuse(404, "Unknown file format. Choose Download on Organizations again.")
    form = Format(request.path_params["form"])
    actor = await to_thread.run_sync(_find_downloader, request)
    if isinstance(actor, Response):
        return actor
    if request.method == "HEAD":
        return Response(headers=_headers(form, request.url.query))
    if CAPACITY.borrowed_tokens >= MAX_DOWNLOADS:
        return _refuse(503, "Too many downloads are running. Try again in a minute.")
    refusal = await to_thread.run_sync(_record, actor, request.url.query, form)
    return refusal or _DownloadResponse(form, actor, request.url.query)


def _find_downloader(request: Request) -> Actor | Response:
    """Return the person who may download the chosen columns, or the refusal."""
    try:
        csv_export.choose_columns(request.query_params.getlist("columns"))
    except ValueError:
        return _refuse(400, "Unknown column. Choose Download on Organizations again.")
    return find_actor(request)


def find_actor(request: Request) -> Actor | Response:
    """Return the person who is logged in and may see the organizations, or the refusal."""
    token = find_token(request)
    try:
        filters = Filters.from_query(request.url.query)
        with db.read() as session:
            signed_in = sessions.find(session, token) if token else None
            if signed_in is None:
                return _refuse(401, "Log in first.")
            queries.authorize(session, signed_in.actor, filters)
            return signed_in.actor
    except ValueError:
        return _refuse(400, "Unknown filter. Clear the filters on Organizations, then try again.")
    except DomainError as error:
        return _refuse(503 if isinstance(error, Unavailable) else 403, str(error))


def _record(actor: Actor, query: str, form: Format) -> Response | None:
    """Record the download in history, without which nothing is sent."""
    try:
        db.run(downloads.begin, actor, Filters.from_query(query), form)
    except DomainError as error:
        return _refuse(503 if isinstance(error, Unavailable) else 403, str(error))
    return None


def _refuse(status: int, sentence: str) -> Response:
    return PlainTextResponse(sentence, status, {"cache-control": "no-store"})


def _headers(form: Format, query: str) -> dict[str, str]:
    name = downloads.file_name(Filters.from_query(query), form)
    return {
        "content-type": _CONTENT_TYPES[form],
        "content-disposition": f'attachment; filename="{name}"',
        "cache-control": "no-store",
    }


class _DownloadResponse(Response):
    """A response with the output of the export process as its body."""

    def __init__(self, form: Format, actor: Actor, query: str) -> None:
        super().__init__(headers=_headers(form, query))
        del self.headers["content-length"]
        self.form, self.actor, self.query = form, actor, query

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file; kill the export process when the connection is closed."""
        loop = asyncio.get_running_loop()
        async with CAPACITY, anyio.create_task_group() as tasks:

            def cancel() -> None:
                loop.call_soon_threadsafe(tasks.cancel_scope.cancel)

            tasks.start_soon(cancel_on_disconnect, receive, tasks.cancel_scope)
            with downloads.in_progress(Download(self.actor, self.form, cancel)) as download:
                await self._send(send, download)
            tasks.cancel_scope.cancel()

    async def _send(self, send: Send, download: Download) -> None:
        started_at, outcome = monotonic(), "cancelled"
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        try:
            await send(start)
            command = ("core.organizations.export_process", self.form, str(self.actor.user_id))
            async with export_process(*command, self.query) as (download.progress, output, wait):
                while piece := await output.read(PIECE):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                    download.sent += len(piece)
                outcome = await wait()
            await send({"type": "http.response.body", "body": b""})
        finally:
            log.info(
                "user %s downloaded organizations as %s (%s): %s, %s bytes in %.1f s",
                *(self.actor.user_id, self.form, self.query or "all", outcome),
                *(download.sent, monotonic() - started_at),
            )

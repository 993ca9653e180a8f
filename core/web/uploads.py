"""The upload route: checks the size of a file while it is received, to protect the memory."""

import asyncio
from typing import Final
from urllib.parse import unquote

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from core.access import throttling
from core.access.permissions import Actor
from core.accounts import uploads
from core.accounts.sessions import SignedIn
from core.base.errors import DomainError, InvalidInput, Unavailable
from core.database import db
from core.web.gatekeeper import find_signed_in

MAX_SECONDS: Final = 120
_capacity = asyncio.Semaphore(8)
"""Limits the files received at the same time, and so the memory they use."""
_uploading: set[int] = set()
"""Ids of the people whose upload is in progress: one at a time for each person."""


async def receive_upload(request: Request) -> Response:
    """Store the request body as an upload of the logged-in person; respond with its id and name.

    With `?for=import` it can be larger, for those who may import.
    """
    is_import = request.query_params.get("for") == "import"
    try:
        signed_in = await run_in_threadpool(find_signed_in, request)
        limit = await run_in_threadpool(_find_limit, signed_in, is_import)
    except Unavailable as error:
        return PlainTextResponse(str(error), 503)
    if signed_in is None or signed_in.actor.user_id is None:
        return PlainTextResponse("Your session has ended. Log in again.", 401)
    if int(request.headers.get("content-length") or 0) > limit:
        return PlainTextResponse(uploads.too_large(limit), 413)
    person = signed_in.actor.user_id
    if person in _uploading:
        return PlainTextResponse("Wait until your other upload is finished.", 429)
    _uploading.add(person)
    try:
        async with _capacity, asyncio.timeout(MAX_SECONDS):
            return await _receive(request, signed_in.actor, limit)
    except (TimeoutError, ClientDisconnect):
        return PlainTextResponse("The upload took too long. Try again.", 408)
    finally:
        _uploading.discard(person)


def _find_limit(signed_in: SignedIn | None, is_import: bool) -> int:
    """Return how many bytes a person can send; the usual number to anyone else."""
    if signed_in is None or not is_import:
        return uploads.MAX_BYTES
    with db.read() as session:
        return uploads.max_bytes(session, signed_in.actor, is_import=True)


async def _receive(request: Request, actor: Actor, limit: int) -> Response:
    content = bytearray()
    async for piece in request.stream():
        content += piece
        if len(content) > limit:
            return PlainTextResponse(uploads.too_large(limit), 413)
    name = unquote(request.headers.get("x-file-name", ""), errors="replace")
    try:
        is_import = limit == uploads.MAX_IMPORT_BYTES
        stored = await run_in_threadpool(_store, actor, name, bytes(content), is_import)
    except InvalidInput as error:
        return PlainTextResponse(error.fields["file"], 422)
    except Unavailable as error:
        return PlainTextResponse(str(error), 503)
    except DomainError as error:
        return PlainTextResponse(str(error), 429)
    return JSONResponse(stored, headers={"cache-control": "no-store"})


def _store(actor: Actor, name: str, content: bytes, is_import: bool) -> dict[str, object]:
    wait = db.run(throttling.hit, "uploads of", str(actor.user_id), throttling.UPLOADS)
    throttling.ensure_allowed(wait)
    upload = db.run(uploads.keep, actor, name, content, is_import=is_import)
    return {"id": upload.id, "name": upload.name}

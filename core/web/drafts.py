"""The draft route: keeps what is typed into a form, while it is typed."""

import json
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from core.accounts import drafts, sessions
from core.base.errors import DomainError, TooManyAttempts, Unavailable
from core.database import db
from core.web.gatekeeper import find_signed_in

_MAX_BYTES: Final = 2 * 4 * drafts.MAX_TEXT + 2_000
"""Room for a text and its original, in UTF-8."""
_FIELDS: Final = ("form", "field", "text", "original")


async def receive_draft(request: Request) -> Response:
    """Keep one field of a form for the logged-in person.

    The request names the person who typed it: whoever has logged in since does not get it. Respond
    401 if nobody or somebody else is logged in, 409 shortly after the form was saved, and 429 after
    too many drafts: the browser then sends again what is still on the screen.
    """
    body = b""
    try:
        async for piece in request.stream():
            body += piece
            if len(body) > _MAX_BYTES:
                return PlainTextResponse("This text is too long to keep.", 413)
    except ClientDisconnect:
        return PlainTextResponse("Not received.", 400)
    try:
        sent = json.loads(body)
        person = int(sent["person"])
        form, field, text, original = (str(sent[name]) for name in _FIELDS)
    except (ValueError, LookupError, TypeError):
        return PlainTextResponse("Not a draft.", 400)
    return await run_in_threadpool(_keep, request, person, form, field, text, original)


def _keep(
    request: Request, person: int, form: str, field: str, text: str, original: str
) -> Response:
    try:
        found = find_signed_in(request)
        if found is None or found.actor.user_id != person:
            return PlainTextResponse("Your session has ended. Log in again.", 401)
        if sessions.needs_touch(found):
            db.run(sessions.touch, found)
        kept = db.run(drafts.keep, found.actor, form, field, text, original=original)
    except Unavailable as error:
        return PlainTextResponse(str(error), 503)
    except DomainError as error:
        return PlainTextResponse(str(error), 429 if isinstance(error, TooManyAttempts) else 422)
    return Response(status_code=204 if kept is not None else 409)

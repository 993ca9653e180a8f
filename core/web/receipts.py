"""Download of a receipt: an organization's history as signed JSON, for its owners and staff."""

import json
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from core.access.permissions import find_organization
from core.accounts import sessions
from core.audit import receipts
from core.base import clock
from core.base.errors import DomainError, NotFound, Unavailable
from core.database import db
from core.web.gatekeeper import find_token

_NO_STORE = {"cache-control": "no-store"}


async def send_receipt(request: Request) -> Response:
    """Send the receipt of an organization, after its download was recorded."""
    if request.headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
        return PlainTextResponse("Open History in Orgdesk and download it there.", 403, _NO_STORE)
    return await run_in_threadpool(_respond, request)


def _respond(request: Request) -> Response:
    public_id = request.path_params["public_id"]
    try:
        receipt = _make(find_token(request) or "", public_id, is_head=request.method == "HEAD")
    except DomainError as error:
        is_down = isinstance(error, Unavailable)
        return PlainTextResponse(str(error), 503 if is_down else 403, _NO_STORE)
    if receipt is None:
        return PlainTextResponse("Log in first.", 401, _NO_STORE)
    name = f"{public_id}-history-{clock.now():%Y-%m-%d}.json"
    disposition = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(
        json.dumps(receipt, indent=1) if receipt else "",
        media_type="application/json",
        headers=_NO_STORE | disposition,
    )


def _make(token: str, public_id: str, *, is_head: bool) -> dict[str, Any] | None:
    """Return the receipt, None for those who are not logged in; for HEAD an empty one."""
    with db.read() as session:
        signed_in = sessions.find(session, token) if token else None
        if signed_in is None:
            return None
        found = find_organization(session, signed_in.actor, public_id)
    if found is None:
        raise NotFound("organization")
    org = found[0]
    if is_head:
        return {}
    db.run(receipts.begin, signed_in.actor, org.id)
    with db.read() as session:
        return receipts.make(session, signed_in.actor, org.id)

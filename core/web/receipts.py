"""Download of a receipt: an organization's history as signed JSON, for its owners and staff."""

import json
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from core.access.permissions import Actor, find_organization
from core.audit import receipts
from core.base import clock
from core.base.errors import DomainError, NotFound, Unavailable
from core.database import db
from core.web.gatekeeper import find_signed_in

_NO_STORE = {"cache-control": "no-store"}


async def send_receipt(request: Request) -> Response:
    """Send the receipt of an organization, after its download was recorded."""
    if request.headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
        return PlainTextResponse("Open History in Orgdesk and download it there.", 403, _NO_STORE)
    return await run_in_threadpool(_respond, request)


def _respond(request: Request) -> Response:
    public_id = request.path_params["public_id"]
    try:
        signed_in = find_signed_in(request)
        if signed_in is None:
            return PlainTextResponse("Log in first.", 401, _NO_STORE)
        receipt = _make(signed_in.actor, public_id, is_head=request.method == "HEAD")
    except DomainError as error:
        is_down = isinstance(error, Unavailable)
        return PlainTextResponse(str(error), 503 if is_down else 403, _NO_STORE)
    name = f"{public_id}-history-{clock.now():%Y-%m-%d}.json"
    disposition = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(
        json.dumps(receipt, indent=1) if receipt else "",
        media_type="application/json",
        headers=_NO_STORE | disposition,
    )


def _make(actor: Actor, public_id: str, *, is_head: bool) -> dict[str, Any]:
    """Record the download and return the receipt; for HEAD return an empty one."""
    with db.read() as session:
        found = find_organization(session, actor, public_id)
    if found is None:
        raise NotFound("organization")
    if is_head:
        return {}
    org = found[0]
    db.run(receipts.begin, actor, org.id)
    with db.read() as session:
        return receipts.make(session, actor, org.id)

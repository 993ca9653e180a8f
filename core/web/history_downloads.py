"""Downloads of history as CSV: of one organization, or for staff of all of them."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from core.access.permissions import Actor, find_organization
from core.audit import activity, csv_export
from core.audit.queries import Filters
from core.base import clock
from core.base.errors import DomainError, NotFound, Unavailable
from core.database import db
from core.web.export_processes import CAPACITY, ProcessResponse
from core.web.gatekeeper import find_signed_in

_NO_STORE = {"cache-control": "no-store"}


async def send_history(request: Request) -> Response:
    """Send the entries that match the query, after the download was recorded."""
    if request.headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
        return _refuse(403, "Open History in Orgdesk and download it there.")
    if CAPACITY.borrowed_tokens >= CAPACITY.total_tokens:
        return _refuse(503, "Too many downloads are running. Try again in a minute.")
    return await run_in_threadpool(_respond, request)


def _respond(request: Request) -> Response:
    public_id = request.path_params.get("public_id", "")
    try:
        signed_in = find_signed_in(request)
        if signed_in is None:
            return _refuse(401, "Log in first.")
        filters = Filters.from_query(request.url.query)
        org_id = _find_organization(signed_in.actor, public_id) if public_id else None
        with db.read() as session:
            activity.authorize(session, signed_in.actor, org_id)
        if request.method != "HEAD":
            db.run(csv_export.begin, signed_in.actor, filters, org_id=org_id)
    except ValueError:
        return _refuse(400, "Unknown filter. Open History and choose Download there.")
    except DomainError as error:
        return _refuse(503 if isinstance(error, Unavailable) else 403, str(error))
    headers = _headers(public_id)
    if request.method == "HEAD":
        return Response(headers=headers)
    person = str(signed_in.actor.user_id)
    return ProcessResponse(
        headers, "core.audit.csv_export", person, str(org_id or "all"), request.url.query
    )


def _find_organization(actor: Actor, public_id: str) -> int:
    with db.read() as session:
        found = find_organization(session, actor, public_id)
    if found is None:
        raise NotFound("organization")
    return found[0].id


def _headers(public_id: str) -> dict[str, str]:
    name = f"{public_id or 'orgdesk'}-history-{clock.now():%Y-%m-%d-%H%M}-utc.csv"
    return _NO_STORE | {
        "content-type": "text/csv; charset=utf-8",
        "content-disposition": f'attachment; filename="{name}"',
    }


def _refuse(status: int, sentence: str) -> Response:
    return PlainTextResponse(sentence, status, _NO_STORE)

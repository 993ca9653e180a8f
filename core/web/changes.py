"""Whether a list on the screen has been changed by others, which the browser asks now and then."""

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from core.audit import changes
from core.base import parameters
from core.base.errors import Unavailable
from core.database import db
from core.web.gatekeeper import find_signed_in


def send_changes(request: Request) -> Response:
    """Send as JSON whether organizations (`org`) were changed by others since a second (`since`).

    Asking does not count as activity of the session.
    """
    query = request.query_params
    try:
        since = datetime.fromtimestamp(parameters.row_id(query.get("since", "")), UTC)
        org_ids = [parameters.row_id(org) for org in query.getlist("org")]
    except ValueError:
        return PlainTextResponse("Not a list.", 400)
    try:
        here = find_signed_in(request)
        if here is None:
            return PlainTextResponse("Log in first.", 401)
        with db.read() as session:
            changed = changes.has_changed(session, here.actor, org_ids, since)
    except Unavailable as error:
        return PlainTextResponse(str(error), 503)
    return JSONResponse({"changed": changed}, headers={"cache-control": "no-store"})

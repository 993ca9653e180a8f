"""Counts of organizations for the tabs of Organizations, which the browser asks for by itself.

Counting takes longer than finding a page of rows, so that page does not wait for it.
"""

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from core.base.errors import Unavailable
from core.database import db
from core.organizations import statistics
from core.organizations.filters import Filters
from core.web.downloads import find_actor


def send_counts(request: Request) -> Response:
    """Send how many organizations match the query in each stage, as JSON; staff only."""
    actor = find_actor(request)
    if isinstance(actor, Response):
        return actor
    filters = Filters.from_query(request.url.query)
    try:
        with db.read() as session:
            counts = statistics.count_by_stage(session, actor, filters)
    except Unavailable as error:
        return PlainTextResponse(str(error), 503)
    return JSONResponse(counts, headers={"cache-control": "no-store"})

"""The endpoints: the session cookie, logos, downloads, and health checks for monitoring."""

import json
import re

from sqlalchemy import select
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from core.accounts import known_browsers, request_info, sessions
from core.base.errors import Unavailable
from core.base.settings import PROJECT, settings
from core.database import db, upgrade
from core.models import Logo
from core.web.assets import send_asset
from core.web.changes import send_changes
from core.web.counts import send_counts
from core.web.downloads import send_organizations
from core.web.drafts import receive_draft
from core.web.gatekeeper import find_token, is_same_origin, refuse_anonymous
from core.web.history_downloads import send_history
from core.web.metrics import show_metrics
from core.web.quick_search import send_results
from core.web.receipts import send_receipt
from core.web.security_headers import is_under_tls
from core.web.static_files import send_page
from core.web.uploads import receive_upload

_ICON = PROJECT / "pages" / "ui" / "assets" / "favicon.png"
_LOGO_NAME = re.compile(r"([0-9a-f]{64})(-thumb)?")
_MAX_TICKET_BYTES = 1_000
_CLEARED = '"storage"'
"""What browsers forget at logout. Cookies stay, as one of them says which browser is known."""


async def set_session_cookie(request: Request) -> Response:
    """Exchange a ticket for the session cookie; without a ticket, delete the cookie."""
    if not is_same_origin(request, required=True):
        return PlainTextResponse("Only pages of Orgdesk can call this.", 403)
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _MAX_TICKET_BYTES:
            return PlainTextResponse("The ticket is too long.", 413)
    ticket = _read_ticket(body)
    if not ticket:
        return _with_cookie(request, "")
    return await run_in_threadpool(_redeem, request, ticket)


def _read_ticket(body: bytes) -> str:
    try:
        ticket = json.loads(body)["ticket"]
    except (ValueError, LookupError, TypeError):
        return ""
    return ticket if isinstance(ticket, str) else ""


def _redeem(request: Request, ticket: str) -> Response:
    token = sessions.new_token()
    try:
        user_id = db.run(sessions.redeem, ticket, token, replaced=find_token(request) or "")
    except Unavailable as error:
        return PlainTextResponse(str(error), 503)
    if user_id is None:
        return PlainTextResponse("This ticket has expired or was already used. Log in again.", 403)
    return _with_cookie(request, token, user_id)


def _with_cookie(request: Request, token: str, user_id: int | None = None) -> Response:
    """Return a response that sets the cookie to this token, or deletes it if there is none.

    A browser that someone has logged in with is known from then on, also after they log out.
    """
    cleared = {} if token else {"clear-site-data": _CLEARED}
    response = Response(status_code=204, headers={"cache-control": "no-store"} | cleared)
    under_tls = is_under_tls(request.scope)
    agent = request.headers.get("user-agent", "")
    name = request_info.cookie_name(
        host=request.headers.get("host", ""),
        takes_secure=under_tls or "Safari" not in agent or "Chrome" in agent,
    )
    cookies = {name: (token, settings().session_hours * 3600 if token else 0)}
    if user_id is not None:
        known = request_info.find_known_browser(
            request.cookies, host=request.headers.get("host", "")
        )
        cookies[request_info.known_browser_cookie_name(name)] = (
            known_browsers.add(known, user_id),
            int(known_browsers.COOKIE_TTL.total_seconds()),
        )
    secure = under_tls or name.startswith("__Host-")
    for each, (value, max_age) in cookies.items():
        response.set_cookie(
            each, value, max_age=max_age, secure=secure, httponly=True, samesite="lax"
        )
    return response


def show_logo(request: Request) -> Response:
    """Send a logo, in full size or as a thumbnail, to people who are logged in."""
    refusal = refuse_anonymous(request)
    if refusal is not None:
        return refusal
    name = _LOGO_NAME.fullmatch(request.path_params["name"])
    if name is None:
        return PlainTextResponse("Logo not found.", 404)
    column = Logo.thumbnail if name[2] else Logo.png
    try:
        with db.read() as session:
            png = session.scalar(select(column).where(Logo.digest == name[1]))
    except Unavailable as error:
        return PlainTextResponse(str(error), 503)
    if png is None:
        return PlainTextResponse("Logo not found.", 404)
    return Response(
        png,
        media_type="image/png",
        headers={
            "cache-control": "private, max-age=31536000, immutable",
            "content-security-policy": "sandbox; default-src 'none'",
        },
    )


def show_icon(_request: Request) -> Response:
    """Send the icon for the browser tab, which replaces Streamlit's."""
    return FileResponse(_ICON, headers={"cache-control": "public, max-age=86400"})


async def check_alive(_request: Request) -> Response:
    """Respond as long as the process runs (liveness)."""
    return PlainTextResponse("ok")


def check_ready(_request: Request) -> Response:
    """Respond 200 if the database is available and has our schema, else 503 (readiness)."""
    try:
        with db.read() as session:
            is_current = upgrade.is_current(session)
    except Unavailable as error:
        return PlainTextResponse(str(error), 503)
    if not is_current:
        return PlainTextResponse("The database has the schema of another version.", 503)
    return PlainTextResponse("ready")


ROUTES = (
    Route("/auth/cookie", set_session_cookie, methods=["POST"]),
    Route("/uploads", receive_upload, methods=["POST"]),
    Route("/assets/{name}", send_asset),
    Route("/drafts", receive_draft, methods=["POST"]),
    Route("/logos/{name}.png", show_logo),
    Route("/download/history/{public_id}.json", send_receipt),
    Route("/download/history/{public_id}.csv", send_history),
    Route("/download/history.csv", send_history),
    Route("/download/organizations.{form}", send_organizations),
    Route("/counts/organizations", send_counts),
    Route("/changes", send_changes),
    Route("/quick-search", send_results),
    Route("/favicon.png", show_icon),
    Route("/healthz", check_alive),
    Route("/readyz", check_ready),
    Route("/metrics", show_metrics),
    Route("/{page}", send_page),
    Route("/", send_page),
)

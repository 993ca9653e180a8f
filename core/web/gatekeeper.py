"""The gatekeeper in front of Streamlit: checks requests and websockets before any page runs."""

from collections import OrderedDict
from urllib.parse import quote, urlsplit

from anyio import to_thread
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from core.access.permissions import staff_rights
from core.accounts import request_info, sessions
from core.accounts.sessions import SignedIn
from core.base import crypto, logs
from core.base.errors import Unavailable
from core.base.settings import settings
from core.database import db
from core.web.late_messages import PageTracker

_BLOCKED = (
    "/_stcore/agent/",
    "/_stcore/bidi-components/",
    "/_stcore/script-health-check",
    "/_stcore/upload_file/",
    "/app/static/",
    "/auth/login",
    "/auth/logout",
    "/oauth2callback",
)
"""Paths that Streamlit serves and Orgdesk does not need."""

_LOGIN_REQUIRED = ("/media/", "/component/")
_STAFF_ONLY = ("/_stcore/metrics/",)
_ANY_HOST = ("/healthz", "/readyz", "/metrics")
"""Paths that monitors request by the address of the machine; `/metrics` checks the host itself."""
_LOGGED_STATUSES = (401, 403, 421)
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_WRONG_HOST = (
    "Orgdesk isn't available at this address. Open the address in PUBLIC_URL, or set PUBLIC_URL "
    "to the address that people use."
)
_NESTED_PATHS = (
    "/static/",
    "/assets/",
    "/media/",
    "/component/",
    "/auth/",
    "/logos/",
    "/download/",
    "/counts/",
)
_MAX_SESSIONS = 10_000


class Gatekeeper:
    """ASGI middleware for requests and websockets."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.owners: OrderedDict[str, str] = OrderedDict()
        """The fingerprint of the cookie with which each Streamlit session began, newest last."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request or websocket on, or respond to it here."""
        if scope["type"] == "websocket":
            await self._open_websocket(scope, receive, send)
            return
        response = await _respond(scope) if scope["type"] == "http" else None
        if response is not None and response.status_code in _LOGGED_STATUSES:
            _log_refusal(HTTPConnection(scope), response.status_code)
        await (response or self.app)(scope, receive, send)

    async def _open_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Accept a websocket from our own pages, and let it resume only its own session.

        Streamlit gives a session, with all its state, to any websocket that names its id. So the id
        is passed on only with the cookie that the session began with; others start a new session.
        """
        connection = HTTPConnection(scope)
        if not is_our_host(connection) or not is_same_origin(connection):
            await send({"type": "websocket.close", "code": 1008})
            return
        token = find_token(connection)
        owner = token and crypto.fingerprint(token)
        self._drop_foreign_session(scope, owner)
        is_unknown = owner is not None
        pages = PageTracker()

        async def receive_corrected() -> Message:
            message = await receive()
            if message.get("bytes"):
                message["bytes"] = pages.correct(message["bytes"])
            return message

        async def send_observed(message: Message) -> None:
            nonlocal is_unknown
            if sent := message.get("bytes"):
                pages.observe(sent)
                if is_unknown and owner:
                    is_unknown = not self._remember(sent, owner)
            await send(message)

        await self.app(scope, receive_corrected, send_observed)

    def _drop_foreign_session(self, scope: Scope, owner: str | None) -> None:
        """Remove the session id, which the browser sends as the third subprotocol."""
        headers = MutableHeaders(scope=scope)
        parts = [part.strip() for part in headers.get("sec-websocket-protocol", "").split(",")]
        if len(parts) > 2 and (owner is None or self.owners.get(parts[2]) != owner):
            headers["sec-websocket-protocol"] = ", ".join(parts[:2])

    def _remember(self, first_message: bytes, owner: str) -> bool:
        """Remember the owner of a Streamlit session; return whether the message named its id."""
        message = ForwardMsg.FromString(first_message)
        if message.WhichOneof("type") != "new_session":
            return False
        session_id = message.new_session.initialize.session_id
        self.owners[session_id] = owner
        self.owners.move_to_end(session_id)
        if len(self.owners) > _MAX_SESSIONS:
            self.owners.popitem(last=False)
        return True


async def _respond(scope: Scope) -> Response | None:
    """Return the response to a request that is not passed on, or None."""
    path: str = scope["path"]
    connection = HTTPConnection(scope)
    if refusal := _refuse_foreign(connection, path, scope["method"]):
        return refusal
    if f"{path}/".startswith(_BLOCKED):
        return PlainTextResponse("Not found.", 404)
    if f"{path}/".startswith(_STAFF_ONLY):
        return await to_thread.run_sync(_hide_from_others_than_staff, connection)
    if f"{path}/".startswith(_LOGIN_REQUIRED):
        return await to_thread.run_sync(refuse_anonymous, connection)
    if _is_below_page(path):
        return _redirect_to_page(path, scope["query_string"])
    return None


def _log_refusal(connection: HTTPConnection, status: int) -> None:
    peer = connection.client.host if connection.client else ""
    origin = request_info.find_ip_address(peer, connection.headers.getlist("x-forwarded-for"))
    first = connection.scope["path"].strip("/").split("/")[0]
    path = quote(first, safe="", errors="replace")[:40]  # no line and no fact of its own
    logs.security("request.refused", origin=origin, status=status, path=path)


def _refuse_foreign(connection: HTTPConnection, path: str, method: str) -> Response | None:
    """Return the refusal of a request for another host, or of a write from another site."""
    if path not in _ANY_HOST and not is_our_host(connection):
        return PlainTextResponse(_WRONG_HOST, 421)
    if method not in _SAFE_METHODS and not is_same_origin(connection, required=True):
        return PlainTextResponse("Only pages of Orgdesk can send this.", 403)
    return None


def _is_below_page(path: str) -> bool:
    """Return whether a path has a second segment, except for those that Streamlit requests."""
    is_known = path.startswith(_NESTED_PATHS) or "/_stcore/" in path
    return "/" in path.strip("/") and not is_known


def _redirect_to_page(path: str, query: bytes) -> Response:
    """Redirect `/organizations/x` to `/organizations`: Streamlit has no nested pages."""
    first = quote(path.strip("/").split("/")[0], safe="")
    return RedirectResponse(f"/{first}?{query.decode('latin-1')}".rstrip("?"), 307)


def refuse_anonymous(connection: HTTPConnection) -> Response | None:
    """Return the refusal of a request without a valid session, or None."""
    try:
        if find_signed_in(connection) is not None:
            return None
    except Unavailable as error:
        return PlainTextResponse(str(error), 503)
    return PlainTextResponse("Log in first.", 401, {"cache-control": "no-store"})


def _hide_from_others_than_staff(connection: HTTPConnection) -> Response | None:
    """Return 404 unless a member of staff is logged in."""
    token = find_token(connection)
    try:
        with db.read() as session:
            found = sessions.find(session, token) if token else None
            if found is not None and staff_rights(session, found.actor):
                return None
    except Unavailable as error:
        return PlainTextResponse(str(error), 503)
    return PlainTextResponse("Not found.", 404)


def find_signed_in(connection: HTTPConnection) -> SignedIn | None:
    """Return who is logged in with the cookie of a request, or None."""
    token = find_token(connection)
    if token is None:
        return None
    with db.read() as session:
        return sessions.find(session, token)


def find_token(connection: HTTPConnection) -> str | None:
    """Return the session token in the cookie of a request, or None."""
    return request_info.find_token(connection.cookies, host=connection.headers.get("host", ""))


def is_our_host(connection: HTTPConnection) -> bool:
    """Return whether a request is for the host in PUBLIC_URL; a loopback host has three names.

    Any other name is refused, even if it resolves to this machine: another site may have rebound
    its own (DNS rebinding).
    """
    host = connection.headers.get("host", "")
    ours = urlsplit(settings().public_url)
    if request_info.is_loopback(ours.netloc):
        return request_info.is_loopback(host)
    return _without_default_port(ours.scheme, host) == _without_default_port(*ours[:2])


def is_same_origin(connection: HTTPConnection, *, required: bool = False) -> bool:
    """Return whether a request comes from one of our pages; the schemes must be equal, too.

    Only browsers send an origin. With `required`, requests without one are refused as well.
    """
    origin = connection.headers.get("origin")
    if origin is None:
        return not required
    try:
        sent = urlsplit(origin)
    except ValueError:  # such as `http://[`
        return False
    ours = urlsplit(settings().public_url)
    expected = ours.netloc
    if request_info.is_loopback(expected) and request_info.is_loopback(sent.netloc):
        expected = connection.headers.get("host", "")
    return sent.scheme == ours.scheme and (
        _without_default_port(*sent[:2]) == _without_default_port(ours.scheme, expected)
    )


def _without_default_port(scheme: str, netloc: str) -> str:
    return netloc.lower().removesuffix({"http": ":80", "https": ":443"}.get(scheme, "\0"))

"""The door in front of Streamlit: who is let through to what before any page has run."""

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
from core.base import crypto
from core.base.errors import Unavailable
from core.base.settings import settings
from core.database import db
from core.web.late_messages import Pages

_REFUSED = (
    "/_stcore/agent/",
    "/_stcore/bidi-components/",
    "/_stcore/script-health-check",
    "/_stcore/upload_file/",
    "/app/static/",
    "/auth/login",
    "/auth/logout",
    "/oauth2callback",
)
"""What Streamlit serves and nobody here needs."""

_FOR_THE_SIGNED_IN = ("/media/", "/component/")
_FOR_STAFF = ("/_stcore/metrics/",)
_FOR_ANY_HOST = ("/healthz", "/readyz", "/metrics")
"""What monitors ask by the address of the machine; `/metrics` looks at the name itself."""
_READING = ("GET", "HEAD", "OPTIONS")
_WRONG_HOST = (
    "Orgdesk does not answer under this name. Open the address in PUBLIC_URL, or set PUBLIC_URL "
    "to the address that people open."
)
_OF_MANY_SEGMENTS = ("/static/", "/media/", "/component/", "/auth/", "/logos/", "/download/")
_REMEMBERED = 10_000


class Door:
    """Middleware in plain ASGI, for requests and websockets alike."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.owners: OrderedDict[str, str] = OrderedDict()
        """Whose cookie (its fingerprint) each Streamlit session began with, newest last."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request or websocket through, or answer it here."""
        if scope["type"] == "websocket":
            await self._open_websocket(scope, receive, send)
            return
        answer = await _answer(scope) if scope["type"] == "http" else None
        await (answer or self.app)(scope, receive, send)

    async def _open_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a websocket from our own pages in, and have it continue no session but its own.

        Streamlit hands a session, with all it holds, to whoever names its id: so an id is only let
        through beside the cookie that the session began with. Strangers have none, and start anew.
        """
        connection = HTTPConnection(scope)
        if not is_our_host(connection) or not is_same_origin(connection):
            await send({"type": "websocket.close", "code": 1008})
            return
        owner = token_of(connection)
        owner = owner and crypto.fingerprint(owner)
        self._drop_foreign_session(scope, owner)
        is_new = owner is not None
        pages = Pages()

        async def receive_in_order() -> Message:
            message = await receive()
            if message.get("bytes"):
                message["bytes"] = pages.hear(message["bytes"])
            return message

        async def send_and_learn(message: Message) -> None:
            nonlocal is_new
            if told := message.get("bytes"):
                pages.tell(told)
                if is_new and owner:
                    is_new = not self._remember(told, owner)
            await send(message)

        await self.app(scope, receive_in_order, send_and_learn)

    def _drop_foreign_session(self, scope: Scope, owner: str | None) -> None:
        headers = MutableHeaders(scope=scope)
        parts = [part.strip() for part in headers.get("sec-websocket-protocol", "").split(",")]
        if len(parts) > 2 and (owner is None or self.owners.get(parts[2]) != owner):
            headers["sec-websocket-protocol"] = ", ".join(parts[:2])

    def _remember(self, first_message: bytes, owner: str) -> bool:
        """Keep whose Streamlit session this is; False when the message does not name it."""
        message = ForwardMsg.FromString(first_message)
        if message.WhichOneof("type") != "new_session":
            return False
        session_id = message.new_session.initialize.session_id
        self.owners[session_id] = owner
        self.owners.move_to_end(session_id)
        if len(self.owners) > _REMEMBERED:
            self.owners.popitem(last=False)
        return True


async def _answer(scope: Scope) -> Response | None:
    """Return the answer that ends a request here, None for what may pass."""
    path: str = scope["path"]
    connection = HTTPConnection(scope)
    if refusal := _refuse_elsewhere(connection, path, scope["method"]):
        return refusal
    if f"{path}/".startswith(_REFUSED):
        return PlainTextResponse("There is nothing here.", 404)
    if f"{path}/".startswith(_FOR_STAFF):
        return await to_thread.run_sync(hide_from_all_but_staff, connection)
    if f"{path}/".startswith(_FOR_THE_SIGNED_IN):
        return await to_thread.run_sync(refuse_strangers, connection)
    if _is_below_a_page(path):
        return _to_first_segment(path, scope["query_string"])
    return None


def _refuse_elsewhere(connection: HTTPConnection, path: str, method: str) -> Response | None:
    """Return the refusal for a request under another name, or to write from another site."""
    if path not in _FOR_ANY_HOST and not is_our_host(connection):
        return PlainTextResponse(_WRONG_HOST, 421)
    if method not in _READING and not is_same_origin(connection, must_tell=True):
        return PlainTextResponse("Only pages of Orgdesk can send this.", 403)
    return None


def _is_below_a_page(path: str) -> bool:
    """Return whether this looks like a page of a page; a page asks for `_stcore` below itself."""
    is_known = path.startswith(_OF_MANY_SEGMENTS) or "/_stcore/" in path
    return "/" in path.strip("/") and not is_known


def _to_first_segment(path: str, query: bytes) -> Response:
    """Send `/organizations/x` to `/organizations`: Streamlit has no page below a page."""
    first = quote(path.strip("/").split("/")[0], safe="")
    return RedirectResponse(f"/{first}?{query.decode('latin-1')}".rstrip("?"), 307)


def refuse_strangers(connection: HTTPConnection) -> Response | None:
    """Return the refusal for who is not signed in, None for who is."""
    token = token_of(connection)
    try:
        with db.read() as session:
            if token and sessions.find(session, token):
                return None
    except Unavailable as error:
        return PlainTextResponse(str(error), 503)
    return PlainTextResponse("Log in first.", 401, {"cache-control": "no-store"})


def hide_from_all_but_staff(connection: HTTPConnection) -> Response | None:
    """Return that there is nothing, None for staff."""
    token = token_of(connection)
    try:
        with db.read() as session:
            found = sessions.find(session, token) if token else None
            if found is not None and staff_rights(session, found.actor):
                return None
    except Unavailable as error:
        return PlainTextResponse(str(error), 503)
    return PlainTextResponse("There is nothing here.", 404)


def token_of(connection: HTTPConnection) -> str | None:
    """Return the token in the cookie of a request."""
    return request_info.find_token(connection.cookies, host=connection.headers.get("host", ""))


def is_our_host(connection: HTTPConnection) -> bool:
    """Return whether a request names the host in PUBLIC_URL; a loopback one has three names.

    Other names for this machine are not ours: a page elsewhere may have bound its own to it.
    """
    host = connection.headers.get("host", "")
    ours = urlsplit(settings().public_url)
    if request_info.is_loopback(ours.netloc):
        return request_info.is_loopback(host)
    return _without_default_port(ours.scheme, host) == _without_default_port(*ours[:2])


def is_same_origin(connection: HTTPConnection, *, must_tell: bool = False) -> bool:
    """Return whether a request comes from a page of ours, scheme included.

    Programs that are no browsers send no origin: they pass unless the request `must_tell`.
    """
    origin = connection.headers.get("origin")
    if origin is None:
        return not must_tell
    sent, ours = urlsplit(origin), urlsplit(settings().public_url)
    expected = ours.netloc
    if request_info.is_loopback(expected) and request_info.is_loopback(sent.netloc):
        expected = connection.headers.get("host", "")
    return sent.scheme == ours.scheme and (
        _without_default_port(*sent[:2]) == _without_default_port(ours.scheme, expected)
    )


def _without_default_port(scheme: str, netloc: str) -> str:
    return netloc.lower().removesuffix({"http": ":80", "https": ":443"}.get(scheme, "\0"))

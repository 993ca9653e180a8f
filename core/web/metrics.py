"""`/metrics` in the words of Prometheus, and the middleware that counts requests for it."""

import hmac
import time
from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.accounts import sessions
from core.base import clock, metrics
from core.base.errors import Unavailable
from core.base.settings import settings
from core.database import db
from core.models import Mail
from core.web.gatekeeper import is_our_host

_KINDS: Final = frozenset(
    "auth component download healthz logos media metrics readyz uploads".split()
)
_LOOPBACK: Final = {"127.0.0.1", "::1"}
_BY_A_PROXY: Final = {"x-forwarded-for", "x-real-ip", "forwarded", "via"}


def show_metrics(request: Request) -> Response:
    """Send what was counted to who asks from this machine, or knows METRICS_TOKEN."""
    if not _may_see(request):
        return PlainTextResponse("There is nothing here.", 404)
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)


def _may_see(request: Request) -> bool:
    """Return whether the token was given, or this machine asks by our name and by no proxy.

    A proxy on this machine asks for somebody else, and so does a browser under a rebound name.
    """
    token = settings().metrics_token
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    if token and hmac.compare_digest(given.encode(), token.encode()):
        return True
    if not is_our_host(request):
        return False
    host = request.client.host if request.client else ""
    return host in _LOOPBACK and not _BY_A_PROXY & set(request.headers.keys())


class Measured:
    """Middleware that counts requests and open websockets."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request or websocket on, and count it."""
        if scope["type"] == "websocket":
            with metrics.websockets.track_inprogress():
                await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._count(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _count(self, scope: Scope, receive: Receive, send: Send) -> None:
        began, status = time.perf_counter(), 500

        async def send_and_look(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, send_and_look)
        finally:
            taken = time.perf_counter() - began
            metrics.requests.labels(_kind(scope["path"]), str(status)).observe(taken)


def _kind(path: str) -> str:
    """Return one of few words for a path: whatever strangers ask for must not fill the memory."""
    first = path.split("/", 2)[1]
    return first if first in _KINDS else "other"


class _Kept(Collector):
    """What only the database knows; every process tells the same."""

    def describe(self) -> Iterable[Metric]:
        """Return nothing: registering would collect instead, before the first migration."""
        return ()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the numbers as they are now, or that the database does not answer."""
        up = GaugeMetricFamily("orgdesk_database_up", "Whether the database answers")
        try:
            with db.read() as session:
                due = Mail.due_at.is_not(None)
                waiting = session.scalar(select(func.count()).where(due))
                oldest = session.scalar(select(func.min(Mail.created_at)).where(due))
                given_up = session.scalar(
                    select(func.count()).where(Mail.sent_at.is_(None), Mail.due_at.is_(None))
                )
                live = sessions.count_live(session)
        except Unavailable:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        age = (clock.now() - oldest).total_seconds() if oldest else 0.0
        for name, told, value in (
            ("orgdesk_mails_waiting", "Mails that are due now or later", waiting),
            ("orgdesk_mails_oldest_seconds", "How long the oldest of them has waited", age),
            ("orgdesk_mails_given_up", "Mails that nobody tries to send any more", given_up),
            ("orgdesk_sessions", "Sessions of people who are signed in", live),
        ):
            yield GaugeMetricFamily(name, told, value=value)


REGISTRY.register(_Kept())

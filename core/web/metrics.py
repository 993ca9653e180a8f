"""The endpoint `/metrics` for Prometheus, and the middleware that measures requests for it."""

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

_ENDPOINTS: Final = frozenset(
    "assets auth changes component counts download drafts healthz logos media metrics "
    "quick-search readyz static uploads".split()
)
_LOOPBACK: Final = {"127.0.0.1", "::1"}
_PROXY_HEADERS: Final = {"x-forwarded-for", "x-real-ip", "forwarded", "via"}


def show_metrics(request: Request) -> Response:
    """Send the metrics to requests from this machine or with METRICS_TOKEN."""
    if not _may_see(request):
        return PlainTextResponse("Not found.", 404)
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)


def _may_see(request: Request) -> bool:
    """Return whether a request has the token, or comes from this machine for our host.

    A proxy on this machine forwards requests of others, and so does a browser under a rebound name.
    """
    token = settings().metrics_token
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    if token and hmac.compare_digest(given.encode(), token.encode()):
        return True
    if not is_our_host(request):
        return False
    host = request.client.host if request.client else ""
    return host in _LOOPBACK and not _PROXY_HEADERS & set(request.headers.keys())


class RequestMetrics:
    """ASGI middleware that measures requests and counts open websockets."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request or websocket on and measure it."""
        if scope["type"] == "websocket":
            with metrics.websockets.track_inprogress():
                await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._measure(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _measure(self, scope: Scope, receive: Receive, send: Send) -> None:
        started_at, status = time.perf_counter(), 500

        async def send_observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, send_observed)
        finally:
            seconds = time.perf_counter() - started_at
            metrics.requests.labels(_endpoint(scope["path"]), str(status)).observe(seconds)


def _endpoint(path: str) -> str:
    """Return one of a few labels for a path, so that made-up paths cannot fill the memory."""
    first = path.split("/", 2)[1]
    return first if first in _ENDPOINTS else "other"


class _DatabaseCollector(Collector):
    """Metrics read from the database, the same in every process."""

    def describe(self) -> Iterable[Metric]:
        """Return nothing; otherwise registering would collect, before the first migration."""
        return ()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the current numbers, or only that the database is not available."""
        up = GaugeMetricFamily("orgdesk_database_up", "Whether the database is available")
        try:
            with db.read() as session:
                waits_for_its_turn = (Mail.attempts == 0) & (Mail.due_at > clock.now())
                due = Mail.due_at.is_not(None) & ~waits_for_its_turn
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
        for name, description, value in (
            ("orgdesk_mails_waiting", "Emails waiting to be sent", waiting),
            ("orgdesk_mails_oldest_seconds", "Age of the oldest waiting email", age),
            ("orgdesk_mails_given_up", "Emails that failed for good", given_up),
            ("orgdesk_sessions", "Sessions of people who are logged in", live),
        ):
            yield GaugeMetricFamily(name, description, value=value)


REGISTRY.register(_DatabaseCollector())

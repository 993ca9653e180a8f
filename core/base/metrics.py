"""The metrics of this process, served at `/metrics`."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy import Engine, event

_QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

requests = Histogram(
    "orgdesk_request_seconds", "Requests by kind, without websockets", ["kind", "status"]
)
websockets = Gauge("orgdesk_websockets", "Open pages in browsers, by the websocket that each has")
_reruns = Histogram("orgdesk_rerun_seconds", "Reruns of a page", ["page"], buckets=_QUICK)
_statements = Histogram("orgdesk_database_seconds", "Statements to the database", buckets=_QUICK)
_failures = Counter("orgdesk_database_errors", "Statements that the database refused")


@contextmanager
def rerun(page: str) -> Iterator[None]:
    """Measure one rerun of a page or of a fragment."""
    began = time.perf_counter()
    try:
        yield
    finally:
        _reruns.labels(page).observe(time.perf_counter() - began)


def instrument(engine: Engine) -> None:
    """Measure every statement of an engine, and count those that fail."""
    event.listen(engine, "before_cursor_execute", _begin)
    event.listen(engine, "after_cursor_execute", _end)
    event.listen(engine, "handle_error", lambda _context: _failures.inc())


def _begin(_c: Any, _cursor: Any, _statement: str, _parameters: Any, context: Any, _m: Any) -> None:
    if context is not None:
        context.orgdesk_began = time.perf_counter()


def _end(_c: Any, _cursor: Any, _statement: str, _parameters: Any, context: Any, _m: Any) -> None:
    if context is not None:
        _statements.observe(time.perf_counter() - context.orgdesk_began)

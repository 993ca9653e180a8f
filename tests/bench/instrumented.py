"""The servers of the benchmark: `python -m tests.bench.instrumented orgdesk|empty`, on PORT.

Orgdesk gets one more route, which returns the times of its database statements.
"""

import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import streamlit as st
from sqlalchemy import event
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

statement_times: list[float] = []
"""The milliseconds of each statement since the last request of them."""


def serve(what: str) -> None:
    """Serve Orgdesk, or the empty page."""
    app = st.App(Path(__file__).with_name("empty_page.py")) if what == "empty" else _orgdesk()
    app.run(config={"server.port": int(os.environ["PORT"]), "server.address": "127.0.0.1"})


def _orgdesk() -> st.App:
    from core import web
    from core.database import db

    web.ROUTES = (Route("/bench", report), *web.ROUTES)
    from app import app

    event.listen(db.engine(), "before_cursor_execute", _begin)
    event.listen(db.engine(), "after_cursor_execute", _end)
    return app


def report(_request: Request) -> JSONResponse:
    """Return the milliseconds of each statement since the last request, and reset them."""
    times, statement_times[:] = list(statement_times), []
    return JSONResponse(times)


def _begin(_c: Any, _cursor: Any, _statement: str, _parameters: Any, context: Any, _m: Any) -> None:
    if context is not None:
        context.began = time.perf_counter()


def _end(_c: Any, _cursor: Any, statement: str, _parameters: Any, context: Any, _m: Any) -> None:
    of_a_page = threading.current_thread().name.startswith(
        "ScriptRunner"
    )  # not those of the worker
    if of_a_page and context is not None and not statement.startswith("BEGIN"):
        statement_times.append((time.perf_counter() - context.began) * 1000)


if __name__ == "__main__":
    serve(sys.argv[1])

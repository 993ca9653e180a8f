"""Serve Orgdesk: Streamlit over `pages/frame.py`, our routes and headers, the background worker.

`streamlit run app.py` or `python app.py`; the latter reads PORT and ADDRESS.
"""

import logging
import os
import pkgutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module

import streamlit as st

import core
from core import db, setup, web, worker
from core.settings import PROJECT, settings
from core.upgrade import upgrade
from pages.ui import failures

log = logging.getLogger("orgdesk")


@asynccontextmanager
async def live(_app: st.App) -> AsyncIterator[None]:
    """Make ready before the first request, work in the background, and stop with the server."""
    logging.basicConfig(level=settings().log_level)
    upgrade()
    _import_beforehand()
    _tell_setup_code()
    background = worker.start()
    yield
    background.stop()


def _import_beforehand() -> None:
    """Import what pages need, so that the first person does not wait for it."""
    for name in ("pandas", "pyarrow", "altair", "pages.ui.navigation"):
        import_module(name)
    for module in pkgutil.iter_modules(core.__path__):
        import_module(f"core.{module.name}")


def _tell_setup_code() -> None:
    with db.read() as session:
        is_new = setup.is_open(session)
    if is_new:
        log.warning(
            "Nobody has an account yet. Set up Orgdesk with this code: %s", setup.expected_code()
        )


app = st.App(
    PROJECT / "pages" / "frame.py",
    lifespan=live,
    routes=web.ROUTES,
    middleware=web.MIDDLEWARE,
    on_script_error=failures.show,
)

if __name__ == "__main__":
    app.run(
        config={
            "server.port": int(os.environ.get("PORT", "8501")),
            "server.address": os.environ.get("ADDRESS", "127.0.0.1"),
        }
    )

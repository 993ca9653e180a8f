"""Serve Orgdesk: Streamlit over `pages/frame.py`, our routes and headers, the background worker.

`streamlit run app.py` or `python app.py`; the latter reads PORT and ADDRESS.
"""

import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module

import streamlit as st

from core import web
from core.accounts import registration
from core.audit import keys
from core.base import crypto, logs
from core.base.settings import PROJECT
from core.database import db
from core.database.upgrade import NewerSchema
from core.ops import startup, worker
from pages.ui import error_display

log = logging.getLogger("orgdesk")

SLOW_TO_IMPORT = ("pandas", "pyarrow", "streamlit_authenticator", "pages.ui.navigation")
TRUSTS_ANY_PROXY = (
    "Start Orgdesk with FORWARDED_ALLOW_IPS set to nothing, as `make run` does: "
    "`FORWARDED_ALLOW_IPS= streamlit run app.py`. Otherwise uvicorn believes every "
    "X-Forwarded-For from this machine; TRUSTED_PROXIES alone decides whose is believed."
)


@asynccontextmanager
async def live(_app: st.App) -> AsyncIterator[None]:
    """Prepare before the first request, and run the background worker as long as the server."""
    logs.configure()
    _prepare()
    _import_slow_packages()
    _log_setup_code()
    background = worker.start()
    yield
    background.stop()


def _prepare() -> None:
    try:
        startup.prepare()
    except (NewerSchema, keys.WrongKey, crypto.MissingKey) as error:
        log.critical("Orgdesk doesn't start. %s", error)
        raise


def _import_slow_packages() -> None:
    """Import packages that pages need, so that the first visitor does not wait for them."""
    for name in SLOW_TO_IMPORT:
        import_module(name)


def _log_setup_code() -> None:
    with db.read() as session:
        is_new = registration.is_setup_open(session)
    if is_new:
        log.warning(
            "There are no accounts yet. Set up Orgdesk with this code: %s",
            registration.setup_code(),
        )


if __name__ == "__main__":
    os.environ["FORWARDED_ALLOW_IPS"] = ""
elif os.environ.get("FORWARDED_ALLOW_IPS") != "":
    raise SystemExit(TRUSTS_ANY_PROXY)

app = st.App(
    PROJECT / "pages" / "frame.py",
    lifespan=live,
    routes=web.ROUTES,
    middleware=web.MIDDLEWARE,
    on_script_error=error_display.show_uncaught,
)

if __name__ == "__main__":
    app.run(
        config={
            "server.port": int(os.environ.get("PORT", "8501")),
            "server.address": os.environ.get("ADDRESS", "127.0.0.1"),
        }
    )

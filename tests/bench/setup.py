"""The sample data that is measured, and a session in it."""

import os
from pathlib import Path
from tempfile import gettempdir
from urllib.parse import urlsplit

from sqlalchemy import func, select

from core.access.permissions import Actor
from core.accounts import request_info
from core.database import db
from core.models import Organization
from data import seed
from tests.support import logins

ADMINISTRATOR = 1
"""The id of the first sample account."""


def prepare(organizations: int, database: str) -> None:
    """Set the database of this process and its children, and fill it if it is empty."""
    path = Path(gettempdir()) / "orgdesk-bench" / f"{organizations}.db"
    os.environ["DATABASE_URL"] = database or f"sqlite:///{path}"
    seed.main(organizations)
    with db.read() as session:
        found = session.scalar(select(func.count()).select_from(Organization))
    if found != organizations:
        raise SystemExit(f"This database has {found:,} organizations already; use another one.")


def sign_in(url: str, user_id: int = ADMINISTRATOR) -> str:
    """Start a session, by default of the administrator, and return its cookie."""
    token = db.run(logins.log_in, Actor(user_id, "the bench")).token
    return f"{request_info.cookie_name(host=urlsplit(url).netloc, takes_secure=True)}={token}"

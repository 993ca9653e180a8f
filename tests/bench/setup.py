"""The sample data that is measured, and a session in it."""

import os
from pathlib import Path
from tempfile import gettempdir
from urllib.parse import urlsplit

from sqlalchemy import func, select

from core.accounts import request_info, sessions
from core.database import db
from core.models import Organization
from data import seed

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
    ticket, token = sessions.new_token(), sessions.new_token()
    db.run(
        sessions.start,
        user_id,
        ticket,
        device="the bench",
        ip_address="127.0.0.1",
        second_factor=True,
    )
    db.run(sessions.redeem, ticket, token)
    return f"{request_info.cookie_name(host=urlsplit(url).netloc, takes_secure=True)}={token}"

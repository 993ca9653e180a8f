"""The world that is measured, and who is signed in there."""

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
"""The first person of every made-up world."""


def prepare(organizations: int, database: str) -> None:
    """Have this process, and those that it starts, work on a world of this size."""
    kept = Path(gettempdir()) / "orgdesk-bench" / f"{organizations}.db"
    os.environ["DATABASE_URL"] = database or f"sqlite:///{kept}"
    seed.main(organizations)
    with db.read() as session:
        found = session.scalar(select(func.count()).select_from(Organization))
    if found != organizations:
        raise SystemExit(f"This database has {found:,} organizations already: name another.")


def sign_in(url: str, user_id: int = ADMINISTRATOR) -> str:
    """Return a cookie of somebody who is signed in, the administrator if nobody is named."""
    ticket, token = sessions.new_token(), sessions.new_token()
    db.run(
        sessions.start,
        user_id,
        ticket,
        device="the bench",
        place="127.0.0.1",
        second_factor=True,
    )
    db.run(sessions.redeem, ticket, token)
    return f"{request_info.cookie_name(host=urlsplit(url).netloc, takes_secure=True)}={token}"

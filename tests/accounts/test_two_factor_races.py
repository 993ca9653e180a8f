"""Two-factor under concurrency: codes work once, and no session escapes the setup."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pyotp
import pytest
from sqlalchemy import Engine

from core.access.permissions import ORGDESK, Action, access
from core.accounts import sessions, totp, two_factor
from core.audit import history
from core.base.errors import DomainError
from core.database import db
from core.members import membership_rows
from core.models import Organization, Stage, User
from tests.conftest import Clock
from tests.support.cast import SECRET, Cast

ROUNDS = 8


def together(threads: ThreadPoolExecutor, *calls: Callable[[], Any]) -> list[Any]:
    """Run all calls at once and return each result or error."""
    barrier = Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        barrier.wait()
        try:
            return call()
        except DomainError as refused:
            return refused

    return [done.result(60) for done in [threads.submit(run, call) for call in calls]]


def sign_in(typed: str, connection: str) -> Callable[[], Any]:
    """Return a call that enters a code in a connection with a challenge."""

    def call() -> str:
        ticket = sessions.new_token()
        two_factor.complete_challenge(
            connection, typed, ticket, device="Test", ip_address=connection
        )
        return ticket

    return call


@pytest.mark.parametrize("kind", ["code", "recovery code"])
def test_one_of_four_concurrent_uses_of_a_code_succeeds(
    engine: Engine, cast: Cast, clock: Clock, kind: str
) -> None:
    sam = cast.sam.user_id
    with ThreadPoolExecutor(4) as threads:
        for number in range(ROUNDS):
            codes = totp.new_recovery_codes()
            db.run(two_factor.replace_recovery_codes, cast.sam, codes)
            clock.turn(10 * two_factor.CHALLENGE_TTL)
            connections = [f"192.0.{number}.{each}" for each in range(4)]
            for connection in connections:
                db.run(two_factor.begin_challenge, sam, connection)
            typed = pyotp.TOTP(SECRET).at(clock.now()) if kind == "code" else codes[0]
            done = together(threads, *[sign_in(typed, each) for each in connections])
            assert sum(isinstance(each, str) for each in done) == 1


def test_no_session_of_the_password_alone_outlives_the_set_up(engine: Engine, cast: Cast) -> None:
    """I9: signing in with the password races the setup of two-factor."""
    mia = cast.mia.user_id
    with ThreadPoolExecutor(2) as threads:
        for _ in range(ROUNDS):
            secret, ticket, token = totp.new_secret(), *_tokens()
            db.run(two_factor.begin_setup, cast.mia, secret)
            codes = totp.new_recovery_codes()
            now = pyotp.TOTP(secret).now()
            done = together(
                threads,
                lambda c=now, r=codes: db.run(
                    two_factor.confirm_setup, cast.mia, c, r, session_id=0
                ),
                lambda t=ticket: db.run(sessions.start, mia, t, device="", ip_address=""),
            )
            assert isinstance(done[0], User)
            db.run(sessions.redeem, ticket, token)
            with db.read() as session:
                assert sessions.find(session, token) is None
            db.run(two_factor.turn_off, cast.mia)


def _tokens() -> tuple[str, str]:
    return sessions.new_token(), sessions.new_token()


def test_every_owner_in_production_has_two_factor(engine: Engine, cast: Cast) -> None:
    """Olga turns it off at the moment in which her organization goes live."""
    acme = cast.acme.id
    with ThreadPoolExecutor(2) as threads:
        for _ in range(ROUNDS):
            secret = totp.new_secret()
            db.run(two_factor.begin_setup, cast.olga, secret)
            db.run(two_factor.confirm_setup, cast.olga, pyotp.TOTP(secret).now(), [], session_id=0)
            db.run(_set_stage, acme, Stage.PREPRODUCTION)
            together(
                threads,
                lambda: db.run(two_factor.turn_off, cast.olga),
                lambda: db.run(_go_live, acme),
            )
            with db.read() as session:
                is_live = session.get_one(Organization, acme).stage is Stage.PRODUCTION
                has_it = session.get_one(User, cast.olga.user_id).two_factor_at is not None
            assert has_it or not is_live


def _set_stage(session: Any, org_id: int, stage: Stage) -> None:
    org = access(session, ORGDESK, org_id, Action.VIEW)
    org.stage = stage
    history.record(session, ORGDESK, org, "test.moved", org)


def _go_live(session: Any, org_id: int) -> None:
    org = access(session, ORGDESK, org_id, Action.VIEW)
    if all(owner.two_factor_at for owner in membership_rows.list_owners(session, org)):
        org.stage = Stage.PRODUCTION
        history.record(session, ORGDESK, org, "test.moved", org)

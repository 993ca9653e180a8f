"""Accounts, raced: I8 one per address, I10 a reset works once, I14 an administrator, I15 no hit."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

from sqlalchemy import Engine, func, select

from core import accounts, db, keys, links, memberships, people, resets, sign_ups, throttles
from core.errors import DomainError
from core.models import Link, Membership, Organization, Role, Staff, Throttle, User
from core.permissions import NOBODY
from core.persons import NewAccount
from tests.cast import Cast, email

ROUNDS = 50


def race(threads: ThreadPoolExecutor, *tries: Callable[[], Any]) -> list[Any]:
    """Run all at the same moment, and return what each returned or was refused with."""
    barrier = Barrier(len(tries))

    def run(attempt: Callable[[], Any]) -> Any:
        barrier.wait()
        try:
            return attempt()
        except DomainError as refused:
            return refused

    return [done.result(60) for done in [threads.submit(run, attempt) for attempt in tries]]


def count(*where: Any) -> int:
    with db.read() as session:
        return session.scalar(select(func.count()).where(*where)) or 0


def test_one_account_per_address(engine: Engine, cast: Cast) -> None:
    def sign_up(address: str, hashed: str) -> None:
        db.run(sign_ups.sign_up, NOBODY, NewAccount("Nora", address, hashed))

    with ThreadPoolExecutor(2) as threads:
        for number in range(ROUNDS):
            key = f"n{number}@example.com"
            done = race(threads, lambda: sign_up(key, "$a"), lambda: sign_up(key.upper(), "$b"))
            assert done == [None, None]
            assert count(User.email_key == key) == 1
            assert count(Link.email.in_([key, f"N{number}@example.com"]), ~Link.used_at) <= 1


def test_no_sign_up_replaces_an_account_that_is_being_proven(engine: Engine, cast: Cast) -> None:
    with ThreadPoolExecutor(2) as threads:
        for number in range(ROUNDS):
            new = NewAccount("Nora", f"n{number}@example.com", "$hers")
            db.run(sign_ups.sign_up, NOBODY, new)
            with db.read() as session:
                nonce = session.scalars(select(Link.nonce).order_by(Link.id.desc())).first()
            token = keys.token(links.PROVE, nonce or "")
            his = NewAccount("Eve", new.email, "$his")
            proven, _ = race(
                threads,
                lambda: db.run(sign_ups.prove, NOBODY, token, "$hers"),
                lambda: db.run(sign_ups.sign_up, NOBODY, his),
            )
            with db.read() as session:
                user = session.scalars(select(User).where(User.email == new.email)).one()
            was_proven = isinstance(proven, User)
            assert (user.password_hash == "$hers") is was_proven
            assert (user.proven_at is not None) is was_proven


def test_a_reset_link_works_once(engine: Engine, cast: Cast) -> None:
    with ThreadPoolExecutor(6) as threads:
        for number in range(ROUNDS):
            with db.transaction() as session:
                made = links.make(
                    session,
                    links.RESET,
                    email(cast.mia),
                    links.RESETS_FOR,
                    user_id=cast.mia.user_id,
                )
            token = keys.token(**made)
            hashes = [f"${number}.{each}" for each in range(6)]
            done = race(
                threads,
                *(
                    lambda hashed=hashed: db.run(resets.reset, NOBODY, token, hashed)
                    for hashed in hashes
                ),
            )
            winners = [each for each in done if isinstance(each, User)]
            assert len(winners) == 1
            with db.read() as session:
                mia = session.get_one(User, cast.mia.user_id)
            assert mia.password_hash == winners[0].password_hash
            assert mia.password_epoch == number + 1


def test_there_is_always_an_administrator(engine: Engine, cast: Cast) -> None:
    ada, oda = cast.ada, cast.oda
    is_active = (User.staff == Staff.ADMINISTRATOR, User.disabled_at.is_(None))
    with ThreadPoolExecutor(2) as threads:
        for number in range(ROUNDS):
            with db.Session(db.writing_engine()) as session, session.begin():
                for person in (ada, oda):
                    user = session.get_one(User, person.user_id)
                    user.staff, user.disabled_at = Staff.ADMINISTRATOR, None
            lowered = (
                lambda one, other: db.run(people.set_staff, one, other.user_id, None),
                lambda one, other: db.run(people.disable, one, other.user_id),
                lambda one, other: db.run(accounts.delete_account, one),
            )[number % 2]
            done = race(threads, lambda: lowered(ada, oda), lambda: lowered(oda, ada))
            assert sum(isinstance(each, DomainError) for each in done) == 1
            assert count(*is_active) == 1


def test_no_hit_is_lost(engine: Engine, cast: Cast) -> None:
    limits = ((10_000, timedelta(days=1000)),)
    with ThreadPoolExecutor(4) as threads:
        for _ in range(ROUNDS):
            knock = [lambda: db.run(throttles.hit, "knock", "mia", limits)] * 4
            assert race(threads, *knock) == [0] * 4
    with db.read() as session:
        assert session.scalars(select(Throttle.hits)).one() == 4 * ROUNDS


def test_who_deletes_the_account_leaves_nothing_unowned(engine: Engine, cast: Cast) -> None:
    def join(org_id: int, user_id: int) -> None:
        def make(session: db.Session) -> None:
            org = session.get_one(Organization, org_id)
            joined = memberships.make(session, org, user_id, Role.OWNER)
            people.history.record(session, cast.otto, org, "test.joined", joined)

        db.run(make)

    is_gone = User.deleted_at.is_not(None)
    with ThreadPoolExecutor(2) as threads:
        for number in range(ROUNDS):
            account = NewAccount("Nora", f"n{number}@example.com", "$x")
            with db.transaction() as session:
                nora = people.persons.make(session, account, is_proven=True)
                people.history.record(session, NOBODY, nora.id, "test.made", nora)
            actor = accounts.Actor(nora.id, nora.name)
            race(
                threads,
                lambda: join(cast.otto_ltd.id, nora.id),
                lambda: db.run(accounts.delete_account, actor),
            )
            left = count(Membership.user_id == User.id, is_gone)
            assert left == 0

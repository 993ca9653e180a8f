"""Accounts, raced: I8 one per address, I10 a reset works once, I14 an administrator, I15 no hit."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from core import (
    accounts,
    db,
    history,
    keys,
    links,
    memberships,
    people,
    persons,
    resets,
    sign_ups,
    throttles,
)
from core.errors import DomainError
from core.models import Link, Membership, Role, Staff, Throttle, User
from core.permissions import NOBODY, ORGDESK, Action, Actor, access
from core.persons import NewAccount
from tests.cast import Cast, email

ROUNDS = 50


Try = tuple[Any, ...]
"""A use case and what `db.run` hands over to it."""


def race(threads: ThreadPoolExecutor, *tries: Try) -> list[Any]:
    """Run all at the same moment, and return what each returned or was refused with."""
    barrier = Barrier(len(tries))

    def run(attempt: Try) -> Any:
        barrier.wait()
        try:
            return db.run(*attempt)
        except DomainError as refused:
            return refused

    return [done.result(60) for done in [threads.submit(run, attempt) for attempt in tries]]


def count(*where: Any) -> int:
    with db.read() as session:
        return session.scalar(select(func.count()).where(*where)) or 0


def test_one_account_per_address(engine: Engine, cast: Cast) -> None:
    with ThreadPoolExecutor(2) as threads:
        for number in range(ROUNDS):
            spellings = [f"n{number}@example.com", f"N{number}@EXAMPLE.com"]
            tries = [
                (sign_ups.sign_up, NOBODY, NewAccount("Nora", each, "$x")) for each in spellings
            ]
            assert race(threads, *tries) == [None, None]
            assert count(User.email_key == spellings[0]) == 1
            work = (Link.user_id == User.id, User.email_key == spellings[0])
            assert count(*work, Link.used_at.is_(None)) == 1


def test_no_sign_up_replaces_an_account_that_is_being_proven(engine: Engine, cast: Cast) -> None:
    with ThreadPoolExecutor(2) as threads:
        for number in range(ROUNDS):
            new = NewAccount("Nora", f"n{number}@example.com", "$hers")
            db.run(sign_ups.sign_up, NOBODY, new)
            with db.read() as session:
                nonce = session.scalars(select(Link.nonce).order_by(Link.id.desc())).first()
            token = keys.token(links.PROVE, nonce or "")
            proven, _ = race(
                threads,
                (sign_ups.prove, NOBODY, token, "$hers"),
                (sign_ups.sign_up, NOBODY, NewAccount("Eve", new.email, "$his")),
            )
            with db.read() as session:
                user = session.scalars(select(User).where(User.email == new.email)).one()
            was_proven = isinstance(proven, User)
            assert (user.password_hash == "$hers") is was_proven
            assert (user.proven_at is not None) is was_proven


def test_a_reset_link_works_once(engine: Engine, cast: Cast) -> None:
    with ThreadPoolExecutor(6) as threads:
        for number in range(ROUNDS):
            token = keys.token(**db.run(make_link, cast))
            tries = [(resets.reset, NOBODY, token, f"${number}.{each}") for each in range(6)]
            done = race(threads, *tries)
            winners = [each for each in done if isinstance(each, User)]
            assert len(winners) == 1
            with db.read() as session:
                mia = session.get_one(User, cast.mia.user_id)
            assert mia.password_hash == winners[0].password_hash
            assert mia.password_epoch == number + 1


def make_link(session: Session, cast: Cast) -> dict[str, str]:
    whose = cast.mia.user_id
    return links.make(session, links.RESET, email(cast.mia), links.RESETS_FOR, user_id=whose)


def test_there_is_always_an_administrator(engine: Engine, cast: Cast) -> None:
    ada, oda = cast.ada, cast.oda
    with ThreadPoolExecutor(2) as threads:
        for number in range(ROUNDS):
            with db.Session(db.writing_engine()) as session, session.begin():
                for person in (ada, oda):
                    user = session.get_one(User, person.user_id)
                    user.staff, user.disabled_at = Staff.ADMINISTRATOR, None
            lowered: Try = (people.set_staff, None) if number % 2 else (people.disable,)
            use_case, *rest = lowered
            tries = [(use_case, ada, oda.user_id, *rest), (use_case, oda, ada.user_id, *rest)]
            done = race(threads, *tries)
            assert sum(isinstance(each, DomainError) for each in done) == 1
            assert count(User.staff == Staff.ADMINISTRATOR, User.disabled_at.is_(None)) == 1


def test_no_hit_is_lost(engine: Engine, cast: Cast) -> None:
    limits = ((10_000, timedelta(days=1000)),)
    with ThreadPoolExecutor(4) as threads:
        for _ in range(ROUNDS):
            assert race(threads, *[(throttles.hit, "knock", "mia", limits)] * 4) == [0] * 4
    with db.read() as session:
        assert session.scalars(select(Throttle.hits)).one() == 4 * ROUNDS


def test_who_deletes_the_account_is_nowhere_a_member(engine: Engine, cast: Cast) -> None:
    with ThreadPoolExecutor(2) as threads:
        for number in range(ROUNDS):
            nora = db.run(make_person, f"n{number}@example.com")
            race(
                threads,
                (join, cast.otto_ltd.id, nora),
                (accounts.delete_account, nora),
            )
            assert count(Membership.user_id == User.id, User.deleted_at.is_not(None)) == 0


def make_person(session: Session, address: str) -> Actor:
    nora = persons.make(session, NewAccount("Nora", address, "$x"), is_proven=True)
    history.record(session, NOBODY, nora.id, "test.made", nora)
    return Actor(nora.id, nora.name)


def join(session: Session, org_id: int, person: Actor) -> None:
    org = access(session, ORGDESK, org_id, Action.VIEW)
    joined = memberships.make(session, org, person.user_id or 0, Role.OWNER)
    history.record(session, person, org, "test.joined", joined)

"""I1, I2, I4, I5 and I7, raced: people act on the same organization at the same moment."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from itertools import cycle, islice
from threading import Barrier

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from core import (
    answers,
    db,
    history,
    invitations,
    keys,
    members,
    memberships,
    offers,
    organizations,
    ownership,
)
from core.errors import AlreadyInvited, DomainError
from core.models import (
    Entry,
    Handover,
    Invitation,
    InvitationStatus,
    Membership,
    Organization,
    Role,
)
from core.people_errors import MemberLimit
from core.permissions import ORGDESK, Action, Actor, access
from tests.cast import Cast, email
from tests.conftest import Clock

RACES = 50
Act = Callable[[], object]


@pytest.fixture
def race() -> Iterator[Callable[..., list[object]]]:
    """What runs acts at the same moment, and returns what each returned or was refused with."""
    with ThreadPoolExecutor(4) as threads:

        def at_once(*acts: Act) -> list[object]:
            barrier = Barrier(len(acts))
            running = [threads.submit(_meet, barrier, act) for act in acts]
            return [future.result(60) for future in running]

        yield at_once


def _meet(barrier: Barrier, act: Act) -> object:
    barrier.wait(30)
    try:
        return act()
    except DomainError as refusal:
        return refusal


Race = Callable[..., list[object]]


def put(session: Session, _orgdesk: Actor, org_id: int, roles: dict[int, Role | None]) -> None:
    """Give these people these roles, or none, past the rules about who may."""
    org = access(session, ORGDESK, org_id, Action.VIEW)
    for user_id, role in sorted(roles.items(), key=lambda each: each[1] is not Role.OWNER):
        there = memberships.find(session, org, user_id)
        if there is None and role is not None:
            row = memberships.make(session, org, user_id, role)
        elif there is not None and role is None:
            memberships.end(session, org, there)
            row = there
        elif there is not None and role is not None:
            there.role = role
            row = there
        else:
            continue
        history.record(session, ORGDESK, org, "member.put", row)


def offer(session: Session, inviter: Actor, org_id: int, role: Role, to: str) -> Invitation:
    """Invite without a mail, so without the caps on mails."""
    org = access(session, inviter, org_id, Action.INVITE)
    made = offers.make(session, org, to, to, role, inviter.user_id or 0)
    history.record(session, inviter, org, "invitation.sent", made)
    return made


def mailed(invitation: Invitation) -> str:
    return keys.token(offers.MAILED, invitation.nonce)


def role_of(org: Organization, person: Actor) -> Role | None:
    with db.read() as session:
        found = memberships.find(session, org, person.user_id or 0)
        return found and found.role


def now(invitation: Invitation) -> Invitation:
    with db.read() as session:
        return session.get_one(Invitation, invitation.id)


def count(what: type[Membership] | type[Entry], *conditions: object) -> int:
    with db.read() as session:
        return session.scalar(select(func.count()).select_from(what).where(*conditions)) or 0


def test_i1_an_owner_always_stays(engine: Engine, cast: Cast, race: Race) -> None:
    acme, olga, adam = cast.acme.id, cast.olga, cast.adam
    a, b = olga.user_id or 0, adam.user_id or 0
    lower = members.change_role
    duels: list[tuple[Act, Act]] = [
        (partial(db.run, members.leave, olga, acme), partial(db.run, members.leave, adam, acme)),
        (
            partial(db.run, members.remove, olga, acme, b),
            partial(db.run, members.remove, adam, acme, a),
        ),
        (
            partial(db.run, lower, olga, acme, b, Role.MEMBER),
            partial(db.run, lower, adam, acme, a, Role.MEMBER),
        ),
        (
            partial(db.run, lower, olga, acme, a, Role.ADMIN),
            partial(db.run, members.leave, adam, acme),
        ),
    ]
    for duel in islice(cycle(duels), RACES):
        db.run(put, ORGDESK, acme, {a: Role.OWNER, b: Role.OWNER})
        outcomes = race(*duel)
        assert count(Membership, Membership.org_id == acme, Membership.role == Role.OWNER) == 1
        assert sum(isinstance(each, DomainError) for each in outcomes) == 1


def test_i2_and_i4_a_link_admits_once(engine: Engine, cast: Cast, race: Race) -> None:
    acme, otto = cast.acme.id, cast.otto
    for _ in range(RACES):
        db.run(put, ORGDESK, acme, {otto.user_id or 0: None})
        made = db.run(offer, cast.olga, acme, Role.MEMBER, email(otto))
        before = count(Entry, Entry.event == "invitation.accepted")
        links = [mailed(made), offers.copied_token(made), mailed(made)]
        joined = race(*(partial(db.run, answers.accept, otto, link) for link in links))
        assert len({each.id for each in joined if isinstance(each, Membership)}) == 1
        assert count(Membership, Membership.user_id == otto.user_id, Membership.org_id == acme) == 1
        assert count(Entry, Entry.event == "invitation.accepted") == before + 1


def test_i4_one_answer_counts(engine: Engine, cast: Cast, race: Race) -> None:
    acme, otto = cast.acme.id, cast.otto
    for number in range(RACES):
        db.run(put, ORGDESK, acme, {otto.user_id or 0: None})
        made = db.run(offer, cast.olga, acme, Role.MEMBER, email(otto))
        others: list[Act] = [
            partial(db.run, answers.decline, otto, mailed(made)),
            partial(db.run, invitations.revoke, cast.adam, acme, made.id),
        ]
        outcomes = race(partial(db.run, answers.accept, otto, mailed(made)), others[number % 2])
        assert sum(isinstance(each, DomainError) for each in outcomes) == 1
        is_in = now(made).status is InvitationStatus.ACCEPTED
        assert (role_of(cast.acme, otto) is Role.MEMBER) == is_in


def test_i5_one_invitation_waits_at_an_address(
    engine: Engine, cast: Cast, race: Race, clock: Clock
) -> None:
    acme = cast.acme.id
    for number in range(RACES):
        clock.turn(timedelta(hours=1))  # the caps on mails are not what is raced
        spellings = (f"p{number}@example.com", f"P{number}@EXAMPLE.com")
        outcomes = race(
            *(
                partial(db.run, invitations.invite, inviter, acme, address)
                for inviter, address in zip((cast.olga, cast.adam), spellings, strict=True)
            )
        )
        refused = [each for each in outcomes if isinstance(each, DomainError)]
        assert [type(each) for each in refused] == [AlreadyInvited]


def test_i7_who_loses_a_role_offers_it_no_more(engine: Engine, cast: Cast, race: Race) -> None:
    acme, olga, adam = cast.acme.id, cast.olga, cast.adam
    for number in range(RACES):
        db.run(put, ORGDESK, acme, {adam.user_id or 0: Role.ADMIN})
        race(
            partial(db.run, offer, adam, acme, Role.ADMIN, f"p{number}@example.com"),
            partial(db.run, members.change_role, olga, acme, adam.user_id or 0, Role.MEMBER),
        )
        with db.read() as session:
            too_high = select(func.count()).where(
                Invitation.status == InvitationStatus.PENDING, Invitation.role == Role.ADMIN
            )
            assert session.scalar(too_high) == 0


def test_i7_an_offer_is_judged_again_when_it_is_taken(
    engine: Engine, cast: Cast, race: Race
) -> None:
    acme, otto, adam = cast.acme.id, cast.otto, cast.adam
    for _ in range(RACES):
        db.run(put, ORGDESK, acme, {otto.user_id or 0: None, adam.user_id or 0: Role.ADMIN})
        made = db.run(offer, adam, acme, Role.ADMIN, email(otto))
        race(
            partial(db.run, answers.accept, otto, mailed(made)),
            partial(db.run, members.remove, cast.olga, acme, adam.user_id or 0),
        )
        is_in = role_of(cast.acme, otto) is Role.ADMIN
        status = InvitationStatus.ACCEPTED if is_in else InvitationStatus.REVOKED
        assert now(made).status is status


def test_a_handover_and_a_withdrawal_have_one_outcome(
    engine: Engine, cast: Cast, race: Race
) -> None:
    acme, olga, adam = cast.acme.id, cast.olga, cast.adam
    a, b = olga.user_id or 0, adam.user_id or 0
    rivals: list[Callable[[int], Act]] = [
        lambda offer_id: partial(db.run, ownership.withdraw, olga, acme, offer_id),
        lambda offer_id: partial(db.run, ownership.decline, adam, acme, offer_id),
        lambda offer_id: partial(db.run, members.remove, olga, acme, b),
        lambda _offer_id: partial(db.run, members.leave, adam, acme),
        lambda _offer_id: partial(db.run, members.leave, olga, acme),
        lambda offer_id: partial(db.run, ownership.accept, adam, acme, offer_id),
    ]
    for rival in islice(cycle(rivals), RACES):
        db.run(put, ORGDESK, acme, {a: Role.OWNER, b: Role.MEMBER})
        made = db.run(ownership.offer, olga, acme, b, role=Role.ADMIN)
        race(partial(db.run, ownership.accept, adam, acme, made.id), rival(made.id))
        roles = (role_of(cast.acme, olga), role_of(cast.acme, adam))
        assert roles.count(Role.OWNER) == 1
        with db.read() as session:
            status = session.get_one(Handover, made.id).status
        assert (status is InvitationStatus.ACCEPTED) == (roles[1] is Role.OWNER)
        db.run(put, ORGDESK, acme, {b: Role.OWNER})
        db.run(put, ORGDESK, acme, {a: Role.OWNER, b: None})


def test_the_last_place_is_taken_once(engine: Engine, cast: Cast, race: Race) -> None:
    acme, otto, sam = cast.acme.id, cast.otto, cast.sam
    db.run(organizations.limit_members, cast.ada, acme, 4)
    for _ in range(RACES):
        db.run(put, ORGDESK, acme, {otto.user_id or 0: None, sam.user_id or 0: None})
        links = [
            (person, mailed(db.run(offer, cast.olga, acme, Role.MEMBER, email(person))))
            for person in (otto, sam)
        ]
        outcomes = race(*(partial(db.run, answers.accept, *each) for each in links))
        assert sum(isinstance(each, MemberLimit) for each in outcomes) == 1
        assert count(Membership, Membership.org_id == acme) == 4
        for person, token in links:
            if role_of(cast.acme, person) is None:
                db.run(answers.decline, person, token)

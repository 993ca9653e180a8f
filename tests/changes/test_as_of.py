"""Tests of an organization as it was at a moment, on both engines; random ones in `test_worlds`."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from core.accounts import accounts
from core.base.errors import NotCreatedYet
from core.changes import as_of
from core.members import leaving, members, ownership
from core.models import Role, Stage
from core.onboarding import onboarding
from core.onboarding.onboarding import Plan
from core.organizations import organizations
from tests.conftest import Clock
from tests.support.cast import Cast
from tests.support.history import rename


def roles_at(session: Session, cast: Cast, moment: datetime) -> dict[str, Role]:
    """Return the role of each member of Acme at a moment, in the order of the list."""
    then = as_of.get(session, cast.oda, cast.acme.id, moment)
    return dict(zip(then.members["name"], then.members["role"], strict=True))


def test_profile_stage_and_plan_are_as_they_were(session: Session, cast: Cast, clock: Clock):
    acme, before = cast.acme.id, clock.now()
    clock.turn(timedelta(days=1))
    rename(session, cast.olga, acme, "Acme Health")
    onboarding.flag_one(session, cast.sam, acme, Plan(cast.sam.user_id, next_step="Call them"))
    flagged = clock.now()
    clock.turn(timedelta(days=1))
    then = as_of.get(session, cast.olga, acme, before)
    assert (then.org.name, then.org.stage, then.rep) == ("Acme", Stage.FREE, "")
    assert then.number_since == 2
    then = as_of.get(session, cast.olga, acme, flagged)
    assert (then.org.name, then.org.stage, then.rep) == ("Acme Health", Stage.ONBOARDING, "Sam")
    assert (then.org.next_step, then.org.stage_entered_at) == ("Call them", flagged)
    assert then.number_since == 0


@pytest.mark.usefixtures("has_person")
def test_members_are_who_they_were(session: Session, cast: Cast, clock: Clock):
    acme, before = cast.acme.id, clock.now()
    clock.turn(timedelta(days=1))
    offer = ownership.offer(session, cast.olga, acme, cast.mia.user_id)
    ownership.accept(session, cast.mia, acme, offer.id)
    given = clock.now()
    clock.turn(timedelta(days=1))
    leaving.leave(session, cast.olga, acme)
    members.remove(session, cast.mia, acme, cast.adam.user_id)
    owner, admin, member = Role.OWNER, Role.ADMIN, Role.MEMBER
    assert roles_at(session, cast, clock.now()) == {"Mia": owner}
    assert roles_at(session, cast, given) == {"Mia": owner, "Adam": admin, "Olga": admin}
    assert roles_at(session, cast, before) == {"Olga": owner, "Adam": admin, "Mia": member}
    then = as_of.get(session, cast.oda, acme, before)
    assert (then.org.member_count, then.org.owner_count, then.org.admin_count) == (3, 1, 1)
    assert {*then.members["joined_at"]} == {cast.acme.created_at}


def test_people_have_the_names_of_today(session: Session, cast: Cast, clock: Clock):
    before = clock.now()
    clock.turn(timedelta(days=1))
    accounts.rename(session, cast.mia, "Mia Miller")
    assert list(roles_at(session, cast, before)) == ["Olga", "Adam", "Mia Miller"]


def test_entries_count_by_their_position_whatever_their_clock_says(
    session: Session, cast: Cast, clock: Clock
):
    acme, first = cast.acme.id, clock.now()
    rename(session, cast.olga, acme, "First")
    clock.turn(timedelta(minutes=2))
    rename(session, cast.olga, acme, "Second")
    clock.turn(timedelta(minutes=-1))  # by another process, whose clock is slow
    rename(session, cast.olga, acme, "Third")
    assert as_of.get(session, cast.olga, acme, first).org.name == "First"
    slow = first + timedelta(minutes=1)
    assert as_of.get(session, cast.olga, acme, slow).org.name == "Third"


def test_before_its_creation_there_is_nothing(session: Session, cast: Cast, clock: Clock):
    before = clock.now()
    clock.turn(timedelta(minutes=1))
    org = organizations.create(session, cast.otto, "Newcomer")
    assert as_of.get(session, cast.otto, org.id, clock.now()).org.name == "Newcomer"
    with pytest.raises(NotCreatedYet):
        as_of.get(session, cast.otto, org.id, before)

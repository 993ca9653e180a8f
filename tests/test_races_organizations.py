"""I3, raced: nobody comes to belong to more than 400 organizations, whatever is done at once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import Engine, delete, func, select

from core import db, memberships, organizations
from core.errors import MembershipLimit
from core.models import Membership, Organization
from core.permissions import Actor
from tests.cast import Cast
from tests.test_organizations import join_many

RACES = 50
"""On each engine."""
AT_ONCE = 3


@pytest.fixture
def crowded(cast: Cast) -> Cast:
    """Mia belongs to 399 organizations, Acme included."""
    join_many(cast.mia, memberships.MEMBERSHIPS_PER_PERSON - 2)
    return cast


def count_mine(person: Actor) -> int:
    with db.read() as session:
        return session.scalar(
            select(func.count())
            .select_from(Membership)
            .join(Organization, Organization.id == Membership.org_id)
            .where(Membership.user_id == person.user_id, Organization.deleted_at.is_(None))
        )


def leave(org_id: int) -> None:
    """Purge what a race made, so that the next one starts from the same place."""
    with db.Session(db.writing_engine()) as session, session.begin():
        gone = delete(Organization).where(Organization.id == org_id)
        session.execute(gone, execution_options={"unrecorded": True})


def create(barrier: Barrier, person: Actor, name: str) -> int | None:
    """Make an organization at the same moment as others; None when it was one too many."""
    barrier.wait(30)
    try:
        return db.run(organizations.create, person, name).id
    except MembershipLimit:
        return None


def restore(barrier: Barrier, cast: Cast) -> bool:
    """Restore Acme at the same moment as others; False when it was one too many."""
    barrier.wait(30)
    try:
        db.run(organizations.restore, cast.ada, cast.acme.id)
    except MembershipLimit:
        return False
    return True


def test_of_several_at_once_one_is_made(engine: Engine, crowded: Cast) -> None:
    barrier = Barrier(AT_ONCE)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        for race in range(RACES):
            names = [f"Race {race} {place}" for place in range(AT_ONCE)]
            tries = [threads.submit(create, barrier, crowded.mia, name) for name in names]
            made = [done for done in (one.result(60) for one in tries) if done is not None]
            assert len(made) == 1
            assert count_mine(crowded.mia) == memberships.MEMBERSHIPS_PER_PERSON
            leave(made[0])


def test_of_a_restore_and_a_creation_one_fits(engine: Engine, crowded: Cast) -> None:
    db.run(organizations.create, crowded.mia, "The 400th")
    barrier = Barrier(2)
    with ThreadPoolExecutor(2) as threads:
        for race in range(RACES):
            db.run(organizations.delete, crowded.olga, crowded.acme.id, name="Acme")
            making = threads.submit(create, barrier, crowded.mia, f"Race {race}")
            restoring = threads.submit(restore, barrier, crowded)
            org_id, is_restored = making.result(60), restoring.result(60)
            assert (org_id is None) is is_restored
            assert count_mine(crowded.mia) == memberships.MEMBERSHIPS_PER_PERSON
            if org_id is not None:
                leave(org_id)
                db.run(organizations.restore, crowded.ada, crowded.acme.id)

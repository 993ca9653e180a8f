"""I6, raced: two owners save the profile at once, and no change is lost silently."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from sqlalchemy import Engine, select

from core import db, profile
from core.errors import Stale
from core.models import Entry, Membership, Organization, Role
from core.permissions import Actor
from tests.cast import Cast

RACES = 100


def race(barrier: Barrier, actor: Actor, org: Organization, typed: dict[str, str]) -> bool:
    """Save what one person typed into a form that both had opened; False when it was Stale."""
    with db.read() as session:
        shown = profile.texts(session.get_one(Organization, org.id))
    barrier.wait()
    try:
        db.run(profile.save, actor, org.id, shown, shown | typed)
    except Stale:
        return False
    return True


def now(org: Organization) -> dict[str, str]:
    with db.read() as session:
        return profile.texts(session.get_one(Organization, org.id))


def promote_mia(cast: Cast) -> None:
    with db.Session(db.writing_engine()) as session, session.begin():
        whose = select(Membership).where(Membership.user_id == cast.mia.user_id)
        session.scalars(whose).one().role = Role.OWNER


def test_edits_of_different_fields_are_both_kept(engine: Engine, cast: Cast) -> None:
    promote_mia(cast)
    barrier = Barrier(2)
    with ThreadPoolExecutor(2) as threads:
        for number in range(RACES // 2):
            typed = ({"name": f"Acme {number}"}, {"overview": f"Ours {number}"})
            saved = [
                threads.submit(race, barrier, person, cast.acme, texts)
                for person, texts in zip((cast.olga, cast.mia), typed, strict=True)
            ]
            assert [future.result(30) for future in saved] == [True, True]
            assert now(cast.acme).items() >= (typed[0] | typed[1]).items()


def test_of_two_edits_of_the_same_field_one_is_kept_and_one_is_told(
    engine: Engine, cast: Cast
) -> None:
    promote_mia(cast)
    barrier = Barrier(2)
    with ThreadPoolExecutor(2) as threads:
        for number in range(RACES // 2):
            typed = [
                {"twitter": f"olga{number}", "overview": f"Olga {number}"},
                {"twitter": f"mia{number}"},
            ]
            saved = [
                threads.submit(race, barrier, person, cast.acme, texts)
                for person, texts in zip((cast.olga, cast.mia), typed, strict=True)
            ]
            done = [future.result(30) for future in saved]
            assert sorted(done) == [False, True]
            kept = typed[done.index(True)]
            assert now(cast.acme)["twitter"] == f"@{kept['twitter']}"
            assert (now(cast.acme)["overview"] == f"Olga {number}") is done[0]
    with db.read() as session:
        events = session.scalars(select(Entry.event)).all()
    assert events.count("profile.changed") == RACES // 2

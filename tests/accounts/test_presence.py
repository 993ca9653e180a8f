"""When organizations were last active: as their members come, at little cost, waiting for none."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import event, update
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.accounts import presence, sessions
from core.database import db
from core.models import Organization
from tests.conftest import Clock
from tests.support.cast import Cast

LONG_AGO = datetime(2026, 1, 5, tzinfo=UTC)


def last_active(session: Session, org: Organization) -> datetime:
    row = session.get_one(Organization, org.id, populate_existing=True)
    return row.last_active_at


def be_quiet(session: Session) -> None:
    session.execute(
        update(Organization)
        .values(last_active_at=LONG_AGO)
        .execution_options(unrecorded=True, synchronize_session=False)
    )


def sign_in(session: Session, person: Actor) -> sessions.SignedIn:
    assert person.user_id is not None
    ticket, token = sessions.new_token(), sessions.new_token()
    sessions.start(session, person.user_id, ticket, device="", place="", second_factor=True)
    assert sessions.redeem(session, ticket, token)
    found = sessions.find(session, token)
    assert found is not None
    return found


class TestNote:
    def test_who_signs_in_makes_it_active(self, session: Session, cast: Cast, clock: Clock) -> None:
        be_quiet(session)
        sign_in(session, cast.mia)
        assert last_active(session, cast.acme) == clock.now()
        assert last_active(session, cast.otto_ltd) == LONG_AGO

    def test_who_goes_on_working_keeps_it_active(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        signed_in = sign_in(session, cast.mia)
        clock.turn(timedelta(hours=2))
        sessions.touch(session, signed_in)
        assert last_active(session, cast.acme) == clock.now()

    def test_it_is_written_once_an_hour(self, session: Session, cast: Cast, clock: Clock) -> None:
        mia, adam = cast.mia.user_id, cast.adam.user_id
        be_quiet(session)
        presence.note(session, mia)
        before = last_active(session, cast.acme)
        clock.turn(timedelta(minutes=59))
        presence.note(session, adam)
        assert last_active(session, cast.acme) == before
        clock.turn(timedelta(minutes=1))
        presence.note(session, adam)
        assert last_active(session, cast.acme) == clock.now()

    def test_staff_who_look_at_it_do_not_count(self, session: Session, cast: Cast) -> None:
        be_quiet(session)
        sign_in(session, cast.ada)
        assert last_active(session, cast.acme) == LONG_AGO

    def test_it_is_no_news_for_history(self, cast: Cast) -> None:
        written: list[str] = []
        event.listen(
            db.engine(), "before_cursor_execute", lambda *a: written.append(a[2].split()[0])
        )
        db.run(presence.note, cast.mia.user_id)
        assert "INSERT" not in written

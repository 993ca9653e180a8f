"""Sessions: from a ticket to a cookie's token, and every way they end."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.orm import Session as SqlSession

from core.access.permissions import Actor
from core.accounts import sessions
from core.base.settings import PROJECT
from core.database import db
from core.models import Organization, Session, User
from tests.conftest import Clock
from tests.support import logins
from tests.support.cast import Cast


@pytest.fixture(autouse=True)
def _frozen_clock(clock: Clock) -> None:
    """Freeze the clock; tests advance it."""


def change_user(session: SqlSession, person: Actor, **values: object) -> None:
    session.execute(
        update(User)
        .where(User.id == person.user_id)
        .values(**values)
        .execution_options(unrecorded=True)
    )


class TestRedeem:
    def test_a_ticket_becomes_a_session(self, session: SqlSession, cast: Cast) -> None:
        session_id, token = logins.log_in(session, cast.mia)
        found = sessions.find(session, token)
        assert found is not None
        assert (found.session_id, found.actor) == (session_id, cast.mia)

    def test_a_ticket_works_once(self, session: SqlSession, cast: Cast) -> None:
        ticket = sessions.new_token()
        assert cast.mia.user_id
        sessions.start(session, cast.mia.user_id, ticket, device="", ip_address="")
        assert sessions.redeem(session, ticket, "the first")
        assert not sessions.redeem(session, ticket, "the second")
        assert sessions.find(session, "the second") is None

    def test_a_ticket_lasts_a_minute(self, session: SqlSession, cast: Cast, clock: Clock) -> None:
        ticket = sessions.new_token()
        assert cast.mia.user_id
        sessions.start(session, cast.mia.user_id, ticket, device="", ip_address="")
        clock.turn(sessions.TICKET_TTL)
        assert not sessions.redeem(session, ticket, "late")

    def test_a_ticket_is_no_token(self, session: SqlSession, cast: Cast) -> None:
        ticket = sessions.new_token()
        assert cast.mia.user_id
        sessions.start(session, cast.mia.user_id, ticket, device="", ip_address="")
        assert sessions.find(session, ticket) is None

    def test_a_person_disabled_meanwhile_gets_no_session(
        self, session: SqlSession, cast: Cast, clock: Clock
    ) -> None:
        change_user(session, cast.mia, disabled_at=clock.now())
        ticket = sessions.new_token()
        row = sessions.start(session, cast.mia.user_id, ticket, device="", ip_address="")
        change_user(session, cast.mia, disabled_at=None)
        assert not sessions.redeem(session, ticket, "token")
        assert row.ended_because == "account disabled"

    def test_a_password_changed_after_verification_starts_no_session(
        self, session: SqlSession, cast: Cast
    ) -> None:
        change_user(session, cast.mia, password_epoch=1)
        where = {"device": "", "ip_address": ""}
        sessions.start(session, cast.mia.user_id, "late", **where, epoch=0)
        sessions.start(session, cast.mia.user_id, "in time", **where, epoch=1)
        assert not sessions.redeem(session, "late", "token")
        assert sessions.redeem(session, "in time", "token")

    def test_neither_ticket_nor_token_is_kept(self, session: SqlSession, cast: Cast) -> None:
        ticket = sessions.new_token()
        assert cast.mia.user_id
        row = sessions.start(session, cast.mia.user_id, ticket, device="", ip_address="")
        session.flush()
        assert row.ticket_hash != ticket
        assert sessions.redeem(session, ticket, "token")
        session.refresh(row)
        assert row.ticket_hash is None
        assert row.token_hash != "token"


class TestWhyItEnded:
    def test_a_live_or_unknown_one_has_no_reason(self, session: SqlSession, cast: Cast) -> None:
        _, token = logins.log_in(session, cast.mia)
        assert sessions.find_end(session, sessions.new_token()) == ""
        assert sessions.find_end(session, token) == ""

    def test_an_idle_and_an_old_one_name_their_limit(
        self, session: SqlSession, cast: Cast, clock: Clock
    ) -> None:
        _, token = logins.log_in(session, cast.mia)
        clock.turn(timedelta(minutes=60))
        assert sessions.find_end(session, token) == "You were inactive for 60 minutes."
        clock.turn(timedelta(hours=11))
        assert "at most 12 hours" in sessions.find_end(session, token)

    @pytest.mark.parametrize(
        ("reason", "expected"),
        [
            ("ended by its person", "You ended it from another browser."),
            ("signed out", "You logged out in another tab."),
            (sessions.STAFF_ROLE_GIVEN, "You were given a staff role"),
            ("a reason of later versions", "It was ended for your security."),
        ],
    )
    def test_one_that_was_ended_says_by_whom_or_why(
        self, session: SqlSession, cast: Cast, reason: str, expected: str
    ) -> None:
        session_id, token = logins.log_in(session, cast.mia)
        sessions.end(session, session_id, reason)
        assert expected in sessions.find_end(session, token)

    def test_every_recorded_reason_has_its_sentence(self) -> None:
        pattern = re.compile(
            r"""sessions\.(?:end|end_all|end_others|keep_only)\([^"]*"([^"]+)"\)"""
        )
        sources = [*(PROJECT / "core").rglob("*.py"), *(PROJECT / "pages").rglob("*.py")]
        reasons = {why for path in sources for why in pattern.findall(path.read_text())}
        assert len(reasons) > 7
        assert reasons <= set(sessions._END_SENTENCES)

    def test_a_new_password_is_a_reason(self, session: SqlSession, cast: Cast) -> None:
        _, token = logins.log_in(session, cast.mia)
        change_user(session, cast.mia, password_epoch=9)
        assert sessions.find_end(session, token) == "Your password was changed."


class TestFind:
    def test_an_unknown_token_finds_nothing(self, session: SqlSession, cast: Cast) -> None:
        assert sessions.find(session, sessions.new_token()) is None

    def test_an_idle_session_ends(self, session: SqlSession, cast: Cast, clock: Clock) -> None:
        _, token = logins.log_in(session, cast.mia)
        clock.turn(timedelta(minutes=59))
        assert sessions.find(session, token)
        clock.turn(timedelta(minutes=1))
        assert sessions.find(session, token) is None

    def test_twelve_hours_are_the_longest(
        self, session: SqlSession, cast: Cast, clock: Clock
    ) -> None:
        _, token = logins.log_in(session, cast.mia)
        for _ in range(23):
            clock.turn(timedelta(minutes=30))
            found = sessions.find(session, token)
            assert found is not None
            sessions.touch(session, found)
        clock.turn(timedelta(minutes=30))
        assert sessions.find(session, token) is None

    def test_one_begun_in_the_future_is_none(
        self, session: SqlSession, cast: Cast, clock: Clock
    ) -> None:
        """The clock was 48 hours ahead: what began then would live for 60 hours."""
        clock.turn(timedelta(hours=48))
        _, token = logins.log_in(session, cast.mia)
        ticket = sessions.new_token()
        assert cast.mia.user_id
        sessions.start(session, cast.mia.user_id, ticket, device="", ip_address="")
        assert sessions.find(session, token)
        clock.turn(-timedelta(hours=48))
        assert sessions.find(session, token) is None
        assert not sessions.redeem(session, ticket, "another")
        assert sessions.list_live(session, cast.mia.user_id) == []

    def test_disabling_a_person_ends_their_sessions(
        self, session: SqlSession, cast: Cast, clock: Clock
    ) -> None:
        _, token = logins.log_in(session, cast.mia)
        change_user(session, cast.mia, disabled_at=clock.now())
        assert sessions.find(session, token) is None

    def test_a_new_password_ends_what_began_before(self, session: SqlSession, cast: Cast) -> None:
        _, token = logins.log_in(session, cast.mia)
        change_user(session, cast.mia, password_epoch=User.password_epoch + 1)
        assert sessions.find(session, token) is None
        assert sessions.find(session, logins.log_in(session, cast.mia).token)


class TestTouch:
    def test_signing_in_sets_last_seen(self, session: SqlSession, cast: Cast, clock: Clock) -> None:
        clock.turn(timedelta(hours=1))
        logins.log_in(session, cast.mia)
        seen = select(User.last_seen_at).where(User.id == cast.mia.user_id)
        assert session.scalars(seen).one() == clock.now()

    def test_it_is_written_at_most_once_a_minute(
        self, session: SqlSession, cast: Cast, clock: Clock
    ) -> None:
        _, token = logins.log_in(session, cast.mia)
        began = clock.now()
        found = sessions.find(session, token)
        assert found is not None
        clock.turn(timedelta(seconds=59))
        assert not sessions.needs_touch(found)
        sessions.touch(session, found)
        assert session.scalars(select(Session.last_seen_at)).one() == began

        clock.turn(timedelta(seconds=1))
        assert sessions.needs_touch(found)
        sessions.touch(session, found)
        assert session.scalars(select(Session.last_seen_at)).one() == clock.now()
        seen = select(User.last_seen_at).where(User.id == cast.mia.user_id)
        assert session.scalars(seen).one() == clock.now()


class TestEnd:
    def test_only_the_one_ends(self, session: SqlSession, cast: Cast) -> None:
        first_id, first = logins.log_in(session, cast.mia)
        _, second = logins.log_in(session, cast.mia)
        sessions.end(session, first_id, "signed out")
        assert sessions.find(session, first) is None
        assert sessions.find(session, second)

    def test_all_others_end(self, session: SqlSession, cast: Cast) -> None:
        kept_id, kept = logins.log_in(session, cast.mia)
        others = [logins.log_in(session, cast.mia).token for _ in range(2)]
        _, somebody_elses = logins.log_in(session, cast.olga)
        assert cast.mia.user_id
        assert sessions.end_others(session, cast.mia.user_id, kept_id, "ended by Mia") == 2
        assert [sessions.find(session, token) for token in others] == [None, None]
        assert sessions.find(session, kept)
        assert sessions.find(session, somebody_elses)

    def test_all_end(self, session: SqlSession, cast: Cast) -> None:
        tokens = [logins.log_in(session, cast.mia).token for _ in range(2)]
        assert cast.mia.user_id
        assert sessions.end_all(session, cast.mia.user_id, "role raised") == 2
        assert [sessions.find(session, token) for token in tokens] == [None, None]
        assert session.scalars(select(Session.ended_because)).all() == ["role raised"] * 2

    def test_a_ticket_ends_with_its_session(self, session: SqlSession, cast: Cast) -> None:
        ticket = sessions.new_token()
        assert cast.mia.user_id
        sessions.start(session, cast.mia.user_id, ticket, device="", ip_address="")
        sessions.end_all(session, cast.mia.user_id, "password changed")
        assert not sessions.redeem(session, ticket, "token")


class TestList:
    def test_live_sessions_are_listed_last_seen_first(
        self, session: SqlSession, cast: Cast, clock: Clock
    ) -> None:
        first_id, _ = logins.log_in(session, cast.mia)
        ended_id, _ = logins.log_in(session, cast.mia)
        clock.turn(timedelta(minutes=5))
        last_id, _ = logins.log_in(session, cast.mia)
        logins.log_in(session, cast.olga)
        sessions.end(session, ended_id, "signed out")
        assert cast.mia.user_id
        listed = sessions.list_live(session, cast.mia.user_id)
        assert [row.id for row in listed] == [last_id, first_id]


def test_one_of_two_concurrent_redemptions_succeeds(cast: Cast) -> None:
    assert cast.mia.user_id
    for _ in range(10):
        ticket = sessions.new_token()
        db.run(sessions.start, cast.mia.user_id, ticket, device="", ip_address="")
        together = Barrier(2)

        def redeem(token: str, ticket: str = ticket, together: Barrier = together) -> bool:
            together.wait()
            return db.run(sessions.redeem, ticket, token) is not None

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(redeem, [f"{ticket} one", f"{ticket} other"])) == [False, True]


LONG_AGO = datetime(2026, 1, 5, tzinfo=UTC)


def last_active(session: SqlSession, org: Organization) -> datetime:
    row = session.get_one(Organization, org.id, populate_existing=True)
    return row.last_active_at


def make_inactive(session: SqlSession) -> None:
    session.execute(
        update(Organization)
        .values(last_active_at=LONG_AGO)
        .execution_options(unrecorded=True, synchronize_session=False)
    )


class TestActivity:
    def test_signing_in_makes_an_organization_active(
        self, session: SqlSession, cast: Cast, clock: Clock
    ) -> None:
        make_inactive(session)
        logins.log_in(session, cast.mia)
        assert last_active(session, cast.acme) == clock.now()
        assert last_active(session, cast.otto_ltd) == LONG_AGO

    def test_working_on_keeps_it_active(
        self, session: SqlSession, cast: Cast, clock: Clock
    ) -> None:
        found = sessions.find(session, logins.log_in(session, cast.mia).token)
        assert found is not None
        clock.turn(timedelta(hours=2))
        sessions.touch(session, found)
        assert last_active(session, cast.acme) == clock.now()

    def test_it_is_written_once_an_hour(
        self, session: SqlSession, cast: Cast, clock: Clock
    ) -> None:
        mia, adam = cast.mia.user_id, cast.adam.user_id
        make_inactive(session)
        sessions.record_activity(session, mia)
        before = last_active(session, cast.acme)
        clock.turn(timedelta(minutes=59))
        sessions.record_activity(session, adam)
        assert last_active(session, cast.acme) == before
        clock.turn(timedelta(minutes=1))
        sessions.record_activity(session, adam)
        assert last_active(session, cast.acme) == clock.now()

    def test_staff_do_not_make_it_active(self, session: SqlSession, cast: Cast) -> None:
        make_inactive(session)
        logins.log_in(session, cast.ada)
        assert last_active(session, cast.acme) == LONG_AGO

    def test_it_is_not_recorded_in_history(self, cast: Cast) -> None:
        written: list[str] = []
        event.listen(
            db.engine(), "before_cursor_execute", lambda *a: written.append(a[2].split()[0])
        )
        db.run(sessions.record_activity, cast.mia.user_id)
        assert "INSERT" not in written

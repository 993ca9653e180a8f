from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from core.access.permissions import Action, access
from core.accounts import email_links
from core.audit import history
from core.base import clock as core_clock
from core.base import crypto
from core.database import db, job_locks
from core.mail import outbox
from core.members import membership_rows
from core.models import (
    Base,
    Entry,
    FormerMembership,
    Invitation,
    InvitationStatus,
    Link,
    Logo,
    Mail,
    Membership,
    Organization,
    Role,
    Throttle,
    User,
)
from core.models import Session as SignedIn
from core.ops import cleanup
from tests.conftest import Clock
from tests.support.cast import Cast

DAY = timedelta(days=1)


def count(kind: type[Base]) -> int:
    with db.read() as session:
        return session.scalar(select(func.count()).select_from(kind)) or 0


def keep_next_time(clock: Clock, after: timedelta) -> int:
    clock.turn(after)
    return cleanup.keep()


def is_sound() -> bool:
    with db.read() as session:
        return isinstance(next(iter(history.verify(session))), history.Verified)


def delete_acme(session, cast: Cast) -> None:
    org = access(session, cast.olga, cast.acme.id, Action.DELETE)
    org.deleted_at = core_clock.now()
    history.record(session, cast.olga, org, "organization.deleted", org)


def give_logo(session, *org_ids: int) -> None:
    session.add(Logo(digest="d" * 64, png=b"png", thumbnail=b"png", created_at=core_clock.now()))
    session.flush()
    session.execute(
        update(Organization)
        .where(Organization.id.in_(org_ids))
        .values(logo="d" * 64)
        .execution_options(unrecorded=True)
    )


def claim() -> bool:
    return job_locks.claim(cleanup.JOB, next_at=core_clock.now() + cleanup.EVERY)


class TestTurns:
    def test_the_house_is_kept_once_an_hour(self, engine, clock: Clock):
        assert claim()
        assert not claim()
        clock.turn(cleanup.EVERY)
        assert claim()

    def test_of_several_processes_one_has_the_turn(self, engine, clock: Clock):
        with ThreadPoolExecutor(4) as pool:
            turns = [pool.submit(claim) for _ in range(4)]
        assert [turn.result() for turn in turns].count(True) == 1

    def test_a_purge_that_fails_leaves_the_others_their_turn(
        self, cast, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog
    ):
        def collide(session) -> int:
            session.add(Organization(id=cast.acme.id))
            session.flush()
            return 0

        queued = db.run(outbox.enqueue, "alert_test", "olga@example.com", organization="Acme")
        monkeypatch.setattr(cleanup, "PURGES", (collide, cleanup.purge_mails))
        assert keep_next_time(clock, 31 * DAY) == 1
        assert queued.id
        assert count(Mail) == 0


class TestOrganizations:
    def test_a_deleted_one_goes_after_thirty_days_with_all_that_was_its_own(
        self, cast: Cast, clock: Clock
    ):
        db.run(give_logo, cast.acme.id)
        db.run(delete_acme, cast)
        keep_next_time(clock, 29 * DAY)
        assert count(Organization) == 2
        keep_next_time(clock, DAY)
        assert (count(Organization), count(Membership), count(Logo)) == (1, 1, 0)

    def test_its_end_is_in_history_and_the_chain_holds(self, cast: Cast, clock: Clock):
        db.run(delete_acme, cast)
        keep_next_time(clock, 30 * DAY)
        with db.read() as session:
            last = session.scalars(select(Entry).order_by(Entry.id.desc()).limit(1)).one()
        assert (last.event, last.actor_id) == ("organization.purged", None)
        assert last.org_id == cast.acme.id
        assert is_sound()

    def test_a_logo_that_another_one_shows_stays(self, cast: Cast, clock: Clock):
        db.run(give_logo, cast.acme.id, cast.otto_ltd.id)
        db.run(delete_acme, cast)
        keep_next_time(clock, 30 * DAY)
        assert (count(Organization), count(Logo)) == (1, 1)

    def test_a_live_one_stays(self, cast: Cast, clock: Clock):
        keep_next_time(clock, 400 * DAY)
        assert count(Organization) == 2


class TestAccounts:
    def unproven(self, session, email: str) -> int:
        user = User(
            email=email,
            email_key=email,
            name="Una",
            password_hash=None,
            staff=None,
            proven_at=None,
            disabled_at=None,
            created_at=core_clock.now(),
        )
        session.add(user)
        session.flush()
        history.record(session, cleanup.ORGDESK, user.id, "account.created", user)
        return user.id

    def test_an_unproven_one_goes_after_a_week(self, cast: Cast, clock: Clock):
        db.run(self.unproven, "una@example.com")
        keep_next_time(clock, 6 * DAY)
        assert count(User) == 9
        keep_next_time(clock, DAY)
        assert count(User) == 8
        assert is_sound()

    def test_history_keeps_nothing_private_of_it(self, cast: Cast, clock: Clock):
        db.run(self.unproven, "una@example.com")
        keep_next_time(clock, 7 * DAY)
        with db.read() as session:
            kept = str(session.scalars(select(Entry.changes)).all())
        assert "una@example.com" not in kept

    def test_one_that_belongs_somewhere_stays(self, cast: Cast, clock: Clock, caplog):
        user_id = db.run(self.unproven, "una@example.com")

        def join(session) -> None:
            org = access(session, cast.olga, cast.acme.id, Action.INVITE)
            membership = membership_rows.make(session, org, user_id, Role.MEMBER)
            history.record(session, cast.olga, org, "member.added", membership)

        db.run(join)
        keep_next_time(clock, 30 * DAY)
        assert count(User) == 9
        assert "ERROR" not in caplog.text


class TestRest:
    def add_session(self, session, user_id: int) -> None:
        now = core_clock.now()
        session.add(
            SignedIn(
                user_id=user_id,
                token_hash="t" * 64,
                password_epoch=0,
                device="a browser",
                ip_address="127.0.0.1",
                created_at=now,
                last_seen_at=now,
                expires_at=now + timedelta(hours=12),
            )
        )

    def test_dead_sessions_go(self, cast: Cast, clock: Clock):
        db.run(self.add_session, cast.olga.user_id)
        keep_next_time(clock, timedelta(hours=35))
        assert count(SignedIn) == 1
        keep_next_time(clock, timedelta(hours=1))
        assert count(SignedIn) == 0

    def test_expired_links_go(self, cast: Cast, clock: Clock):
        db.run(email_links.make, "reset", "olga@example.com", email_links.RESETS_FOR, user_id=1)
        keep_next_time(clock, timedelta(hours=2))
        assert count(Link) == 1
        keep_next_time(clock, DAY)
        assert count(Link) == 0

    def test_old_throttles_go(self, engine, clock: Clock):
        db.run(lambda session: session.add(Throttle(key="k", hits=1, ends_at=clock.now())))
        keep_next_time(clock, timedelta(hours=1))
        assert count(Throttle) == 0

    def test_former_memberships_go_after_ninety_days(self, cast: Cast, clock: Clock):
        def remove(session) -> None:
            org = access(session, cast.olga, cast.acme.id, Action.REMOVE_MEMBERS)
            membership = membership_rows.get(session, org, cast.mia.user_id or 0)
            membership_rows.end(session, org, membership)
            history.record(session, cast.olga, org, "member.removed", membership)

        db.run(remove)
        keep_next_time(clock, 89 * DAY)
        assert count(FormerMembership) == 1
        keep_next_time(clock, DAY)
        assert count(FormerMembership) == 0

    def test_mails_go_after_thirty_days_in_small_batches(
        self, engine, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(cleanup, "BATCH", 2)
        for _ in range(5):
            db.run(outbox.enqueue, "alert_test", "olga@example.com", organization="Acme")
        assert keep_next_time(clock, 29 * DAY) == 0
        assert keep_next_time(clock, DAY) == 5

    def test_it_stops_when_told(self, engine, clock: Clock):
        db.run(outbox.enqueue, "alert_test", "olga@example.com", organization="Acme")
        clock.turn(31 * DAY)
        stopped: Callable[[], bool] = lambda: True  # noqa: E731
        assert cleanup.keep(stopped) == 0

    def test_invitations_stay_listed(self, cast: Cast, clock: Clock):
        def invite(session) -> None:
            org = access(session, cast.olga, cast.acme.id, Action.INVITE)
            invitation = Invitation(
                org_id=org.id,
                email="new@example.com",
                email_key="new@example.com",
                role=Role.MEMBER,
                status=InvitationStatus.PENDING,
                invited_by=cast.olga.user_id,
                nonce=crypto.new_nonce(),
                token_hash="i" * 64,
                created_at=clock.now(),
                sent_at=clock.now(),
                expires_at=clock.now() + timedelta(hours=72),
                answered_at=None,
            )
            session.add(invitation)
            session.flush()
            history.record(session, cast.olga, org, "invitation.sent", invitation)

        db.run(invite)
        keep_next_time(clock, 400 * DAY)
        assert count(Invitation) == 1

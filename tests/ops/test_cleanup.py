"""Cleanup: what is purged, when, and by which process."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from core import models
from core.access.permissions import Action, access
from core.accounts import email_links
from core.audit import history, verification
from core.base import crypto
from core.changes import changes
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
from core.ops import cleanup
from core.profile import logos
from core.profile.logos import CleanLogo
from tests.conftest import Clock
from tests.support.cast import Cast

DAY = timedelta(days=1)


def count(model: type[Base]) -> int:
    with db.read() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def run_after(clock: Clock, after: timedelta) -> int:
    clock.turn(after)
    return cleanup.run_due()


def is_history_intact() -> bool:
    with db.read() as session:
        return isinstance(next(iter(verification.verify(session))), verification.Verified)


def delete_acme(session, cast: Cast, clock: Clock) -> None:
    org = access(session, cast.olga, cast.acme.id, Action.DELETE)
    org.deleted_at = clock.now()
    history.record(session, cast.olga, org, "organization.deleted", org)


def give_logo(session, clock: Clock, *org_ids: int) -> None:
    session.add(Logo(digest="d" * 64, png=b"png", thumbnail=b"png", created_at=clock.now()))
    session.flush()
    session.execute(
        update(Organization)
        .where(Organization.id.in_(org_ids))
        .values(logo="d" * 64)
        .execution_options(unrecorded=True)
    )


def claim(clock: Clock) -> bool:
    return job_locks.claim(cleanup.JOB, next_at=clock.now() + cleanup.INTERVAL)


class TestSchedule:
    def test_it_runs_once_an_hour(self, engine, clock: Clock):
        assert claim(clock)
        assert not claim(clock)
        clock.turn(cleanup.INTERVAL)
        assert claim(clock)

    def test_only_one_of_several_processes_runs_it(self, engine, clock: Clock):
        with ThreadPoolExecutor(4) as pool:
            claims = [pool.submit(claim, clock) for _ in range(4)]
        assert [claim.result() for claim in claims].count(True) == 1

    def test_the_others_run_even_if_one_purge_fails(
        self, cast, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog
    ):
        def collide(session) -> int:
            session.add(Organization(id=cast.acme.id))
            session.flush()
            return 0

        queued = db.run(outbox.enqueue, "alert_test", "olga@example.com", organization="Acme")
        monkeypatch.setattr(cleanup, "PURGES", (collide, cleanup.purge_mails))
        assert run_after(clock, 31 * DAY) == 1
        assert queued.id
        assert count(Mail) == 0


class TestOrganizations:
    def test_a_deleted_one_is_purged_after_30_days_with_everything_it_owns(
        self, cast: Cast, clock: Clock
    ):
        db.run(give_logo, clock, cast.acme.id)
        db.run(delete_acme, cast, clock)
        run_after(clock, 29 * DAY)
        assert count(Organization) == 2
        run_after(clock, DAY)
        assert (count(Organization), count(Membership), count(Logo)) == (1, 1, 0)

    def test_history_records_it_and_stays_intact(self, cast: Cast, clock: Clock):
        db.run(delete_acme, cast, clock)
        run_after(clock, 30 * DAY)
        with db.read() as session:
            last = session.scalars(select(Entry).order_by(Entry.id.desc()).limit(1)).one()
        assert (last.event, last.actor_id) == ("organization.purged", None)
        assert last.org_id == cast.acme.id
        assert is_history_intact()

    def test_a_shared_logo_is_kept(self, cast: Cast, clock: Clock):
        db.run(give_logo, clock, cast.acme.id, cast.otto_ltd.id)
        db.run(delete_acme, cast, clock)
        run_after(clock, 30 * DAY)
        assert (count(Organization), count(Logo)) == (1, 1)

    def test_a_logo_that_another_organization_can_have_back_is_kept(self, cast: Cast, clock: Clock):
        """Its history names the picture, so that the removal can be undone."""
        logo = CleanLogo(b"png", b"small", "d" * 64)
        db.run(logos.set_logo, cast.otto, cast.otto_ltd.id, logo)
        db.run(logos.remove_logo, cast.otto, cast.otto_ltd.id)
        db.run(logos.set_logo, cast.olga, cast.acme.id, logo)
        db.run(delete_acme, cast, clock)
        run_after(clock, 31 * DAY)
        assert (count(Organization), count(Logo)) == (1, 1)
        with db.read() as session:
            removal = select(Entry.id).where(Entry.event == "logo.removed")
            entry_id = session.scalars(removal).one()
        db.run(changes.undo, cast.otto, entry_id)
        with db.read() as session:
            assert session.get_one(Organization, cast.otto_ltd.id).logo == logo.digest

    def test_a_live_one_is_kept(self, cast: Cast, clock: Clock):
        run_after(clock, 400 * DAY)
        assert count(Organization) == 2


class TestAccounts:
    def unconfirmed(self, session, email: str, clock: Clock) -> int:
        user = User(
            email=email,
            email_key=email,
            name="Una",
            password_hash=None,
            staff=None,
            proven_at=None,
            disabled_at=None,
            created_at=clock.now(),
        )
        session.add(user)
        session.flush()
        history.record(session, cleanup.ORGDESK, user.id, "account.created", user)
        return user.id

    def test_an_unconfirmed_one_is_purged_after_a_week(self, cast: Cast, clock: Clock):
        db.run(self.unconfirmed, "una@example.com", clock)
        run_after(clock, 6 * DAY)
        assert count(User) == 9
        run_after(clock, DAY)
        assert count(User) == 8
        assert is_history_intact()

    def test_history_keeps_no_personal_data_of_it(self, cast: Cast, clock: Clock):
        db.run(self.unconfirmed, "una@example.com", clock)
        run_after(clock, 7 * DAY)
        with db.read() as session:
            kept = str(session.scalars(select(Entry.changes)).all())
        assert "una@example.com" not in kept

    def test_one_with_a_membership_is_kept(self, cast: Cast, clock: Clock, caplog):
        user_id = db.run(self.unconfirmed, "una@example.com", clock)

        def join(session) -> None:
            org = access(session, cast.olga, cast.acme.id, Action.INVITE)
            membership = membership_rows.make(session, org, user_id, Role.MEMBER)
            history.record(session, cast.olga, org, "member.added", membership)

        db.run(join)
        run_after(clock, 30 * DAY)
        assert count(User) == 9
        assert "ERROR" not in caplog.text


class TestOtherRows:
    def add_session(self, session, user_id: int, clock: Clock) -> None:
        now = clock.now()
        session.add(
            models.Session(
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

    def test_expired_sessions_are_purged(self, cast: Cast, clock: Clock):
        db.run(self.add_session, cast.olga.user_id, clock)
        run_after(clock, timedelta(hours=35))
        assert count(models.Session) == 1
        run_after(clock, timedelta(hours=1))
        assert count(models.Session) == 0

    def test_expired_links_are_purged(self, cast: Cast, clock: Clock):
        db.run(email_links.create, "reset", "olga@example.com", email_links.RESET_TTL, user_id=1)
        run_after(clock, timedelta(hours=2))
        assert count(Link) == 1
        run_after(clock, DAY)
        assert count(Link) == 0

    def test_old_throttles_are_purged(self, engine, clock: Clock):
        db.run(lambda session: session.add(Throttle(key="k", hits=1, ends_at=clock.now())))
        run_after(clock, timedelta(hours=1))
        assert count(Throttle) == 0

    def test_former_memberships_are_purged_after_90_days(self, cast: Cast, clock: Clock):
        def remove(session) -> None:
            org = access(session, cast.olga, cast.acme.id, Action.REMOVE_MEMBERS)
            membership = membership_rows.get(session, org, cast.mia.user_id or 0)
            membership_rows.end(session, org, membership)
            history.record(session, cast.olga, org, "member.removed", membership)

        db.run(remove)
        run_after(clock, 89 * DAY)
        assert count(FormerMembership) == 1
        run_after(clock, DAY)
        assert count(FormerMembership) == 0

    def test_mails_are_purged_after_30_days_in_small_batches(
        self, engine, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(cleanup, "BATCH_SIZE", 2)
        for _ in range(5):
            db.run(outbox.enqueue, "alert_test", "olga@example.com", organization="Acme")
        assert run_after(clock, 29 * DAY) == 0
        assert run_after(clock, DAY) == 5

    def test_it_stops_on_request(self, engine, clock: Clock):
        db.run(outbox.enqueue, "alert_test", "olga@example.com", organization="Acme")
        clock.turn(31 * DAY)
        stopped: Callable[[], bool] = lambda: True  # noqa: E731
        assert cleanup.run_due(stopped) == 0

    def test_invitations_are_kept(self, cast: Cast, clock: Clock):
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
        run_after(clock, 400 * DAY)
        assert count(Invitation) == 1

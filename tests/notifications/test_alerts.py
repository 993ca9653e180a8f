"""Alerts: their causes, texts and grouping, and the choice of owners."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select

from core.access.permissions import Actor
from core.accounts import accounts
from core.audit import history
from core.base import settings
from core.base.errors import DomainError, NotPermitted, TooManyAttempts
from core.changes import changes
from core.changes.cells import ORGANIZATION, Cell
from core.database import db
from core.mail import delivery, digests, outbox
from core.members import invitations, members, ownership
from core.models import Alert, Digest, DigestItem, Entry, Mail, Organization, Role, Stage
from core.notifications import alerts, dispatch
from core.onboarding import onboarding
from core.organizations import organizations
from core.profile import profile
from core.staff import impersonation
from tests.conftest import Clock
from tests.support.cast import Cast, email
from tests.support.mailbox import receive

ADDRESS = "alerts@acme.example"
LIMIT = 4


@pytest.fixture(autouse=True)
def address(engine: Engine, cast: Cast, clock: Clock) -> None:
    """Give Acme a confirmed alert address."""
    set_address(cast.acme, ADDRESS)


def set_address(org: Organization, address: str | None, **values: object) -> None:
    with db.Session(db.writing_engine()) as session, session.begin():
        row = session.get_one(Organization, org.id)
        for field, value in {"alert_email": address, **values}.items():
            setattr(row, field, value)


def do(use_case: Callable[..., Any], actor: Actor, *args: Any, **options: Any) -> Any:
    return db.run(use_case, actor, *args, **options)


def change_role(cast: Cast, person: Actor, role: Role) -> None:
    do(members.change_role, cast.olga, cast.acme.id, person.user_id, role)


def save(cast: Cast, actor: Actor, **typed: str) -> None:
    with db.read() as session:
        shown = profile.form_texts(session.get_one(Organization, cast.acme.id))
    do(profile.save, actor, cast.acme.id, shown, shown | typed)


def dispatch_alerts(clock: Clock) -> list[Mail]:
    """Dispatch everything and return the queued alert mails, oldest first."""
    dispatch.run_due()
    clock.turn(digests.DELAY)
    dispatch.run_due()
    with db.read() as session:
        wanted = select(Mail).where(Mail.template == "alerts").order_by(Mail.id)
        return list(session.scalars(wanted).all())


def titles(mails: list[Mail]) -> list[str]:
    return [line["title"] for each in mails for line in each.context["lines"]]


class TestAlerts:
    def test_an_owner_added(self, cast: Cast, clock: Clock):
        change_role(cast, cast.adam, Role.OWNER)
        (alert,) = dispatch_alerts(clock)
        assert alert.recipient == ADDRESS
        assert alert.context["lines"] == [
            {
                "title": "Adam became an owner",
                "detail": "Previously admin. By Olga.",
                "page": f"members?org={cast.acme.public_id}",
            }
        ]

    def test_owners_demoted_and_removed(self, cast: Cast, clock: Clock):
        change_role(cast, cast.adam, Role.OWNER)
        change_role(cast, cast.mia, Role.OWNER)
        change_role(cast, cast.adam, Role.MEMBER)
        do(members.remove, cast.olga, cast.acme.id, cast.mia.user_id, reason="Left\nus.")
        (alert,) = dispatch_alerts(clock)
        lowered, removed = alert.context["lines"][2:]
        assert lowered["title"] == "Adam is no longer an owner"
        assert lowered["detail"] == "Now member. By Olga."
        assert removed["title"] == "Mia is no longer an owner"
        assert removed["detail"] == "By Olga. Reason: Left us."

    def test_a_higher_role_but_no_lower_one(self, cast: Cast, clock: Clock):
        change_role(cast, cast.mia, Role.ADMIN)
        change_role(cast, cast.mia, Role.MEMBER)
        assert titles(dispatch_alerts(clock)) == ["Mia became an admin"]

    def test_contact_data(self, cast: Cast, clock: Clock):
        save(cast, cast.olga, phone="+1 507 284 2511", overview="We heal.")
        (alert,) = dispatch_alerts(clock)
        (line,) = alert.context["lines"]
        assert line["title"] == "Phone changed"
        assert line["detail"] == "(empty) → +1 507-284-2511. By Olga."

    def test_a_move_with_its_reason(self, cast: Cast, clock: Clock):
        do(onboarding.flag, cast.sam, [cast.acme.id])
        do(
            onboarding.move,
            cast.sam,
            cast.acme.id,
            Stage.FREE,
            from_stage=Stage.ONBOARDING,
            reason="Paused.",
        )
        assert titles(dispatch_alerts(clock)) == [
            "Stage changed to onboarding",
            "Stage changed to free",
        ]

    def test_a_new_address_before_it_is_confirmed_and_after(self, cast: Cast, clock: Clock):
        save(cast, cast.olga, alert_email="new@acme.example")
        (alert,) = dispatch_alerts(clock)
        assert alert.recipient == ADDRESS
        assert titles([alert]) == ["Alert email address (not confirmed) changed"]

    def test_a_transfer_is_about_both_owners(self, cast: Cast, clock: Clock):
        handover = do(ownership.offer, cast.olga, cast.acme.id, cast.adam.user_id)
        do(ownership.accept, cast.adam, cast.acme.id, handover.id)
        assert titles(dispatch_alerts(clock)) == [
            "Adam became an owner",
            "Olga is no longer an owner",
        ]

    def test_an_impersonation(self, cast: Cast, clock: Clock):
        do(impersonation.start, cast.ada, cast.acme.id, reason="Olga asked on the phone.")
        (alert,) = dispatch_alerts(clock)
        (line,) = alert.context["lines"]
        assert line["title"] == "An Orgdesk administrator is acting as an owner"
        assert line["detail"] == "By Ada. Reason: Olga asked on the phone."

    def test_the_deletion_of_the_organization(self, cast: Cast, clock: Clock):
        do(organizations.delete, cast.olga, cast.acme.id, name="Acme")
        assert titles(dispatch_alerts(clock)) == ["The organization was deleted"]

    def test_other_changes_cause_no_alerts(self, cast: Cast, clock: Clock):
        do(profile.confirm, cast.olga, cast.acme.id)
        do(invitations.invite, cast.olga, cast.acme.id, "new@example.com")
        do(members.remove, cast.olga, cast.acme.id, cast.mia.user_id)
        assert dispatch_alerts(clock) == []

    def test_without_an_address_there_are_no_alerts(self, cast: Cast, clock: Clock):
        set_address(cast.acme, None)
        change_role(cast, cast.adam, Role.OWNER)
        assert dispatch_alerts(clock) == []
        with db.read() as session:
            assert session.scalars(select(DigestItem)).all() == []

    def test_the_previous_address_is_informed_of_the_new_one(self, cast: Cast, clock: Clock):
        save(cast, cast.olga, alert_email="new@acme.example")

        def confirm(session):
            org = session.get_one(Organization, cast.acme.id)
            org.alert_email, org.alert_email_new = org.alert_email_new, None
            history.record(session, cast.olga, org, "alert_email.confirmed", org)

        db.run(confirm)
        dispatch_alerts(clock)
        with db.read() as session:
            moved = session.scalars(select(Mail).where(Mail.template == "alert_moved")).one()
        assert (moved.recipient, moved.context["now"]) == (ADDRESS, "new@acme.example")


class TestLockouts:
    def lock(self, address: str) -> None:
        for _ in range(6):
            try:
                accounts.authenticate(address, "wrong", origin="203.0.113.9")
            except TooManyAttempts:
                return

    def test_the_organizations_of_an_owner_get_one_alert(self, cast: Cast, clock: Clock):
        self.lock(email(cast.olga))
        with pytest.raises(TooManyAttempts):
            accounts.authenticate(email(cast.olga), "wrong", origin="203.0.113.9")
        (alert,) = dispatch_alerts(clock)
        assert titles([alert]) == ["Login blocked for Olga, an owner"]
        assert "203.0.113.9" in alert.context["lines"][0]["detail"]

    @pytest.mark.parametrize("whose", ["mia@example.com", "nobody@example.com"])
    def test_lockouts_of_others_cause_no_alerts(self, clock: Clock, whose: str):
        self.lock(whose)
        assert dispatch_alerts(clock) == []
        with db.read() as session:
            assert session.scalars(select(DigestItem)).all() == []


class TestInvitations:
    def test_an_undeliverable_invitation(
        self, cast: Cast, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ):
        do(invitations.invite, cast.olga, cast.acme.id, "gone@example.com")
        with receive() as server:
            monkeypatch.setenv("SMTP_URL", server.url)
            settings.settings.cache_clear()
            server.responses["RCPT"] = "550 5.1.1 No such user"
            delivery.run_due()
        (alert,) = dispatch_alerts(clock)
        (line,) = alert.context["lines"]
        assert line["title"] == "The invitation to gone@example.com can't be delivered"
        assert line["detail"] == "Server response: 550 5.1.1 No such user"


class TestGrouping:
    def test_changes_within_seconds_are_one_mail(self, cast: Cast, clock: Clock):
        change_role(cast, cast.mia, Role.ADMIN)
        dispatch.run_due()
        clock.turn(timedelta(seconds=3))
        change_role(cast, cast.adam, Role.OWNER)
        (alert,) = dispatch_alerts(clock)
        assert titles([alert]) == ["Mia became an admin", "Adam became an owner"]
        assert alert.context["headline"] == "2 alerts"

    def test_there_is_at_most_one_mail_a_minute(self, cast: Cast, clock: Clock):
        change_role(cast, cast.mia, Role.ADMIN)
        assert len(dispatch_alerts(clock)) == 1
        for role in (Role.MEMBER, Role.ADMIN) * 8:
            change_role(cast, cast.mia, role)
            dispatch_alerts(clock)
        clock.turn(timedelta(minutes=1))
        first, second, third = (each.created_at for each in dispatch_alerts(clock))
        assert min(second - first, third - second) >= digests.ALERT_INTERVAL
        assert titles(dispatch_alerts(clock)) == ["Mia became an admin"] * 9

    def test_many_changes_are_one_mail_with_a_limit(
        self, cast: Cast, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(digests, "MAX_ITEMS", LIMIT)
        for role in (Role.ADMIN, Role.MEMBER) * (LIMIT + 3):
            change_role(cast, cast.mia, role)
        (alert,) = dispatch_alerts(clock)
        assert (len(alert.context["lines"]), alert.context["more"]) == (LIMIT, 3)

    def test_changes_accumulate_while_a_mail_is_unsent(
        self, cast: Cast, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setenv("SMTP_URL", "smtp://127.0.0.1:9")
        settings.settings.cache_clear()
        change_role(cast, cast.mia, Role.ADMIN)
        (first,) = dispatch_alerts(clock)
        for role in (Role.MEMBER, Role.ADMIN, Role.OWNER):
            change_role(cast, cast.mia, role)
            clock.turn(timedelta(minutes=2))
            assert len(dispatch_alerts(clock)) == 1
        with db.Session(db.writing_engine()) as session, session.begin():
            session.get_one(Mail, first.id).due_at = None
        clock.turn(timedelta(minutes=2))
        assert titles(dispatch_alerts(clock)[1:]) == ["Mia became an admin", "Mia became an owner"]

    def test_many_recipients_take_several_batches(
        self, cast: Cast, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(digests, "BATCH_SIZE", 1)
        monkeypatch.setattr(digests, "MAX_BATCHES", 1)
        set_address(cast.otto_ltd, "alerts@otto.example")
        do(alerts.choose, cast.olga, cast.acme.id, [])
        do(alerts.choose, cast.otto, cast.otto_ltd.id, [])
        assert len(dispatch_alerts(clock)) == 1
        dispatch.run_due()
        assert len(dispatch_alerts(clock)) == 2


class TestChoice:
    def test_alerts_turned_off_are_not_sent(self, cast: Cast, clock: Clock):
        do(alerts.choose, cast.olga, cast.acme.id, [Alert.OWNERS, Alert.CONTACT])
        dispatch_alerts(clock)
        clock.turn(timedelta(minutes=2))
        change_role(cast, cast.mia, Role.ADMIN)
        change_role(cast, cast.mia, Role.OWNER)
        assert titles(dispatch_alerts(clock)[1:]) == ["Mia became an owner"]

    def test_changes_of_the_choice_are_always_sent(self, cast: Cast, clock: Clock):
        do(alerts.choose, cast.olga, cast.acme.id, [])
        (alert,) = dispatch_alerts(clock)
        (line,) = alert.context["lines"]
        assert line["title"] == "Alert settings changed"
        assert "Turned off: owners, roles" in line["detail"]

    def test_turning_off_does_not_hide_earlier_changes(self, cast: Cast, clock: Clock):
        change_role(cast, cast.mia, Role.OWNER)
        do(alerts.choose, cast.olga, cast.acme.id, [])
        assert titles(dispatch_alerts(clock))[0] == "Mia became an owner"

    def test_saving_the_same_choice_changes_nothing(self, cast: Cast):
        org = do(alerts.choose, cast.olga, cast.acme.id, list(Alert))
        assert org.alerts_off is None
        assert alerts.list_enabled(org) == list(Alert)
        with db.read() as session:
            assert session.scalars(select(Entry)).all() == []

    def test_only_owners_can_choose(self, cast: Cast):
        with pytest.raises(NotPermitted):
            do(alerts.choose, cast.adam, cast.acme.id, [])

    def test_all_alerts_fit_in_the_column(self, cast: Cast):
        org = do(alerts.choose, cast.olga, cast.acme.id, [])
        assert len(org.alerts_off) <= 100
        assert alerts.list_enabled(org) == []
        assert set(alerts.LABELS) == set(Alert)


class TestUndone:
    """What is undone before its alert is mailed."""

    def undo(self, actor: Actor, *, only: str = "") -> None:
        """Undo the last change, or only one of its fields."""
        cells = {Cell(ORGANIZATION, only)} if only else None
        with db.read() as session:
            last = session.scalars(select(Entry.id).order_by(Entry.id.desc()).limit(1)).one()
        do(changes.undo, actor, last, only=cells, reason="By mistake.")

    @pytest.mark.parametrize("is_read_between", [False, True])
    def test_no_one_hears_of_either(self, cast: Cast, clock: Clock, *, is_read_between: bool):
        for act in (
            lambda: save(cast, cast.olga, phone="+1 507 284 2511"),
            lambda: change_role(cast, cast.adam, Role.OWNER),
            lambda: change_role(cast, cast.mia, Role.ADMIN),  # whose undo alone causes no alert
        ):
            act()
            if is_read_between:
                dispatch.run_due()
            self.undo(cast.olga)
        assert dispatch_alerts(clock) == []

    def test_an_alert_that_was_mailed_is_followed_by_that_of_the_undo(
        self, cast: Cast, clock: Clock
    ):
        save(cast, cast.olga, phone="+1 507 284 2511")
        dispatch_alerts(clock)
        self.undo(cast.olga)
        clock.turn(digests.ALERT_INTERVAL)
        details = [mail.context["lines"][0]["detail"] for mail in dispatch_alerts(clock)]
        assert details == [
            "(empty) → +1 507-284-2511. By Olga.",
            "+1 507-284-2511 → (empty). By Olga. Reason: By mistake.",
        ]

    def test_what_was_not_undone_is_told(self, cast: Cast, clock: Clock):
        save(cast, cast.olga, phone="+1 507 284 2511", website="acme.example")
        self.undo(cast.olga, only="phone")
        assert titles(dispatch_alerts(clock)) == ["Public website changed"]

    def test_a_redo_is_told_once(self, cast: Cast, clock: Clock):
        save(cast, cast.olga, phone="+1 507 284 2511")
        self.undo(cast.olga)
        self.undo(cast.olga)
        assert titles(dispatch_alerts(clock)) == ["Phone changed"]

    def test_what_is_always_sent_is_sent(self, cast: Cast, clock: Clock):
        """Otherwise a change while alerts are off could be hidden by turning them on again."""
        do(alerts.choose, cast.olga, cast.acme.id, [Alert.OWNERS])
        self.undo(cast.olga)
        assert titles(dispatch_alerts(clock)) == ["Alert settings changed"] * 2


class TestSafety:
    def test_a_refused_transaction_causes_no_alerts(self, cast: Cast, clock: Clock):
        def refused(session):
            members.change_role(session, cast.olga, cast.acme.id, cast.mia.user_id, Role.ADMIN)
            outbox.enqueue(session, "alert_test", ADDRESS, organization="Acme")
            raise DomainError("No.")

        with pytest.raises(DomainError):
            db.run(refused)
        assert dispatch_alerts(clock) == []
        with db.read() as session:
            assert session.scalars(select(Mail)).all() == []

    @pytest.mark.parametrize("step", ["_dispatch_chains", "_run_batch"])
    def test_a_crash_leaves_everything_to_the_next_process(
        self, cast: Cast, clock: Clock, step: str
    ):
        module = dispatch if step == "_dispatch_chains" else digests
        change_role(cast, cast.mia, Role.ADMIN)
        if step == "_run_batch":
            dispatch.run_due()
            clock.turn(digests.DELAY)
        with db.transaction() as session:
            assert getattr(module, step)(session)
            session.rollback()
        assert titles(dispatch_alerts(clock)) == ["Mia became an admin"]

    def test_several_processes_dispatch_everything_once(self, cast: Cast, clock: Clock):
        set_address(cast.otto_ltd, "alerts@otto.example")

        def act(turn: int) -> None:
            role = Role.ADMIN if turn % 2 == 0 else Role.MEMBER
            change_role(cast, cast.mia, role)
            do(
                alerts.choose,
                cast.otto,
                cast.otto_ltd.id,
                [Alert.ROLES] if turn % 2 else [Alert.STAGE],
            )

        with ThreadPoolExecutor(4) as pool:
            watching = [pool.submit(dispatch_repeatedly, 25) for _ in range(3)]
            for turn in range(10):
                act(turn)
            for each in watching:
                each.result()
        mails = dispatch_alerts(clock)
        assert titles(mails).count("Mia became an admin") == 5
        assert titles(mails).count("Alert settings changed") == 10
        with db.read() as session:
            assert session.scalars(select(DigestItem)).all() == []
            assert session.scalars(select(Digest.due_at)).all() == [None, None]


def dispatch_repeatedly(times: int) -> None:
    for _ in range(times):
        dispatch.run_due()

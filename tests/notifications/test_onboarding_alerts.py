"""Onboarding digests: moves for owners, requests, checks and daily reports for sales reps."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from core.access.permissions import Actor, lock_user_or_none
from core.audit import history
from core.changes import changes
from core.database import change_tracking, db
from core.mail import digests, messages
from core.members import account_access, members
from core.models import DigestItem, Entry, Lock, Mail, Membership, Organization, Role, Stage, User
from core.notifications import dispatch, onboarding_alerts
from core.onboarding import onboarding
from core.onboarding.onboarding import Plan
from core.profile import profile
from tests.conftest import Clock
from tests.support.cast import Cast, add_owners, email

NAMES = ("olga", "oda", "sam", "ada")
FREE, ONBOARDING, PREPRODUCTION = Stage.FREE, Stage.ONBOARDING, Stage.PREPRODUCTION


@pytest.fixture(autouse=True)
def fixed_clock(engine: Engine, clock: Clock) -> None:
    """Start every test at noon on a Monday."""


def do(use_case: Callable[..., Any], actor: Actor, *args: Any, **options: Any) -> Any:
    return db.run(use_case, actor, *args, **options)


def dispatch_digests(clock: Clock, person: Actor) -> list[Mail]:
    """Dispatch everything and return the digests of a person, oldest first."""
    dispatch.run_due()
    clock.turn(digests.DELAY)
    dispatch.run_due()
    with db.read() as session:
        wanted = select(Mail).where(Mail.template == "digest", Mail.recipient == email(person))
        return list(session.scalars(wanted.order_by(Mail.id)).all())


def titles(mails: list[Mail]) -> list[str]:
    return [line["title"] for each in mails for line in each.context["lines"]]


def change(org: Organization, **values: object) -> None:
    """Change an organization directly, without a use case."""
    with db.Session(db.writing_engine()) as session, session.begin():
        row = session.get_one(Organization, org.id)
        for field, value in values.items():
            setattr(row, field, value)


def flag(cast: Cast, rep: Actor, **plan: Any) -> None:
    do(onboarding.flag, rep, [cast.acme.id], Plan(rep_id=rep.user_id, **plan))


def save_profile(cast: Cast, actor: Actor, **typed: str) -> None:
    with db.read() as session:
        shown = profile.form_texts(session.get_one(Organization, cast.acme.id))
    do(profile.save, actor, cast.acme.id, shown, shown | typed)


class TestOwners:
    def test_only_owners_get_moves(self, cast: Cast, clock: Clock):
        do(members.change_role, cast.olga, cast.acme.id, cast.adam.user_id, Role.OWNER)
        flag(cast, cast.sam)
        for owner in (cast.olga, cast.adam):
            (digest,) = dispatch_digests(clock, owner)
            assert digest.context["headline"] == "Acme moved to onboarding"
            (line,) = digest.context["lines"]
            assert line["detail"] == "Moved from free to onboarding."
            assert line["page"] == f"onboarding?org={cast.acme.public_id}"
        assert dispatch_digests(clock, cast.mia) == dispatch_digests(clock, cast.sam) == []

    def test_at_most_twenty_owners_get_a_move(self, cast: Cast):
        db.run(add_owners, cast.acme, count=25)
        flag(cast, cast.sam)
        dispatch.run_due()
        with db.read() as session:
            moved = session.scalars(
                select(DigestItem.reader).where(DigestItem.topic == digests.MOVED)
            ).all()
        assert len(moved) == 20

    def test_owners_get_the_reason_of_a_withdrawal(self, cast: Cast, clock: Clock):
        flag(cast, cast.sam)
        do(
            onboarding.move,
            cast.sam,
            cast.acme.id,
            FREE,
            from_stage=ONBOARDING,
            reason="Paused\nby you.",
        )
        (digest,) = dispatch_digests(clock, cast.olga)
        assert digest.context["lines"][1]["detail"].endswith("Reason: Paused by you.")

    def test_many_moves_are_one_mail_to_their_owner(
        self, cast: Cast, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(digests, "MAX_ITEMS", 4)
        many = digests.MAX_ITEMS + 3
        ids = db.run(create_organizations, cast.olga, many)
        do(onboarding.flag, cast.sam, ids)
        (digest,) = dispatch_digests(clock, cast.olga)
        first = digest.context["lines"][0]["title"].removesuffix(" moved to onboarding")
        others = f"{first} and {many - 1} others"
        assert digest.context["headline"] == f"{many} onboarding updates: {others}"
        assert (len(digest.context["lines"]), digest.context["more"]) == (digests.MAX_ITEMS, 3)

    def test_moves_are_grouped_for_ten_minutes(self, cast: Cast, clock: Clock):
        ids = db.run(create_organizations, cast.olga, 5)
        for org_id in ids:
            do(onboarding.flag, cast.sam, [org_id])
            dispatch_digests(clock, cast.olga)
        assert len(dispatch_digests(clock, cast.olga)) == 1
        clock.turn(digests.OWNER_INTERVAL)
        assert [len(each.context["lines"]) for each in dispatch_digests(clock, cast.olga)] == [1, 4]


def create_organizations(session, owner: Actor, many: int) -> list[int]:
    ids = []
    for number in range(many):
        org = Organization(
            public_id=f"ORG-{number}",
            name=f"Clinic {number}",
            name_key="clinic",
            search_text="clinic",
            stage_entered_at=onboarding_alerts.clock.now(),
            created_at=onboarding_alerts.clock.now(),
        )
        session.add(org)
        session.flush()
        membership = Membership(
            org_id=org.id, user_id=owner.user_id, role=Role.OWNER, joined_at=org.created_at
        )
        session.add(membership)
        history.record(session, owner, org, "organization.created", org, membership)
        ids.append(org.id)
    return ids


class TestRequests:
    def test_everyone_in_sales_gets_a_request(self, cast: Cast, clock: Clock):
        do(onboarding.request, cast.adam, cast.acme.id, note="In spring,\nplease.")
        for rep in (cast.sam, cast.sue):
            (digest,) = dispatch_digests(clock, rep)
            (line,) = digest.context["lines"]
            assert line["title"] == "Acme requested onboarding"
            assert line["detail"] == "They wrote: In spring, please."
        assert dispatch_digests(clock, cast.oda) == dispatch_digests(clock, cast.ada) == []

    def test_without_anyone_in_sales_administrators_get_a_request(
        self, cast: Cast, clock: Clock
    ) -> None:
        for person in (cast.sam, cast.sue):
            do(account_access.set_staff, cast.ada, person.user_id, None)
        do(onboarding.request, cast.olga, cast.acme.id, note="We are ready.")
        assert titles(dispatch_digests(clock, cast.ada)) == ["Acme requested onboarding"]

    def test_a_check_that_flips_is_one_line_with_its_last_state(
        self, cast: Cast, clock: Clock
    ) -> None:
        flag(cast, cast.sam)
        dispatch_digests(clock, cast.sam)
        for phone in ("+15072842511", "", "+15072842511", "", "+15072842511"):
            save_profile(cast, cast.olga, phone=phone, overview="We heal." if phone else "")
            dispatch.run_due()
        clock.turn(onboarding_alerts.REP_INTERVAL)
        told = titles(dispatch_digests(clock, cast.sam))
        assert told == ["Acme: Company overview added", "Acme: Phone number added"]

    def test_an_answered_request_is_not_reported(self, cast: Cast, clock: Clock):
        do(onboarding.request, cast.adam, cast.acme.id)
        flag(cast, cast.sam)
        assert dispatch_digests(clock, cast.sue) == []

    def test_a_rep_gets_one_digest_per_hour(self, cast: Cast, clock: Clock):
        do(onboarding.request, cast.adam, cast.acme.id)
        assert len(dispatch_digests(clock, cast.sam)) == 1
        do(onboarding.request, cast.otto, cast.otto_ltd.id)
        clock.turn(timedelta(minutes=50))
        assert len(dispatch_digests(clock, cast.sam)) == 1
        clock.turn(timedelta(minutes=10))
        assert titles(dispatch_digests(clock, cast.sam)) == [
            "Acme requested onboarding",
            "Otto Ltd requested onboarding",
        ]


def test_what_is_undone_before_it_is_mailed_is_told_to_no_one(cast: Cast, clock: Clock):
    do(onboarding.plan, cast.sam, cast.otto_ltd.id, Plan(cast.sam.user_id))

    def give_to_sue(session: Session) -> None:
        with change_tracking.because(session, run_id=1):  # of a run that was purged
            onboarding.plan(session, cast.ada, cast.otto_ltd.id, Plan(cast.sue.user_id))

    for person, act in (
        (cast.adam, lambda: do(onboarding.request, cast.adam, cast.acme.id)),
        (cast.sam, lambda: flag(cast, cast.sam)),
        (cast.ada, lambda: db.run(give_to_sue)),
    ):
        act()
        dispatch.run_due()
        with db.read() as session:
            last = session.scalars(select(Entry.id).order_by(Entry.id.desc()).limit(1)).one()
        do(changes.undo, person, last, reason="By mistake.")
    for person in (cast.olga, cast.sam, cast.sue, cast.ada):
        assert dispatch_digests(clock, person) == []
    with db.read() as session:
        assert session.scalars(select(DigestItem)).all() == []


class TestChecks:
    def test_the_rep_gets_checks_that_changed(self, cast: Cast, clock: Clock):
        flag(cast, cast.sam)
        dispatch_digests(clock, cast.sam)
        save_profile(cast, cast.olga, overview="We heal.", phone="+1 507 284 2511")
        (digest,) = dispatch_digests(clock, cast.sam)
        assert [(line["title"], line["detail"]) for line in digest.context["lines"]] == [
            ("Acme: Company overview added", "Check passed. 3 of 5 checks left."),
            ("Acme: Phone number added", "Check passed. 3 of 5 checks left."),
        ]
        save_profile(cast, cast.olga, phone="")
        clock.turn(onboarding_alerts.REP_INTERVAL)
        assert titles(dispatch_digests(clock, cast.sam)[1:]) == ["Acme: Add a phone number"]

    def test_a_check_that_is_as_it_was_last_reported_is_not(self, cast: Cast, clock: Clock):
        flag(cast, cast.sam)
        dispatch_digests(clock, cast.sam)
        for overview in ("We heal.", ""):
            save_profile(cast, cast.olga, overview=overview)
            dispatch.run_due()
        assert dispatch_digests(clock, cast.sam) == []

    def test_unchanged_checks_are_not_reported(self, cast: Cast, clock: Clock):
        flag(cast, cast.sam)
        dispatch_digests(clock, cast.sam)
        do(onboarding.plan, cast.sam, cast.acme.id, Plan(cast.sam.user_id, next_step="Call"))
        do(profile.confirm, cast.olga, cast.acme.id)
        do(members.remove, cast.olga, cast.acme.id, cast.mia.user_id)
        assert dispatch_digests(clock, cast.sam) == []

    def test_checks_changed_by_the_rep_are_not_reported(self, cast: Cast, clock: Clock):
        flag(cast, cast.sam)
        dispatch_digests(clock, cast.sam)
        with db.Session(db.writing_engine()) as session, session.begin():
            sam = Membership(
                org_id=cast.acme.id,
                user_id=cast.sam.user_id,
                role=Role.OWNER,
                joined_at=clock.now(),
            )
            session.add(sam)
        save_profile(cast, cast.sam, overview="We heal.")
        assert dispatch_digests(clock, cast.sam) == []

    def test_a_move_changes_no_checks(self, cast: Cast, clock: Clock):
        change(cast.acme, stage=ONBOARDING, rep_id=cast.sam.user_id, alert_email="a@acme.example")
        save_profile(cast, cast.olga, overview="We heal.", phone="+1 507 284 2511")
        save_profile(cast, cast.olga, sales_email="s@acme.example", website="acme.example")
        do(onboarding.move, cast.sue, cast.acme.id, PREPRODUCTION, from_stage=ONBOARDING)
        assert dispatch_digests(clock, cast.sam) == []

    def test_two_factor_of_an_owner_changes_checks(self, cast: Cast, clock: Clock):
        change(cast.acme, stage=PREPRODUCTION, rep_id=cast.sam.user_id)
        do(profile.confirm, cast.olga, cast.acme.id)
        dispatch_digests(clock, cast.sam)

        def turn_on(session, actor: Actor) -> None:
            user = lock_user_or_none(session, actor.user_id)
            user.two_factor_at = clock.now()
            history.record(session, actor, user.id, "account.two_factor_on", user)

        do(turn_on, cast.olga)
        assert titles(dispatch_digests(clock, cast.sam)) == [
            "Acme: All owners have turned on two-factor"
        ]


def run_next_day(clock: Clock) -> int:
    """Turn the clock to the next daily run, and return the number of its items."""
    with db.read() as session:
        lock = session.get(Lock, "mornings")
        at = lock.due_at if lock else None
    if at is None:
        onboarding_alerts.run_due()
        return run_next_day(clock)
    clock.moment = at
    return onboarding_alerts.run_due()


class TestDaily:
    def test_a_due_step_is_reported_once(self, cast: Cast, clock: Clock):
        flag(cast, cast.sam, next_step="Call Olga", next_step_on=date(2026, 11, 25))
        assert run_next_day(clock) == 0
        assert clock.moment.day == 24
        assert run_next_day(clock) == 1
        assert onboarding_alerts.run_due() == 0
        (digest,) = dispatch_digests(clock, cast.sam)
        (line,) = digest.context["lines"]
        assert line["title"] == "Acme: next step due today"
        assert line["detail"] == "Call Olga"

    def test_a_stuck_organization_is_reported_once_per_stay(self, cast: Cast, clock: Clock):
        flag(cast, cast.sam)
        days = [(run_next_day(clock), clock.moment.day) for _ in range(15)]
        assert [day for items_added, day in days if items_added] == [8]
        (digest,) = dispatch_digests(clock, cast.sam)
        assert titles([digest]) == ["Acme is stuck"]
        assert "Day 11 of 10 in onboarding" in digest.context["lines"][0]["detail"]

        do(onboarding.move, cast.sam, cast.acme.id, FREE, from_stage=ONBOARDING, reason="Paused.")
        flag(cast, cast.sam)
        assert sum(run_next_day(clock) for _ in range(15)) == 1

    def test_a_stuck_organization_is_reported_again_after_a_snooze(self, cast: Cast, clock: Clock):
        flag(cast, cast.sam)
        assert sum(run_next_day(clock) for _ in range(13)) == 1
        do(onboarding.snooze, cast.sam, cast.acme.id, until=clock.moment.date() + timedelta(days=7))
        days = [(run_next_day(clock), clock.moment.date()) for _ in range(10)]
        (woken,) = [day for items_added, day in days if items_added]
        assert woken >= date(2026, 12, 16)

    def test_the_job_runs_on_working_days(self, clock: Clock, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("HOLIDAYS", '["2026-11-26"]')
        onboarding_alerts.settings.cache_clear()
        days = []
        for _ in range(5):
            run_next_day(clock)
            days.append((clock.moment.day, clock.moment.hour))
        assert days == [(24, 7), (25, 7), (27, 7), (30, 7), (1, 7)]

    def test_many_stuck_organizations_are_one_mail(self, cast: Cast, clock: Clock, monkeypatch):
        monkeypatch.setattr(onboarding_alerts, "BATCH_SIZE", 3)
        ids = db.run(create_organizations, cast.olga, 8)
        do(onboarding.flag, cast.sam, ids)
        assert sum(run_next_day(clock) for _ in range(15)) == 8
        stuck = [
            each for each in dispatch_digests(clock, cast.sam) if len(each.context["lines"]) == 8
        ]
        assert len(stuck) == 1


class TestRecipients:
    def test_digests_can_be_turned_off_but_moves_cannot(self, cast: Cast, clock: Clock):
        do(digests.set_preference, cast.sam, wanted=False)
        do(onboarding.request, cast.adam, cast.acme.id)
        assert dispatch_digests(clock, cast.sam) == []
        do(onboarding.flag, cast.sue, db.run(create_organizations, cast.sam, 1))
        assert titles(dispatch_digests(clock, cast.sam)) == ["Clinic 0 moved to onboarding"]
        do(digests.set_preference, cast.sam, wanted=True)
        do(onboarding.request, cast.otto, cast.otto_ltd.id)
        clock.turn(onboarding_alerts.REP_INTERVAL)
        assert titles(dispatch_digests(clock, cast.sam)[1:]) == ["Otto Ltd requested onboarding"]

    def test_only_sales_and_administrators_have_the_choice(self, cast: Cast):
        with db.read() as session:
            choices = {
                name: digests.find_preference(session, getattr(cast, name)) for name in NAMES
            }
        assert choices == {"olga": None, "oda": None, "sam": True, "ada": True}

    def test_disabled_people_get_nothing(self, cast: Cast, clock: Clock):
        do(onboarding.request, cast.adam, cast.acme.id)
        dispatch.run_due()
        with db.Session(db.writing_engine()) as session, session.begin():
            session.get_one(User, cast.sam.user_id).disabled_at = clock.now()
        assert dispatch_digests(clock, cast.sam) == []
        with db.read() as session:
            assert session.scalars(select(DigestItem)).all() == []

    def test_a_digest_can_be_rendered(self, cast: Cast, clock: Clock):
        flag(cast, cast.sam)
        (digest,) = dispatch_digests(clock, cast.olga)
        text = messages.render(digest).text
        assert f"/onboarding?org={cast.acme.public_id}" in text
        assert "Moved from free to onboarding." in text

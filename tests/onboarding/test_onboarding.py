"""Onboarding: transitions, gate checks, flagging, overrides, plans and requests."""

from contextlib import nullcontext
from datetime import date, timedelta
from itertools import product

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.accounts import accounts
from core.base import clock as core_clock
from core.base.errors import (
    GateNotMet,
    InvalidInput,
    NotFound,
    NotPermitted,
    TooManyAttempts,
    WrongStage,
)
from core.models import Entry, Logo, Membership, Move, Organization, Role, Staff, Stage, User
from core.onboarding import onboarding
from core.onboarding.onboarding import Plan
from core.onboarding.stages import TRANSITIONS
from core.organizations import organizations
from tests.conftest import Clock
from tests.support.cast import Cast
from tests.support.history import last_entry

FREE, ONBOARDING, PREPRODUCTION, PRODUCTION = Stage


def put_acme(
    session: Session, cast: Cast, stage: Stage, *, ready: bool = True, lacks: str = ""
) -> Organization:
    """Put Acme into a stage, passing all checks, none, or all but that of the field `lacks`."""
    org = session.get_one(Organization, cast.acme.id)
    org.stage = stage
    if ready:
        org.alert_email, org.sales_email = "alerts@acme.example", "sales@acme.example"
        org.overview, org.phone, org.website = "We make.", "+12125550123", "https://acme.example"
        session.merge(Logo(digest="0" * 64, png=b"", thumbnail=b"", created_at=core_clock.now()))
        session.flush()
        org.logo = "0" * 64
        for person in (cast.olga, cast.adam):
            session.get_one(User, person.user_id).two_factor_at = core_clock.now()
        adam = session.scalars(select(Membership).where(Membership.user_id == cast.adam.user_id))
        adam.one().role = Role.OWNER
    if lacks:
        setattr(org, lacks, None)
    discard_changes(session)
    return org


def discard_changes(session: Session) -> None:
    """Forget the pending changes, so that test data needs no history entry."""
    session.flush()
    session.info["changes"].clear()


class TestTransitions:
    def test_only_listed_transitions_are_allowed(self, session: Session, cast: Cast) -> None:
        for stage, to in product(Stage, Stage):
            org = put_acme(session, cast, stage)
            with nullcontext() if (stage, to) in TRANSITIONS else pytest.raises(WrongStage):
                onboarding.move(session, cast.sam, org.id, to, from_stage=stage, reason="Asked.")
            assert org.stage is (to if (stage, to) in TRANSITIONS else stage), (stage, to)

    def test_a_move_from_a_stage_that_was_left_is_refused(
        self, session: Session, cast: Cast
    ) -> None:
        org = put_acme(session, cast, ONBOARDING)
        for shown, to in product((FREE, PREPRODUCTION, PRODUCTION), Stage):
            with pytest.raises(WrongStage):
                onboarding.move(session, cast.sam, org.id, to, from_stage=shown, reason="Why not.")
            assert org.stage is ONBOARDING

    @pytest.mark.parametrize(
        ("start", "end"), [transition for transition in TRANSITIONS if transition[1] is not FREE]
    )
    def test_no_transition_skips_a_stage(self, start: Stage, end: Stage) -> None:
        order = list(Stage)
        assert order.index(end) - order.index(start) in {1, -1}


class TestGate:
    @pytest.mark.parametrize(
        ("field", "missing"),
        [
            ("alert_email", "Confirm the alert email address"),
            ("overview", "Add a company overview"),
            ("sales_email", "Add a sales email"),
            ("phone", "Add a phone number"),
            ("website", "Add a public website"),
        ],
    )
    def test_preproduction_needs_each_of_five_things(
        self, session: Session, cast: Cast, field: str, missing: str
    ) -> None:
        org = put_acme(session, cast, ONBOARDING, lacks=field)
        with pytest.raises(GateNotMet) as refused:
            onboarding.move(session, cast.sam, org.id, PREPRODUCTION, from_stage=ONBOARDING)
        assert refused.value.missing == [missing]

    def test_an_unconfirmed_alert_address_is_not_enough(self, session: Session, cast: Cast) -> None:
        org = put_acme(session, cast, ONBOARDING)
        org.alert_email, org.alert_email_new = None, "new@acme.example"
        discard_changes(session)
        with pytest.raises(GateNotMet):
            onboarding.move(session, cast.sam, org.id, PREPRODUCTION, from_stage=ONBOARDING)

    def test_with_all_five_it_moves_on(self, session: Session, cast: Cast) -> None:
        org = put_acme(session, cast, ONBOARDING)
        onboarding.move(session, cast.sam, org.id, PREPRODUCTION, from_stage=ONBOARDING)
        assert org.stage is PREPRODUCTION

    def test_production_needs_two_owners_with_two_factor_and_a_logo(
        self, session: Session, cast: Cast
    ) -> None:
        org = put_acme(session, cast, PREPRODUCTION, ready=False)
        with pytest.raises(GateNotMet) as refused:
            onboarding.move(session, cast.sam, org.id, PRODUCTION, from_stage=PREPRODUCTION)
        assert refused.value.missing == [
            "Add a second owner",
            "1 owner hasn't turned on two-factor",
            "Add a logo",
        ]

    def test_a_refused_move_changes_and_records_nothing(self, session: Session, cast: Cast) -> None:
        org = put_acme(session, cast, ONBOARDING, ready=False)
        with pytest.raises(GateNotMet):
            onboarding.move(session, cast.sam, org.id, PREPRODUCTION, from_stage=ONBOARDING)
        assert org.stage is ONBOARDING
        assert last_entry(session) is None


class TestFlag:
    def test_the_flagging_rep_becomes_the_sales_rep(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        flagged = onboarding.flag(
            session,
            cast.sam,
            [cast.acme.id],
            Plan(None, date(2027, 1, 15), "Call Olga", date(2026, 11, 30)),
            note="Signed in October.",
        )
        org = session.get_one(Organization, cast.acme.id)
        assert flagged.flagged == ["Acme"]
        assert (org.stage, org.rep_id) == (ONBOARDING, cast.sam.user_id)
        assert (org.target_on, org.next_step) == (date(2027, 1, 15), "Call Olga")
        assert org.next_step_on == date(2026, 11, 30)
        entry = last_entry(session)
        assert (entry.event, entry.reason) == ("stage.flagged", "Signed in October.")

    def test_refused_organizations_are_listed_and_the_others_flagged(
        self, session: Session, cast: Cast
    ) -> None:
        put_acme(session, cast, PRODUCTION)
        flagged = onboarding.flag(session, cast.sue, [cast.otto_ltd.id, cast.acme.id])
        assert flagged.flagged == ["Otto Ltd"]
        assert [name for _, name, _ in flagged.refused] == ["Acme"]
        assert "is in production now" in flagged.refused[0].reason

    def test_flagging_twice_is_harmless(self, session: Session, cast: Cast) -> None:
        onboarding.flag(session, cast.sam, [cast.acme.id])
        onboarding.flag(session, cast.sue, [cast.acme.id, cast.acme.id])
        org = session.get_one(Organization, cast.acme.id)
        assert org.rep_id == cast.sam.user_id
        entries = session.scalars(select(Entry).where(Entry.org_id == cast.acme.id)).all()
        assert len(entries) == 1

    def test_the_sales_rep_must_work_in_sales(self, session: Session, cast: Cast) -> None:
        with pytest.raises(InvalidInput) as refused:
            onboarding.flag(session, cast.sam, [cast.acme.id], Plan(cast.olga.user_id))
        assert refused.value.fields == {"rep_id": "Choose someone who works in sales."}

    @pytest.mark.parametrize("who", ["olga", "adam", "mia", "oda"])
    def test_only_sales_can_flag(self, session: Session, cast: Cast, who: str) -> None:
        with pytest.raises(NotPermitted):
            onboarding.flag(session, getattr(cast, who), [cast.acme.id], Plan(cast.sam.user_id))

    def test_an_outsider_learns_nothing(self, session: Session, cast: Cast) -> None:
        with pytest.raises(NotFound):
            onboarding.flag(session, cast.otto, [cast.acme.id], Plan(cast.sam.user_id))


class TestWithdraw:
    @pytest.mark.parametrize("reason", ["", "   "])
    def test_a_reason_is_required(self, session: Session, cast: Cast, reason: str) -> None:
        org = put_acme(session, cast, ONBOARDING)
        with pytest.raises(InvalidInput) as refused:
            onboarding.move(session, cast.sam, org.id, FREE, from_stage=ONBOARDING, reason=reason)
        assert list(refused.value.fields) == ["reason"]

    def test_the_reason_is_kept_in_history(self, session: Session, cast: Cast) -> None:
        org = put_acme(session, cast, ONBOARDING)
        onboarding.move(session, cast.sam, org.id, FREE, from_stage=ONBOARDING, reason="Paused.")
        assert (org.stage, org.rep_id) == (FREE, None)
        assert last_entry(session).reason == "Paused."


class TestMoves:
    def test_each_move_is_recorded_with_the_working_days_before_it(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        org = put_acme(session, cast, FREE)
        org.stage_entered_at = clock.now() - timedelta(weeks=2)
        discard_changes(session)
        onboarding.flag(session, cast.sam, [org.id], Plan(cast.sue.user_id))
        clock.turn(timedelta(days=9))
        onboarding.move(session, cast.ada, org.id, PREPRODUCTION, from_stage=ONBOARDING)
        onboarding.move(session, cast.sam, org.id, FREE, from_stage=PREPRODUCTION, reason="Paused.")
        rows = session.scalars(select(Move).where(Move.org_id == org.id).order_by(Move.id)).all()
        sam, sue, ada = cast.sam.user_id, cast.sue.user_id, cast.ada.user_id
        assert [(m.from_stage, m.to_stage, m.actor_id, m.rep_id, m.days) for m in rows] == [
            (FREE, ONBOARDING, sam, sue, 10),
            (ONBOARDING, PREPRODUCTION, ada, sue, 7),
            (PREPRODUCTION, FREE, sam, sue, 0),
        ]
        assert [move.reason for move in rows] == ["", "", "Paused."]
        assert not any(move.is_override for move in rows)

    def test_a_refused_move_is_not_recorded(self, session: Session, cast: Cast) -> None:
        org = put_acme(session, cast, ONBOARDING, ready=False)
        with pytest.raises(GateNotMet):
            onboarding.move(session, cast.sam, org.id, PREPRODUCTION, from_stage=ONBOARDING)
        assert session.scalars(select(Move)).all() == []


class TestOverride:
    def test_an_administrator_overrides_failed_checks_for_a_reason(
        self, session: Session, cast: Cast
    ) -> None:
        org = put_acme(session, cast, PREPRODUCTION, lacks="logo")
        onboarding.move(
            *(session, cast.ada, org.id, PRODUCTION),
            from_stage=PREPRODUCTION,
            reason="The logo comes on Monday.",
            override=True,
        )
        move = session.scalars(select(Move)).one()
        assert (move.is_override, move.missing) == (True, "Add a logo")
        entry = last_entry(session)
        assert (entry.event, entry.reason) == ("stage.overridden", "The logo comes on Monday.")

    def test_an_override_requires_a_reason(self, session: Session, cast: Cast) -> None:
        org = put_acme(session, cast, PREPRODUCTION, lacks="logo")
        with pytest.raises(InvalidInput) as refused:
            onboarding.move(
                session, cast.ada, org.id, PRODUCTION, from_stage=PREPRODUCTION, override=True
            )
        assert list(refused.value.fields) == ["reason"]

    def test_without_failed_checks_a_move_is_no_override(
        self, session: Session, cast: Cast
    ) -> None:
        org = put_acme(session, cast, ONBOARDING)
        onboarding.move(
            session, cast.ada, org.id, PREPRODUCTION, from_stage=ONBOARDING, override=True
        )
        assert not session.scalars(select(Move)).one().is_override
        assert last_entry(session).event == "stage.moved"

    def test_sales_cannot_override(self, session: Session, cast: Cast) -> None:
        org = put_acme(session, cast, ONBOARDING, ready=False)
        with pytest.raises(NotPermitted):
            onboarding.move(
                *(session, cast.sam, org.id, PREPRODUCTION),
                from_stage=ONBOARDING,
                reason="Please.",
                override=True,
            )

    def test_an_override_skips_no_stage(self, session: Session, cast: Cast) -> None:
        org = put_acme(session, cast, ONBOARDING)
        with pytest.raises(WrongStage):
            onboarding.move(
                *(session, cast.ada, org.id, PRODUCTION),
                from_stage=ONBOARDING,
                reason="In a hurry.",
                override=True,
            )


class TestPlan:
    def test_past_dates_are_refused(self, session: Session, cast: Cast, clock: Clock) -> None:
        put_acme(session, cast, ONBOARDING)
        past = clock.moment.date() - timedelta(days=1)
        plan = Plan(cast.sam.user_id, past, "Call", past)
        with pytest.raises(InvalidInput) as refused:
            onboarding.plan(session, cast.sam, cast.acme.id, plan)
        assert list(refused.value.fields) == ["target_on", "next_step_on"]

    def test_a_stored_date_may_be_in_the_past(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        org = put_acme(session, cast, ONBOARDING)
        day = clock.moment.date()
        onboarding.plan(session, cast.sam, org.id, Plan(cast.sam.user_id, day, "Call", day))
        clock.turn(timedelta(days=3))
        onboarding.plan(session, cast.sam, org.id, Plan(cast.sue.user_id, day, "Call", day))
        assert (org.rep_id, org.next_step_on) == (cast.sue.user_id, day)

    def test_a_due_date_requires_a_step(self, session: Session, cast: Cast, clock: Clock) -> None:
        put_acme(session, cast, ONBOARDING)
        plan = Plan(cast.sam.user_id, next_step_on=clock.moment.date())
        with pytest.raises(InvalidInput) as refused:
            onboarding.plan(session, cast.sam, cast.acme.id, plan)
        assert list(refused.value.fields) == ["next_step"]

    def test_the_next_step_changes_without_the_target_date(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        org = put_acme(session, cast, ONBOARDING)
        day = clock.moment.date()
        onboarding.plan(session, cast.sam, org.id, Plan(cast.sam.user_id, day, "Call", day))
        new = {"rep_id": cast.sue.user_id, "next_step": "Write", "next_step_on": None}
        onboarding.set_next_step(session, cast.sam, org.id, **new)
        assert (org.rep_id, org.target_on, org.next_step) == (cast.sue.user_id, day, "Write")
        assert last_entry(session).event == "onboarding.planned"
        with pytest.raises(InvalidInput) as refused:
            onboarding.set_next_step(
                *(session, cast.sam, org.id),
                rep_id=cast.oda.user_id,
                next_step="x" * 201,
                next_step_on=day - timedelta(days=1),
            )
        assert list(refused.value.fields) == ["next_step", "next_step_on", "rep_id"]

    def test_a_former_sales_rep_is_kept_until_another_is_chosen(
        self, session: Session, cast: Cast
    ) -> None:
        org = put_acme(session, cast, ONBOARDING)
        org.rep_id = cast.oda.user_id
        plan = Plan(cast.oda.user_id, None, "Call")
        assert onboarding.plan(session, cast.sam, org.id, plan).next_step == "Call"


class TestSnooze:
    @pytest.mark.parametrize("days", [0, -1, 400])
    def test_it_ends_on_a_later_day_within_a_year(
        self, session: Session, cast: Cast, clock: Clock, days: int
    ) -> None:
        org = put_acme(session, cast, ONBOARDING)
        until = clock.moment.date() + timedelta(days=days)
        with pytest.raises(InvalidInput):
            onboarding.snooze(session, cast.sam, org.id, until=until)

    def test_a_snooze_can_be_ended(self, session: Session, cast: Cast, clock: Clock) -> None:
        org = put_acme(session, cast, ONBOARDING)
        until = clock.moment.date() + timedelta(days=3)
        onboarding.snooze(session, cast.sam, org.id, until=until)
        assert last_entry(session).event == "onboarding.snoozed"
        onboarding.snooze(session, cast.sam, org.id, until=None)
        assert org.snoozed_until is None

    def test_a_move_ends_the_snooze(self, session: Session, cast: Cast, clock: Clock) -> None:
        org = put_acme(session, cast, ONBOARDING)
        until = clock.moment.date() + timedelta(days=3)
        onboarding.snooze(session, cast.sam, org.id, until=until)
        onboarding.move(session, cast.sam, org.id, PREPRODUCTION, from_stage=ONBOARDING)
        assert org.snoozed_until is None

    def test_free_organizations_cannot_be_snoozed(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        until = clock.moment.date() + timedelta(days=3)
        with pytest.raises(WrongStage):
            onboarding.snooze(session, cast.sam, cast.acme.id, until=until)


class TestRequest:
    def test_admins_can_request_onboarding(self, session: Session, cast: Cast) -> None:
        org = onboarding.request(session, cast.adam, cast.acme.id, note="In spring, please.")
        assert org.requested_at is not None
        assert org.request_note == "In spring, please."

    def test_a_second_request_changes_nothing(self, session: Session, cast: Cast) -> None:
        first = onboarding.request(session, cast.olga, cast.acme.id, note="Now.").requested_at
        assert onboarding.request(session, cast.adam, cast.acme.id).requested_at == first

    def test_members_cannot_request_onboarding(self, session: Session, cast: Cast) -> None:
        with pytest.raises(NotPermitted):
            onboarding.request(session, cast.mia, cast.acme.id)

    def test_flagging_clears_the_request(self, session: Session, cast: Cast) -> None:
        onboarding.request(session, cast.olga, cast.acme.id, note="Now.")
        onboarding.flag(session, cast.sam, [cast.acme.id])
        org = session.get_one(Organization, cast.acme.id)
        assert (org.requested_at, org.request_note) == (None, None)


def test_nobody_requests_onboarding_without_end(session: Session, cast: Cast) -> None:
    orgs = [organizations.create(session, cast.mia, f"Number {n}") for n in range(11)]
    for org in orgs[:10]:
        onboarding.request(session, cast.mia, org.id)
    with pytest.raises(TooManyAttempts):
        onboarding.request(session, cast.mia, orgs[10].id)
    assert onboarding.request(session, cast.olga, cast.acme.id).requested_at is not None


class TestLists:
    def test_reps_of_the_same_name_are_told_apart_by_their_addresses(
        self, session: Session, cast: Cast
    ) -> None:
        accounts.rename(session, cast.sam, "Sam Lee")
        accounts.rename(session, cast.sue, "sam  LEE")
        session.flush()
        reps = onboarding.list_reps(session)
        assert reps == {
            cast.ada.user_id: "Ada",
            cast.sam.user_id: "Sam Lee (sam@example.com)",
            cast.sue.user_id: "sam LEE (sue@example.com)",
        }

    def test_former_reps_can_be_filtered_by_while_they_have_organizations(
        self, session: Session, cast: Cast
    ) -> None:
        org = put_acme(session, cast, ONBOARDING)
        org.rep_id = cast.sue.user_id
        discard_changes(session)
        for change in ({"staff": None}, {"staff": Staff.SALES, "disabled_at": core_clock.now()}):
            sue = session.get_one(User, cast.sue.user_id)
            for name, value in change.items():
                setattr(sue, name, value)
            discard_changes(session)
            assert cast.sue.user_id not in onboarding.list_reps(session)
            assert list(onboarding.list_reps_to_filter(session).values()) == [
                *("Unassigned", "Ada", "Sam", "Sue (no longer a sales rep)")
            ]
        org.rep_id = None
        discard_changes(session)
        assert cast.sue.user_id not in onboarding.list_reps_to_filter(session)

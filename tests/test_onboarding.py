"""Onboarding: one gate, and nobody slips past it."""

from collections.abc import Callable
from contextlib import suppress
from datetime import date

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock, onboarding
from core.errors import GateNotMet, InvalidInput, NotFound, NotPermitted, WrongStage
from core.models import Entry, Mail, Membership, Organization, Role, Stage, User
from tests.cast import Cast, email

FREE, ONBOARDING, PREPRODUCTION, PRODUCTION = Stage

ALLOWED = {
    (FREE, ONBOARDING): "flag",
    (ONBOARDING, PREPRODUCTION): "move on",
    (PREPRODUCTION, PRODUCTION): "move on",
    (ONBOARDING, FREE): "withdraw",
    (PREPRODUCTION, ONBOARDING): "withdraw",
    (PREPRODUCTION, FREE): "withdraw",
    (PRODUCTION, PREPRODUCTION): "withdraw",
}
DOORS: dict[str, Callable[[Session, Cast, Stage, Stage], object]] = {
    "flag": lambda session, cast, _stage, _to: onboarding.flag(session, cast.sam, [cast.acme.id]),
    "move on": lambda session, cast, stage, _to: onboarding.move_on(
        session, cast.sam, cast.acme.id, shown=stage
    ),
    "withdraw": lambda session, cast, stage, to: onboarding.withdraw(
        session, cast.sam, cast.acme.id, to, shown=stage, reason="They asked for a break."
    ),
}


def put(session: Session, cast: Cast, stage: Stage, *, ready: bool = True) -> Organization:
    """Put Acme into a stage, with everything that any gate asks, or nothing of it."""
    org = session.get_one(Organization, cast.acme.id)
    org.stage = stage
    if ready:
        org.alert_email, org.sales_email = "alerts@acme.example", "sales@acme.example"
        org.overview, org.phone, org.website = "We make.", "+12125550123", "https://acme.example"
        org.logo = None
        for person in (cast.olga, cast.adam):
            session.get_one(User, person.user_id).two_factor_at = clock.now()
        adam = session.scalars(select(Membership).where(Membership.user_id == cast.adam.user_id))
        adam.one().role = Role.OWNER
    unrecord(session)
    return org


def unrecord(session: Session) -> None:
    """Let what was set for a test, not played, need no entry in history."""
    session.flush()
    session.info["changes"].clear()


def last_entry(session: Session) -> Entry:
    return session.scalars(select(Entry).order_by(Entry.id.desc())).first()


class TestEdges:
    @pytest.mark.parametrize("door", DOORS)
    @pytest.mark.parametrize("to", Stage)
    @pytest.mark.parametrize("stage", Stage)
    def test_stages_move_along_allowed_edges_only(
        self,
        session: Session,
        cast: Cast,
        stage: Stage,
        to: Stage,
        door: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(onboarding, "checks", lambda _session, _org: [])
        org = put(session, cast, stage)
        with suppress(WrongStage):
            DOORS[door](session, cast, stage, to)
        moved = org.stage is not stage
        reachable = {end for (start, end), by in ALLOWED.items() if start is stage and by == door}
        assert moved == (org.stage in reachable)
        if door == "withdraw":
            assert moved == (to in reachable)
        else:
            assert moved == bool(reachable)

    @pytest.mark.parametrize("shown", [FREE, PREPRODUCTION, PRODUCTION])
    def test_a_move_from_another_stage_than_was_shown_is_refused(
        self, session: Session, cast: Cast, shown: Stage
    ) -> None:
        org = put(session, cast, ONBOARDING)
        with pytest.raises(WrongStage):
            onboarding.move_on(session, cast.sam, org.id, shown=shown)
        with pytest.raises(WrongStage):
            onboarding.withdraw(session, cast.sam, org.id, FREE, shown=shown, reason="Why not.")
        assert org.stage is ONBOARDING


class TestGate:
    @pytest.mark.parametrize(
        ("field", "missing"),
        [
            ("alert_email", "Alert email address is not confirmed"),
            ("overview", "Company overview is empty"),
            ("sales_email", "Sales email is empty"),
            ("phone", "Phone is empty"),
            ("website", "Public website is empty"),
        ],
    )
    def test_preproduction_needs_each_of_five_things(
        self, session: Session, cast: Cast, field: str, missing: str
    ) -> None:
        org = put(session, cast, ONBOARDING)
        setattr(org, field, None)
        unrecord(session)
        with pytest.raises(GateNotMet) as refused:
            onboarding.move_on(session, cast.sam, org.id, shown=ONBOARDING)
        assert refused.value.missing == [missing]

    def test_an_unconfirmed_alert_address_is_not_enough(self, session: Session, cast: Cast) -> None:
        org = put(session, cast, ONBOARDING)
        org.alert_email, org.alert_email_new = None, "new@acme.example"
        unrecord(session)
        with pytest.raises(GateNotMet):
            onboarding.move_on(session, cast.sam, org.id, shown=ONBOARDING)

    def test_with_all_five_it_moves_on(self, session: Session, cast: Cast) -> None:
        org = put(session, cast, ONBOARDING)
        onboarding.move_on(session, cast.sam, org.id, shown=ONBOARDING)
        assert org.stage is PREPRODUCTION

    def test_production_needs_two_owners_with_two_factor_and_a_logo(
        self, session: Session, cast: Cast
    ) -> None:
        org = put(session, cast, PREPRODUCTION, ready=False)
        with pytest.raises(GateNotMet) as refused:
            onboarding.move_on(session, cast.sam, org.id, shown=PREPRODUCTION)
        assert refused.value.missing == [
            "There is only one owner",
            "An owner is without two-factor",
            "The logo is missing",
        ]

    def test_a_refused_move_changes_and_records_nothing(self, session: Session, cast: Cast) -> None:
        org = put(session, cast, ONBOARDING, ready=False)
        with pytest.raises(GateNotMet):
            onboarding.move_on(session, cast.sam, org.id, shown=ONBOARDING)
        assert org.stage is ONBOARDING
        assert last_entry(session) is None


class TestFlag:
    def test_the_flagging_rep_carries_it(self, session: Session, cast: Cast) -> None:
        flagged = onboarding.flag(
            session, cast.sam, [cast.acme.id], target_on=date(2027, 1, 15), next_step="Call Olga"
        )
        org = session.get_one(Organization, cast.acme.id)
        assert flagged.done == ["Acme"]
        assert (org.stage, org.rep_id) == (ONBOARDING, cast.sam.user_id)
        assert (org.target_on, org.next_step) == (date(2027, 1, 15), "Call Olga")
        assert last_entry(session).event == "stage.flagged"

    def test_those_that_cannot_be_flagged_are_listed_and_the_others_go_through(
        self, session: Session, cast: Cast
    ) -> None:
        put(session, cast, PRODUCTION)
        flagged = onboarding.flag(session, cast.sue, [cast.otto_ltd.id, cast.acme.id])
        assert flagged.done == ["Otto Ltd"]
        assert [name for name, _ in flagged.refused] == ["Acme"]
        assert "is in production now" in flagged.refused[0][1]

    def test_flagging_twice_is_harmless(self, session: Session, cast: Cast) -> None:
        onboarding.flag(session, cast.sam, [cast.acme.id])
        onboarding.flag(session, cast.sue, [cast.acme.id, cast.acme.id])
        org = session.get_one(Organization, cast.acme.id)
        assert org.rep_id == cast.sam.user_id
        entries = session.scalars(select(Entry).where(Entry.org_id == cast.acme.id)).all()
        assert len(entries) == 1

    def test_only_sales_carries_an_onboarding(self, session: Session, cast: Cast) -> None:
        with pytest.raises(InvalidInput) as refused:
            onboarding.flag(session, cast.sam, [cast.acme.id], rep_id=cast.olga.user_id)
        assert refused.value.fields == {"rep_id": "Choose somebody who works in sales."}

    @pytest.mark.parametrize("who", ["olga", "adam", "mia", "oda"])
    def test_whoever_is_not_in_sales_may_not(self, session: Session, cast: Cast, who: str) -> None:
        with pytest.raises(NotPermitted):
            onboarding.flag(session, getattr(cast, who), [cast.acme.id], rep_id=cast.sam.user_id)

    def test_an_outsider_learns_nothing(self, session: Session, cast: Cast) -> None:
        with pytest.raises(NotFound):
            onboarding.flag(session, cast.otto, [cast.acme.id], rep_id=cast.sam.user_id)

    def test_the_owners_hear_of_it(self, session: Session, cast: Cast) -> None:
        onboarding.flag(session, cast.sam, [cast.acme.id])
        mails = session.scalars(select(Mail).where(Mail.template == "stage_moved")).all()
        assert [mail.recipient for mail in mails] == [email(cast.olga)]
        assert (mails[0].context["before"], mails[0].context["stage"]) == ("free", "onboarding")


class TestWithdraw:
    @pytest.mark.parametrize("reason", ["", "   "])
    def test_it_asks_for_a_reason(self, session: Session, cast: Cast, reason: str) -> None:
        org = put(session, cast, ONBOARDING)
        with pytest.raises(InvalidInput) as refused:
            onboarding.withdraw(session, cast.sam, org.id, FREE, shown=ONBOARDING, reason=reason)
        assert list(refused.value.fields) == ["reason"]

    def test_the_reason_stands_in_history(self, session: Session, cast: Cast) -> None:
        org = put(session, cast, ONBOARDING)
        onboarding.withdraw(session, cast.sam, org.id, FREE, shown=ONBOARDING, reason="Paused.")
        assert (org.stage, org.rep_id) == (FREE, None)
        assert last_entry(session).reason == "Paused."


class TestRequest:
    def test_an_admin_raises_a_hand(self, session: Session, cast: Cast) -> None:
        org = onboarding.request(session, cast.adam, cast.acme.id, note="In spring, please.")
        assert org.requested_at is not None
        assert org.request_note == "In spring, please."

    def test_raising_it_twice_is_harmless(self, session: Session, cast: Cast) -> None:
        first = onboarding.request(session, cast.olga, cast.acme.id, note="Now.").requested_at
        assert onboarding.request(session, cast.adam, cast.acme.id).requested_at == first

    def test_a_member_may_not(self, session: Session, cast: Cast) -> None:
        with pytest.raises(NotPermitted):
            onboarding.request(session, cast.mia, cast.acme.id)

    def test_flagging_answers_it(self, session: Session, cast: Cast) -> None:
        onboarding.request(session, cast.olga, cast.acme.id, note="Now.")
        onboarding.flag(session, cast.sam, [cast.acme.id])
        org = session.get_one(Organization, cast.acme.id)
        assert (org.requested_at, org.request_note) == (None, None)

"""Impersonation: an administrator acts as an owner for an hour, for a stated reason."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, find_impersonation, find_role, may
from core.accounts import administration
from core.base import crypto
from core.base.errors import InvalidInput, LinkNotValid, NotPermitted
from core.database import db
from core.members import acceptance, account_access, invitation_rows, invitations, leaving, members
from core.models import (
    Entry,
    Impersonation,
    Invitation,
    InvitationStatus,
    Mail,
    Role,
    Staff,
)
from core.ops import cleanup
from core.profile import profile
from core.staff import impersonation
from tests.conftest import Clock
from tests.support.cast import Cast, email

WHY = "Olga asked us to mend the phone number"
PHONE = ({"phone": ""}, {"phone": "+1 212 555 0100"})


@pytest.fixture(autouse=True)
def _stopped_clock(clock: Clock) -> None:
    """Stop the clock, which tests turn themselves."""


def start(session: Session, cast: Cast, reason: str = WHY) -> None:
    impersonation.start(session, cast.ada, cast.acme.id, reason=reason)


def entries(session: Session) -> list[tuple[str, str]]:
    rows = session.execute(select(Entry.event, Entry.reason).order_by(Entry.id))
    return [(event, reason) for event, reason in rows]


def invite(session: Session, cast: Cast, address: str = "") -> Invitation:
    to = address or email(cast.otto)
    return invitations.invite(session, cast.ada, cast.acme.id, to, role=Role.OWNER)[0]


def token_of(invitation: Invitation) -> str:
    return crypto.token(invitation_rows.MAILED, invitation.nonce)


def may_edit(session: Session, actor: Actor, cast: Cast) -> bool:
    return may(session, actor, cast.acme.id, Action.EDIT_PROFILE)


class TestStart:
    def test_it_gives_owner_rights_in_that_organization_only(
        self, session: Session, cast: Cast
    ) -> None:
        assert not may_edit(session, cast.ada, cast)
        start(session, cast)
        assert may_edit(session, cast.ada, cast)
        assert find_role(session, cast.ada, cast.acme.id) is Role.OWNER
        assert not may(session, cast.ada, cast.otto_ltd.id, Action.EDIT_PROFILE)

    def test_owners_are_mailed_the_reason(self, session: Session, cast: Cast) -> None:
        start(session, cast)
        assert entries(session) == [("acting.started", WHY)]
        mail = session.scalars(select(Mail)).one()
        assert (mail.template, mail.recipient) == ("acting_as_owner", email(cast.olga))
        assert mail.context["reason"] == WHY

    def test_every_change_has_the_reason(self, session: Session, cast: Cast, clock: Clock) -> None:
        start(session, cast)
        profile.save(session, cast.ada, cast.acme.id, *PHONE)
        members.change_role(
            session, cast.ada, cast.acme.id, cast.mia.user_id, Role.OWNER, reason="x" * 500
        )
        clock.turn(timedelta(minutes=2))
        profile.confirm(session, cast.olga, cast.acme.id)
        by_ada, long, by_olga = entries(session)[1:]
        assert by_ada == ("profile.changed", f"As an owner: {WHY}")
        assert long[1].startswith("xxx")
        assert long[1].endswith(f"(As an owner: {WHY})")
        assert len(long[1]) == 500
        assert by_olga == ("profile.confirmed", "")

    @pytest.mark.parametrize("reason", ["", "  ", "x" * 201])
    def test_a_readable_reason_is_required(self, session: Session, cast: Cast, reason: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            start(session, cast, reason)
        assert list(refused.value.fields) == ["reason"]
        assert not may_edit(session, cast.ada, cast)

    def test_owners_cannot_impersonate(self, session: Session, cast: Cast) -> None:
        start(session, cast)
        ada = account_access.set_staff(session, cast.ada, cast.olga.user_id, Staff.OPS)
        assert ada.staff is Staff.OPS
        members.change_role(session, cast.ada, cast.acme.id, cast.mia.user_id, Role.OWNER)
        account_access.set_staff(session, cast.ada, cast.mia.user_id, Staff.ADMINISTRATOR)
        with pytest.raises(NotPermitted):  # not before two-factor is set up
            impersonation.start(session, cast.mia, cast.acme.id, reason=WHY)


class TestEnd:
    def test_it_ends_after_an_hour(self, session: Session, cast: Cast, clock: Clock) -> None:
        start(session, cast)
        clock.turn(impersonation.IMPERSONATION_TTL - timedelta(seconds=1))
        assert find_impersonation(session, cast.ada, cast.acme.id).reason == WHY
        clock.turn(timedelta(seconds=1))
        assert not may_edit(session, cast.ada, cast)
        with pytest.raises(NotPermitted):
            profile.save(session, cast.ada, cast.acme.id, *PHONE)

    def test_it_can_be_ended_early(self, session: Session, cast: Cast) -> None:
        start(session, cast)
        for _ in range(2):
            impersonation.end(session, cast.ada, cast.acme.id)
        assert not may_edit(session, cast.ada, cast)
        assert [event for event, _ in entries(session)] == ["acting.started", "acting.ended"]

    def test_starting_again_renews_it(self, session: Session, cast: Cast, clock: Clock) -> None:
        start(session, cast)
        clock.turn(timedelta(minutes=50))
        start(session, cast, "Another thing")
        found = find_impersonation(session, cast.ada, cast.acme.id)
        assert found == (clock.now() + impersonation.IMPERSONATION_TTL, "Another thing")

    def test_it_ends_with_the_staff_role(self, session: Session, cast: Cast) -> None:
        account_access.set_staff(session, cast.ada, cast.oda.user_id, Staff.ADMINISTRATOR)
        start(session, cast)
        account_access.set_staff(session, cast.oda, cast.ada.user_id, Staff.SALES)
        assert not may_edit(session, cast.ada, cast)

    def test_it_ends_with_two_factor(self, session: Session, cast: Cast) -> None:
        account_access.set_staff(session, cast.ada, cast.oda.user_id, Staff.ADMINISTRATOR)
        start(session, cast)
        administration.reset_two_factor(session, cast.oda, cast.ada.user_id, reason="Lost")
        assert not may_edit(session, cast.ada, cast)

    def test_rows_are_purged_and_history_stays(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        start(session, cast)
        clock.turn(timedelta(days=2))
        assert cleanup.purge_impersonations(session) == 1
        assert session.scalars(select(Impersonation)).all() == []
        assert entries(session) == [("acting.started", WHY)]


class TestInvitations:
    """What was offered under an impersonation ends with it."""

    @pytest.fixture
    def invited(self, session: Session, cast: Cast) -> Invitation:
        start(session, cast)
        return invite(session, cast)

    def test_people_can_join_while_it_lasts(
        self, session: Session, cast: Cast, invited: Invitation
    ) -> None:
        acceptance.accept(session, cast.otto, token_of(invited))
        assert find_role(session, cast.otto, cast.acme.id) is Role.OWNER

    def test_they_end_with_it(self, session: Session, cast: Cast, invited: Invitation) -> None:
        impersonation.end(session, cast.ada, cast.acme.id)
        assert invited.status is InvitationStatus.REVOKED
        event, reason = entries(session)[-1]
        assert event == "invitation.revoked"
        assert reason.startswith("The right to act as an owner has ended.")
        start(session, cast)
        with pytest.raises(LinkNotValid):
            acceptance.accept(session, cast.otto, token_of(invited))

    def test_they_end_when_its_time_is_over(self, engine: Engine, cast: Cast, clock: Clock) -> None:
        db.run(start, cast)
        invited = db.run(invite, cast)
        assert impersonation.run_due() == 0
        clock.turn(impersonation.IMPERSONATION_TTL)
        with db.read() as session, pytest.raises(LinkNotValid):
            acceptance.get_invitation(session, cast.otto, token_of(invited))
        assert (impersonation.run_due(), impersonation.run_due()) == (1, 0)
        with db.read() as session:
            assert session.get_one(Invitation, invited.id).status is InvitationStatus.REVOKED

    @pytest.mark.parametrize("staff", [None, Staff.SALES])
    def test_they_end_with_the_staff_role(
        self, session: Session, cast: Cast, invited: Invitation, staff: Staff | None
    ) -> None:
        account_access.set_staff(session, cast.ada, cast.oda.user_id, Staff.ADMINISTRATOR)
        account_access.set_staff(session, cast.oda, cast.ada.user_id, staff)
        assert invited.status is InvitationStatus.REVOKED
        account_access.set_staff(session, cast.oda, cast.ada.user_id, Staff.ADMINISTRATOR)
        with pytest.raises(LinkNotValid):
            acceptance.accept(session, cast.otto, token_of(invited))

    def test_they_end_with_the_account(
        self, session: Session, cast: Cast, invited: Invitation
    ) -> None:
        account_access.set_staff(session, cast.ada, cast.oda.user_id, Staff.ADMINISTRATOR)
        leaving.delete_account(session, cast.ada)
        assert invited.status is InvitationStatus.REVOKED

    def test_what_the_membership_allows_stays(self, session: Session, cast: Cast) -> None:
        own = invitations.invite(
            session, cast.olga, cast.acme.id, email(cast.ada), role=Role.ADMIN
        )[0]
        acceptance.accept(session, cast.ada, token_of(own))
        start(session, cast)
        as_owner, as_admin = invite(session, cast), invite(session, cast, "new@example.com")
        invitations.change_role(session, cast.ada, cast.acme.id, as_admin.id, Role.ADMIN)
        impersonation.end(session, cast.ada, cast.acme.id)
        assert as_owner.status is InvitationStatus.REVOKED
        assert as_admin.status is InvitationStatus.PENDING

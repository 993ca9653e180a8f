"""Ownership: offers, transfers in one step, and organizations without an active owner."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.access.permissions import ORGDESK, Actor
from core.audit import history
from core.base.errors import HasOwner, InvalidInput, LastOwner, NotFound, NotPermitted, OfferClosed
from core.mail import messages
from core.members import invitations, leaving, members, membership_rows, ownership
from core.models import Handover, Invitation, InvitationStatus, Mail, Role, User
from core.organizations import organizations
from core.staff import impersonation
from tests.conftest import Clock
from tests.support.cast import Cast, email
from tests.support.history import last_entry


def offer(session: Session, cast: Cast, role: Role = Role.ADMIN) -> Handover:
    return ownership.offer(session, cast.olga, cast.acme.id, cast.adam.user_id, role=role)


def role_of(session: Session, cast: Cast, person: Actor) -> Role | None:
    found = membership_rows.find(session, cast.acme, person.user_id)
    return found and found.role


def mails(session: Session) -> list[tuple[str, str]]:
    return [(mail.template, mail.recipient) for mail in session.scalars(select(Mail))]


def disable(session: Session, person: Actor, clock: Clock) -> None:
    disabled = update(User).where(User.id == person.user_id).values(disabled_at=clock.now())
    session.execute(disabled.execution_options(unrecorded=True))


class TestOffer:
    def test_the_member_is_notified_and_no_role_changes_yet(
        self, session: Session, cast: Cast
    ) -> None:
        made = offer(session, cast)
        assert made.status is InvitationStatus.PENDING
        assert role_of(session, cast, cast.adam) is Role.ADMIN
        assert mails(session) == [("ownership_offered", email(cast.adam))]
        assert (last_entry(session).event, last_entry(session).person_id) == (
            "ownership.offered",
            cast.adam.user_id,
        )

    def test_a_second_offer_replaces_the_first(self, session: Session, cast: Cast) -> None:
        first = offer(session, cast)
        second = ownership.offer(session, cast.olga, cast.acme.id, cast.mia.user_id)
        assert first.status is InvitationStatus.REVOKED
        assert mails(session)[1:] == [
            ("ownership_withdrawn", email(cast.adam)),
            ("ownership_offered", email(cast.mia)),
        ]
        assert [
            each.handover for each in ownership.list_offers(session, cast.olga, cast.acme.id)
        ] == [second]

    def test_nobody_floods_another_with_offers(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        for _ in range(5):
            for person in (cast.adam, cast.mia):
                made = ownership.offer(session, cast.olga, cast.acme.id, person.user_id)
        assert [to for _, to in mails(session)].count(email(cast.mia)) == 5
        assert [to for _, to in mails(session)].count(email(cast.adam)) == 5
        assert made.to_id == cast.mia.user_id
        assert made.status is InvitationStatus.PENDING

    def test_an_offer_needs_another_person_and_a_lower_role(
        self, session: Session, cast: Cast
    ) -> None:
        with pytest.raises(InvalidInput) as refused:
            ownership.offer(session, cast.olga, cast.acme.id, cast.olga.user_id, role=Role.OWNER)
        assert set(refused.value.fields) == {"user_id", "role"}

    def test_disabled_members_get_no_offer(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        disable(session, cast.adam, clock)
        with pytest.raises(InvalidInput, match="disabled"):
            offer(session, cast)

    def test_an_administrator_acting_as_owner_cannot_offer_ownership(
        self, session: Session, cast: Cast
    ) -> None:
        impersonation.start(session, cast.ada, cast.acme.id, reason="Olga asked us to")
        with pytest.raises(NotFound):
            ownership.offer(session, cast.ada, cast.acme.id, cast.mia.user_id)
        membership_rows.make(session, cast.acme, cast.ada.user_id, Role.MEMBER)
        made = membership_rows.find(session, cast.acme, cast.ada.user_id)
        history.record(session, ORGDESK, cast.acme, "member.put", made)
        with pytest.raises(NotPermitted, match="not yours"):
            ownership.offer(session, cast.ada, cast.acme.id, cast.mia.user_id)

    def test_outsiders_get_no_offer(self, session: Session, cast: Cast) -> None:
        with pytest.raises(NotFound):
            ownership.offer(session, cast.olga, cast.acme.id, cast.otto.user_id)


class TestAccept:
    @pytest.mark.parametrize("role", [Role.ADMIN, Role.MEMBER])
    def test_both_roles_change_in_one_step(self, session: Session, cast: Cast, role: Role) -> None:
        made = offer(session, cast, role)
        ownership.accept(session, cast.adam, cast.acme.id, made.id)
        assert role_of(session, cast, cast.adam) is Role.OWNER
        assert role_of(session, cast, cast.olga) is role
        entry = last_entry(session)
        assert entry.event == "ownership.transferred"
        changed = {(each["field"], each["old"], each["new"]) for each in entry.changes}
        assert {("role", "admin", "owner"), ("role", "owner", role.value)} <= changed

    def test_both_owners_are_notified(self, session: Session, cast: Cast) -> None:
        ownership.accept(session, cast.adam, cast.acme.id, offer(session, cast).id)
        assert mails(session)[1:] == [
            ("ownership_transferred", email(cast.olga)),
            ("ownership_transferred", email(cast.adam)),
        ]

    def test_accepting_twice_is_harmless(self, session: Session, cast: Cast) -> None:
        made = offer(session, cast)
        first = ownership.accept(session, cast.adam, cast.acme.id, made.id)
        assert ownership.accept(session, cast.adam, cast.acme.id, made.id) is first
        assert len(mails(session)) == 3

    def test_the_old_owner_can_leave_afterwards(self, session: Session, cast: Cast) -> None:
        with pytest.raises(LastOwner):
            leaving.leave(session, cast.olga, cast.acme.id)
        ownership.accept(session, cast.adam, cast.acme.id, offer(session, cast).id)
        leaving.leave(session, cast.olga, cast.acme.id)
        with pytest.raises(LastOwner):
            leaving.leave(session, cast.adam, cast.acme.id)

    def test_no_one_else_can_accept(self, session: Session, cast: Cast) -> None:
        made = offer(session, cast)
        for person in (cast.mia, cast.olga):
            for use_case in (ownership.accept, ownership.decline):
                with pytest.raises(NotFound):
                    use_case(session, person, cast.acme.id, made.id)

    def test_an_expired_offer_cannot_be_accepted(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        made = offer(session, cast)
        clock.turn(timedelta(days=7))
        with pytest.raises(OfferClosed):
            ownership.accept(session, cast.adam, cast.acme.id, made.id)
        assert ownership.list_offers(session, cast.adam, cast.acme.id) == []
        (shown,) = ownership.list_offers(session, cast.olga, cast.acme.id)
        assert not shown.is_open

    def test_the_offer_of_a_disabled_owner_cannot_be_accepted(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        made = offer(session, cast)
        disable(session, cast.olga, clock)
        with pytest.raises(OfferClosed):
            ownership.accept(session, cast.adam, cast.acme.id, made.id)

    def test_an_offer_ends_when_its_owner_steps_down(self, session: Session, cast: Cast) -> None:
        acme = cast.acme.id
        made = offer(session, cast)
        members.change_role(session, cast.olga, acme, cast.mia.user_id, Role.OWNER)
        members.change_role(session, cast.mia, acme, cast.olga.user_id, Role.ADMIN)
        assert made.status is InvitationStatus.REVOKED
        with pytest.raises(OfferClosed):
            ownership.accept(session, cast.adam, acme, made.id)

    @pytest.mark.parametrize("goes", ["leaves", "deletes the account"])
    def test_an_offer_ends_when_either_person_leaves(
        self, session: Session, cast: Cast, goes: str
    ) -> None:
        made = offer(session, cast)
        if goes == "leaves":
            leaving.leave(session, cast.adam, cast.acme.id)
        else:
            leaving.delete_account(session, cast.adam)
        assert made.status is InvitationStatus.REVOKED
        assert ownership.list_offers(session, cast.olga, cast.acme.id) == []

    def test_higher_invitations_of_the_old_owner_are_revoked(
        self, session: Session, cast: Cast
    ) -> None:
        invitations.invite(session, cast.olga, cast.acme.id, "o@example.com", role=Role.OWNER)
        ownership.accept(session, cast.adam, cast.acme.id, offer(session, cast).id)
        assert session.scalars(select(Invitation.status)).one() is InvitationStatus.REVOKED


class TestWithdrawAndDecline:
    def test_a_withdrawn_offer_ends_and_the_member_is_notified(
        self, session: Session, cast: Cast
    ) -> None:
        made = offer(session, cast)
        ownership.withdraw(session, cast.olga, cast.acme.id, made.id)
        assert mails(session)[1:] == [("ownership_withdrawn", email(cast.adam))]
        with pytest.raises(OfferClosed):
            ownership.accept(session, cast.adam, cast.acme.id, made.id)

    def test_a_declined_offer_ends_and_the_owner_is_notified(
        self, session: Session, cast: Cast
    ) -> None:
        made = offer(session, cast)
        ownership.decline(session, cast.adam, cast.acme.id, made.id)
        assert mails(session)[1:] == [("ownership_declined", email(cast.olga))]
        assert last_entry(session).event == "ownership.declined"
        with pytest.raises(OfferClosed):
            ownership.accept(session, cast.adam, cast.acme.id, made.id)
        assert ownership.withdraw(session, cast.olga, cast.acme.id, made.id) is made

    def test_members_see_only_their_own_offers(self, session: Session, cast: Cast) -> None:
        offer(session, cast)
        (shown,) = ownership.list_offers(session, cast.adam, cast.acme.id)
        assert (shown.from_name, shown.to_name, shown.is_for_actor) == ("Olga", "Adam", True)
        assert ownership.list_offers(session, cast.mia, cast.acme.id) == []


class TestOwnerless:
    @pytest.fixture(autouse=True)
    def _olga_is_disabled(self, session: Session, cast: Cast, clock: Clock) -> None:
        disable(session, cast.olga, clock)

    def test_administrators_see_the_organizations_and_candidates(
        self, session: Session, cast: Cast
    ) -> None:
        found = ownership.ownerless_table(session, cast.ada)
        assert found["name"].tolist() == ["Acme"]
        assert ownership.list_owner_candidates(session, cast.ada, cast.acme.id) == [
            email(cast.adam),
            email(cast.mia),
        ]

    def test_candidates_come_by_the_rank_of_their_role(self, session: Session, cast: Cast) -> None:
        members.change_role(session, ORGDESK, cast.acme.id, cast.mia.user_id, Role.OWNER)
        assert ownership.list_owner_candidates(session, cast.ada, cast.acme.id) == [
            email(cast.mia),
            email(cast.adam),
        ]

    def test_one_active_owner_is_enough(self, session: Session, cast: Cast) -> None:
        members.change_role(session, ORGDESK, cast.acme.id, cast.mia.user_id, Role.OWNER)
        assert ownership.ownerless_table(session, cast.ada).empty
        with pytest.raises(HasOwner):
            ownership.assign_owner(session, cast.ada, cast.acme.id, email(cast.adam), reason="x")

    def test_deleted_organizations_need_no_owner(self, session: Session, cast: Cast) -> None:
        organizations.delete(session, ORGDESK, cast.acme.id, name="Acme")
        assert ownership.ownerless_table(session, cast.ada).empty

    @pytest.mark.parametrize("person", ["adam", "otto"])
    def test_a_member_or_an_outsider_can_be_assigned(
        self, session: Session, cast: Cast, person: str
    ) -> None:
        heir = getattr(cast, person)
        ownership.assign_owner(
            session, cast.ada, cast.acme.id, email(heir).upper(), reason="All owners left."
        )
        assert role_of(session, cast, heir) is Role.OWNER
        assert role_of(session, cast, cast.olga) is Role.OWNER
        entry = last_entry(session)
        assert (entry.event, entry.reason) == ("ownership.named", "All owners left.")
        assert mails(session) == [("owner_named", email(heir))]
        assert ownership.ownerless_table(session, cast.ada).empty

    def test_all_errors_are_reported_together(self, session: Session, cast: Cast) -> None:
        with pytest.raises(InvalidInput) as refused:
            ownership.assign_owner(session, cast.ada, cast.acme.id, "x", reason=" ")
        assert set(refused.value.fields) == {"email", "reason"}

    @pytest.mark.parametrize("address", ["nobody@example.com", "olga@example.com"])
    def test_only_active_accounts_can_be_assigned(
        self, session: Session, cast: Cast, address: str
    ) -> None:
        with pytest.raises(InvalidInput, match="No active account"):
            ownership.assign_owner(session, cast.ada, cast.acme.id, address, reason="x")

    def test_only_administrators_assign_an_owner(self, session: Session, cast: Cast) -> None:
        with pytest.raises(NotPermitted):
            ownership.assign_owner(session, cast.sam, cast.acme.id, email(cast.mia), reason="x")


def test_every_mail_can_be_rendered(session: Session, cast: Cast, clock: Clock) -> None:
    acme = cast.acme.id
    ownership.withdraw(session, cast.olga, acme, offer(session, cast).id)
    ownership.decline(session, cast.adam, acme, offer(session, cast).id)
    ownership.accept(session, cast.adam, acme, offer(session, cast).id)
    disable(session, cast.adam, clock)
    ownership.assign_owner(session, cast.ada, acme, email(cast.mia), reason="Gone")
    written = [messages.render(mail) for mail in session.scalars(select(Mail))]
    assert len(written) == 8
    assert all("Acme" in letter.text and "Acme" in letter.html for letter in written)
    assert f"/members?org={cast.acme.public_id}" in written[0].text

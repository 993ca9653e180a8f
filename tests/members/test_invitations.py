"""Invitations: sending and managing them, limits, and the ways to answer one."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select, text, update
from sqlalchemy.orm import Session

from core.access.permissions import ANONYMOUS, Actor
from core.accounts import user_rows
from core.audit import history
from core.base import crypto, validation
from core.base.errors import (
    AddressesRefused,
    AlreadyInvited,
    AlreadyMember,
    DomainError,
    InvalidInput,
    InvitationLimit,
    LinkNotValid,
    MemberLimit,
    MembershipLimit,
    NotFound,
    NotPermitted,
    RoleTooHigh,
    TooManyAttempts,
    WrongInvitee,
)
from core.database import db
from core.mail import messages
from core.members import (
    acceptance,
    invitation_rows,
    invitations,
    invitees,
    leaving,
    members,
    membership_rows,
)
from core.members.invitations import State
from core.models import Entry, Invitation, InvitationStatus, Mail, Membership, Role, User
from core.organizations import organizations
from tests.conftest import Clock
from tests.support.cast import Cast, email
from tests.support.depth import rounds


def invite(session: Session, cast: Cast, to: str, role: Role = Role.MEMBER) -> Invitation:
    return invitations.invite(session, cast.olga, cast.acme.id, to, role=role)[0]


def mailed_token(invitation: Invitation) -> str:
    return crypto.token(invitation_rows.MAILED, invitation.nonce)


def copied_token(session: Session, cast: Cast, invitation: Invitation) -> str:
    link = invitations.get_link(session, cast.olga, cast.acme.id, invitation.id)
    return link.partition("#")[2]


def new_account(address: str, name: str = "Nora") -> user_rows.NewAccount:
    return user_rows.NewAccount(name, address, "$argon2id$made-up")


def last_event(session: Session) -> str:
    return session.scalars(select(Entry.event).order_by(Entry.id.desc())).first() or ""


class TestInvite:
    def test_addresses_are_separated_by_commas_or_lines(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        typed = " a@example.com, b@example.com\n\nc@example.com ;A@EXAMPLE.com"
        made = invitations.invite(session, cast.adam, cast.acme.id, typed)
        assert [each.email for each in made] == ["a@example.com", "b@example.com", "c@example.com"]
        assert {each.role for each in made} == {Role.MEMBER}
        assert {each.expires_at for each in made} == {clock.now() + timedelta(hours=72)}
        assert session.scalars(select(Entry.event)).all() == ["invitation.sent"]

    @pytest.mark.parametrize(
        ("pasted", "invited"),
        [
            ("Mia Lund <mia@x.example>; Bo <bo@x.example>", "mia bo"),
            ('"Lund, Mia" <mia@x.example>, bo@x.example', "mia bo"),
            ("Lund, Mia <mia@x.example>; Berg, Bo <bo@x.example>;", "mia bo"),
            ("ana@x.example, Mia <mia@x.example>\nbo@x.example", "ana mia bo"),
            ("<mia@x.example>,<bo@x.example>", "mia bo"),
            ("mia@x.example <mia@x.example>, bo@x.example", "mia bo"),
            ("mailto:mia@x.example?subject=Hi, bo@x.example (Bo)", "mia bo"),
            ('"Bo; Berg" <bo@x.example>', "bo"),
            ("Lund\\, Mia <mia@x.example>", "mia"),
            ("'Mia' <mia@x.example>,\r\n 'Bo, the \"boss\"' <bo@x.example>", "mia bo"),
        ],
    )
    def test_lists_are_taken_apart_as_mail_programs_copy_them(
        self, session: Session, cast: Cast, pasted: str, invited: str
    ) -> None:
        made = invitations.invite(session, cast.olga, cast.acme.id, pasted)
        assert [each.email for each in made] == [f"{name}@x.example" for name in invited.split()]

    @settings(max_examples=rounds(20, 60))
    @given(
        names=st.lists(st.text(st.characters(exclude_characters='"'), max_size=8), max_size=4),
        separator=st.sampled_from([", ", ";", "\n", ",\r\n"]),
    )
    def test_names_in_quotes_never_change_the_addresses(
        self, names: list[str], separator: str
    ) -> None:
        names = [" ".join(name.split()) for name in names]
        pasted = separator.join(f'"{name}" <a{i}@x.example>' for i, name in enumerate(names))
        found = [validation.email(entry) for entry in invitees._split(pasted)] if names else []
        assert found == [f"a{i}@x.example" for i in range(len(names))]

    def test_each_person_gets_a_separate_mail(self, session: Session, cast: Cast) -> None:
        made = invitations.invite(session, cast.olga, cast.acme.id, "a@example.com,b@example.com")
        mails = session.scalars(select(Mail).order_by(Mail.id)).all()
        assert [mail.recipient for mail in mails] == ["a@example.com", "b@example.com"]
        for mail, invitation in zip(mails, made, strict=True):
            assert invitation.mail_id == mail.id
            assert f"/invitation#{mailed_token(invitation)}" in messages.render(mail).text
            assert mailed_token(invitation) not in str(mail.context)

    def test_all_errors_are_reported_together_and_no_one_is_invited(
        self, session: Session, cast: Cast
    ) -> None:
        invite(session, cast, "waits@example.com")
        typed = f"fine@example.com, j.doe@mayo@, {email(cast.mia)}, Waits@example.com"
        with pytest.raises(AddressesRefused) as refused:
            invitations.invite(session, cast.olga, cast.acme.id, typed)
        problems = refused.value.fields["emails"]
        assert refused.value.valid == ["fine@example.com"]
        assert [address for address, _ in refused.value.results] == [
            "fine@example.com",
            "j.doe@mayo@",
            email(cast.mia),
            "Waits@example.com",
        ]
        assert "j.doe@mayo@: Enter an email address" in problems
        assert "mia@example.com is already a member" in problems
        assert "Waits@example.com is already invited" in problems
        assert session.scalar(select(func.count()).select_from(Invitation)) == 1

    def test_a_member_is_not_invited_again(self, session: Session, cast: Cast) -> None:
        with pytest.raises(AlreadyMember):
            invite(session, cast, "MIA@example.com")

    def test_an_address_has_at_most_one_pending_invitation(
        self, session: Session, cast: Cast
    ) -> None:
        invite(session, cast, "new@example.com")
        with pytest.raises(AlreadyInvited, match="Resend"):
            invite(session, cast, "new@EXAMPLE.com")

    def test_people_who_declined_can_be_invited_again(self, session: Session, cast: Cast) -> None:
        first = invite(session, cast, "new@example.com")
        acceptance.decline(session, ANONYMOUS, mailed_token(first))
        assert invite(session, cast, "new@example.com").id != first.id

    @pytest.mark.parametrize("typed", ["", " \n,;", "x", "a@b@c", "\x00@\ud800.com", "a" * 100_000])
    def test_an_invalid_address_is_refused(self, session: Session, cast: Cast, typed: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            invite(session, cast, typed)
        assert list(refused.value.fields) == ["emails"]

    def test_an_admin_cannot_invite_an_owner(self, session: Session, cast: Cast) -> None:
        with pytest.raises(RoleTooHigh):
            invitations.invite(session, cast.adam, cast.acme.id, "x@example.com", role=Role.OWNER)


class TestLimits:
    def planned(self, session: Session, start: datetime) -> dict[timedelta, int]:
        """Return how many invitations are mailed, by the time from the start on."""
        times = session.scalars(select(Invitation.sent_at).order_by(Invitation.sent_at))
        return dict(Counter(each - start for each in times))

    def typed(self, number: int, prefix: str = "p") -> str:
        return "\n".join(f"{prefix}{n}@example.com" for n in range(number))

    def test_a_long_list_is_mailed_as_the_limits_allow(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        start, minute, day = clock.now(), timedelta(minutes=1), timedelta(days=1)
        made = invitations.invite(session, cast.olga, cast.acme.id, self.typed(120))
        assert len(made) == 120
        first_day = {n * minute: 10 for n in range(5)}
        second_day = {day + n * minute: 10 for n in range(5)}
        assert self.planned(session, start) == first_day | second_day | {
            2 * day: 10,
            2 * day + minute: 10,
        }
        due = session.scalars(select(Mail.due_at).order_by(Mail.id)).all()
        assert due == [each.sent_at for each in made]
        assert made[-1].expires_at == made[-1].sent_at + invitation_rows.INVITATION_TTL

    def test_a_second_list_waits_behind_the_first(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        start, minute = clock.now(), timedelta(minutes=1)
        invite(session, cast, self.typed(15))
        invite(session, cast, self.typed(10, "q"))
        assert self.planned(session, start) == {0 * minute: 10, minute: 10, 2 * minute: 5}

    def test_those_that_wait_are_listed_and_can_be_revoked_without_an_email(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        last = invitations.invite(session, cast.olga, cast.acme.id, self.typed(11))[-1]
        found = invitations.table(session, cast.olga, cast.acme.id)
        assert found["delivery"].tolist() == ["waiting", *["queued"] * 10]
        assert invitations.resend(session, cast.olga, cast.acme.id, last.id).sent_at > clock.now()
        mails = session.scalar(select(func.count(Mail.id)))
        invitations.revoke(session, cast.olga, cast.acme.id, last.id)
        assert session.get_one(Mail, last.mail_id, populate_existing=True).due_at is None
        assert session.scalar(select(func.count(Mail.id))) == mails == 11

    def test_equal_addresses_count_once(self, session: Session, cast: Cast) -> None:
        typed = ", ".join(["new@example.com"] * 600)
        assert len(invitations.invite(session, cast.olga, cast.acme.id, typed)) == 1

    def test_a_list_has_at_most_five_hundred(self, session: Session, cast: Cast) -> None:
        with pytest.raises(InvalidInput, match="at most 500"):
            invite(session, cast, self.typed(501))

    def test_resends_count_as_well(self, session: Session, cast: Cast, clock: Clock) -> None:
        for batch in range(4):
            invite(session, cast, self.typed(10, f"p{batch}"))
            clock.turn(timedelta(minutes=1))
        for invitation_id in session.scalars(select(Invitation.id).limit(10)).all():
            invitations.resend(session, cast.olga, cast.acme.id, invitation_id)
        clock.turn(timedelta(minutes=1))
        late = invite(session, cast, "one@example.com")
        assert late.sent_at > clock.now() + timedelta(hours=10)

    def test_one_organization_sends_at_most_a_hundred_a_day(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        acme, mia = cast.acme.id, cast.mia
        members.change_role(session, cast.olga, acme, mia.user_id, Role.ADMIN)
        for inviter in (cast.olga, cast.adam):
            invitations.invite(session, inviter, acme, self.typed(50, inviter.name))
        (late,) = invitations.invite(session, mia, acme, "one@example.com")
        assert late.sent_at == clock.now() + timedelta(days=1)

    def test_one_address_is_mailed_at_most_twice_a_day(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        invitation = invite(session, cast, "new@example.com")
        invitations.resend(session, cast.adam, cast.acme.id, invitation.id)
        with session.begin_nested() as attempt:
            with pytest.raises(
                TooManyAttempts, match=r"2 invitations today. Wait \d+ hours"
            ) as refused:
                invitations.resend(session, cast.olga, cast.acme.id, invitation.id)
            attempt.rollback()
        invitations.revoke(session, cast.olga, cast.acme.id, invitation.id)
        with session.begin_nested() as attempt:
            with pytest.raises(TooManyAttempts):
                invite(session, cast, "NEW@example.com")
            attempt.rollback()
        with session.begin_nested() as attempt:
            with pytest.raises(AddressesRefused, match="was sent 2 invitations today") as several:
                invite(session, cast, "new@example.com, fine@example.com")
            attempt.rollback()
        assert several.value.valid == ["fine@example.com"]
        invitations.invite(session, cast.otto, cast.otto_ltd.id, "new@example.com")
        clock.turn(timedelta(minutes=refused.value.minutes))
        invite(session, cast, "new@example.com")

    def test_at_most_six_hundred_are_pending(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        addresses = [f"{n}@example.com" for n in range(600)]
        waiting = [
            invitation_rows.make(session, cast.acme, each, each, Role.MEMBER, cast.olga.user_id)
            for each in addresses
        ]
        history.record(session, cast.olga, cast.acme, "invitation.sent", *waiting)
        with pytest.raises(InvitationLimit):
            invite(session, cast, "one@example.com")
        clock.turn(timedelta(hours=72))
        invite(session, cast, "one@example.com")


class TestManage:
    def test_resending_keeps_the_row_and_ends_the_old_links(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        invitation = invite(session, cast, email(cast.otto))
        old = [mailed_token(invitation), copied_token(session, cast, invitation)]
        clock.turn(timedelta(hours=80))
        again = invitations.resend(session, cast.adam, cast.acme.id, invitation.id)
        assert again.id == invitation.id
        assert again.expires_at == clock.now() + timedelta(hours=72)
        for token in old:
            with pytest.raises(LinkNotValid):
                acceptance.get_invitation(session, ANONYMOUS, token)
        assert acceptance.get_invitation(session, cast.otto, mailed_token(again)).inviter == "Olga"

    def test_a_queued_mail_is_replaced(self, session: Session, cast: Cast) -> None:
        invitation = invite(session, cast, "new@example.com")
        invitations.resend(session, cast.olga, cast.acme.id, invitation.id)
        session.expire_all()
        due = session.scalars(select(Mail.due_at).order_by(Mail.id)).all()
        assert due[0] is None
        assert due[1] is not None

    def test_revoked_links_stop_working(self, session: Session, cast: Cast) -> None:
        invitation = invite(session, cast, email(cast.otto))
        token = copied_token(session, cast, invitation)
        invitations.revoke(session, cast.adam, cast.acme.id, invitation.id)
        for dead in (token, mailed_token(invitation)):
            with pytest.raises(LinkNotValid):
                acceptance.accept(session, cast.otto, dead)
        with pytest.raises(NotFound):
            invitations.resend(session, cast.olga, cast.acme.id, invitation.id)

    def test_the_role_of_a_pending_invitation_can_be_changed(
        self, session: Session, cast: Cast
    ) -> None:
        invitation = invite(session, cast, email(cast.otto))
        invitations.change_role(session, cast.adam, cast.acme.id, invitation.id, Role.ADMIN)
        assert last_event(session) == "invitation.role_changed"
        membership = acceptance.accept(session, cast.otto, mailed_token(invitation))
        assert membership.role is Role.ADMIN

    def test_an_admin_cannot_change_an_invitation_as_owner(
        self, session: Session, cast: Cast
    ) -> None:
        invitation = invite(session, cast, email(cast.otto), Role.OWNER)
        for use_case in (invitations.resend, invitations.revoke, invitations.get_link):
            with pytest.raises(NotPermitted):
                use_case(session, cast.adam, cast.acme.id, invitation.id)
        with pytest.raises(NotPermitted):
            invitations.change_role(session, cast.adam, cast.acme.id, invitation.id, Role.MEMBER)

    def test_an_invitation_of_another_organization_is_not_found(
        self, session: Session, cast: Cast
    ) -> None:
        invitation = invite(session, cast, "new@example.com")
        with pytest.raises(NotFound):
            invitations.revoke(session, cast.otto, cast.otto_ltd.id, invitation.id)


class TestNotifications:
    """Invited people are notified of changes once the first mail was sent."""

    def sent(self, session: Session, clock: Clock) -> None:
        waiting = Mail.sent_at.is_(None) & Mail.due_at.is_not(None)
        session.execute(update(Mail).where(waiting).values(sent_at=clock.now(), due_at=None))

    def templates(self, session: Session) -> list[str]:
        return list(
            session.scalars(select(Mail.template).where(Mail.due_at.is_not(None)).order_by(Mail.id))
        )

    def test_a_changed_role_is_announced(self, session: Session, cast: Cast, clock: Clock) -> None:
        invitation = invite(session, cast, "new@example.com")
        invitations.change_role(session, cast.olga, cast.acme.id, invitation.id, Role.ADMIN)
        assert self.templates(session) == ["invitation"]
        assert "as\nan admin" in messages.render(session.get(Mail, invitation.mail_id)).text
        self.sent(session, clock)
        invitations.change_role(session, cast.olga, cast.acme.id, invitation.id, Role.MEMBER)
        assert self.templates(session) == ["invitation_role_changed"]
        letter = messages.render(session.get(Mail, invitation.mail_id))
        assert mailed_token(invitation) in letter.text

    def test_nobody_floods_an_address_with_changes_of_the_role(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        invitation = invite(session, cast, "new@example.com")
        for role in [Role.ADMIN, Role.MEMBER] * 4:
            self.sent(session, clock)
            clock.turn(timedelta(minutes=1))
            invitations.change_role(session, cast.olga, cast.acme.id, invitation.id, role)
        changed = select(func.count()).where(Mail.template == "invitation_role_changed")
        assert session.scalar(changed) == 5
        assert invitation.role is Role.MEMBER

    def test_a_revoked_invitation_is_announced(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        emailed = invite(session, cast, "told@example.com")
        self.sent(session, clock)
        silent = invite(session, cast, "silent@example.com")
        for invitation in (emailed, silent):
            invitations.revoke(session, cast.olga, cast.acme.id, invitation.id)
        revoked = session.scalars(select(Mail).where(Mail.template == "invitation_revoked")).all()
        assert [mail.recipient for mail in revoked] == ["told@example.com"]
        assert "withdrawn" in messages.render(revoked[0]).text

    def test_changes_of_expired_invitations_are_not_announced(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        acme, made = cast.acme.id, invite(session, cast, "late@example.com")
        self.sent(session, clock)
        clock.turn(timedelta(hours=72))
        with pytest.raises(LinkNotValid, match="Press Resend"):
            invitations.get_link(session, cast.olga, acme, made.id)
        invitations.change_role(session, cast.olga, acme, made.id, Role.ADMIN)
        invitations.revoke(session, cast.olga, acme, made.id)
        assert self.templates(session) == []

    def test_invitations_revoked_with_their_inviter_are_announced(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        acme = cast.acme.id
        invitations.invite(session, cast.adam, acme, "new@example.com", role=Role.ADMIN)
        self.sent(session, clock)
        members.change_role(session, cast.olga, acme, cast.adam.user_id, Role.MEMBER)
        assert self.templates(session) == ["invitation_revoked", "role_changed"]

    def test_the_inviter_is_notified_of_a_decline(self, session: Session, cast: Cast) -> None:
        acceptance.decline(
            session, ANONYMOUS, mailed_token(invite(session, cast, "new@example.com"))
        )
        mail = session.scalars(select(Mail).where(Mail.template == "invitation_declined")).one()
        assert mail.recipient == email(cast.olga)
        assert "new@example.com declined" in messages.render(mail).text

    def test_the_new_member_is_welcomed(self, session: Session, cast: Cast) -> None:
        acceptance.accept(session, cast.otto, mailed_token(invite(session, cast, email(cast.otto))))
        mail = session.scalars(select(Mail).where(Mail.template == "member_joined")).one()
        assert mail.recipient == email(cast.otto)
        assert f"/overview?org={cast.acme.public_id}" in messages.render(mail).text


class TestMemberLimit:
    def test_no_one_joins_above_the_limit(self, session: Session, cast: Cast) -> None:
        invitation = invite(session, cast, email(cast.otto))
        organizations.limit_members(session, cast.ada, cast.acme.id, 3)
        with session.begin_nested() as attempt:
            with pytest.raises(MemberLimit, match="its limit of 3 members"):
                acceptance.accept(session, cast.otto, mailed_token(invitation))
            attempt.rollback()
        session.info["changes"].clear()  # the transaction is undone whole when a use case refuses
        with pytest.raises(MemberLimit):
            invite(session, cast, "new@example.com")
        organizations.limit_members(session, cast.ada, cast.acme.id, 4)
        acceptance.accept(session, cast.otto, mailed_token(invitation))

    def test_the_limit_can_be_removed(self, session: Session, cast: Cast) -> None:
        organizations.limit_members(session, cast.ada, cast.acme.id, 1)
        organizations.limit_members(session, cast.ada, cast.acme.id, None)
        acceptance.accept(session, cast.otto, mailed_token(invite(session, cast, email(cast.otto))))
        assert last_event(session) == "invitation.accepted"

    @pytest.mark.parametrize("limit", [0, -1, 1_000_001])
    def test_a_limit_is_a_positive_number(self, session: Session, cast: Cast, limit: int) -> None:
        with pytest.raises(InvalidInput):
            organizations.limit_members(session, cast.ada, cast.acme.id, limit)


class TestTable:
    def test_it_has_state_and_delivery(self, session: Session, cast: Cast, clock: Clock) -> None:
        for name in ("sent", "failed", "declined"):
            invite(session, cast, f"{name}@example.com")
        clock.turn(timedelta(hours=72))
        declined = session.scalars(select(Invitation).filter_by(email="declined@example.com")).one()
        clock.turn(-timedelta(hours=1))
        acceptance.decline(session, ANONYMOUS, mailed_token(declined))
        clock.turn(timedelta(hours=1))
        invite(session, cast, "queued@example.com")
        is_to = Mail.recipient
        session.execute(update(Mail).where(is_to == "sent@example.com").values(sent_at=clock.now()))
        session.execute(update(Mail).where(is_to == "failed@example.com").values(error="550 No"))
        table = invitations.table(session, cast.olga, cast.acme.id).set_index("email")
        assert table["state"].to_dict() == {
            "queued@example.com": "pending",
            "declined@example.com": "declined",
            "failed@example.com": "expired",
            "sent@example.com": "expired",
        }
        assert table["delivery"][["queued@example.com", "sent@example.com"]].tolist() == [
            "queued",
            "sent",
        ]
        assert table.loc["failed@example.com", "delivery"] == "failed"
        assert table.loc["failed@example.com", "delivery_error"] == "550 No"
        assert set(table["invited_by"]) == {"Olga"}

    def test_every_state_is_listed_and_counted(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        expired = invite(session, cast, "expired@example.com")
        clock.turn(timedelta(hours=72))
        acceptance.accept(session, cast.otto, mailed_token(invite(session, cast, email(cast.otto))))
        acceptance.decline(
            session, ANONYMOUS, mailed_token(invite(session, cast, "no@example.com"))
        )
        revoked = invite(session, cast, "revoked@example.com")
        invitations.revoke(session, cast.olga, cast.acme.id, revoked.id)
        invite(session, cast, "pending@example.com")
        acme = cast.acme.id
        table = invitations.table(session, cast.olga, acme).set_index("email")
        assert table["state"].tolist() == ["pending", "revoked", "declined", "accepted", "expired"]
        once = dict.fromkeys(State, 1) | {State.PAUSED: 0}
        assert invitations.count_by_state(session, cast.olga, acme) == once
        assert table.loc["revoked@example.com", "delivery"] == "not sent"
        late = invitations.table(session, cast.olga, acme, states=[State.EXPIRED])
        assert late["id"].tolist() == [expired.id]
        pages = [
            invitations.table(session, cast.olga, acme, page=page, per_page=3) for page in (1, 2)
        ]
        assert [len(page) for page in pages] == [3, 2]

    def test_search(self, session: Session, cast: Cast) -> None:
        invite(session, cast, "ana@example.com, ben@example.com")
        found = invitations.table(session, cast.ada, cast.acme.id, search="BEN")
        assert found["email"].tolist() == ["ben@example.com"]

    def test_it_is_empty_without_invitations(self, session: Session, cast: Cast) -> None:
        assert invitations.table(session, cast.olga, cast.acme.id).empty


class TestAccept:
    def test_the_invited_person_joins_and_the_inviter_is_notified(
        self, session: Session, cast: Cast
    ) -> None:
        invitation = invite(session, cast, "Otto@example.com", Role.ADMIN)
        membership = acceptance.accept(session, cast.otto, mailed_token(invitation))
        mail = session.scalars(select(Mail).where(Mail.template == "invitation_accepted")).one()
        assert (membership.user_id, membership.role) == (cast.otto.user_id, Role.ADMIN)
        assert invitation.status is InvitationStatus.ACCEPTED
        assert last_event(session) == "invitation.accepted"
        assert (mail.recipient, mail.context["name"]) == (email(cast.olga), "Otto")

    def test_opening_the_link_changes_nothing(self, session: Session, cast: Cast) -> None:
        invitation = invite(session, cast, email(cast.otto))
        before = session.scalar(select(func.count()).select_from(Entry))
        found = acceptance.get_invitation(session, cast.otto, mailed_token(invitation))
        assert (found.organization.id, found.inviter) == (cast.acme.id, "Olga")
        assert found.has_account
        assert found.is_for_actor
        assert invitation.status is InvitationStatus.PENDING
        assert session.scalar(select(func.count()).select_from(Entry)) == before

    def test_accepting_twice_is_harmless(self, session: Session, cast: Cast) -> None:
        token = mailed_token(invite(session, cast, email(cast.otto)))
        first = acceptance.accept(session, cast.otto, token)
        assert acceptance.accept(session, cast.otto, token) is first

    def test_a_used_link_is_not_valid_for_others(self, session: Session, cast: Cast) -> None:
        token = mailed_token(invite(session, cast, email(cast.otto)))
        acceptance.accept(session, cast.otto, token)
        for use_case in (acceptance.accept, acceptance.decline):
            with pytest.raises(LinkNotValid):
                use_case(session, cast.sam, token)

    def test_someone_else_is_refused(self, session: Session, cast: Cast) -> None:
        invitation = invite(session, cast, email(cast.otto))
        for use_case in (acceptance.accept, acceptance.decline):
            with pytest.raises(WrongInvitee, match=r"otto@example\.com.*Log out"):
                use_case(session, cast.sam, mailed_token(invitation))
        assert invitation.status is InvitationStatus.PENDING

    def test_an_expired_link_is_not_valid(self, session: Session, cast: Cast, clock: Clock) -> None:
        token = mailed_token(invite(session, cast, email(cast.otto)))
        clock.turn(timedelta(hours=72))
        with pytest.raises(LinkNotValid):
            acceptance.accept(session, cast.otto, token)

    @pytest.mark.parametrize(
        "token",
        ["", "x", ".", "1.x", "99999999999999999999.x", "١.x", "\ud800", "1.\ud800", "a.b.c"],
    )
    def test_all_invalid_tokens_get_the_same_refusal(
        self, session: Session, cast: Cast, token: str
    ) -> None:
        invite(session, cast, email(cast.otto))
        with pytest.raises(LinkNotValid) as refused:
            acceptance.accept(session, cast.otto, token)
        assert str(refused.value) == str(
            LinkNotValid("Ask the person who invited you for a new one.")
        )

    def test_no_one_joins_a_deleted_organization(self, session: Session, cast: Cast) -> None:
        token = mailed_token(invite(session, cast, email(cast.otto)))
        session.connection().exec_driver_sql(
            "UPDATE organizations SET deleted_at = '2026-11-23 12:00:00+00' WHERE name = 'Acme'"
        )
        with pytest.raises(LinkNotValid):
            acceptance.accept(session, cast.otto, token)

    def test_a_link_ends_with_the_inviters_right_to_grant_its_role(
        self, session: Session, cast: Cast
    ) -> None:
        token = mailed_token(
            invitations.invite(session, cast.adam, cast.acme.id, email(cast.otto), role=Role.ADMIN)[
                0
            ]
        )
        lowered = update(Membership).where(Membership.user_id == cast.adam.user_id)
        session.execute(lowered.values(role=Role.MEMBER).execution_options(unrecorded=True))
        with pytest.raises(LinkNotValid):
            acceptance.accept(session, cast.otto, token)

    def test_a_link_of_a_disabled_inviter_is_not_valid(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        token = mailed_token(invite(session, cast, email(cast.otto)))
        disabled = update(User).where(User.id == cast.olga.user_id).values(disabled_at=clock.now())
        session.execute(disabled.execution_options(unrecorded=True))
        with pytest.raises(LinkNotValid):
            acceptance.accept(session, cast.otto, token)

    def test_one_person_joins_at_most_four_hundred_organizations(
        self, session: Session, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(membership_rows, "MAX_MEMBERSHIPS", 1)
        token = mailed_token(invite(session, cast, email(cast.otto)))
        with session.begin_nested() as attempt:
            with pytest.raises(MembershipLimit):
                acceptance.accept(session, cast.otto, token)
            attempt.rollback()
        session.info["changes"].clear()  # the transaction is undone whole when a use case refuses

    @pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
    def test_an_account_deleted_meanwhile_is_not_the_invited_one(
        self, engine: Engine, cast: Cast
    ) -> None:
        token = mailed_token(db.run(invite, cast, email(cast.oda)))
        waiting = text("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        with ThreadPoolExecutor(1) as thread:
            with db.transaction() as session:
                leaving.delete_account(session, cast.oda)
                accepting = thread.submit(db.run, acceptance.accept, cast.oda, token)
                with engine.connect() as watching:
                    while not watching.execute(waiting).all():
                        watching.rollback()
            with pytest.raises(WrongInvitee):
                accepting.result(20)


class TestAcceptWithNewAccount:
    def test_the_emailed_link_proves_the_address(self, session: Session, cast: Cast) -> None:
        invitation = invite(session, cast, "nora@example.com")
        membership = acceptance.accept_with_new_account(
            session, ANONYMOUS, mailed_token(invitation), new_account("nora@example.com")
        )
        nora = session.get_one(User, membership.user_id)
        entry = session.scalars(select(Entry).order_by(Entry.id.desc())).first()
        assert nora.proven_at is not None
        assert (nora.name, nora.email) == ("Nora", "nora@example.com")
        assert entry.actor_id == nora.id
        assert {each["row"].split(":")[0] for each in entry.changes} == {
            "memberships",
            "invitations",
            "users",
        }

    def test_a_copied_link_proves_nothing(self, session: Session, cast: Cast) -> None:
        invitation = invite(session, cast, "nora@example.com")
        token = copied_token(session, cast, invitation)
        assert not acceptance.get_invitation(session, ANONYMOUS, token).proves_address
        with pytest.raises(LinkNotValid, match="Sign up"):
            acceptance.accept_with_new_account(
                session, ANONYMOUS, token, new_account("nora@example.com")
            )

    def test_a_copied_link_works_with_an_account(self, session: Session, cast: Cast) -> None:
        invitation = invite(session, cast, email(cast.otto))
        token = copied_token(session, cast, invitation)
        assert acceptance.accept(session, cast.otto, token).user_id == cast.otto.user_id

    def test_no_second_account_at_an_address(self, session: Session, cast: Cast) -> None:
        token = mailed_token(invite(session, cast, email(cast.otto)))
        with pytest.raises(InvalidInput, match="already has an account"):
            acceptance.accept_with_new_account(
                session, ANONYMOUS, token, new_account(email(cast.otto))
            )

    def test_no_account_at_another_address(self, session: Session, cast: Cast) -> None:
        token = mailed_token(invite(session, cast, "nora@example.com"))
        with pytest.raises(WrongInvitee):
            acceptance.accept_with_new_account(
                session, ANONYMOUS, token, new_account("x@example.com")
            )

    def test_proving_the_address_replaces_an_unproven_account(
        self, session: Session, cast: Cast
    ) -> None:
        waiting = user_rows.create(
            session, new_account("nora@example.com", "Somebody"), is_confirmed=False
        )
        history.record(session, ANONYMOUS, waiting.id, "account.made", waiting)
        token = mailed_token(invite(session, cast, "nora@example.com"))
        membership = acceptance.accept_with_new_account(
            session, ANONYMOUS, token, new_account("nora@example.com")
        )
        assert membership.user_id == waiting.id
        assert (waiting.name, waiting.password_epoch) == ("Nora", 1)
        assert waiting.proven_at is not None


class TestDecline:
    def test_a_stranger_with_the_link_can_decline(self, session: Session, cast: Cast) -> None:
        invitation = invite(session, cast, "new@example.com")
        acceptance.decline(session, ANONYMOUS, mailed_token(invitation))
        assert invitation.status is InvitationStatus.DECLINED
        assert last_event(session) == "invitation.declined"
        with pytest.raises(LinkNotValid):
            acceptance.decline(session, ANONYMOUS, mailed_token(invitation))

    def test_a_declined_link_is_not_valid(self, session: Session, cast: Cast) -> None:
        token = mailed_token(invite(session, cast, email(cast.otto)))
        acceptance.decline(session, cast.otto, token)
        with pytest.raises(LinkNotValid):
            acceptance.accept(session, cast.otto, token)
        assert membership_rows.find(session, cast.acme, cast.otto.user_id) is None


@pytest.mark.parametrize("template", ["invitation", "invitation_accepted", "role_changed"])
def test_mails_escape_names(session: Session, cast: Cast, template: str) -> None:
    evil = Actor(cast.olga.user_id, "<b>Olga</b>")
    invitation = invitations.invite(session, evil, cast.acme.id, email(cast.otto))[0]
    acceptance.accept(session, Actor(cast.otto.user_id, "<b>Otto</b>"), mailed_token(invitation))
    members.change_role(session, evil, cast.acme.id, cast.mia.user_id, Role.ADMIN)
    letter = messages.render(session.scalars(select(Mail).where(Mail.template == template)).one())
    assert "<b>" not in letter.html
    assert "&lt;b&gt;" in letter.html


def test_every_refusal_is_a_sentence() -> None:
    for error in (AlreadyInvited("x@y.z"), InvitationLimit(200), WrongInvitee("x@y.z")):
        assert isinstance(error, DomainError)
        assert str(error).endswith(".")

"""Administration of accounts: the table, staff roles, disabling, sessions."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access.permissions import ANONYMOUS, Actor
from core.accounts import accounts, administration, password_reset, registration, sessions
from core.accounts.user_rows import NewAccount
from core.audit import activity
from core.base import crypto
from core.base.errors import (
    InvalidInput,
    LastAdministrator,
    LinkNotValid,
    NotFound,
    NotPermitted,
    OfferClosed,
)
from core.mail import messages
from core.members import (
    acceptance,
    account_access,
    invitation_rows,
    invitations,
    leaving,
    ownership,
)
from core.models import Entry, InvitationStatus, Mail, Staff, User
from tests.support import logins
from tests.support.cast import Cast, email


def names(session: Session, actor: Actor, **options: object) -> list[str]:
    return administration.table(session, actor, **options).rows["name"].tolist()


class TestTable:
    def test_accounts_are_listed_newest_first(self, session: Session, cast: Cast) -> None:
        found = administration.table(session, cast.ada).rows
        assert found["name"].tolist()[:3] == ["Ada", "Sue", "Sam"]
        assert len(found) == 8
        mia = found.set_index("name").loc["Mia"]
        assert (mia["email"], mia["organizations"]) == (email(cast.mia), 1)

    def test_by_a_part_of_name_or_address(self, session: Session, cast: Cast) -> None:
        assert names(session, cast.ada, text="MIA@exam") == ["Mia"]
        assert names(session, cast.ada, text="  ott ") == ["Otto"]
        assert names(session, cast.ada, text="%") == []
        assert names(session, cast.ada, text="_") == []

    def test_staff_only(self, session: Session, cast: Cast) -> None:
        assert names(session, cast.ada, staff_only=True) == ["Ada", "Sue", "Sam", "Oda"]

    def test_page_by_page_there_and_back(
        self, session: Session, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(administration, "PER_PAGE", 3)
        pages = [administration.table(session, cast.ada)]
        while pages[-1].has_older:
            last = int(pages[-1].rows["user_id"].iloc[-1])
            pages.append(administration.table(session, cast.ada, older_than=last))
        there = [page.rows["name"].tolist() for page in pages]
        assert there == [["Ada", "Sue", "Sam"], ["Oda", "Otto", "Mia"], ["Adam", "Olga"]]
        assert [page.has_newer for page in pages] == [False, True, True]
        first = int(pages[2].rows["user_id"].iloc[0])
        back = administration.table(session, cast.ada, newer_than=first)
        assert back.rows["name"].tolist() == there[1]
        assert (back.has_newer, back.has_older) == (True, True)

    def test_words_follow_a_new_name(self, session: Session, cast: Cast) -> None:
        accounts.rename(session, cast.mia, "Zoë Müller")
        assert names(session, cast.ada, text="muller zoe") == ["Zoë Müller"]
        assert names(session, cast.ada, text="mia example") == ["Zoë Müller"]
        leaving.delete_account(session, cast.mia)
        assert names(session, cast.ada, text="zoe") == []

    def test_words_and_staff_and_pages_together(self, session: Session, cast: Cast) -> None:
        sam = cast.sam.user_id
        assert names(session, cast.ada, text="example", staff_only=True, older_than=sam) == ["Oda"]
        assert names(session, cast.ada, text="example", staff_only=True, newer_than=sam) == [
            "Ada",
            "Sue",
        ]

    def test_deleted_accounts_are_not_listed(self, session: Session, cast: Cast) -> None:
        leaving.delete_account(session, cast.mia)
        assert "A deleted account" not in names(session, cast.ada)
        with pytest.raises(NotFound):
            administration.get(session, cast.ada, cast.mia.user_id)


class TestAllowed:
    def test_administrators_alone(self, session: Session, cast: Cast) -> None:
        mia = cast.mia.user_id
        for actor in (cast.olga, cast.oda, cast.sam, cast.mia, ANONYMOUS):
            for use_case in (
                administration.get,
                account_access.disable,
                administration.enable,
                administration.end_sessions,
            ):
                with pytest.raises(NotPermitted):
                    use_case(session, actor, mia)
            with pytest.raises(NotPermitted):
                account_access.set_staff(session, actor, actor.user_id, Staff.ADMINISTRATOR)
            with pytest.raises(NotPermitted):
                administration.table(session, actor)

    def test_a_disabled_administrator_loses_access(self, session: Session, cast: Cast) -> None:
        account_access.set_staff(session, cast.ada, cast.oda.user_id, Staff.ADMINISTRATOR)
        account_access.disable(session, cast.oda, cast.ada.user_id)
        with pytest.raises(NotPermitted):
            administration.enable(session, cast.ada, cast.ada.user_id)


class TestSetStaff:
    def test_a_person_becomes_staff(self, session: Session, cast: Cast) -> None:
        assert account_access.set_staff(session, cast.ada, cast.mia.user_id, Staff.SALES).staff
        entry = session.scalars(select(Entry)).one()
        assert (entry.event, entry.person_id) == ("account.staff_changed", cast.mia.user_id)
        assert [(each["old"], each["new"]) for each in entry.changes] == [(None, "sales")]

    def test_gaining_rights_ends_the_sessions(self, session: Session, cast: Cast) -> None:
        cookie = logins.log_in(session, cast.oda).token
        account_access.set_staff(session, cast.ada, cast.oda.user_id, Staff.ADMINISTRATOR)
        assert sessions.find(session, cookie) is None
        assert "You were given a staff role" in sessions.find_end(session, cookie)

    def test_gaining_rights_is_told_by_email(self, session: Session, cast: Cast) -> None:
        account_access.set_staff(session, cast.ada, cast.mia.user_id, Staff.SALES)
        mail = session.scalars(select(Mail)).one()
        assert mail.recipient == email(cast.mia)
        text = messages.render(mail).text
        assert "Ada gave you the staff role sales" in text
        assert "Staff need two-factor" in text

    def test_losing_rights_keeps_the_sessions(self, session: Session, cast: Cast) -> None:
        cookie = logins.log_in(session, cast.sam).token
        account_access.set_staff(session, cast.ada, cast.sam.user_id, None)
        assert sessions.find(session, cookie) is not None

    def test_the_same_role_is_no_change(self, session: Session, cast: Cast) -> None:
        account_access.set_staff(session, cast.ada, cast.sam.user_id, Staff.SALES)
        assert session.scalars(select(Entry)).all() == []

    def test_the_last_administrator_stays(self, session: Session, cast: Cast) -> None:
        for staff in (None, Staff.OPS):
            with pytest.raises(LastAdministrator):
                account_access.set_staff(session, cast.ada, cast.ada.user_id, staff)

    def test_a_disabled_one_does_not_count(self, session: Session, cast: Cast) -> None:
        account_access.set_staff(session, cast.ada, cast.oda.user_id, Staff.ADMINISTRATOR)
        account_access.disable(session, cast.ada, cast.oda.user_id)
        with pytest.raises(LastAdministrator):
            account_access.disable(session, cast.ada, cast.ada.user_id)

    def test_not_before_the_address_is_proven(self, session: Session, cast: Cast) -> None:
        registration.sign_up(session, ANONYMOUS, NewAccount("Eve", "boss@example.com", "$x"))
        eve = session.scalars(select(User).where(User.name == "Eve")).one()
        with pytest.raises(InvalidInput) as refused:
            account_access.set_staff(session, cast.ada, eve.id, Staff.ADMINISTRATOR)
        assert list(refused.value.fields) == ["staff"]


class TestDisable:
    def test_sessions_end_at_once(self, session: Session, cast: Cast) -> None:
        cookie = logins.log_in(session, cast.mia).token
        assert account_access.disable(session, cast.ada, cast.mia.user_id).disabled_at
        assert sessions.find(session, cookie) is None

    def test_a_disabled_account_gets_no_session(self, session: Session, cast: Cast) -> None:
        """I9, even for one that began while the account was being disabled."""
        account_access.disable(session, cast.ada, cast.mia.user_id)
        assert sessions.find(session, logins.log_in(session, cast.mia).token) is None

    def test_twice_is_one_change(self, session: Session, cast: Cast) -> None:
        account_access.disable(session, cast.ada, cast.mia.user_id)
        account_access.disable(session, cast.ada, cast.mia.user_id)
        administration.enable(session, cast.ada, cast.mia.user_id)
        administration.enable(session, cast.ada, cast.mia.user_id)
        events = session.scalars(select(Entry.event).order_by(Entry.id)).all()
        assert events == ["account.disabled", "account.enabled"]

    def test_a_last_owner_can_be_disabled(self, session: Session, cast: Cast) -> None:
        assert account_access.disable(session, cast.ada, cast.olga.user_id).disabled_at

    def test_invitations_end_and_do_not_come_back(self, session: Session, cast: Cast) -> None:
        invited = invitations.invite(session, cast.adam, cast.acme.id, "new@example.com")[0]
        account_access.disable(session, cast.ada, cast.adam.user_id)
        assert invited.status is InvitationStatus.REVOKED
        administration.enable(session, cast.ada, cast.adam.user_id)
        token = crypto.token(invitation_rows.MAILED, invited.nonce)
        with pytest.raises(LinkNotValid):
            acceptance.get_invitation(session, cast.otto, token)
        last = session.scalars(select(Entry).where(Entry.event == "invitation.revoked")).one()
        assert (last.org_id, last.reason) == (cast.acme.id, "The account is disabled.")

    def test_ownership_offers_end(self, session: Session, cast: Cast) -> None:
        offer = ownership.offer(session, cast.olga, cast.acme.id, cast.mia.user_id)
        account_access.disable(session, cast.ada, cast.olga.user_id)
        assert offer.status is InvitationStatus.REVOKED
        administration.enable(session, cast.ada, cast.olga.user_id)
        with pytest.raises(OfferClosed):
            ownership.accept(session, cast.mia, cast.acme.id, offer.id)

    def test_sessions_are_ended_alone(self, session: Session, cast: Cast) -> None:
        cookie = logins.log_in(session, cast.mia).token
        assert administration.end_sessions(session, cast.ada, cast.mia.user_id) == 1
        assert sessions.find(session, cookie) is None
        assert administration.get(session, cast.ada, cast.mia.user_id).disabled_at is None


class TestOpenLink:
    WHY = "Mia called from her desk"

    def queue_reset(self, session: Session, cast: Cast, person: Actor) -> Mail:
        password_reset.send_link(session, cast.ada, person.user_id)
        return session.scalars(select(Mail).order_by(Mail.id.desc())).first()

    def test_opening_it_is_recorded_for_the_person(self, session: Session, cast: Cast) -> None:
        mail = self.queue_reset(session, cast, cast.mia)
        address = administration.open_link(session, cast.ada, mail.id, reason=self.WHY)
        assert password_reset.reset(session, ANONYMOUS, address.partition("#")[2], "new").name
        changes = activity.of_account(session, cast.mia)
        opened = changes[
            changes["what"].str.startswith("opened a link that was emailed to Mia")
        ].iloc[0]
        assert (opened["who"], opened["reason"]) == ("Ada", self.WHY)
        assert activity.of_account(session, cast.adam).empty

    def test_opening_an_invitation_is_recorded_for_the_organization(
        self, session: Session, cast: Cast
    ) -> None:
        invitations.invite(session, cast.olga, cast.acme.id, "new@example.com")
        mail = session.scalars(select(Mail)).one()
        assert "/invitation#" in administration.open_link(
            session, cast.ada, mail.id, reason=self.WHY
        )
        (latest,) = activity.latest(session, cast.olga, cast.acme.id, limit=1).to_dict("records")
        assert (latest["who"], latest["reason"]) == ("Ada", self.WHY)
        assert latest["what"] == "opened the link of an email"

    def test_links_of_staff_are_never_opened(self, session: Session, cast: Cast) -> None:
        mail = self.queue_reset(session, cast, cast.sam)
        with pytest.raises(NotPermitted, match="reset-password"):
            administration.open_link(session, cast.ada, mail.id, reason=self.WHY)
        user = session.get_one(User, cast.mia.user_id)
        mail = self.queue_reset(session, cast, cast.mia)
        account_access.set_staff(session, cast.ada, user.id, Staff.SALES)
        with pytest.raises(NotPermitted, match="staff accounts"):
            administration.open_link(session, cast.ada, mail.id, reason=self.WHY)

    def test_administrators_alone_open_it_with_a_reason_while_it_is_valid(
        self, session: Session, cast: Cast
    ) -> None:
        mail = self.queue_reset(session, cast, cast.mia)
        with pytest.raises(InvalidInput):
            administration.open_link(session, cast.ada, mail.id, reason=" ")
        for person in (cast.oda, cast.sam, cast.mia, ANONYMOUS):
            with pytest.raises(NotPermitted):
                administration.open_link(session, person, mail.id, reason=self.WHY)
        self.queue_reset(session, cast, cast.mia)
        with pytest.raises(LinkNotValid):
            administration.open_link(session, cast.ada, mail.id, reason=self.WHY)

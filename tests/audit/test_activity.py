"""Activity: history entries in words."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from core.access.permissions import ANONYMOUS, Actor
from core.accounts import accounts
from core.audit import activity
from core.base import crypto
from core.base.errors import NotFound, NotPermitted
from core.members import acceptance, account_access, invitations, members
from core.members.invitation_rows import MAILED
from core.models import Role
from core.onboarding import onboarding
from core.onboarding.onboarding import Plan
from core.profile import logos, profile
from tests.conftest import Clock
from tests.support.cast import Cast


def read(session: Session, cast: Cast) -> list[str]:
    """Return what Olga reads in the history of Acme, newest first."""
    found = activity.table(session, cast.olga, org_id=cast.acme.id)
    return (found["who"] + " " + found["what"]).tolist()


class TestTable:
    def test_an_entry_is_a_sentence_with_everything_that_changed(
        self, session: Session, cast: Cast
    ) -> None:
        onboarding.flag(session, cast.sam, [cast.acme.id], Plan(next_step="Call Olga"))
        assert read(session, cast) == [
            "Sam moved it from free to onboarding, set the sales rep to Sam "
            "and set the next step to Call Olga"
        ]

    def test_it_names_the_person_concerned(self, session: Session, cast: Cast) -> None:
        members.change_role(session, cast.olga, cast.acme.id, cast.mia.user_id, Role.ADMIN)
        members.remove(session, cast.olga, cast.acme.id, cast.mia.user_id)
        assert read(session, cast) == [
            "Olga removed Mia",
            "Olga changed the role of Mia from member to admin",
        ]

    def test_it_names_the_addresses_of_invitations_and_who_declined(
        self, session: Session, cast: Cast
    ) -> None:
        many = ", ".join(f"{name}@example.com" for name in "abcde")
        invitations.invite(session, cast.olga, cast.acme.id, many)
        (invited,) = invitations.invite(session, cast.olga, cast.acme.id, "new@example.com")
        acceptance.decline(session, ANONYMOUS, crypto.token(MAILED, invited.nonce))
        (mine,) = invitations.invite(session, cast.olga, cast.acme.id, "otto@example.com")
        acceptance.decline(session, cast.otto, crypto.token(MAILED, mine.nonce))
        (last,) = invitations.invite(session, cast.olga, cast.acme.id, "last@example.com")
        invitations.revoke(session, cast.olga, cast.acme.id, last.id)
        assert read(session, cast) == [
            "Olga revoked the invitation of last@example.com",
            "Olga invited last@example.com as member",
            "Otto declined the invitation sent to otto@example.com",
            "Olga invited otto@example.com as member",
            "new@example.com declined the invitation",
            "Olga invited new@example.com as member",
            "Olga invited a@example.com, b@example.com, c@example.com and 2 others as member",
        ]

    def test_a_logo_has_its_pictures_before_and_after(self, session: Session, cast: Cast) -> None:
        first, second = (logos.CleanLogo(b"png", b"png", each * 64) for each in "ab")
        for each in (first, second):
            logos.set_logo(session, cast.olga, cast.acme.id, each)
        found = activity.table(session, cast.olga, org_id=cast.acme.id)
        assert found["logos"].tolist() == [("a" * 64, "b" * 64), (None, "a" * 64)]
        assert found["what"].tolist() == ["changed the logo"] * 2

    def test_the_next_page_continues(self, session: Session, cast: Cast) -> None:
        for role in (Role.ADMIN, Role.OWNER, Role.MEMBER):
            members.change_role(session, cast.olga, cast.acme.id, cast.mia.user_id, role)
        first = activity.table(session, cast.olga, org_id=cast.acme.id, limit=2)
        rest = activity.table(
            session, cast.olga, org_id=cast.acme.id, limit=2, before_id=int(first["id"].min())
        )
        roles = [what.split()[-1] for what in (*first["what"], *rest["what"])]
        assert roles == ["member", "owner", "admin"]

    def test_changes_can_be_filtered_by_event_person_and_time(
        self, session: Session, cast: Cast, clock: Clock
    ) -> None:
        onboarding.flag(session, cast.sam, [cast.acme.id])
        clock.turn(timedelta(days=2))
        members.change_role(session, cast.olga, cast.acme.id, cast.mia.user_id, Role.ADMIN)
        by_event = activity.table(session, cast.oda, event="member")
        by_person = activity.table(session, cast.oda, person_id=cast.sam.user_id)
        by_time = activity.table(session, cast.oda, since=clock.now() - timedelta(days=1))
        assert set(by_event["who"]) == {"Olga"}
        assert set(by_person["who"]) == {"Sam"}
        assert set(by_time["who"]) == {"Olga"}

    @pytest.mark.parametrize("who", ["adam", "mia"])
    def test_only_owners_and_staff_can_view_history(
        self, session: Session, cast: Cast, who: str
    ) -> None:
        with pytest.raises(NotPermitted):
            activity.table(session, getattr(cast, who), org_id=cast.acme.id)

    def test_an_outsider_learns_nothing(self, session: Session, cast: Cast) -> None:
        with pytest.raises(NotFound):
            activity.table(session, cast.otto, org_id=cast.acme.id)
        with pytest.raises(NotPermitted):
            activity.table(session, cast.otto)


class TestLatest:
    @pytest.fixture
    def changes(self, session: Session, cast: Cast) -> None:
        """A stage, a profile field, a role and an invitation, in this order."""
        onboarding.flag(session, cast.sam, [cast.acme.id], note="They called.")
        profile.save(session, cast.olga, cast.acme.id, {"phone": ""}, {"phone": "+15072842511"})
        members.change_role(session, cast.olga, cast.acme.id, cast.mia.user_id, Role.ADMIN)
        members.change_role(session, cast.olga, cast.acme.id, cast.mia.user_id, Role.MEMBER)
        invitations.invite(session, cast.olga, cast.acme.id, "new@example.com")

    def excerpt(self, session: Session, cast: Cast, who: str) -> list[str]:
        found = activity.latest(session, getattr(cast, who), cast.acme.id, limit=9)
        assert set(found["reason"]) <= ({""} if who in {"mia", "adam"} else {"", "They called."})
        return found["what"].tolist()

    FLAGGED = "moved it from free to onboarding and set the sales rep to Sam"

    @pytest.mark.usefixtures("changes")
    def test_members_see_changes_of_what_they_can_see(self, session: Session, cast: Cast) -> None:
        assert self.excerpt(session, cast, "mia") == ["changed the phone", self.FLAGGED]

    @pytest.mark.usefixtures("changes")
    def test_admins_see_roles_and_invitations_as_well(self, session: Session, cast: Cast) -> None:
        assert self.excerpt(session, cast, "adam") == [
            "invited new@example.com",
            "changed the role of Mia from admin to member",
            "changed the role of Mia from member to admin",
            "changed the phone",
            self.FLAGGED,
        ]

    @pytest.mark.usefixtures("changes")
    @pytest.mark.parametrize("who", ["olga", "oda"])
    def test_owners_and_staff_see_everything(self, session: Session, cast: Cast, who: str) -> None:
        found = self.excerpt(session, cast, who)
        assert "set the phone to +1 507-284-2511" in found
        assert "invited new@example.com as member" in found

    def test_members_see_no_role_in_an_answer_or_a_reinstatement(
        self, session: Session, cast: Cast
    ) -> None:
        members.remove(session, cast.olga, cast.acme.id, cast.adam.user_id)
        members.reinstate(session, cast.olga, cast.acme.id, cast.adam.user_id)
        (invited,) = invitations.invite(session, cast.olga, cast.acme.id, "otto@example.com")
        acceptance.accept(session, cast.otto, crypto.token(MAILED, invited.nonce))
        assert self.excerpt(session, cast, "mia") == [
            "accepted the invitation",
            "reinstated Adam",
            "removed Adam",
        ]
        assert read(session, cast)[0] == "Otto accepted the invitation and joined as member"


def test_people_read_what_they_did_to_their_own_account(session: Session, cast: Cast) -> None:
    accounts.rename(session, cast.mia, "Mia Lund")
    account_access.disable(session, cast.ada, cast.mia.user_id or 0)
    found = activity.of_account(session, Actor(cast.mia.user_id, "Mia Lund"))
    assert (found["who"] + " " + found["what"]).tolist() == [
        "Ada disabled the account of Mia Lund",
        "You changed your name",
    ]

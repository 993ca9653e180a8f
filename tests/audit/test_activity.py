"""Activity: history entries in words."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from core.audit import activity
from core.base.errors import NotFound, NotPermitted
from core.members import invitations, members
from core.models import Role
from core.onboarding import onboarding
from core.onboarding.onboarding import Plan
from core.profile import profile
from tests.conftest import Clock
from tests.support.cast import Cast


def describe_changes(session: Session, cast: Cast) -> list[tuple[str, str, str, str]]:
    found = activity.table(session, cast.olga, org_id=cast.acme.id)
    return list(found[["who", "what", "before", "after"]].itertuples(index=False, name=None))


class TestTable:
    def test_changes_have_who_what_before_and_after(self, session: Session, cast: Cast) -> None:
        onboarding.flag(session, cast.sam, [cast.acme.id], Plan(next_step="Call Olga"))
        assert describe_changes(session, cast) == [
            ("Sam", "Stage", "free", "onboarding"),
            ("Sam", "Sales rep", "(empty)", "Sam"),
            ("Sam", "Next step", "(empty)", "Call Olga"),
        ]

    def test_changes_about_a_person_have_the_name(self, session: Session, cast: Cast) -> None:
        members.change_role(session, cast.olga, cast.acme.id, cast.mia.user_id, Role.ADMIN)
        members.remove(session, cast.olga, cast.acme.id, cast.mia.user_id)
        assert describe_changes(session, cast) == [
            ("Olga", "Member removed: Mia", "", ""),
            ("Olga", "Role of Mia", "member", "admin"),
        ]

    def test_the_next_page_continues(self, session: Session, cast: Cast) -> None:
        for role in (Role.ADMIN, Role.OWNER, Role.MEMBER):
            members.change_role(session, cast.olga, cast.acme.id, cast.mia.user_id, role)
        first = activity.table(session, cast.olga, org_id=cast.acme.id, limit=2)
        rest = activity.table(
            session, cast.olga, org_id=cast.acme.id, limit=2, before_id=int(first["id"].min())
        )
        assert [*first["after"], *rest["after"]] == ["member", "owner", "admin"]

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

    def excerpt(self, session: Session, cast: Cast, who: str) -> list[tuple[str, str, str]]:
        found = activity.latest(session, getattr(cast, who), cast.acme.id, limit=9)
        assert set(found["reason"]) <= ({""} if who in {"mia", "adam"} else {"", "They called."})
        return list(found[["what", "before", "after"]].itertuples(index=False, name=None))

    @pytest.mark.usefixtures("changes")
    def test_members_see_changes_of_what_they_can_see(self, session: Session, cast: Cast) -> None:
        assert self.excerpt(session, cast, "mia") == [
            ("Phone", "", ""),
            ("Stage", "free", "onboarding"),
            ("Sales rep", "(empty)", "Sam"),
        ]

    @pytest.mark.usefixtures("changes")
    def test_admins_see_roles_and_invitations_as_well(self, session: Session, cast: Cast) -> None:
        assert self.excerpt(session, cast, "adam") == [
            ("Invitation sent", "", ""),
            ("Role of Mia", "admin", "member"),
            ("Role of Mia", "member", "admin"),
            ("Phone", "", ""),
            ("Stage", "free", "onboarding"),
            ("Sales rep", "(empty)", "Sam"),
        ]

    @pytest.mark.usefixtures("changes")
    @pytest.mark.parametrize("who", ["olga", "oda"])
    def test_owners_and_staff_see_everything(self, session: Session, cast: Cast, who: str) -> None:
        found = self.excerpt(session, cast, who)
        assert ("Phone", "(empty)", "+15072842511") in found
        assert ("Invitation sent", "", "") in found

"""The page Access Control: members, invitations, roles and ownership."""

from datetime import timedelta

import pandas as pd
import pytest
from sqlalchemy import select
from streamlit.testing.v1 import AppTest

from core.access import roles
from core.access.permissions import Actor
from core.database import db
from core.members import invitations, leaving, members, ownership
from core.members.invitations import State
from core.models import Invitation, InvitationStatus, Membership, Role
from pages.ui.tables import RowMenu
from tests.conftest import Clock
from tests.pages.conftest import Show
from tests.support.cast import PASSWORD, Cast

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


ADAM, MIA, OLGA = 0, 1, 2
"""Their rows in the table."""


def words(screen: AppTest) -> str:
    assert not screen.exception
    return "\n".join(element.value for element in [*screen.markdown, *screen.text])


def metrics(screen: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in screen.metric}


def keys(screen: AppTest) -> set[str]:
    return {str(button.key) for button in screen.button}


def role(cast: Cast, person: Actor) -> Role | None:
    with db.read() as session:
        return session.scalar(
            select(Membership.role).where(
                Membership.org_id == cast.acme.id, Membership.user_id == person.user_id
            )
        )


def choose(
    screen: AppTest, menu: str, table: pd.DataFrame, column: str, row: int, label: str
) -> None:
    """Choose from the menu of a row, as a click on the canvas does."""
    key = RowMenu(menu, table, column).key
    screen.session_state[key] = {"row": row, "label": f":material/x: {label}"}
    screen.run()
    assert not screen.exception


def choose_person(screen: AppTest, cast: Cast, row: int, label: str) -> None:
    with db.read() as session:
        people = members.table(session, cast.olga, cast.acme.id)
    choose(screen, "members-menu", people, "user_id", row, label)


def choose_invited(screen: AppTest, cast: Cast, label: str) -> None:
    with db.read() as session:
        invited = invitations.table(session, cast.olga, cast.acme.id)
    choose(screen, "invited-menu", invited, "id", 0, label)


@pytest.fixture
def olgas(show: Show, cast: Cast) -> AppTest:
    return show("members", cast.olga, org=cast.acme.public_id)


@pytest.fixture
def invited(cast: Cast) -> Invitation:
    return db.run(invitations.invite, cast.olga, cast.acme.id, "new@example.com")[0]


def state(invitation: Invitation) -> Invitation:
    with db.read() as session:
        return session.get_one(Invitation, invitation.id)


class TestSummary:
    def test_owners_and_admins_see_all_of_it(self, olgas: AppTest) -> None:
        shown = metrics(olgas)
        shown.pop("Last joined")
        assert shown == {"Pending invitations": "0", "Without two-factor": "3"}
        for part in ("owner **1**", "admin **1**", "member **1**", "two are advised"):
            assert part in words(olgas)

    def test_members_see_the_members(self, show: Show, cast: Cast) -> None:
        screen = show("members", cast.mia, org=cast.acme.public_id)
        assert set(metrics(screen)) == {"Last joined"}
        assert "two are advised" not in words(screen)
        people = screen.dataframe[0].value
        assert people["name"].tolist() == ["Adam", "Mia (you)", "Olga"]
        assert "role" not in people
        assert "invite-user" not in keys(screen)

    def test_outsiders_see_nothing(self, show: Show, cast: Cast) -> None:
        screen = show("members", cast.otto, org=cast.acme.public_id)
        assert screen.title[0].value == "Organization not found"
        assert not screen.dataframe

    def test_staff_can_view_but_not_change(self, show: Show, cast: Cast) -> None:
        screen = show("members", cast.oda, org=cast.acme.public_id)
        assert screen.dataframe[0].value["role"].tolist() == [["admin"], ["member"], ["owner"]]
        assert "invite-user" not in keys(screen)


class TestActiveUsers:
    def test_search_and_role_narrow_the_table(self, olgas: AppTest) -> None:
        olgas.text_input(key="members-search-active").set_value("adam").run()
        assert olgas.dataframe[0].value["name"].tolist() == ["Adam"]
        olgas.selectbox(key="members-role").set_value(Role.OWNER).run()
        assert "Nobody found" in words(olgas)

    def test_edit_roles_draws_the_change_log_and_saves(self, olgas: AppTest, cast: Cast) -> None:
        choose_person(olgas, cast, ADAM, "Edit roles")
        assert "edit-roles-save" not in keys(olgas)
        olgas.button(key="edit-roles-edit").click().run()
        assert olgas.button(key="edit-roles-save").disabled
        olgas.selectbox(key="edit-roles.role").set_value(Role.MEMBER).run()
        assert ":green-badge[0 gained] :red-badge[4 lost] :gray-badge[1 kept]" in words(olgas)
        assert ":red[:material/remove: Request onboarding]" in words(olgas)
        olgas.button(key="edit-roles-save").click().run()
        assert role(cast, cast.adam) is Role.MEMBER
        assert [toast.value for toast in olgas.toast] == ["Adam is member now\\."]

    def test_making_somebody_an_owner_takes_the_password(self, olgas: AppTest, cast: Cast) -> None:
        choose_person(olgas, cast, ADAM, "Edit roles")
        olgas.button(key="edit-roles-edit").click().run()
        olgas.selectbox(key="edit-roles.role").set_value(Role.OWNER).run()
        olgas.button(key="edit-roles-save").click().run()
        assert "That password isn" in words(olgas)
        olgas.text_input(key="edit-roles.password").set_value("wrong")
        olgas.button(key="edit-roles-save").click().run()
        assert "That password isn" in words(olgas)
        assert role(cast, cast.adam) is Role.ADMIN
        olgas.text_input(key="edit-roles.password").set_value(PASSWORD)
        olgas.button(key="edit-roles-save").click().run()
        assert role(cast, cast.adam) is Role.OWNER

    def test_cancel_changes_nothing(self, olgas: AppTest, cast: Cast) -> None:
        choose_person(olgas, cast, ADAM, "Edit roles")
        olgas.button(key="edit-roles-edit").click().run()
        olgas.selectbox(key="edit-roles.role").set_value(Role.OWNER).run()
        olgas.button(key="edit-roles-cancel").click().run()
        assert "Change log" not in words(olgas)
        assert role(cast, cast.adam) is Role.ADMIN
        choose_person(olgas, cast, MIA, "Edit roles")
        assert "edit-roles-edit" in keys(olgas)

    def test_the_last_owner_is_told_what_to_do(self, olgas: AppTest, cast: Cast) -> None:
        choose_person(olgas, cast, OLGA, "Edit roles")
        olgas.button(key="edit-roles-edit").click().run()
        olgas.selectbox(key="edit-roles.role").set_value(Role.ADMIN).run()
        olgas.button(key="edit-roles-save").click().run()
        assert "Make someone else an owner first" in words(olgas)
        assert role(cast, cast.olga) is Role.OWNER

    def test_quick_view_removes(self, olgas: AppTest, cast: Cast) -> None:
        choose_person(olgas, cast, MIA, "Quick View")
        olgas.button(key="remove-confirm").click().run()
        assert role(cast, cast.mia) is None
        assert olgas.dataframe[0].value["name"].tolist() == ["Adam", "Olga (you)"]

    def test_an_admin_cannot_remove_an_owner(self, show: Show, cast: Cast) -> None:
        screen = show("members", cast.adam, org=cast.acme.public_id)
        choose_person(screen, cast, OLGA, "Quick View")
        assert "remove-confirm" not in keys(screen)

    def test_people_leave_from_their_own_quick_view(self, show: Show, cast: Cast) -> None:
        screen = show("members", cast.adam, org=cast.acme.public_id)
        choose_person(screen, cast, ADAM, "Quick View")
        screen.button(key="leave-confirm").click().run()
        assert role(cast, cast.adam) is None

    def test_a_click_on_an_outdated_table_is_ignored(self, olgas: AppTest, cast: Cast) -> None:
        with db.read() as session:
            people = members.table(session, cast.olga, cast.acme.id)
        db.run(leaving.leave, cast.mia, cast.acme.id)
        olgas.run()
        choose(olgas, "members-menu", people, "user_id", 1, "Quick View")
        assert "remove-confirm" not in keys(olgas)


class TestInvitedUsers:
    @pytest.fixture
    def screen(self, show: Show, cast: Cast, invited: Invitation) -> AppTest:
        screen = show("members", cast.olga, org=cast.acme.public_id)
        return screen.button_group(key="members-view").set_value("invited").run()

    def test_invitations_are_listed(self, screen: AppTest) -> None:
        row = screen.dataframe[0].value.iloc[0]
        assert (row["email"], row["invited_by"], row["delivery"]) == (
            "new@example.com",
            "Olga",
            "queued",
        )
        assert row["state"] == ["pending"]

    def test_resend(self, screen: AppTest, cast: Cast, invited: Invitation) -> None:
        choose_invited(screen, cast, "Resend")
        assert state(invited).nonce != invited.nonce

    def test_revoke(self, screen: AppTest, cast: Cast, invited: Invitation) -> None:
        choose_invited(screen, cast, "Revoke")
        assert state(invited).status is InvitationStatus.REVOKED
        assert screen.dataframe[0].value["state"].tolist() == [["revoked"]]

    def test_the_table_is_filtered_by_state(
        self, screen: AppTest, cast: Cast, invited: Invitation
    ) -> None:
        states = screen.button_group(key="invited-states")
        assert State.ACCEPTED not in states.value
        states.set_value([State.ACCEPTED]).run()
        assert "Nobody found" in words(screen)
        screen.button_group(key="invited-states").set_value([State.PENDING]).run()
        assert screen.dataframe[0].value["reminders"].tolist() == ["none"]

    def test_copy_link(self, screen: AppTest, cast: Cast, invited: Invitation) -> None:
        choose_invited(screen, cast, "Copy link")
        with db.read() as session:
            link = invitations.get_link(session, cast.olga, cast.acme.id, invited.id)
        assert link in [code.value for code in screen.code]

    def test_an_address_without_a_name_is_drawn_once(
        self, screen: AppTest, cast: Cast, invited: Invitation
    ) -> None:
        choose_invited(screen, cast, "Edit roles")
        assert words(screen).replace("\\", "").count(invited.email) == 1

    def test_change_the_role(self, screen: AppTest, cast: Cast, invited: Invitation) -> None:
        choose_invited(screen, cast, "Edit roles")
        screen.button(key="edit-roles-edit").click().run()
        screen.selectbox(key="edit-roles.role").set_value(Role.ADMIN).run()
        screen.button(key="edit-roles-save").click().run()
        assert state(invited).role is Role.ADMIN

    def test_an_invitation_of_an_owner_takes_the_password(
        self, screen: AppTest, cast: Cast, invited: Invitation
    ) -> None:
        choose_invited(screen, cast, "Edit roles")
        screen.button(key="edit-roles-edit").click().run()
        screen.selectbox(key="edit-roles.role").set_value(Role.OWNER).run()
        screen.button(key="edit-roles-save").click().run()
        assert "That password isn" in words(screen)
        assert state(invited).role is Role.MEMBER
        screen.text_input(key="edit-roles.password").set_value(PASSWORD)
        screen.button(key="edit-roles-save").click().run()
        assert state(invited).role is Role.OWNER

    def test_members_see_no_invitations(self, show: Show, cast: Cast, invited: Invitation) -> None:
        screen = show("members", cast.mia, org=cast.acme.public_id)
        assert "new@example.com" not in str(screen)


class TestInviteUser:
    def invite(self, screen: AppTest, text: str) -> AppTest:
        if not screen.text_area:
            screen.button(key="invite-user").click().run()
        screen.text_area(key="invite.emails").set_value(text)
        screen.button(key="invite-submit").click().run()
        return screen

    def test_several_addresses(self, olgas: AppTest, cast: Cast) -> None:
        self.invite(olgas, "a@example.com, b@example.com")
        assert [toast.value for toast in olgas.toast] == ["The invitations are on their way\\."]
        assert metrics(olgas)["Pending invitations"] == "2"

    def test_all_errors_are_shown_and_the_text_is_kept(self, olgas: AppTest) -> None:
        self.invite(olgas, "a@example.com, b@, mia@example.com")
        assert "is already a member" in words(olgas)
        assert "a\u2060@\u2060example\\.com can be invited" in words(olgas)
        assert "Enter an email address" in words(olgas)
        assert olgas.text_area(key="invite.emails").value == "a@example.com, b@, mia@example.com"
        assert metrics(olgas)["Pending invitations"] == "0"

    def test_an_empty_form_is_not_asked_to_fix_addresses(self, olgas: AppTest) -> None:
        self.invite(olgas, " ")
        assert "Enter an email address" in words(olgas)
        assert "Nobody is invited yet" not in words(olgas)

    def test_refused_addresses_can_be_removed(self, olgas: AppTest, cast: Cast) -> None:
        self.invite(olgas, "a@example.com, b@, mia@example.com, c@example.com")
        olgas.button(key="invite-leave-out").click().run()
        assert olgas.text_area(key="invite.emails").value == "a@example.com\nc@example.com"
        olgas.button(key="invite-submit").click().run()
        assert metrics(olgas)["Pending invitations"] == "2"

    def test_inviting_an_owner_takes_the_password(self, olgas: AppTest, cast: Cast) -> None:
        olgas.button(key="invite-user").click().run()
        olgas.button_group(key="invite.role").set_value(Role.OWNER)
        self.invite(olgas, "a@example.com")
        assert "That password isn" in words(olgas)
        assert metrics(olgas)["Pending invitations"] == "0"
        olgas.text_input(key="invite.password").set_value(PASSWORD)
        olgas.button(key="invite-submit").click().run()
        assert metrics(olgas)["Pending invitations"] == "1"

    def test_an_admin_cannot_invite_owners(self, show: Show, cast: Cast) -> None:
        screen = show("members", cast.adam, org=cast.acme.public_id)
        screen.button(key="invite-user").click().run()
        offered = screen.button_group(key="invite.role").options
        assert list(offered) == ["member", "admin"]


def test_the_roles_table_is_drawn_from_the_permissions(olgas: AppTest) -> None:
    shown = olgas.dataframe[-1].value
    assert shown["permission"].tolist() == roles.table()["permission"].tolist()


class TestFormerUsers:
    def test_a_removed_person_is_reinstated(self, show: Show, cast: Cast) -> None:
        db.run(members.remove, cast.olga, cast.acme.id, cast.adam.user_id or 0)
        db.run(leaving.leave, cast.mia, cast.acme.id)
        screen = show("members", cast.olga, org=cast.acme.public_id)
        screen.button_group(key="members-view").set_value("former").run()
        with db.read() as session:
            former = members.former_table(session, cast.olga, cast.acme.id)
        shown = screen.dataframe[0].value.set_index("name")
        assert shown["how"].to_dict() == {"Mia": "left", "Adam": "removed by Olga"}
        assert list(shown.loc["Mia", "menu"]) == []
        row = former["name"].tolist().index("Adam")
        choose(screen, "former-menu", former, "user_id", row, "Reinstate")
        assert role(cast, cast.adam) is Role.ADMIN
        assert screen.dataframe[0].value["name"].tolist() == ["Mia"]

    def test_reinstating_an_owner_takes_the_password(self, show: Show, cast: Cast) -> None:
        acme, adam = cast.acme.id, cast.adam.user_id or 0
        db.run(members.change_role, cast.olga, acme, adam, Role.OWNER)
        db.run(members.remove, cast.olga, acme, adam)
        screen = show("members", cast.olga, org=cast.acme.public_id)
        screen.button_group(key="members-view").set_value("former").run()
        with db.read() as session:
            former = members.former_table(session, cast.olga, acme)
        choose(screen, "former-menu", former, "user_id", 0, "Reinstate")
        assert role(cast, cast.adam) is None
        screen.button(key="reinstate-submit").click().run()
        assert "That password isn" in words(screen)
        assert role(cast, cast.adam) is None
        screen.text_input(key="reinstate.password").set_value(PASSWORD)
        screen.button(key="reinstate-submit").click().run()
        assert role(cast, cast.adam) is Role.OWNER

    def test_the_table_is_empty_at_first(self, olgas: AppTest) -> None:
        olgas.button_group(key="members-view").set_value("former").run()
        assert "Nobody left in the last 90 days" in words(olgas)


class TestOwnership:
    def offer(self, screen: AppTest, cast: Cast, password: str) -> None:
        choose_person(screen, cast, MIA, "Offer ownership")
        screen.text_input(key="offer-ownership.password").set_value(password)
        screen.button(key="offer-ownership-submit").click().run()

    def test_an_owner_offers_it_with_the_password(self, olgas: AppTest, cast: Cast) -> None:
        self.offer(olgas, cast, "wrong")
        assert "That password isn" in words(olgas)
        olgas.text_input(key="offer-ownership.password").set_value(PASSWORD)
        olgas.button(key="offer-ownership-submit").click().run()
        assert "You offered the ownership to **Mia** and will be" in words(olgas)
        assert role(cast, cast.olga) is Role.OWNER

    def test_a_member_accepts_in_one_step(self, show: Show, cast: Cast) -> None:
        db.run(ownership.offer, cast.olga, cast.acme.id, cast.mia.user_id or 0, role=Role.ADMIN)
        screen = show("members", cast.mia, org=cast.acme.public_id)
        assert "**Olga** offers you the ownership" in words(screen)
        screen.button(key="ownership-accept").click().run()
        assert ":green-badge[8 gained]" in words(screen)
        assert role(cast, cast.mia) is Role.MEMBER
        screen.button(key="accept-ownership-save").click().run()
        assert (role(cast, cast.mia), role(cast, cast.olga)) == (Role.OWNER, Role.ADMIN)
        assert "offers you the ownership" not in words(screen)

    def test_it_is_declined_and_withdrawn(self, show: Show, cast: Cast) -> None:
        acme, mia = cast.acme.id, cast.mia.user_id or 0
        db.run(ownership.offer, cast.olga, acme, mia)
        screen = show("members", cast.mia, org=cast.acme.public_id)
        screen.button(key="ownership-decline").click().run()
        assert "offers you the ownership" not in words(screen)
        made = db.run(ownership.offer, cast.olga, acme, mia)
        screen = show("members", cast.olga, org=cast.acme.public_id)
        screen.button(key=f"ownership-withdraw-{made.id}").click().run()
        assert "You offered the ownership" not in words(screen)

    def test_an_expired_offer_says_so(self, show: Show, cast: Cast, clock: Clock) -> None:
        db.run(ownership.offer, cast.olga, cast.acme.id, cast.mia.user_id or 0)
        clock.turn(timedelta(days=8))
        assert "did not answer in time" in words(
            show("members", cast.olga, org=cast.acme.public_id)
        )


class TestMemberLimit:
    def test_an_administrator_sets_it(self, show: Show, cast: Cast) -> None:
        screen = show("members", cast.ada, org=cast.acme.public_id)
        screen.button(key="limit-open").click().run()
        screen.number_input(key="limit.limit").set_value(0)
        screen.button(key="limit-submit").click().run()
        assert "Enter a number from 1" in words(screen)
        screen.number_input(key="limit.limit").set_value(4)
        screen.button(key="limit-submit").click().run()
        assert "At most 4 members; 1 place is free" in words(screen)

    def test_owners_cannot_set_it(self, olgas: AppTest) -> None:
        assert "limit-open" not in keys(olgas)

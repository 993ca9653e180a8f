"""Access Control as people see it: who is here, who is invited, what each may do."""

import pandas as pd
import pytest
from sqlalchemy import select
from streamlit.testing.v1 import AppTest

from core import db, invitations, members, roles
from core.models import Invitation, InvitationStatus, Membership, Role
from core.permissions import Actor
from pages.ui.row_menus import RowMenu
from tests.cast import Cast
from tests.pages.conftest import Show

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
    """Choose from the menu at the end of a row, as a click on the canvas would."""
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
        assert shown == {
            "Owners": "1",
            "Admins": "1",
            "Members": "1",
            "Pending invitations": "0",
            "Without two-factor": "3",
        }

    def test_members_see_who_is_here(self, show: Show, cast: Cast) -> None:
        screen = show("members", cast.mia, org=cast.acme.public_id)
        assert set(metrics(screen)) == {"Owners", "Admins", "Members", "Last joined"}
        people = screen.dataframe[0].value
        assert people["name"].tolist() == ["Adam", "Mia (you)", "Olga"]
        assert "role" not in people
        assert "invite-user" not in keys(screen)

    def test_outsiders_see_nothing(self, show: Show, cast: Cast) -> None:
        screen = show("members", cast.otto, org=cast.acme.public_id)
        assert "no such organization" in screen.title[0].value
        assert not screen.dataframe

    def test_staff_looks_and_changes_nothing(self, show: Show, cast: Cast) -> None:
        screen = show("members", cast.oda, org=cast.acme.public_id)
        assert screen.dataframe[0].value["role"].tolist() == [["admin"], ["member"], ["owner"]]
        assert "invite-user" not in keys(screen)


class TestActiveUsers:
    def test_search_and_role_narrow_the_table(self, olgas: AppTest) -> None:
        olgas.text_input(key="members-search-active").set_value("adam").run()
        assert olgas.dataframe[0].value["name"].tolist() == ["Adam"]
        olgas.selectbox(key="members-role").set_value(Role.OWNER).run()
        assert "Nobody found" in words(olgas)

    def test_edit_roles_shows_what_changes_and_saves(self, olgas: AppTest, cast: Cast) -> None:
        choose_person(olgas, cast, ADAM, "Edit roles")
        assert olgas.button(key="edit-roles-save").disabled
        key = f"edit-roles-role-{cast.adam.user_id}-"
        olgas.button_group(key=key).set_value(Role.MEMBER).run()
        assert ":red-badge[4 lost]" in words(olgas)
        assert ":red[:material/remove: Request onboarding]" in words(olgas)
        olgas.button(key="edit-roles-save").click().run()
        assert role(cast, cast.adam) is Role.MEMBER
        assert [toast.value for toast in olgas.toast] == ["Adam is member now\\."]

    def test_the_last_owner_is_told_what_to_do(self, olgas: AppTest, cast: Cast) -> None:
        choose_person(olgas, cast, OLGA, "Edit roles")
        key = f"edit-roles-role-{cast.olga.user_id}-"
        olgas.button_group(key=key).set_value(Role.ADMIN).run()
        olgas.button(key="edit-roles-save").click().run()
        assert "Make somebody else an owner first" in words(olgas)
        assert role(cast, cast.olga) is Role.OWNER

    def test_quick_view_removes(self, olgas: AppTest, cast: Cast) -> None:
        choose_person(olgas, cast, MIA, "Quick View")
        olgas.button(key="remove-confirm").click().run()
        assert role(cast, cast.mia) is None
        assert olgas.dataframe[0].value["name"].tolist() == ["Adam", "Olga (you)"]

    def test_an_admin_is_not_offered_to_remove_an_owner(self, show: Show, cast: Cast) -> None:
        screen = show("members", cast.adam, org=cast.acme.public_id)
        choose_person(screen, cast, OLGA, "Quick View")
        assert "remove-confirm" not in keys(screen)

    def test_one_leaves_by_the_own_quick_view(self, show: Show, cast: Cast) -> None:
        screen = show("members", cast.adam, org=cast.acme.public_id)
        choose_person(screen, cast, ADAM, "Quick View")
        screen.button(key="leave-confirm").click().run()
        assert role(cast, cast.adam) is None

    def test_a_click_on_an_older_table_is_not_heard(self, olgas: AppTest, cast: Cast) -> None:
        with db.read() as session:
            people = members.table(session, cast.olga, cast.acme.id)
        db.run(members.leave, cast.mia, cast.acme.id)
        olgas.run()
        choose(olgas, "members-menu", people, "user_id", 1, "Quick View")
        assert "remove-confirm" not in keys(olgas)


class TestInvitedUsers:
    @pytest.fixture
    def screen(self, show: Show, cast: Cast, invited: Invitation) -> AppTest:
        screen = show("members", cast.olga, org=cast.acme.public_id)
        return screen.button_group(key="members-view").set_value("invited").run()

    def test_who_is_invited_is_listed(self, screen: AppTest) -> None:
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

    def test_copy_link(self, screen: AppTest, cast: Cast, invited: Invitation) -> None:
        choose_invited(screen, cast, "Copy link")
        with db.read() as session:
            link = invitations.link(session, cast.olga, cast.acme.id, invited.id)
        assert link in [code.value for code in screen.code]

    def test_another_role(self, screen: AppTest, cast: Cast, invited: Invitation) -> None:
        choose_invited(screen, cast, "Edit roles")
        screen.button_group(key=f"edit-roles-role--{invited.id}").set_value(Role.ADMIN).run()
        screen.button(key="edit-roles-save").click().run()
        assert state(invited).role is Role.ADMIN

    def test_members_do_not_see_them(self, show: Show, cast: Cast, invited: Invitation) -> None:
        screen = show("members", cast.mia, org=cast.acme.public_id)
        assert "new@example.com" not in str(screen)


class TestInviteUser:
    def invite(self, screen: AppTest, text: str) -> AppTest:
        if not screen.text_area:
            screen.button(key="invite-user").click().run()
        screen.text_area(key="invite.emails").set_value(text)
        screen.button(key="invite-submit").click().run()
        return screen

    def test_several_at_once(self, olgas: AppTest, cast: Cast) -> None:
        self.invite(olgas, "a@example.com, b@example.com")
        assert [toast.value for toast in olgas.toast] == ["The invitations are on their way\\."]
        assert metrics(olgas)["Pending invitations"] == "2"

    def test_all_errors_at_once_and_what_was_typed_stays(self, olgas: AppTest) -> None:
        self.invite(olgas, "a@example.com, b@, mia@example.com")
        assert "is a member already" in words(olgas)
        assert "That is no email address" in words(olgas)
        assert olgas.text_area(key="invite.emails").value == "a@example.com, b@, mia@example.com"
        assert metrics(olgas)["Pending invitations"] == "0"

    def test_an_admin_offers_no_ownership(self, show: Show, cast: Cast) -> None:
        screen = show("members", cast.adam, org=cast.acme.public_id)
        screen.button(key="invite-user").click().run()
        offered = screen.button_group(key="invite.role").options
        assert list(offered) == ["member", "admin"]


def test_roles_are_drawn_from_what_decides(olgas: AppTest) -> None:
    shown = olgas.dataframe[-1].value
    assert shown["permission"].tolist() == roles.table()["permission"].tolist()

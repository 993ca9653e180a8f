"""The page Access Control: members, invitations, roles and ownership."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from streamlit.testing.v1 import AppTest

from core.access import roles
from core.access.permissions import Actor
from core.database import db
from core.members import acceptance, invitations, leaving, members, ownership
from core.members.invitations import State
from core.models import Invitation, InvitationStatus, Membership, Role
from tests.conftest import Clock
from tests.pages.conftest import Show, unescaped, words
from tests.support.cast import PASSWORD, Cast, email
from tests.support.history import last_entry
from tests.support.tables import code_blocks, find_table, tables

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


def keys(screen: AppTest) -> set[str]:
    return {str(button.key) for button in screen.button}


def role(cast: Cast, person: Actor) -> Role | None:
    with db.read() as session:
        return session.scalar(
            select(Membership.role).where(
                Membership.org_id == cast.acme.id, Membership.user_id == person.user_id
            )
        )


def people(screen: AppTest) -> list[str]:
    """Return the names in the table of active users."""
    return find_table(screen, "Active users").column("name")


def choose_person(screen: AppTest, person: Actor, action: str, value: str = "") -> None:
    """Ask for something in the row of a member."""
    find_table(screen, "Active users").ask(action, person.user_id, value=value)
    assert not screen.exception


def choose_invited(screen: AppTest, invitation: Invitation, action: str) -> None:
    """Ask for something in the row of an invitation."""
    find_table(screen, "Invited users").ask(action, invitation.id)
    assert not screen.exception


def views(screen: AppTest) -> str:
    """Return what the views of people are called, with their numbers."""
    return " ".join(screen.button_group(key="members-view").options)


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
    def test_owners_see_roles_by_two_factor_and_who_joined(
        self, olgas: AppTest, cast: Cast
    ) -> None:
        by_role = find_table(olgas, "Members by role and two-factor")
        assert [row[2:] for row in by_role.sent["rows"]] == [[0, 1, 1]] * 3 + [[0, 3, 3]]
        invitation = db.run(invitations.invite, cast.olga, cast.acme.id, email(cast.sam))[0]
        with db.read() as session:
            link = invitations.get_link(session, cast.olga, cast.acme.id, invitation.id)
        db.run(acceptance.accept, cast.sam, link.rpartition("=")[2].rpartition("#")[2])
        by_role = find_table(olgas.run(), "Members by role and two-factor")
        assert by_role.sent["rows"] == [
            ["owner", "owner", 0, 1, 1],
            ["admin", "admin", 0, 1, 1],
            ["member", "member", 1, 1, 2],
            ["total", "total", 1, 3, 4],
        ]
        assert by_role.sent["summary"]["isDownloadable"]
        by_month = find_table(olgas, "Members joined by month")
        assert sum(by_month.sent["rows"][0][1:]) == 4
        assert "Only one owner" in words(olgas)

    def test_a_download_is_recorded_with_what_it_was_about(
        self, olgas: AppTest, cast: Cast
    ) -> None:
        title = "Members by role and two-factor"
        screen = find_table(olgas, title).ask("download")
        file = find_table(screen, title).sent["summary"]["file"]
        assert file["name"].startswith("members-by-role-and-two-factor-")
        lines = file["text"].lstrip("\ufeff").splitlines()
        assert lines[0] == "role,With two-factor,Without,Total"
        assert lines[1] == "Owner,0,1,1"
        with db.read() as session:
            entry = last_entry(session)
        assert (entry.event, entry.actor_id) == ("organizations.downloaded", cast.olga.user_id)
        assert entry.reason == f"{title}: {cast.acme.public_id}"
        assert find_table(screen.run(), title).sent["summary"]["file"] is None

    def test_the_numbers_are_the_filters(self, olgas: AppTest) -> None:
        shows = olgas.button_group(key="members-show")
        assert list(shows.options) == ["Owners 1", "Admins 1", "Members 1", "Without two-factor 3"]
        shows.set_value("owner").run()
        assert people(olgas) == ["Olga"]
        olgas.button_group(key="members-show").set_value("off").run()
        assert people(olgas) == ["Adam", "Mia", "Olga"]

    def test_members_see_the_members(self, show: Show, cast: Cast) -> None:
        screen = show("members", cast.mia, org=cast.acme.public_id)
        assert "Only one owner" not in words(screen)
        table = find_table(screen, "Active users")
        assert people(screen) == ["Adam", "Mia", "Olga"]
        assert table.columns == ["name", "email", "joined_at"]
        assert table.sent["bulk"] == []
        assert [each.sent["label"] for each in tables(screen)] == ["Active users"]
        assert "invite-user" not in keys(screen)

    def test_outsiders_see_nothing(self, show: Show, cast: Cast) -> None:
        screen = show("members", cast.otto, org=cast.acme.public_id)
        assert screen.title[0].value == "Organization not found"
        assert not tables(screen)

    def test_staff_can_view_but_not_change(self, show: Show, cast: Cast) -> None:
        table = find_table(show("members", cast.oda, org=cast.acme.public_id), "Active users")
        assert table.column("role") == ["admin", "member", "owner"]
        assert table.actions(cast.mia.user_id) == ["Quick View"]
        assert [action["name"] for action in table.sent["bulk"]] == ["copy"]
        assert "invite-user" not in keys(table.screen)


class TestActiveUsers:
    def test_search_and_role_narrow_the_table(self, olgas: AppTest) -> None:
        olgas.text_input(key="members-search-active").set_value("adam").run()
        assert people(olgas) == ["Adam"]
        olgas.button_group(key="members-show").set_value("owner").run()
        assert people(olgas) == []
        assert find_table(olgas, "Active users").sent["empty"][0] == "No one found"

    def test_the_address_has_the_order(self, show: Show, cast: Cast) -> None:
        screen = show("members", cast.olga, org=cast.acme.public_id, sort="-name")
        assert people(screen) == ["Olga", "Mia", "Adam"]
        assert find_table(screen, "Active users").sent["sort"] == "-name"

    def test_each_row_offers_what_its_member_can_be_given(self, olgas: AppTest, cast: Cast) -> None:
        table = find_table(olgas, "Active users")
        assert table.actions(cast.mia.user_id) == ["Edit roles", "Quick View", "Offer ownership"]
        assert table.actions(cast.olga.user_id) == ["Edit roles", "Quick View"]

    def test_a_role_chosen_in_the_row_opens_the_change_log(
        self, olgas: AppTest, cast: Cast
    ) -> None:
        choose_person(olgas, cast.adam, "edit-roles", "member")
        assert ":green-badge[0 gained] :red-badge[4 lost] :gray-badge[1 kept]" in words(olgas)
        assert role(cast, cast.adam) is Role.ADMIN
        olgas.button(key="edit-roles-save").click().run()
        assert role(cast, cast.adam) is Role.MEMBER

    def test_edit_roles_draws_the_change_log_and_saves(self, olgas: AppTest, cast: Cast) -> None:
        choose_person(olgas, cast.adam, "edit-roles")
        assert "edit-roles-save" not in keys(olgas)
        olgas.button(key="edit-roles-edit").click().run()
        assert olgas.button(key="edit-roles-save").disabled
        olgas.selectbox(key="edit-roles.role").set_value(Role.MEMBER).run()
        assert ":green-badge[0 gained] :red-badge[4 lost] :gray-badge[1 kept]" in words(olgas)
        assert ":red[:material/remove: Request onboarding]" in words(olgas)
        olgas.button(key="edit-roles-save").click().run()
        assert role(cast, cast.adam) is Role.MEMBER
        assert [toast.value for toast in olgas.toast] == ["Role changed to member"]

    def test_making_somebody_an_owner_takes_the_password(self, olgas: AppTest, cast: Cast) -> None:
        choose_person(olgas, cast.adam, "edit-roles")
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
        choose_person(olgas, cast.adam, "edit-roles")
        olgas.button(key="edit-roles-edit").click().run()
        olgas.selectbox(key="edit-roles.role").set_value(Role.OWNER).run()
        olgas.button(key="edit-roles-cancel").click().run()
        assert "Change log" not in words(olgas)
        assert role(cast, cast.adam) is Role.ADMIN
        choose_person(olgas, cast.mia, "edit-roles")
        assert "edit-roles-edit" in keys(olgas)

    def test_the_last_owner_is_told_what_to_do(self, olgas: AppTest, cast: Cast) -> None:
        choose_person(olgas, cast.olga, "edit-roles")
        olgas.button(key="edit-roles-edit").click().run()
        olgas.selectbox(key="edit-roles.role").set_value(Role.ADMIN).run()
        olgas.button(key="edit-roles-save").click().run()
        assert "Make someone else an owner first" in words(olgas)
        assert role(cast, cast.olga) is Role.OWNER

    def test_quick_view_removes(self, olgas: AppTest, cast: Cast) -> None:
        choose_person(olgas, cast.mia, "quick-view")
        olgas.button(key="remove").click().run()
        olgas.button(key="remove-cancel").click().run()
        assert "remove-confirm" not in keys(olgas)
        assert role(cast, cast.mia) is Role.MEMBER
        choose_person(olgas, cast.mia, "quick-view")
        olgas.button(key="remove").click().run()
        olgas.text_input(key="remove.reason.1").set_value("She retired.")
        olgas.button(key="remove-confirm").click().run()
        assert role(cast, cast.mia) is None
        with db.read() as session:
            assert last_entry(session).reason == "She retired."
        assert people(olgas) == ["Adam", "Olga"]

    def test_an_admin_cannot_remove_an_owner(self, show: Show, cast: Cast) -> None:
        screen = show("members", cast.adam, org=cast.acme.public_id)
        choose_person(screen, cast.olga, "quick-view")
        assert {"remove", "remove-confirm"}.isdisjoint(keys(screen))

    def test_people_leave_from_their_own_quick_view(self, show: Show, cast: Cast) -> None:
        screen = show("members", cast.adam, org=cast.acme.public_id)
        choose_person(screen, cast.adam, "quick-view")
        screen.button(key="leave").click().run()
        assert "only owner" not in words(screen)
        screen.button(key="leave-cancel").click().run()
        assert role(cast, cast.adam) is Role.ADMIN
        choose_person(screen, cast.adam, "quick-view")
        screen.button(key="leave").click().run()
        screen.button(key="leave-confirm").click().run()
        assert role(cast, cast.adam) is None
        assert [toast.value for toast in screen.toast] == ["You left Acme"]
        assert "Organizations" in [title.value for title in screen.title]

    def test_the_last_owner_reads_what_to_do_first(self, olgas: AppTest, cast: Cast) -> None:
        choose_person(olgas, cast.olga, "quick-view")
        olgas.button(key="leave").click().run()
        assert "You're the only owner" in unescaped(olgas)
        assert "leave-confirm" not in keys(olgas)

    def test_a_click_on_an_outdated_table_is_ignored(self, olgas: AppTest, cast: Cast) -> None:
        outdated = find_table(olgas, "Active users")
        db.run(leaving.leave, cast.mia, cast.acme.id)
        olgas.run()
        outdated.ask("quick-view", cast.mia.user_id)
        assert {"remove", "remove-confirm"}.isdisjoint(keys(olgas))


class TestSelectedUsers:
    def test_several_roles_are_changed_and_refusals_are_listed(
        self, olgas: AppTest, cast: Cast
    ) -> None:
        both = (cast.olga.user_id, cast.adam.user_id)
        find_table(olgas, "Active users").ask("change-roles", *both)
        assert "**2 people** selected" in words(olgas)
        olgas.button(key="change-roles-save").click().run()
        assert (role(cast, cast.adam), role(cast, cast.olga)) == (Role.MEMBER, Role.OWNER)
        assert "Make someone else an owner first" in words(olgas)
        assert [toast.value for toast in olgas.toast] == ["Role changed to member for 1 person"]
        assert find_table(olgas, "Active users").sent["cleared"] == 1

    def test_new_owners_take_the_password(self, olgas: AppTest, cast: Cast) -> None:
        find_table(olgas, "Active users").ask("change-roles", cast.mia.user_id)
        olgas.selectbox(key="change-roles.role").set_value(Role.OWNER).run()
        olgas.button(key="change-roles-save").click().run()
        assert "That password isn" in words(olgas)
        assert role(cast, cast.mia) is Role.MEMBER
        olgas.text_input(key="change-roles.password").set_value(PASSWORD)
        olgas.button(key="change-roles-save").click().run()
        assert role(cast, cast.mia) is Role.OWNER

    def test_all_that_match_are_removed(self, olgas: AppTest, cast: Cast) -> None:
        olgas.button_group(key="members-show").set_value("off").run()
        find_table(olgas, "Active users").ask("remove-members", isAll=True)
        assert "**3 people lose** access" in words(olgas)
        olgas.text_input(key="remove-members.reason").set_value("The project ended.")
        olgas.button(key="remove-members-save").click().run()
        assert people(olgas) == ["Olga"]
        assert "To leave, open your own quick view" in unescaped(olgas)

    def test_unticked_people_are_left_out(self, olgas: AppTest, cast: Cast) -> None:
        find_table(olgas, "Active users").ask("remove-members", cast.mia.user_id, isAll=True)
        olgas.button(key="remove-members-save").click().run()
        assert people(olgas) == ["Mia", "Olga"]

    def test_a_selection_cannot_be_forged(self, show: Show, cast: Cast) -> None:
        screen = show("members", cast.mia, org=cast.acme.public_id)
        find_table(screen, "Active users").ask("remove-members", cast.adam.user_id)
        assert "remove-members-save" not in keys(screen)


class TestInvitedUsers:
    @pytest.fixture
    def screen(self, show: Show, cast: Cast, invited: Invitation) -> AppTest:
        screen = show("members", cast.olga, org=cast.acme.public_id)
        return screen.button_group(key="members-view").set_value("invited").run()

    def test_invitations_are_listed(self, screen: AppTest) -> None:
        table = find_table(screen, "Invited users")
        shown = {name: table.column(name)[0] for name in table.columns}
        assert shown["email"] == "new@example.com"
        assert shown["invited_by"] == "Olga"
        assert (shown["delivery"], shown["reminders"]) == ("Queued", "None")
        assert (shown["state"], shown["role"]) == ("pending", "member")

    def test_resend(self, screen: AppTest, cast: Cast, invited: Invitation) -> None:
        choose_invited(screen, invited, "resend")
        assert state(invited).nonce != invited.nonce

    def test_revoke(self, screen: AppTest, cast: Cast, invited: Invitation) -> None:
        choose_invited(screen, invited, "revoke")
        screen.button(key="revoke-cancel").click().run()
        assert "revoke-submit" not in keys(screen)
        choose_invited(screen, invited, "revoke")
        assert state(invited).status is InvitationStatus.PENDING
        screen.button(key="revoke-submit").click().run()
        assert state(invited).status is InvitationStatus.REVOKED
        table = find_table(screen, "Invited users")
        assert table.column("state") == ["revoked"]
        assert table.actions(invited.id) == []

    def test_the_table_is_filtered_by_state(
        self, screen: AppTest, cast: Cast, invited: Invitation
    ) -> None:
        states = screen.button_group(key="invited-states")
        assert State.ACCEPTED not in states.value
        states.set_value([State.ACCEPTED]).run()
        assert find_table(screen, "Invited users").sent["empty"][0] == "No one found"
        screen.button_group(key="invited-states").set_value([State.PENDING]).run()
        assert find_table(screen, "Invited users").ids == [invited.id]

    def test_an_empty_list_says_what_to_do_next(self, show: Show, cast: Cast) -> None:
        for person, hint in ((cast.olga, "Press Invite user"), (cast.oda, "Invitations appear")):
            screen = show("members", person, org=cast.acme.public_id, view="invited")
            head, what_next = find_table(screen, "Invited users").sent["empty"]
            assert head == "No one has been invited yet"
            assert what_next.startswith(hint)

    def test_copy_link(self, screen: AppTest, cast: Cast, invited: Invitation) -> None:
        choose_invited(screen, invited, "copy-link")
        with db.read() as session:
            link = invitations.get_link(session, cast.olga, cast.acme.id, invited.id)
        assert code_blocks(screen) == [link]

    def test_an_address_without_a_name_is_drawn_once(
        self, screen: AppTest, cast: Cast, invited: Invitation
    ) -> None:
        choose_invited(screen, invited, "edit-roles")
        assert unescaped(screen).count(invited.email) == 1

    def test_change_the_role(self, screen: AppTest, cast: Cast, invited: Invitation) -> None:
        choose_invited(screen, invited, "edit-roles")
        screen.button(key="edit-roles-edit").click().run()
        screen.selectbox(key="edit-roles.role").set_value(Role.ADMIN).run()
        screen.button(key="edit-roles-save").click().run()
        assert state(invited).role is Role.ADMIN

    def test_an_invitation_of_an_owner_takes_the_password(
        self, screen: AppTest, cast: Cast, invited: Invitation
    ) -> None:
        choose_invited(screen, invited, "edit-roles")
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
        assert [toast.value for toast in olgas.toast] == ["2 invitations sent"]
        assert "Invited Users 2" in views(olgas)

    def test_all_errors_are_shown_and_the_text_is_kept(self, olgas: AppTest) -> None:
        self.invite(olgas, "a@example.com, b@, mia@example.com")
        assert "is already a member" in words(olgas)
        assert "1 other address can be invited" in words(olgas)
        assert "Enter an email address" in words(olgas)
        assert olgas.text_area(key="invite.emails").value == "a@example.com, b@, mia@example.com"
        assert "Invited Users 0" in views(olgas)

    def test_an_empty_form_is_not_asked_to_fix_addresses(self, olgas: AppTest) -> None:
        self.invite(olgas, " ")
        assert "Enter an email address" in words(olgas)
        assert "Nothing sent yet" not in words(olgas)

    def test_refused_addresses_can_be_removed(self, olgas: AppTest, cast: Cast) -> None:
        self.invite(olgas, "a@example.com, b@, mia@example.com, c@example.com")
        olgas.button(key="invite-leave-out").click().run()
        assert olgas.text_area(key="invite.emails").value == "a@example.com\nc@example.com"
        olgas.button(key="invite-submit").click().run()
        assert "Invited Users 2" in views(olgas)

    def test_inviting_an_owner_takes_the_password(self, olgas: AppTest, cast: Cast) -> None:
        olgas.button(key="invite-user").click().run()
        olgas.button_group(key="invite.role").set_value(Role.OWNER)
        self.invite(olgas, "a@example.com")
        assert "That password isn" in words(olgas)
        assert "Invited Users 0" in views(olgas)
        olgas.text_input(key="invite.password").set_value(PASSWORD)
        olgas.button(key="invite-submit").click().run()
        assert "Invited Users 1" in views(olgas)

    def test_an_admin_cannot_invite_owners(self, show: Show, cast: Cast) -> None:
        screen = show("members", cast.adam, org=cast.acme.public_id)
        screen.button(key="invite-user").click().run()
        offered = screen.button_group(key="invite.role").options
        assert list(offered) == ["Member", "Admin"]


def test_the_roles_table_is_drawn_from_the_permissions(show: Show, cast: Cast) -> None:
    screen = show("members", cast.mia, org=cast.acme.public_id, tab="roles")
    assert [each.sent["label"] for each in tables(screen)] == ["Permissions by role"]
    shown, table = roles.table(), find_table(screen, "Permissions by role")
    assert table.column("permission") == shown["permission"].tolist()
    assert [bool(tick) for tick in table.column("admin")] == shown["admin"].tolist()


class TestFormerUsers:
    def test_a_removed_person_is_reinstated(self, show: Show, cast: Cast) -> None:
        db.run(members.remove, cast.olga, cast.acme.id, cast.adam.user_id or 0)
        db.run(leaving.leave, cast.mia, cast.acme.id)
        screen = show("members", cast.olga, org=cast.acme.public_id, view="former")
        table = find_table(screen, "Former users")
        how = dict(zip(table.column("name"), table.column("how"), strict=True))
        assert how == {"Mia": "Left", "Adam": "Removed by Olga"}
        assert table.actions(cast.mia.user_id) == []
        assert table.actions(cast.adam.user_id) == ["Reinstate"]
        table.ask("reinstate", cast.adam.user_id)
        assert role(cast, cast.adam) is None, "a second click would reinstate the next person"
        screen.button(key="reinstate-submit").click().run()
        assert role(cast, cast.adam) is Role.ADMIN
        assert find_table(screen, "Former users").column("name") == ["Mia"]

    def test_reinstating_an_owner_takes_the_password(self, show: Show, cast: Cast) -> None:
        acme, adam = cast.acme.id, cast.adam.user_id or 0
        db.run(members.change_role, cast.olga, acme, adam, Role.OWNER)
        db.run(members.remove, cast.olga, acme, adam)
        screen = show("members", cast.olga, org=cast.acme.public_id, view="former")
        find_table(screen, "Former users").ask("reinstate", adam)
        assert role(cast, cast.adam) is None
        screen.button(key="reinstate-submit").click().run()
        assert "That password isn" in words(screen)
        assert role(cast, cast.adam) is None
        screen.text_input(key="reinstate.password").set_value(PASSWORD)
        screen.button(key="reinstate-submit").click().run()
        assert role(cast, cast.adam) is Role.OWNER

    def test_the_table_is_empty_at_first(self, olgas: AppTest) -> None:
        olgas.button_group(key="members-view").set_value("former").run()
        empty = find_table(olgas, "Former users").sent["empty"]
        assert empty[0] == "No one left in the last 90 days"


class TestOwnership:
    def offer(self, screen: AppTest, cast: Cast, password: str) -> None:
        choose_person(screen, cast.mia, "offer-ownership")
        screen.text_input(key="offer-ownership.password").set_value(password)
        screen.button(key="offer-ownership-submit").click().run()

    def test_an_owner_offers_it_with_the_password(self, olgas: AppTest, cast: Cast) -> None:
        self.offer(olgas, cast, "wrong")
        assert "That password isn" in words(olgas)
        olgas.text_input(key="offer-ownership.password").set_value(PASSWORD)
        olgas.button(key="offer-ownership-submit").click().run()
        assert "You offered ownership to **Mia** and will become" in words(olgas)
        assert role(cast, cast.olga) is Role.OWNER

    def test_a_member_accepts_in_one_step(self, show: Show, cast: Cast) -> None:
        db.run(ownership.offer, cast.olga, cast.acme.id, cast.mia.user_id or 0, role=Role.ADMIN)
        screen = show("members", cast.mia, org=cast.acme.public_id)
        assert "**Olga** wants to make you the owner" in words(screen)
        screen.button(key="ownership-accept").click().run()
        assert ":green-badge[8 gained]" in words(screen)
        assert role(cast, cast.mia) is Role.MEMBER
        screen.button(key="accept-ownership-save").click().run()
        assert (role(cast, cast.mia), role(cast, cast.olga)) == (Role.OWNER, Role.ADMIN)
        assert "wants to make you" not in words(screen)

    def test_it_is_declined_and_withdrawn(self, show: Show, cast: Cast) -> None:
        acme, mia = cast.acme.id, cast.mia.user_id or 0
        db.run(ownership.offer, cast.olga, acme, mia)
        screen = show("members", cast.mia, org=cast.acme.public_id)
        screen.button(key="ownership-decline").click().run()
        screen.button(key="decline-ownership-cancel").click().run()
        assert "wants to make you" in words(screen)
        screen.button(key="ownership-decline").click().run()
        screen.button(key="decline-ownership-save").click().run()
        assert "wants to make you" not in words(screen)
        made = db.run(ownership.offer, cast.olga, acme, mia)
        screen = show("members", cast.olga, org=cast.acme.public_id)
        screen.button(key=f"ownership-withdraw-{made.id}").click().run()
        assert "You offered ownership" not in words(screen)

    def test_an_expired_offer_says_so(self, show: Show, cast: Cast, clock: Clock) -> None:
        db.run(ownership.offer, cast.olga, cast.acme.id, cast.mia.user_id or 0)
        clock.turn(timedelta(days=8))
        assert "didn't answer in time" in words(show("members", cast.olga, org=cast.acme.public_id))


class TestMemberLimit:
    def test_an_administrator_sets_it(self, show: Show, cast: Cast) -> None:
        screen = show("members", cast.ada, org=cast.acme.public_id)
        screen.button(key="limit-open").click().run()
        screen.number_input(key="limit.limit").set_value(0)
        screen.button(key="limit-submit").click().run()
        assert "Enter a number from 1" in words(screen)
        screen.number_input(key="limit.limit").set_value(4)
        screen.button(key="limit-submit").click().run()
        assert "At most 4 members; 1 seat left" in words(screen)

    def test_owners_cannot_set_it(self, olgas: AppTest) -> None:
        assert "limit-open" not in keys(olgas)

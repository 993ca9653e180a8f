"""Accounts in the browser: another password, another name, sessions that end where they should."""

from collections.abc import Callable

from playwright.sync_api import Page, Route, expect

from tests.browser.acts import become, log_in, user_menu, visit
from tests.browser.steps import field, fill, heading, press
from tests.support.cast import PASSWORD, Cast, email
from tests.support.mailbox import Mailbox, link_in

NEW = "four tame otters paint fences"


def click_somewhere(page: Page) -> None:
    """Make the next interaction, whatever it is."""
    page.get_by_role("button", name="Save name").click()


def answer_late(route: Route) -> None:
    """Let the page go on for as long as another answer takes, before it is loaded again."""
    route.request.frame.page.request.get("/healthz")
    route.continue_()


class TestForgotten:
    def test_a_mailed_link_gives_a_new_password_and_ends_old_sessions(
        self, new_page: Callable[..., Page], cast: Cast, mailbox: Mailbox
    ) -> None:
        old, page = new_page(), new_page()
        become(old, cast.mia)
        visit(old, "/account")
        visit(page)
        page.get_by_role("link", name="Forgot password").click()
        fill(page, "forgotten", email=email(cast.mia))
        press(page, "Send link")
        expect(heading(page, "Check your email")).to_be_visible()

        link = link_in(mailbox.wait_for(email(cast.mia)))
        page.goto(f"{link}x")
        expect(page.get_by_text("has expired or is incomplete")).to_be_visible()
        page.route("**/reset", answer_late)
        page.goto(link)  # in the same tab, without a reload
        expect(page.get_by_role("button", name="Save password")).to_be_visible()
        page.unroute("**/reset")
        page.reload()
        fill(page, "reset", new=NEW)
        assert "#" not in page.url
        press(page, "Save password")
        expect(page.get_by_text("logged out everywhere")).to_be_visible()
        mailbox.wait_for(email(cast.mia), count=2)

        click_somewhere(old)
        expect(heading(old, "Log in")).to_be_visible()
        log_in(old, cast.mia)
        expect(old.get_by_text("Email or password is wrong")).to_be_visible()
        page.get_by_role("link", name="Log in").click()
        log_in(page, cast.mia, NEW)
        expect(user_menu(page)).to_contain_text("Mia")

        again = new_page()
        again.goto(link)
        expect(
            again.get_by_text("This link was already used, has expired or is incomplete.")
        ).to_be_visible()


class TestUserSettings:
    def test_another_name_is_everywhere_at_once(self, page: Page, cast: Cast) -> None:
        become(page, cast.mia)
        visit(page, "/account")
        fill(page, "rename", name="Mia <b>Novak</b>")
        press(page, "Save name")
        expect(page.get_by_test_id("stToast")).to_contain_text("Name saved")
        expect(user_menu(page)).to_contain_text("Mia <b>Novak</b>")

    def test_who_changes_the_password_stays_and_others_are_out(
        self, new_page: Callable[..., Page], cast: Cast
    ) -> None:
        here, there = new_page(), new_page()
        for page in (here, there):
            become(page, cast.mia)
            visit(page, "/account")
        fill(here, "password", password=PASSWORD, new=NEW)
        press(here, "Change password")
        expect(here.get_by_text("Changed just now.")).to_be_visible()
        click_somewhere(there)
        expect(heading(there, "Log in")).to_be_visible()

    def test_a_session_is_ended_from_another(
        self, new_page: Callable[..., Page], cast: Cast
    ) -> None:
        here, there = new_page(), new_page()
        become(there, cast.mia)
        visit(there, "/account")
        become(here, cast.mia)
        visit(here, "/account")
        here.get_by_role("button", name="End session: ").click()
        fill(here, "end-session", password=PASSWORD)
        press(here.get_by_role("dialog"), "End session")
        expect(here.get_by_role("button", name="End session")).to_have_count(0)
        click_somewhere(there)
        expect(heading(there, "Log in")).to_be_visible()
        click_somewhere(here)
        expect(heading(here, "User Settings")).to_be_visible()

    def test_the_last_owner_stays_and_a_member_goes(
        self, new_page: Callable[..., Page], cast: Cast
    ) -> None:
        olga, mia = new_page(), new_page()
        for page, person in ((olga, cast.olga), (mia, cast.mia)):
            become(page, person)
            visit(page, "/account")
            field(page, "delete-account", "password").fill(PASSWORD)
            press(page, "Delete account")
        expect(olga.get_by_text("this is the last one of Acme")).to_be_visible()
        expect(heading(mia, "Log in")).to_be_visible()
        log_in(mia, cast.mia)
        expect(mia.get_by_text("Email or password is wrong")).to_be_visible()


class TestPreHijacking:
    def test_who_confirms_by_mail_needs_the_password_that_was_chosen(
        self, new_page: Callable[..., Page], cast: Cast, mailbox: Mailbox
    ) -> None:
        """Somebody signed up with an address that is not theirs; its owner follows the link."""
        eve, nora = new_page(), new_page()
        visit(eve, "/sign_up")
        fill(eve, "sign-up", name="Eve", email="nora@example.com", password=NEW)
        press(eve, "Create account")
        expect(heading(eve, "Check your email")).to_be_visible()
        nora.goto(link_in(mailbox.wait_for("nora@example.com")))
        fill(nora, "prove", password=PASSWORD)
        press(nora, "Confirm address")
        expect(nora.get_by_text("That isn't the password you signed up with")).to_be_visible()

        nora.get_by_role("link", name="Forgot password").click()
        fill(nora, "forgotten", email="nora@example.com")
        press(nora, "Send link")
        nora.goto(link_in(mailbox.wait_for("nora@example.com", count=2)))
        fill(nora, "reset", new=PASSWORD)
        press(nora, "Save password")
        expect(nora.get_by_text("logged out everywhere")).to_be_visible()
        visit(eve)
        eve.get_by_role("textbox", name="Email").fill("nora@example.com")
        eve.get_by_role("textbox", name="Password").fill(NEW)
        press(eve, "Log in")
        expect(eve.get_by_text("Email or password is wrong")).to_be_visible()


class TestPeople:
    def test_who_is_disabled_is_out_at_the_next_click(
        self, new_page: Callable[..., Page], cast: Cast
    ) -> None:
        ada, mia = new_page(), new_page()
        become(mia, cast.mia)
        visit(mia, "/account")
        become(ada, cast.ada)
        visit(ada, "/people?q=mia%40")
        expect(ada.get_by_text("1 person", exact=True)).to_be_visible()
        ada.get_by_role("row", name=email(cast.mia)).press("Enter")
        dialog = ada.get_by_role("dialog", name="Account")
        expect(dialog).to_contain_text(email(cast.mia))
        press(dialog, "Disable")
        press(ada, "Disable account")
        expect(dialog).to_be_hidden()
        click_somewhere(mia)
        expect(heading(mia, "Log in")).to_be_visible()

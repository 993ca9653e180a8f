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

        old.goto(link)
        expect(
            old.get_by_text("This link was already used, has expired or is incomplete.")
        ).to_be_visible()


class TestUserSettings:
    def test_a_new_name_is_shown_and_a_new_password_ends_other_sessions(
        self, new_page: Callable[..., Page], cast: Cast
    ) -> None:
        here, there = new_page(), new_page()
        for page in (here, there):
            become(page, cast.mia)
            visit(page, "/account")
        fill(here, "rename", name="Mia <b>Novak</b>")
        press(here, "Save name")
        expect(here.get_by_test_id("stToast")).to_contain_text("Name saved")
        expect(user_menu(here)).to_contain_text("Mia <b>Novak</b>")
        fill(here, "password", password=PASSWORD, new=NEW)
        press(here, "Change password")
        expect(here.get_by_text("Changed just now.")).to_be_visible()
        click_somewhere(there)
        expect(heading(there, "Log in")).to_be_visible()

    def test_who_deletes_the_account_is_out(self, page: Page, cast: Cast) -> None:
        become(page, cast.mia)
        visit(page, "/account")
        field(page, "delete-account", "password").fill(PASSWORD)
        press(page, "Delete account")
        expect(heading(page, "Log in")).to_be_visible()
        log_in(page, cast.mia)
        expect(page.get_by_text("Email or password is wrong")).to_be_visible()

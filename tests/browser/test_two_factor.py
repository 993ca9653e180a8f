"""Two-factor in the browser: staff sets it up and signs in; a stolen password shows nothing."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from core.database import db
from core.members import account_access
from core.models import Staff
from tests.browser.acts import give_code, user_menu, visit
from tests.browser.steps import heading, log_out, press, set_up_two_factor
from tests.support.cast import PASSWORD, Cast, email
from tests.support.mailbox import Mailbox

DEEP_LINK = "/people?q=otto"


def give_password(page: Page, cast: Cast) -> None:
    page.get_by_role("textbox", name="Email").fill(email(cast.mia))
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    press(page, "Log in")


def test_staff_sets_it_up_and_a_password_alone_is_worth_nothing(
    new_page: Callable[..., Page], cast: Cast, mailbox: Mailbox
) -> None:
    db.run(account_access.set_staff, cast.ada, cast.mia.user_id, Staff.ADMINISTRATOR)
    mia, thief = new_page(), new_page()
    visit(mia, DEEP_LINK)
    give_password(mia, cast)
    expect(heading(mia, "Set up two-factor")).to_be_visible()
    recovery_codes: list[str] = []
    secret = set_up_two_factor(mia, keep=recovery_codes)
    expect(heading(mia, "People")).to_be_visible()
    expect(mia).to_have_url(re.compile(re.escape(DEEP_LINK)))
    mailbox.wait_for(email(cast.mia), count=2)  # she is staff now, and has two-factor
    log_out(mia)

    visit(thief, DEEP_LINK)
    give_password(thief, cast)
    expect(thief.get_by_role("textbox", name="Code")).to_be_visible()
    for address in ("/account", "/organizations"):
        text = thief.locator("body").inner_text()
        assert not [name for name in ("Otto", "Acme", "Mia", email(cast.mia)) if name in text]
        assert not [each for each in thief.context.cookies() if "orgdesk" in each["name"]]
        visit(thief, address)
        give_password(thief, cast)
        expect(thief.get_by_role("textbox", name="Code")).to_be_visible()
    thief.get_by_role("textbox", name="Code").fill("123456")
    press(thief, "Log in")
    expect(thief.get_by_text("That code isn't right")).to_be_visible()

    visit(mia, DEEP_LINK)
    give_password(mia, cast)
    give_code(mia, secret)
    expect(heading(mia, "People")).to_be_visible()
    expect(mia).to_have_url(re.compile(re.escape(DEEP_LINK)))
    log_out(mia)

    give_password(mia, cast)
    mia.get_by_role("textbox", name="Code").fill(recovery_codes[7].lower())
    press(mia, "Log in")
    expect(user_menu(mia)).to_contain_text("Mia")
    assert "Recovery codes left: 9." in mailbox.wait_for(email(cast.mia), count=3).as_string()

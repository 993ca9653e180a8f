"""Hostile text that is stored already: shown letter by letter, on every page that shows it."""

from collections.abc import Callable

from playwright.sync_api import Page, expect
from sqlalchemy import update

from core import db
from core.models import Invitation, Organization, User
from core.permissions import Actor
from tests.browser.acts import become, visit
from tests.cast import Cast

NAMES = (
    "<img src=x onerror=alert(1)>",
    "![x](http://evil.invalid/x.png) [a](http://evil.invalid)",
    ":red[no] :material/bolt: $\\frac{1}{2}$ **b**",
    "</script><script>alert(1)</script>",
    '"><svg onload=alert(1)> {{7*7}} ${7*7} %s%n',
    "=cmd|' /C calc'!A0",
)
MADE = ("img[src*='evil']", "a[href*='evil']", "[onerror]", "[onload]", ".katex", "iframe")
PAGES = ("overview", "profile", "members", "onboarding", "history", "account")
STAFF_PAGES = ("organizations", "activity", "people", "mail")


def poison(cast: Cast, text: str) -> None:
    """Put a text where people's words are kept, past all that would refuse it."""
    words = {"overview": text * 20, "next_step": text, "request_note": text}
    with db.engine().begin() as connection:
        connection.execute(update(Organization).values(name=text, website=None, **words))
        connection.execute(update(User).values(name=text))
        connection.execute(update(Invitation).values(email=text))


def see_nothing_of_it(page: Page, text: str) -> None:
    """See that no element of the text's own came to be."""
    main = page.get_by_test_id("stApp")
    for made in (
        "img[src*='evil']",
        "a[href*='evil']",
        "[onerror]",
        "[onload]",
        ".katex",
        "iframe",
    ):
        expect(main.locator(made)).to_have_count(0)
    expect(page.get_by_test_id("stException")).to_have_count(0)


class TestStoredText:
    def test_it_is_shown_letter_by_letter(self, new_page: Callable[..., Page], cast: Cast) -> None:
        dialogs: list[str] = []
        page = new_page()
        page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        for text, place in zip(NAMES, PAGES, strict=True):
            poison(cast, text)
            become(page, Actor(cast.olga.user_id, text))
            visit(page, f"/{place}?org={cast.acme.public_id}")
            expect(page.locator(".st-key-user-menu")).to_contain_text(text[:6])
            see_nothing_of_it(page, text)
        staff = new_page()
        staff.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        become(staff, cast.ada)
        for place in STAFF_PAGES:
            visit(staff, f"/{place}")
            see_nothing_of_it(staff, NAMES[-1])
        assert dialogs == []

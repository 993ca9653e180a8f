"""Hostile text, stored already or typed just now: shown letter by letter, and nothing else."""

from collections.abc import Callable

from playwright.sync_api import Page, expect
from sqlalchemy import update

from core.database import db
from core.models import Invitation, Organization, User
from tests.browser.acts import become, go, user_menu, visit, wait_until_drawn
from tests.browser.steps import field, fill, press
from tests.support.cast import Cast

NAMES = (
    "<img src=x onerror=alert(1)>",
    "![x](http://evil.invalid/x.png) [a](http://evil.invalid)",
    ":red[no] :material/bolt: $\\frac{1}{2}$ **b**",
    "</script><script>alert(1)</script>",
    '"><svg onload=alert(1)> {{7*7}} ${7*7} %s%n',
    "=cmd|' /C calc'!A0",
)
TYPOGRAPHY = "Ada :material/skull: :streamlit: :heart: a -> b -- c >= d www.example.com m@x.example"
"""What Streamlit replaces after Markdown was escaped: icons, emoji, arrows, dashes, addresses."""
MADE = (
    *("img[src*='evil']", "a[href*='evil']", "[onerror]", "[onload]", ".katex", "iframe"),
    *("[aria-label='skull icon']", "[alt='Streamlit logo']", "a[href*='example']"),
)
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
    for made in MADE:
        expect(main.locator(made)).to_have_count(0)
    expect(page.get_by_test_id("stException")).to_have_count(0)


def see_letter_by_letter(page: Page) -> None:
    """See the typography somewhere on the page as it was typed, with no character added."""
    app = page.get_by_test_id("stApp")
    expect(app.get_by_text(TYPOGRAPHY).first).to_be_attached()
    assert "\u2060" not in (app.text_content() or "")


class TestStoredText:
    def test_it_is_shown_letter_by_letter(self, new_page: Callable[..., Page], cast: Cast) -> None:
        dialogs: list[str] = []
        page = new_page()
        page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        become(page, cast.olga)
        visit(page, "/solutions")
        for text, address in zip(NAMES, PAGES, strict=True):
            name = f"{text} {TYPOGRAPHY}"
            poison(cast, name)
            go(page, f"/{address}?org={cast.acme.public_id}")
            expect(user_menu(page)).to_contain_text(" ".join(name.split()))
            see_letter_by_letter(page)
            see_nothing_of_it(page, text)
        staff = new_page()
        staff.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        become(staff, cast.ada)
        visit(staff, "/notes")
        for address in STAFF_PAGES:
            go(staff, f"/{address}")
            see_nothing_of_it(staff, NAMES[-1])
        assert dialogs == []


class TestTypedText:
    def test_it_makes_nothing_on_the_screen(self, page: Page, cast: Cast) -> None:
        all_of_it = "\n".join(NAMES)
        become(page, cast.olga)
        visit(page, f"/profile?org={cast.acme.public_id}")
        typed = dict(zip(("sales_email", "website", "phone", "twitter"), NAMES, strict=False))
        fill(page, "profile", name=NAMES[0], overview=all_of_it, **typed)
        press(page, "Submit")
        expect(page.locator(".st-key-profile-website").first).to_contain_text("address")
        expect(field(page, "profile", "overview")).to_have_value(all_of_it)
        see_nothing_of_it(page, all_of_it)
        fill(page, "profile", **dict.fromkeys(typed, ""))
        press(page, "Submit")
        expect(page.get_by_test_id("stToast").first).to_contain_text("saved")
        expect(page.locator(".st-key-profile-card").first).to_contain_text(NAMES[0])
        see_nothing_of_it(page, all_of_it)

        go(page, f"/members?org={cast.acme.public_id}")
        press(page, "Invite user")
        fill(page, "invite", emails=all_of_it)
        press(page.get_by_role("dialog"), "Invite")
        wait_until_drawn(page)
        expect(page.get_by_role("dialog")).to_contain_text("onload=alert(1)")
        expect(field(page, "invite", "emails")).to_have_value(all_of_it)
        see_nothing_of_it(page, all_of_it)

        go(page, "/account")
        fill(page, "rename", name=NAMES[0])
        press(page, "Save name")
        expect(user_menu(page)).to_contain_text(NAMES[0])
        go(page, "/organizations")
        press(page, "Create New Organization")
        fill(page, "create", name=NAMES[3])
        press(page.get_by_role("dialog"), "Save")
        expect(page.get_by_role("heading", name=NAMES[3])).to_be_visible()
        see_nothing_of_it(page, all_of_it)

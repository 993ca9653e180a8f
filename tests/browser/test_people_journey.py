"""Two people are invited and accept, roles change, and an owner hands over and leaves."""

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from core.database import db
from core.members import membership_rows
from core.models import Role
from tests.browser import steps, tables
from tests.browser.acts import become, user_menu, visit
from tests.support.cast import PASSWORD, Cast, email
from tests.support.history import verified
from tests.support.mailbox import Mailbox, link_in, text_of

HIGHEST = 390
"""Pixels from the top within which the first person is on a phone."""
NORA = "nora@example.com"


def test_an_owner_invites_two_people_and_hands_the_organization_over(
    new_page: Callable[..., Page], mailbox: Mailbox, cast: Cast
) -> None:
    olga, nora, otto = new_page(), new_page(), new_page()
    become(olga, cast.olga)
    visit(olga, f"/members?org={cast.acme.public_id}")
    invite(olga, f"{NORA}, {email(cast.otto)}")

    nora.goto(link_in(mailbox.wait_for(NORA)))
    steps.fill(nora, "join", name="Nora", password=PASSWORD)
    steps.press(nora, "Accept Invitation")
    expect(user_menu(nora)).to_contain_text("Nora")
    come_as_the_invited(otto, cast, link_in(mailbox.wait_for(email(cast.otto))))

    olga.reload()
    make_admin(olga, "Nora")
    open_leaving(olga, "Olga")
    expect(olga.get_by_text("You're the only owner.")).to_be_visible()
    olga.reload()
    offer_ownership(olga, "Nora")
    take_over(olga, nora, cast, mailbox)
    see_who_is_who(cast)


def invite(page: Page, addresses: str) -> None:
    """Invite everybody in one go."""
    steps.press(page, "Invite user")
    steps.fill(page, "invite", emails=addresses)
    steps.press(page.get_by_role("dialog"), "Invite")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_role("radio", name="Invited Users 2")).to_be_visible()


def come_as_the_invited(page: Page, cast: Cast, link: str) -> None:
    """Open somebody else's link, log out as who one is, and come back to it as the invited."""
    become(page, cast.sam)
    page.goto(link)
    steps.press(page, "Switch account")
    steps.press(page, "Log in to accept")
    page.get_by_role("textbox", name="Email").fill(email(cast.otto))
    page.get_by_role("textbox", name="Password").fill(PASSWORD)
    steps.press(page, "Log in")
    steps.press(page, "Accept Invitation")
    expect(page.locator(".st-key-head")).to_contain_text("Acme")


def choose(page: Page, name: str, label: str) -> Locator:
    """Choose from the menu of a person's row, found by the search, and return the dialog."""
    page.locator(".st-key-members-search-active input").fill(name)
    expect(tables.rows(page, "Active users")).to_have_count(1)
    tables.choose(page, "Active users", name, label)
    return page.get_by_role("dialog")


def make_admin(page: Page, name: str) -> None:
    """Give somebody another role by the reference flow, then by the list in the row."""
    dialog = choose(page, name, "Edit roles")
    expect(dialog).to_contain_text("Current role")
    expect(dialog.get_by_role("button", name="Edit", exact=True)).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()
    page.get_by_role("combobox", name=f"Role of {name}").select_option("Admin")
    expect(dialog).to_contain_text("4 gained")
    dialog.get_by_text("View Diff").click()
    expect(dialog).to_contain_text("Manage invitations")
    steps.press(dialog, "Save")
    expect(page.get_by_test_id("stToast")).to_contain_text("Role changed to admin")


def open_leaving(page: Page, name: str) -> None:
    """Open what one reads before leaving, in the own Quick View."""
    dialog = choose(page, name, "Quick View")
    steps.press(dialog, "Leave organization")


def offer_ownership(page: Page, name: str) -> None:
    """Offer the ownership to somebody, with the password."""
    dialog = choose(page, name, "Offer ownership")
    dialog.get_by_role("textbox", name="Password").fill(PASSWORD)
    steps.press(dialog, "Offer ownership")
    expect(page.get_by_text(f"You offered ownership to {name}")).to_be_visible()


def take_over(olga: Page, nora: Page, cast: Cast, mailbox: Mailbox) -> None:
    """Accept the ownership; the old owner leaves after it, and the new one cannot."""
    assert "/members?org=" in text_of(mailbox.wait_for(NORA, count=4))
    visit(nora, f"/members?org={cast.acme.public_id}")
    steps.press(nora, "Accept ownership")
    nora.locator(".st-key-accept-ownership-save button").click()
    expect(nora.get_by_test_id("stToast")).to_contain_text("You're now an owner of Acme")
    olga.reload()
    open_leaving(olga, "Olga")
    olga.locator(".st-key-leave-confirm button").click()
    expect(olga.get_by_test_id("stToast")).to_contain_text("You left Acme")
    expect(olga).to_have_url(re.compile("/(organizations|welcome)$"))
    open_leaving(nora, "Nora")
    expect(nora.get_by_text("You're the only owner.")).to_be_visible()


def see_who_is_who(cast: Cast) -> None:
    """Find in the database what was seen on the screens, and an unbroken history."""
    with db.read() as session:
        (owner,) = membership_rows.list_owners(session, cast.acme)
        assert owner.email == NORA
        assert membership_rows.find(session, cast.acme, cast.olga.user_id or 0) is None
        otto = membership_rows.find(session, cast.acme, cast.otto.user_id or 0)
        assert otto is not None
        assert otto.role is Role.MEMBER
    assert verified()[0] == []


def test_an_owner_changes_a_role_on_a_phone(phone: Page, cast: Cast) -> None:
    become(phone, cast.olga)
    visit(phone, f"/members?org={cast.acme.public_id}")
    place = tables.rows(phone, "Active users").first.bounding_box()
    assert place is not None
    assert place["y"] <= HIGHEST
    tables.find_row(phone, "Active users", "Mia").get_by_role("combobox").select_option("Admin")
    dialog = phone.get_by_role("dialog")
    expect(dialog).to_contain_text("4 gained")
    steps.press(dialog, "Save")
    expect(phone.get_by_test_id("stToast")).to_contain_text("Role changed to admin")
    expect(tables.find_row(phone, "Active users", "Mia").get_by_role("combobox")).to_have_value(
        "admin"
    )

"""What surrounds every page: the sidebar, the search box, menus, and Back."""

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.acts import become, go, user_menu, visit, wait_until_drawn
from tests.browser.test_accessibility import in_both_schemes
from tests.support.cast import Cast

ONBOARDING_PAGES = ("Onboarding", "Onboarding board", "Onboarding charts")


def switcher(page: Page) -> Locator:
    return page.get_by_role("button", name="Acme, switch organization")


def link(page: Page, name: str) -> Locator:
    return page.get_by_role("link", name=name, exact=True)


def test_the_sidebar_by_keyboard(page: Page, cast: Cast) -> None:
    become(page, cast.olga)
    visit(page, "/overview")
    expect(link(page, "Overview")).to_have_attribute("aria-current", "page")
    link(page, "Access Control").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/members\?org=ORG-"))
    expect(link(page, "Access Control")).to_have_attribute("aria-current", "page")
    expect(link(page, "Access Control")).to_be_focused()

    menu = user_menu(page)
    menu.focus()
    page.keyboard.press("Enter")
    items = page.get_by_role("menuitem")
    expect(items.first).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(items.last).to_be_focused()
    expect(items.last).to_have_text("Log out")
    page.keyboard.press("Escape")
    expect(items).to_have_count(0)
    expect(menu).to_be_focused()

    switcher(page).focus()
    page.keyboard.press("Enter")
    box = page.get_by_role("dialog", name="switch organization")
    expect(box.get_by_role("link", name="Acme")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(box.get_by_role("link", name="Manage Organizations")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/organizations$"))
    expect(box).to_be_hidden()


def test_who_comes_back_finds_the_view_that_was_left(page: Page, cast: Cast) -> None:
    become(page, cast.ada)
    visit(page, "/organizations")
    search = page.locator(".st-key-q input")
    search.fill("acme")
    expect(page.get_by_text("1 of 1 organization", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?q=acme$"))
    wait_until_drawn(page)
    link(page, "Activity").click()
    expect(page).to_have_url(re.compile("/activity$"))
    link(page, "Notes").click()
    expect(page).to_have_url(re.compile("/notes$"))
    expect(link(page, "Notes")).to_have_attribute("aria-current", "page")
    link(page, "Organizations").click()
    expect(page).to_have_url(re.compile(r"/organizations\?q=acme$"))
    expect(search).to_have_value("acme")
    link(page, "Activity").click()
    expect(page).to_have_url(re.compile("/notes$"))
    page.go_back()
    expect(page).to_have_url(re.compile(r"/organizations\?q=acme$"))
    expect(search).to_have_value("acme")
    link(page, "Organizations").click()
    expect(page).to_have_url(re.compile("/organizations$"))
    expect(search).to_have_value("")


def test_the_search_box_by_keyboard(page: Page, cast: Cast) -> None:
    become(page, cast.sam)
    visit(page, f"/overview?org={cast.acme.public_id}")
    go(page, "/organizations")
    search = page.locator(".st-key-q input")
    search.fill("clinic")
    page.keyboard.press("Control+k")
    box = page.get_by_role("dialog", name="Search")
    field, options = box.get_by_role("combobox"), box.get_by_role("option")
    expect(field).to_be_focused()
    expect(options.first).to_contain_text("Acme")  # the one opened last
    page.keyboard.press("Escape")
    expect(box).to_be_hidden()
    expect(search).to_be_focused()

    page.keyboard.press("Control+k")
    page.keyboard.insert_text(f" {cast.otto_ltd.public_id.lower()} ")
    page.keyboard.press("Enter")  # sooner than there are results
    expect(page).to_have_url(re.compile(f"/overview.org={cast.otto_ltd.public_id}$"))
    expect(page.get_by_role("heading", name="Otto Ltd")).to_be_visible()

    page.keyboard.press("Control+k")
    expect(options.first).to_contain_text("Otto Ltd")
    page.keyboard.type("onboarding")
    expect(options).to_have_text([re.compile(name) for name in (*ONBOARDING_PAGES, "Flag for")])
    page.keyboard.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/board$"))

    wait_until_drawn(page)
    page.keyboard.press("Control+k")
    field.fill("mia@")
    expect(options.first).to_contain_text("Mia")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/members.*search"))
    expect(page.locator(".st-key-members-search-active input")).to_have_value("mia@example.com")
    wait_until_drawn(page)
    page.keyboard.press("Control+k")
    field.fill("otto")
    expect(options.first).to_contain_text("Otto Ltd")
    page.keyboard.press("Shift+Enter")
    drawer = page.get_by_role("dialog", name="Quick view")
    expect(drawer).to_contain_text(cast.otto_ltd.public_id)
    expect(page).to_have_url(re.compile("/members"))
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    page.keyboard.press("Control+k")
    field.fill("create")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Add New Organization")).to_be_visible()
    page.keyboard.press("Control+k")
    expect(box).to_be_hidden()


def test_an_unknown_address_says_so_in_our_words(page: Page, cast: Cast) -> None:
    become(page, cast.olga)
    visit(page, "/no-such-Page?x=1")
    expect(page.get_by_role("heading", name="Page not found")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    link(page, "Overview").click()
    expect(page).to_have_url(re.compile(r"/overview\?org=ORG-"))
    expect(page.get_by_role("heading", name="Acme")).to_be_visible()


def test_on_a_phone_the_drawer_and_the_search_box_close_when_a_page_opens(
    phone: Page, cast: Cast
) -> None:
    become(phone, cast.olga)
    visit(phone, "/overview")
    contact = phone.locator(".st-key-contact-details").bounding_box()
    activity = phone.get_by_role("heading", name="Recent activity").bounding_box()
    assert contact is not None
    assert activity is not None
    assert contact["y"] < activity["y"]
    phone.get_by_test_id("stExpandSidebarButton").click()
    entry = link(phone, "Access Control")
    expect(entry).to_be_in_viewport()
    assert (entry.bounding_box() or {"height": 0})["height"] >= 40
    entry.click()
    expect(phone).to_have_url(re.compile("/members"))
    expect(entry).not_to_be_in_viewport()
    wait_until_drawn(phone)
    phone.get_by_role("button", name="Search", exact=True).click()
    box = phone.get_by_role("dialog", name="Search")
    box.get_by_role("combobox").fill("connected")
    box.get_by_role("option", name="Connected solutions").click()
    expect(phone).to_have_url(re.compile("/solutions"))
    expect(box).to_be_hidden()


def test_open_menus_of_the_sidebar_are_accessible(page: Page, cast: Cast) -> None:
    become(page, cast.olga)
    visit(page, "/overview")
    for button, box in ((user_menu(page), "menu"), (switcher(page), "dialog")):
        button.click()
        expect(page.get_by_role(box).locator("a").first).to_be_focused()
        assert in_both_schemes(page) == []
        page.keyboard.press("Escape")
        expect(page.get_by_role(box)).to_have_count(0)
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("combobox", name="Search")).to_be_focused()
    expect(page.get_by_role("option").first).to_be_visible()
    assert in_both_schemes(page) == []

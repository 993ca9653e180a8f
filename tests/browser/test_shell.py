"""What is the same on every page: the sidebar, the title line, the heights, and Back."""

import re
from itertools import pairwise
from typing import Literal

import pytest
from playwright.sync_api import Locator, Page, expect

from core.database import db
from core.members import members
from core.models import Role
from tests.browser.acts import become, go, user_menu, visit, wait_until_drawn
from tests.browser.test_accessibility import SCHEMES, problems
from tests.support.cast import Cast

STAFF_PAGES = ("organizations", "board", "charts", "activity", "notes", "people", "mail")
OWN_PAGES = ("overview", "profile", "members", "onboarding", "history", "solutions", "account")
STILL_OF_STAFF = ("organizations", "board", "activity", "notes", "people", "mail")
MEASURE = """() => {
  const box = (found) => found.getBoundingClientRect()
  const main = document.querySelector("[data-testid=stMainBlockContainer]")
  const inner = main.querySelector(":scope > .stVerticalBlock")
  return {
    title: Math.round(box(document.querySelector("h1")).top),
    share: box(inner).width / innerWidth,
    isWide: document.documentElement.scrollWidth > innerWidth,
    heights: [...main.querySelectorAll(
      "[data-testid^=stBaseButton-]:not([data-testid$=Toolbar]), [data-testid=stPopoverButton], " +
      "[data-testid=stTextInputRootElement], [data-testid=stMenuButtonButton]"
    )].map((each) => Math.round(box(each).height)).filter((height) => height > 0),
    headings: [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")]
      .map((each) => Number(each.tagName[1])),
  }
}"""


SHIFT = """() => new Promise((resolve) => {
  let shift = 0
  const observer = new PerformanceObserver((list) => {
    for (const each of list.getEntries()) shift += each.value
  })
  observer.observe({ type: "layout-shift", buffered: true })
  requestAnimationFrame(() => requestAnimationFrame(() => resolve(shift)))
})"""


LOADED = """() => {
  const files = performance.getEntriesByType("resource")
  return [files.length, files.reduce((sum, each) => sum + each.encodedBodySize, 0)]
}"""
"""What a page loads, also if the browser has it already: the files, and their bytes as sent."""
MAX_REQUESTS, MAX_SENT = 110, 900_000


def switcher(page: Page) -> Locator:
    return page.get_by_role("button", name="Acme, switch organization")


ONBOARDING_PAGES = ("Onboarding", "Onboarding board", "Onboarding charts")


def link(page: Page, name: str) -> Locator:
    return page.get_by_role("link", name=name, exact=True)


@pytest.mark.parametrize(("who", "pages"), [("ada", STAFF_PAGES), ("olga", OWN_PAGES)])
def test_every_page_has_the_same_frame(
    page: Page, cast: Cast, who: str, pages: tuple[str, ...]
) -> None:
    db.run(members.change_role, cast.olga, cast.acme.id, cast.mia.user_id, Role.ADMIN)
    become(page, getattr(cast, who))
    visit(page, f"/{pages[-1]}?org={cast.acme.public_id}")
    titles = {}
    for name in pages:
        go(page, f"/{name}?org={cast.acme.public_id}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
        # It slides open again after the narrow window before.
        expect(page.get_by_test_id("stSidebar"), name).to_have_css("width", "216px")
        measured = page.evaluate(MEASURE)
        titles[name] = measured["title"]
        assert measured["share"] >= 0.8 or name == "account", name
        assert not measured["isWide"], name
        assert set(measured["heights"]) <= {32}, (name, measured["heights"])
        levels = measured["headings"]
        assert levels[0] == 1, name
        assert all(after <= before + 1 for before, after in pairwise(levels)), (name, levels)
        page.set_viewport_size({"width": 640, "height": 400})  # as at 200 %
        assert not page.evaluate(MEASURE)["isWide"], name
        page.set_viewport_size({"width": 1280, "height": 800})
    assert len(set(titles.values())) == 1, titles


def test_a_page_loads_little_and_nothing_moves_meanwhile(page: Page, cast: Cast) -> None:
    for person, names in ((cast.ada, STILL_OF_STAFF), (cast.olga, OWN_PAGES)):
        become(page, person)
        for name in names:
            visit(page, f"/{name}?org={cast.acme.public_id}")
            expect(page.get_by_role("heading", level=1)).to_be_visible()
            expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
            assert page.evaluate(SHIFT) <= 0.1, name
            requests, sent = page.evaluate(LOADED)
            assert requests <= MAX_REQUESTS, name
            assert sent <= MAX_SENT, name


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
    expect(page).to_have_url(re.compile(r"\?q=acme$"))
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


@pytest.mark.parametrize("scheme", SCHEMES)
def test_open_menus_of_the_sidebar_are_accessible(
    page: Page, cast: Cast, scheme: Literal["light", "dark"]
) -> None:
    page.emulate_media(color_scheme=scheme)
    become(page, cast.olga)
    visit(page, "/overview")
    for button, box in ((user_menu(page), "menu"), (switcher(page), "dialog")):
        button.click()
        expect(page.get_by_role(box).locator("a").first).to_be_focused()
        assert problems(page, *SCHEMES[scheme]) == []
        page.keyboard.press("Escape")
        expect(page.get_by_role(box)).to_have_count(0)
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("combobox", name="Search")).to_be_focused()
    expect(page.get_by_role("option").first).to_be_visible()
    assert problems(page, *SCHEMES[scheme]) == []

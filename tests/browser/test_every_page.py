"""Every page, opened once: it loads little, stays still, has the common frame, and bars nobody."""

from itertools import pairwise

import pytest
from playwright.sync_api import Page, expect

from core.database import db
from core.members import members
from core.models import Role
from core.onboarding import onboarding
from core.onboarding.onboarding import Plan
from core.staff import notes
from pages.ui.navigation import PAGES
from tests.browser.acts import become, go, visit
from tests.browser.test_accessibility import in_both_schemes, problems
from tests.support.cast import Cast
from tests.support.depth import sample

STRANGERS = [page.address for page in PAGES if page.section == "public"]
STAFF = [page.address for page in PAGES if page.section == "staff desk"]
OTHERS = [page.address for page in PAGES if page.address not in {*STRANGERS, *STAFF, "home"}]
PAST = ("overview?as_of=2026-02-01", "members?as_of=2026-02-01")
FRAMED = {*STAFF, *OTHERS} - {"duplicates", "import", "runs", "view", "welcome"}
"""The pages with the common frame."""
MANY_FILES = {"charts"}
"""The pages that load what others do not."""
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


def set_up(cast: Cast) -> None:
    """Give every page something to show."""
    db.run(members.change_role, cast.olga, cast.acme.id, cast.mia.user_id, Role.ADMIN)
    db.run(onboarding.flag, cast.sam, [cast.acme.id], Plan(next_step="Call Olga"))
    db.run(notes.write, cast.ada, cast.acme.id, "They call back on Monday.", is_shared=True)


def see_that_little_is_loaded_and_nothing_moves(page: Page, name: str) -> None:
    assert page.evaluate(SHIFT) <= 0.1, name
    requests, sent = page.evaluate(LOADED)
    assert requests <= MAX_REQUESTS, name
    assert sent <= MAX_SENT, name


def see_frame(page: Page, name: str) -> int:
    """See the common frame of a page, also in a narrow window; return where its title is."""
    expect(page.get_by_test_id("stSidebar"), name).to_have_css("width", "216px")
    measured = page.evaluate(MEASURE)
    assert measured["share"] >= 0.8 or name == "account", name
    assert not measured["isWide"], name
    assert set(measured["heights"]) <= {32}, (name, measured["heights"])
    levels = measured["headings"]
    assert levels[0] == 1, name
    assert all(after <= before + 1 for before, after in pairwise(levels)), (name, levels)
    page.set_viewport_size({"width": 640, "height": 400})  # as at 200 %
    assert not page.evaluate(MEASURE)["isWide"], name
    page.set_viewport_size({"width": 1280, "height": 800})
    return int(measured["title"])


def see_no_download_that_nobody_records(page: Page, name: str) -> None:
    """See that only tables of numbers are saved by the browser alone."""
    lists = page.locator(".table.list")
    expect(lists.get_by_role("button", name="Download"), name).to_have_count(0)
    expect(page.get_by_test_id("stDataFrame"), name).to_have_count(0)


def find_problems(page: Page, name: str, pages: list[str]) -> list[str]:
    """Return what is serious in the way of anybody, in dark on a sample of the pages."""
    return in_both_schemes(page) if name in sample(pages, 3) else problems(page)


@pytest.mark.parametrize(("who", "pages"), [("olga", OTHERS), ("ada", STAFF)])
def test_every_page(page: Page, cast: Cast, who: str, pages: list[str]) -> None:
    set_up(cast)
    become(page, getattr(cast, who))
    titles, found = {}, {}
    for name in pages:
        visit(page, f"/{name}?org={cast.acme.public_id}")
        expect(page.get_by_role("heading", level=1), name).to_be_visible()
        expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
        if name not in MANY_FILES:
            see_that_little_is_loaded_and_nothing_moves(page, name)
        see_no_download_that_nobody_records(page, name)
        found[name] = find_problems(page, name, pages)
        if name in FRAMED:
            titles[name] = see_frame(page, name)
    if who == "olga":
        for name in PAST:
            go(page, f"/{name}&org={cast.acme.public_id}")
            found[name] = in_both_schemes(page)
    assert {name: each for name, each in found.items() if each} == {}
    assert len(set(titles.values())) == 1, titles


def test_no_page_for_strangers_has_a_serious_problem(page: Page, cast: Cast) -> None:
    found = {}
    for name in ("account", *STRANGERS):
        visit(page, f"/{name}")
        found[name] = find_problems(page, name, STRANGERS)
    assert {name: each for name, each in found.items() if each} == {}

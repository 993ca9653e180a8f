"""Organizations in a real browser: what tables, callbacks and the address do only there."""

import csv
import io
import re

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select

from core.audit import activity
from core.audit.queries import Filters as HistoryFilters
from core.database import db
from core.models import Organization
from core.onboarding import onboarding
from core.onboarding.onboarding import Plan
from tests.browser import acts
from tests.browser.test_accessibility import problems
from tests.organizations.test_table import make_organizations
from tests.support.cast import Cast

FOCUSED = """() => {
  let focused = document.activeElement
  while (focused.shadowRoot?.activeElement) focused = focused.shadowRoot.activeElement
  const named = focused.matches("tr") ? focused.querySelector("a") : focused
  return named.getAttribute("aria-label") || named.textContent
}"""


@pytest.fixture(autouse=True)
def many(cast: Cast) -> None:
    """Sixty more, newest first from ORG-0000059, a quarter of them in each stage."""
    with db.Session(db.writing_engine()) as session, session.begin():
        make_organizations(session, 60)


def rows(page: Page) -> Locator:
    """Return the rows of the table, without its head."""
    return (
        page.get_by_role("grid", name="Organizations")
        .get_by_role("row")
        .filter(has=page.get_by_role("rowheader"))
    )


def table_says(page: Page, words: str) -> None:
    expect(page.locator(".st-key-organizations").get_by_text(words, exact=True)).to_be_visible()


def focused(page: Page) -> str:
    """Return the text of the element that has the focus, also inside a component."""
    return str(page.evaluate(FOCUSED))


def tab_to(page: Page, words: str) -> None:
    """Press Tab until the element with these words has the focus."""
    for _ in range(60):
        if focused(page).startswith(words):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never reaches {words}, but {focused(page)}")


def choose(page: Page, label: str, choice: str) -> None:
    """Choose one entry of a list behind the button `Filters` by the keyboard."""
    page.get_by_role("combobox", name=label).focus()
    page.keyboard.type(choice)
    expect(page.get_by_role("option", name=choice)).to_be_visible()
    page.keyboard.press("Enter")
    chip = page.get_by_role("link", name=f"Remove filter: {label}: {choice}")
    expect(chip).to_be_visible()


def test_a_link_is_a_view(page: Page, cast: Cast) -> None:
    acts.become(page, cast.oda)
    acts.visit(page, "/organizations?stage=production&sort=oldest&rows=25&q=clinic")
    table_says(page, "15 of 15 organizations")
    expect(rows(page).first).to_contain_text("ORG-0000003")
    expect(page.get_by_role("link", name="Free 15")).to_be_visible()  # counted beside the table
    page.get_by_role("link", name=re.compile("^Production")).click()
    table_says(page, "25 of 60 organizations")
    page.get_by_role("link", name="Next").click()
    expect(page).to_have_url(re.compile(r"at=after.ORG-0000024"))
    expect(rows(page).first).to_contain_text("ORG-0000025")
    page.reload()
    expect(rows(page).first).to_contain_text("ORG-0000025")
    expect(page).to_have_url(re.compile(r"organizations\?[^#]*rows=25"))

    page.emulate_media(color_scheme="dark")
    page.get_by_role("button", name="Columns").click()
    expect(page.get_by_role("button", name="Remove Members")).to_be_visible()
    assert problems(page, "color-contrast") == []


def test_the_quick_view_walks_on_to_the_next_page_and_the_list_follows(
    page: Page, cast: Cast
) -> None:
    acts.become(page, cast.sam)
    acts.visit(page, "/organizations?rows=25")
    expect(rows(page)).to_have_count(25)
    names = rows(page).get_by_role("link").all_inner_texts()
    name = rows(page).filter(has_text="Free").first.get_by_role("link").inner_text()
    with db.read() as session:
        free = session.scalars(select(Organization).where(Organization.name == name)).one()
    assert not page.get_by_text("Changed since you loaded").is_visible()
    db.run(onboarding.flag_one, cast.sue, free.id, Plan(next_step="Call them"))
    page.evaluate("dispatchEvent(new Event('focus'))")
    expect(page.get_by_text("Changed since you loaded")).to_be_visible()
    page.get_by_role("button", name="Refresh").press("Enter")
    expect(page.get_by_text("Changed since you loaded")).to_be_hidden()
    expect(rows(page).filter(has_text=free.public_id)).to_contain_text("Onboarding")
    rows(page).last.focus()
    page.keyboard.press("Space")
    drawer = page.get_by_role("dialog")
    expect(drawer.get_by_text("ORG-0000035", exact=True)).to_be_visible()
    expect(drawer.get_by_role("button", name="Next (J)")).to_be_enabled()
    page.keyboard.press("j")
    expect(drawer.get_by_text("ORG-0000034", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    expect(page).to_have_url(re.compile("at=after.ORG-0000035"))
    expect(rows(page).first).to_contain_text("ORG-0000034")
    wait_for_focus(page, rows(page).first.get_by_role("link").inner_text())

    page.keyboard.press("Space")
    expect(drawer.get_by_text("ORG-0000034", exact=True)).to_be_visible()
    expect(drawer.get_by_role("button", name="Previous (K)")).to_be_enabled()
    page.keyboard.press("k")
    expect(drawer.get_by_text("ORG-0000035", exact=True)).to_be_visible()
    drawer.get_by_role("link", name="Open").press("Enter")
    expect(page.get_by_role("heading", name=names[-1])).to_be_visible()
    page.go_back()
    expect(rows(page).first).to_contain_text("ORG-0000034")

    page.go_forward()
    here = page.get_by_role("navigation", name="List", exact=True)
    expect(here).to_contain_text("25 of 62")
    page.get_by_role("link", name="Organization Profile").press("Enter")
    expect(page.get_by_text("Only owners can edit this.")).to_be_visible()
    for key, number, org in (("j", 26, "ORG-0000034"), ("j", 27, "ORG-0000033"), ("k", 26, "")):
        page.keyboard.press(key)
        expect(here).to_contain_text(f"{number} of 62")
        expect(page).to_have_url(re.compile(f"/profile.*{org}"))
    for key in "jj":  # faster than the page is drawn
        page.keyboard.press(key)
    expect(here).to_contain_text("28 of 62")
    page.keyboard.press("k")
    expect(here).to_contain_text("27 of 62")
    page.keyboard.press("k")
    expect(here).to_contain_text("26 of 62")
    page.reload()
    expect(here).to_contain_text("26 of 62")
    here.get_by_role("link", name="Back to list").press("Enter")
    expect(rows(page).filter(has_text="ORG-0000034")).to_be_visible()


def test_operations_works_by_keyboard_alone(page: Page, cast: Cast) -> None:
    oda = page
    acts.become(oda, cast.oda)
    acts.visit(oda, "/organizations?rows=25")
    expect(rows(oda)).to_have_count(25)

    oda.get_by_role("searchbox", name="Search").focus()
    oda.keyboard.type("clin")
    table_says(oda, "25 of 60 organizations")
    oda.get_by_role("button", name="Filters").focus()
    oda.keyboard.press("Enter")
    choose(oda, "Members", "2–10")
    choose(oda, "Profile", "Incomplete")
    oda.keyboard.press("Escape")
    table_says(oda, "24 of 24 organizations")
    tab_to(oda, "Name")
    oda.keyboard.press("Enter")
    expect(oda).to_have_url(re.compile("sort=name"))
    expect(oda.get_by_role("columnheader", name="Name")).to_have_attribute("aria-sort", "ascending")
    names = rows(oda).get_by_role("link").all_inner_texts()
    assert len(names) == 24

    tab_to(oda, names[0])
    oda.keyboard.press("ArrowDown")
    assert focused(oda).startswith(names[1])
    oda.keyboard.press("Space")
    drawer = oda.get_by_role("dialog")
    expect(drawer.get_by_role("button", name="Next (J)")).to_be_enabled()
    for name in names[1:4]:
        expect(drawer.get_by_text(name, exact=True)).to_be_visible()
        oda.keyboard.press("j")
    oda.keyboard.press("k")
    expect(drawer.get_by_text(names[3], exact=True)).to_be_visible()
    oda.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    wait_for_focus(oda, names[3])

    oda.keyboard.press("Enter")
    expect(oda.get_by_role("heading", name=names[3])).to_be_visible()
    oda.go_back()
    table_says(oda, "24 of 24 organizations")
    assert rows(oda).get_by_role("link").all_inner_texts() == names
    expect(oda.get_by_role("searchbox", name="Search")).to_have_value("clin")
    wait_for_focus(oda, names[3])

    oda.get_by_role("link", name="Memberships").focus()
    oda.keyboard.press("Enter")
    by_stage = oda.get_by_role("grid", name="Memberships by stage")
    expect(by_stage.get_by_role("row", name="Total")).to_contain_text("24")
    with oda.expect_download() as started:
        oda.get_by_role("button", name="Download Memberships by stage").focus()
        oda.keyboard.press("Enter")
    found = list(csv.DictReader(io.StringIO(started.value.path().read_text(), newline="")))
    assert [row["Organizations"] for row in found] == ["6", "6", "6", "6", "24"]
    with db.read() as session:
        recorded = activity.table(session, cast.ada, HistoryFilters(person="Oda"))
    assert "Memberships by stage: q=clin" in recorded["reason"].iloc[0]

    for org in (cast.acme, cast.otto_ltd):
        db.run(onboarding.flag_one, cast.sam, org.id)
    acts.go(oda, "/activity")
    look = oda.get_by_role("button", name="Quick view: Acme").first
    look.focus()
    oda.keyboard.press("Enter")
    expect(drawer.get_by_text("Acme", exact=True)).to_be_visible()
    oda.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    expect(look).to_be_focused()


def wait_for_focus(page: Page, words: str) -> None:
    """Wait until the element with these words has the focus."""
    page.wait_for_function(f"words => ({FOCUSED})().includes(words)", arg=words)

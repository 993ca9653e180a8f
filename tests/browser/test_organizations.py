"""Organizations in a real browser: what tables, callbacks and the address do only there."""

import csv
import io
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from core.database import db
from core.members import members
from core.models import Role
from tests.browser import acts
from tests.organizations.test_table import make_organizations
from tests.support.cast import Cast


@pytest.fixture(autouse=True)
def many(cast: Cast) -> None:
    """Sixty more, newest first from ORG-0000059, a quarter of them in each stage."""
    with db.Session(db.writing_engine()) as session, session.begin():
        make_organizations(session, 60)


def cell(page: Page, row: int, column: int) -> Locator:
    """Return a cell of the table, as screen readers find it; rows are counted from 1."""
    return page.get_by_test_id(f"glide-cell-{column}-{row - 1}")


def click_at(page: Page, row: int, x: int) -> None:
    """Click into a row of the table, which is a canvas; rows are counted from 1."""
    box = page.get_by_test_id("stDataFrame").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + x, box["y"] + 36 * row + 18)


def test_a_link_is_a_view(page: Page, cast: Cast) -> None:
    acts.become(page, cast.oda)
    link = "/organizations?stage=production&sort=oldest&rows=25&q=clinic"
    acts.visit(page, link)
    expect(page.get_by_text("15 organizations")).to_be_visible()
    expect(cell(page, 1, 2)).to_have_text("ORG-0000003")
    page.get_by_role("button", name="production", exact=True).click()
    expect(page.get_by_text("60 organizations")).to_be_visible()
    expect(page).to_have_url(re.compile(r"organizations\?[^#]*rows=25"))
    page.get_by_role("button", name="Next").click()
    expect(page).to_have_url(re.compile(r"at=after.ORG-0000024"))
    expect(cell(page, 1, 2)).to_have_text("ORG-0000025")
    page.reload()
    expect(cell(page, 1, 2)).to_have_text("ORG-0000025")


def test_a_name_opens_its_organization(page: Page, cast: Cast) -> None:
    acts.become(page, cast.oda)
    acts.visit(page, "/organizations?q=acme")
    expect(cell(page, 1, 2)).to_have_text(cast.acme.public_id)
    click_at(page, 1, 70)
    expect(page.get_by_role("heading", name="Acme")).to_be_visible()
    expect(page).to_have_url(re.compile(f"/overview\\?org={cast.acme.public_id}$"))


def choose(page: Page, label: str, choice: str) -> None:
    """Choose one entry of a list behind the button `Filters`."""
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=choice, exact=True).click()
    acts.wait_until_drawn(page)


def test_somebody_of_operations_finds_narrows_shares_and_downloads(
    new_page: Callable[..., Page], cast: Cast
) -> None:
    oda, sam = new_page(), new_page()
    acts.become(oda, cast.oda)
    acts.become(sam, cast.sam)

    acts.visit(oda, "/organizations?rows=25")
    oda.get_by_role("button", name="Last").click()
    expect(cell(oda, 1, 2)).to_have_text("ORG-0000022")
    oda.locator(".st-key-q input").press_sequentially("clin")
    expect(oda.get_by_text("60 organizations")).to_be_visible()

    oda.get_by_role("button", name="production", exact=True).click()
    oda.get_by_role("button", name="Filters").click()
    choose(oda, "Members", "2-10")
    choose(oda, "Activity", "active")
    choose(oda, "Profile", "incomplete")
    oda.keyboard.press("Escape")
    expect(oda.get_by_role("button", name="Filters · 3")).to_be_visible()
    choose(oda, "Sort", "oldest")
    found = ["ORG-0000007", "ORG-0000019", "ORG-0000023"]
    expect(oda.get_by_text("3 organizations")).to_be_visible()
    for row, public_id in enumerate(found, start=1):
        expect(cell(oda, row, 2)).to_have_text(public_id)
    expect(oda.locator(".st-key-organizations-summary")).to_contain_text("production 3")

    acts.visit(sam, oda.url)
    expect(cell(sam, 1, 3)).to_have_text(found[0])
    expect(sam.get_by_text("3 organizations")).to_be_visible()

    oda.get_by_role("button", name="Download", exact=True).click()
    link = oda.get_by_role("link", name="CSV").get_attribute("href")
    file = oda.request.get(link or "").text()
    rows = list(csv.DictReader(io.StringIO(file, newline="")))
    assert [row["Organization ID"] for row in rows] == found


def test_no_table_has_a_download_that_nobody_records(page: Page, cast: Cast) -> None:
    """Streamlit's own would hold formulas, cut values and one page only."""
    db.run(members.change_role, cast.olga, cast.acme.id, cast.mia.user_id, Role.ADMIN)
    acts.become(page, cast.olga)
    for name in ("members", "history"):
        acts.visit(page, f"/{name}?org={cast.acme.public_id}")
        table = page.get_by_test_id("stDataFrame").first
        table.hover()
        expect(table).to_be_visible()
        for button in ("Fullscreen", "Download as CSV"):
            expect(page.get_by_role("button", name=button)).to_have_count(0)

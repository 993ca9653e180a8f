"""An import in a real browser: a workbook, its rejects, corrected and imported as well."""

from pathlib import Path

from playwright.sync_api import Page, expect
from sqlalchemy import func, select

from core.database import db
from core.imports import reader
from core.models import Organization
from tests.browser.acts import become, visit
from tests.browser.test_accessibility import problems
from tests.support.cast import Cast
from tests.support.sheets import xlsx

TITLES = ["Organization ID", "Name", "Owner email", "Phone"]


def choose(page: Page, name: str, content: bytes) -> None:
    expect(page.get_by_text("Choose a file or drop one here")).to_be_visible()
    chosen = {"name": name, "mimeType": "", "buffer": content}
    page.locator(".st-key-import-file input[type=file]").set_input_files(chosen)
    expect(page.get_by_text(f"{name}: ")).to_be_visible()


def check(page: Page, *outcomes: str) -> None:
    page.get_by_role("textbox", name="Reason").fill("From the sales fair.")
    page.get_by_role("button", name="Check").focus()
    page.keyboard.press("Enter")
    for outcome in outcomes:
        expect(page.get_by_role("radio", name=outcome)).to_be_visible()


def test_a_workbook_is_imported_and_its_rejects_are_corrected(page: Page, cast: Cast) -> None:
    become(page, cast.oda)
    visit(page, "/organizations")
    page.get_by_role("link", name="Import").click()
    rows = [
        [cast.acme.public_id, "Acme", "", "+1 212 555 0100"],
        [cast.otto_ltd.public_id, "Otto Ltd", "", ""],
        ["", "Blue Door", "nora@example.com", ""],
        ["", "Red Door", "nope", "12"],
    ]
    choose(page, "fair.xlsx", xlsx(TITLES, *rows))
    assert problems(page) == []
    check(page, "New (1)", "Change (1)", "Unchanged (1)", "Errors (1)")
    what = "Name: Blue Door · Owner email: nora@example.com"
    expect(page.get_by_text(what, exact=True)).to_be_visible()
    page.get_by_text("Errors (1)").click()
    expect(page.get_by_title("Owner email: Enter an email address")).to_be_visible()
    assert problems(page) == []
    page.reload()
    page.get_by_role("button", name="Import 2 rows").click()
    expect(page.get_by_text("2 of 3 rows, 1 refused")).to_be_visible()

    with page.expect_download() as download:
        page.get_by_role("button", name="Download rejects").click()
    rejected = reader.read(Path(download.value.path()).read_bytes())
    [[_, name, *_]] = [row.cells for row in rejected.rows]
    assert (name, rejected.titles[-1]) == ("Red Door", "Why")
    corrected = ["", name, "ria@example.com", "+1 212 555 0101", ""]
    choose(page, "corrected.xlsx", xlsx(list(rejected.titles), corrected))
    check(page, "New (1)", "Errors (0)")
    page.get_by_role("button", name="Import 1 row").click()
    expect(page.get_by_text("1 of 1 row")).to_be_visible()
    with db.read() as session:
        imported = Organization.unclaimed_since.is_not(None)
        assert session.scalar(select(func.count()).where(imported)) == 2
        assert session.get_one(Organization, cast.acme.id).phone == "+12125550100"


def test_on_a_phone_a_file_is_checked(phone: Page, cast: Cast) -> None:
    become(phone, cast.oda)
    visit(phone, "/import?what=members")
    choose(phone, "people.csv", b"Email,Organization\nnora@example.com,Acme\nnope,Nowhere\n")
    check(phone, "New (1)", "Errors (1)")
    phone.get_by_text("Errors (1)").tap()
    refused = phone.locator(".details").filter(has_text="Row 3")
    expect(refused).to_contain_text("Enter an email address")
    assert refused.evaluate("each => each.scrollWidth <= each.clientWidth")
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect(phone.get_by_role("button", name="Import 1 row")).to_be_visible()

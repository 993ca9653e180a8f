"""The table of the app in Chromium: keys, focus, selection, copies, phones, screen readers."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Error, Locator, Page, expect

from core.base import formulas
from tests.browser import tables
from tests.browser.acts import wait_until_drawn
from tests.browser.conftest import DESKTOP, PHONE, ContextPool
from tests.browser.server import serve
from tests.browser.table_app import texts
from tests.browser.test_accessibility import SCHEMES, problems
from tests.support.engines import Postgresql, Sqlite

HARMLESS = """async texts => {
  const files = performance.getEntriesByType("resource").map(each => each.name)
  const components = await import(files.find(name => name.includes("/assets/components.")))
  return texts.map(components.table_copy.harmless)
}"""
"""The rule of the component for cells that a spreadsheet would run."""

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def address(
    engines: dict[str, Sqlite | Postgresql], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of the app of one page."""
    database, app = engines["sqlite"].make("tables"), "tests/browser/table_app/app.py"
    with serve(database, tmp_path_factory.mktemp("tables"), app=app) as server:
        yield server.url


@pytest.fixture
def open_table(address: str, contexts: ContextPool) -> Iterator[Open]:
    """What opens the page of tables: `open_table("?rows=200")`, `open_table(screen=PHONE)`."""
    errors: list[str] = []

    def note_error(error: Error) -> None:
        errors.append(str(error))

    with ExitStack() as borrowed:

        def open_page(query: str = "", screen: dict[str, object] = DESKTOP) -> Page:
            context = borrowed.enter_context(contexts.borrow(address, screen))
            page = context.pages[0] if context.pages else context.new_page()
            page.on("pageerror", note_error)
            borrowed.callback(page.remove_listener, "pageerror", note_error)
            page.goto(f"/{query}")
            wait_until_drawn(page)
            return page

        yield open_page
    assert errors == []


def row(page: Page, text: str) -> Locator:
    return tables.find_row(page, "People", text)


def selected(page: Page) -> list[str]:
    """Return the names of the selected rows of this page."""
    chosen = page.locator("tr.row[aria-selected=true] .name")
    return [" ".join(name.split()) for name in chosen.all_inner_texts()]


def test_a_row_is_reached_by_tab_and_used_by_keys_alone(open_table: Open) -> None:
    page = open_table("?rows=30")
    keys = page.keyboard
    first = row(page, "Ada Whitfield")
    tables.press_until_focused(page, "Tab", first)
    for key, target in (("ArrowDown", texts.RIGHT_TO_LEFT), ("j", "onerror"), ("k", "مستشفى")):
        keys.press(key)
        expect(row(page, target)).to_be_focused()
    keys.press("End")
    expect(row(page, "Person 30")).to_be_focused()
    expect(row(page, "Person 30")).to_be_in_viewport()
    keys.press("Home")
    keys.press(" ")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("person1@example.com")
    keys.press("Escape")
    expect(dialog).to_be_hidden()
    expect(first).to_be_focused()

    tables.focus(page, first, first.get_by_role("button", name="Actions: Ada Whitfield"))
    keys.press("Enter")
    menu = page.get_by_role("menu")
    expect(menu.get_by_role("menuitem", name="Rename")).to_be_focused()
    keys.press("Escape")
    expect(menu).to_have_count(0)
    expect(first.get_by_role("button", name="Actions: Ada Whitfield")).to_be_focused()
    keys.press("Enter")
    keys.press("ArrowDown")
    keys.press("Enter")
    expect(page.get_by_text("asked: delete 1")).to_be_visible()
    expect(first.get_by_role("button", name="Actions: Ada Whitfield")).to_be_focused()

    keys.press("?")
    expect(page.get_by_role("dialog", name="Keys in this table")).to_be_visible()
    keys.press("Escape")
    expect(first).to_be_focused()


def test_enter_opens_a_row_and_back_returns_to_it(open_table: Open) -> None:
    page = open_table("?rows=200&sort=-name")
    target = row(page, "Person 170")
    page.get_by_role("grid").locator("tr.row").first.focus()
    tables.press_until_focused(page, "ArrowDown", row(page, "Person 190"))
    target.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Opened")).to_be_visible()
    assert page.url.endswith("/?opened=170&rows=200")
    page.go_back()
    expect(row(page, "Person 170")).to_be_focused()
    expect(row(page, "Person 170")).to_be_in_viewport()
    assert page.url.endswith("?rows=200&sort=-name")


def test_letters_can_be_turned_off(open_table: Open) -> None:
    page = open_table("?letters=off")
    first = row(page, "Ada Whitfield")
    first.focus()
    for key in ("j", "x", "?"):
        page.keyboard.press(key)
    expect(first).to_be_focused()
    assert selected(page) == []
    page.get_by_role("button", name="Keys").click()
    dialog = page.get_by_role("dialog", name="Keys in this table")
    expect(dialog).to_contain_text("Next row")
    expect(dialog.get_by_text("J", exact=True)).to_have_count(0)


def test_focus_and_selection_survive_a_redraw(open_table: Open) -> None:
    page = open_table("?rows=12")
    second = row(page, texts.RIGHT_TO_LEFT)
    row(page, "onerror").get_by_role("checkbox").click()
    second.focus()
    page.keyboard.press("x")
    assert len(selected(page)) == 2
    tables.focus(page, second, second.get_by_role("combobox"))
    second.evaluate("row => { row.isTheSame = true }")
    page.get_by_role("button", name="Change a row").evaluate("button => button.click()")
    changed = row(page, "changed@example.com")
    expect(changed).to_contain_text(texts.RIGHT_TO_LEFT)
    expect(changed.get_by_role("combobox")).to_be_focused()
    assert changed.evaluate("row => row.isTheSame")
    assert len(selected(page)) == 2
    page.keyboard.press("Escape")
    assert selected(page) == []
    expect(changed).to_be_focused()


def test_a_selection_lasts_over_pages_up_to_all_that_match(open_table: Open) -> None:
    page = open_table("?rows=120")
    row(page, "Person 20").get_by_role("checkbox").click()
    row(page, "Person 24").get_by_role("checkbox").click(modifiers=["Shift"])
    assert selected(page) == [f"Person {at}" for at in range(20, 25)]
    footer = page.locator(".footer")
    expect(footer).to_contain_text("5 selected")
    last, bar = page.locator(".box").bounding_box(), footer.bounding_box()
    assert last["y"] + last["height"] <= bar["y"]
    row(page, "Person 22").focus()
    page.keyboard.press("x")
    footer.get_by_role("link", name="Next →").click()
    row(page, "Person 60").get_by_role("checkbox").click()
    expect(footer).to_contain_text("5 selected")
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("asked: remove 20 21 23 24 60")).to_be_visible()

    page.get_by_role("checkbox", name="Select all rows on this page").click()
    page.get_by_role("button", name="Select all 120 that match").click()
    expect(footer).to_contain_text("120 selected")
    expect(footer.get_by_role("button", name="Copy addresses")).to_have_count(0)
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("asked: remove all but none")).to_be_visible()
    row(page, "Person 60").get_by_role("checkbox").click()
    expect(footer).to_contain_text("119 selected")
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("asked: remove all but 60")).to_be_visible()
    page.get_by_role("button", name="Clear").click()
    expect(footer).to_contain_text("51–100 of 120 people")


def test_names_are_shown_letter_by_letter_and_copied_as_no_formula(open_table: Open) -> None:
    page = open_table("?rows=12")
    expect(page.locator("tr.row")).to_have_count(12)
    shown = page.locator(".name > span").all_text_contents()
    assert shown == [texts.name_of(at) for at in range(12)]
    assert page.title() != "broken"
    assert page.locator("td img, td script").count() == 0
    arabic = page.locator(".name > span").nth(1)
    assert arabic.evaluate("name => getComputedStyle(name).direction") == "rtl"

    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("checkbox", name="Select all rows on this page").click()
    row(page, "Ada Whitfield").focus()
    page.keyboard.press("Control+c")
    lines = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert lines[0].split("\t")[:3] == ["Name", "Email", "Role"]
    names = [line.split("\t")[0] for line in lines[1:]]
    expected = [formulas.harmless(texts.name_of(at)) for at in range(12)]
    assert names == [re.sub(r"[\t\r\n]+", " ", str(name)) for name in expected]
    page.get_by_role("button", name="Copy addresses").click()
    expect(page.locator(".footer")).to_contain_text("12 copied")
    copied = page.evaluate("navigator.clipboard.readText()").split(", ")
    assert copied[:2] == ["person1@example.com", "person2@example.com"]
    assert page.evaluate(HARMLESS, list(texts.FORMULAS)) == [
        formulas.harmless(text) for text in texts.FORMULAS
    ]


def test_no_row(open_table: Open) -> None:
    page = open_table("?rows=0")
    expect(page.get_by_text("No one here")).to_be_visible()
    expect(page.get_by_role("grid")).to_have_count(0)


def test_many_rows(open_table: Open) -> None:
    page = open_table("?rows=200")
    grid = page.get_by_role("grid", name="People")
    expect(grid).to_have_attribute("aria-rowcount", "201")
    expect(grid.locator("tr.row")).to_have_count(50)
    assert page.evaluate("document.scrollingElement.scrollHeight <= innerHeight")
    grid.locator("tr.row").last.scroll_into_view_if_needed()
    expect(grid.get_by_role("columnheader", name="Email")).to_be_in_viewport()
    head = grid.get_by_role("columnheader", name="Name")
    expect(head).to_have_attribute("aria-sort", "ascending")
    head.get_by_role("link").click()
    expect(head).to_have_attribute("aria-sort", "descending")
    expect(head.get_by_role("link")).to_be_focused()
    expect(grid.locator("tr.row").first).to_contain_text("Person 200")
    page.get_by_role("link", name="Next →").click()
    expect(page.get_by_text("51–100 of 200 people")).to_be_visible()
    head.get_by_role("link").click()
    expect(page.get_by_text("1–50 of 200 people")).to_be_visible()


def test_screen_readers_hear_what_is_in_a_row(open_table: Open) -> None:
    page = open_table("?rows=1")
    expect(page.get_by_role("grid")).to_have_attribute("aria-rowcount", "2")
    expect(page.get_by_role("grid")).to_match_aria_snapshot(
        """
        - grid "People":
          - rowgroup:
            - row:
              - columnheader "Select all rows on this page"
              - columnheader "Name"
              - columnheader "Email"
              - columnheader "Role"
              - columnheader "Profile"
              - columnheader "Last seen"
              - columnheader "Actions"
          - rowgroup:
            - row:
              - gridcell "Select Ada Whitfield":
                - checkbox "Select Ada Whitfield"
              - rowheader "Ada Whitfield":
                - link "Ada Whitfield"
              - gridcell "person1@example.com"
              - gridcell "Member":
                - combobox "Role of Ada Whitfield"
              - gridcell "0 %"
              - gridcell "just now"
              - gridcell /Quick view/:
                - button /Quick view. Ada Whitfield/
                - button /Actions. Ada Whitfield/
        """
    )
    page.get_by_role("combobox", name="Role of Ada Whitfield").select_option("Admin")
    expect(page.get_by_text("asked: role 1 admin")).to_be_visible()
    expect(page.get_by_role("combobox", name="Role of Ada Whitfield")).to_have_value("member")


def test_a_phone_shows_two_lines_and_the_list_of_roles(open_table: Open) -> None:
    page = open_table("?rows=10", screen=PHONE)
    first = page.locator("tr.row").first
    expect(first.locator(".details")).to_have_text("person1@example.com · just now")
    expect(first.get_by_role("combobox")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Email")).to_have_count(0)
    box = first.bounding_box()
    assert (box["x"], box["width"]) == (0, 390)
    assert page.evaluate("document.scrollingElement.scrollWidth") == 390
    first.get_by_role("button", name="Actions: Ada Whitfield").tap()
    page.get_by_role("menuitem", name="Delete").tap()
    expect(page.get_by_text("asked: delete 1")).to_be_visible()


def test_rows_are_selected_by_finger(open_table: Open) -> None:
    page = open_table("?rows=30", screen=PHONE)
    second, third = row(page, texts.name_of(1)), row(page, texts.name_of(2))
    box = second.bounding_box()
    finger = page.context.new_cdp_session(page)
    point = {"x": box["x"] + 90, "y": box["y"] + box["height"] / 2}
    finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
    expect(second).to_have_attribute("aria-selected", "true")
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    third.locator(".details").tap()
    expect(page.get_by_text("2 selected", exact=True).first).to_be_in_viewport()
    second.get_by_role("checkbox").tap()
    expect(second).to_have_attribute("aria-selected", "false")
    page.get_by_role("button", name="Remove").tap()
    expect(page.get_by_text("asked: remove 3")).to_be_visible()
    assert page.evaluate("document.scrollingElement.scrollWidth") == 390

    page.get_by_role("button", name="Done").tap()
    page.get_by_role("button", name="Select").tap()
    expect(page.get_by_text("0 selected", exact=True).first).to_be_in_viewport()
    third.locator(".details").tap()
    expect(third).to_have_attribute("aria-selected", "true")


def test_menus_selection_and_keys_are_accessible_in_light_and_dark(open_table: Open) -> None:
    page = open_table("?rows=12")
    expect(row(page, "Ada Whitfield")).to_be_visible()
    found = {}
    for theme, rules in SCHEMES.items():
        page.emulate_media(color_scheme=theme)
        expect(page.get_by_test_id("stApp")).to_have_css("color-scheme", theme)
        row(page, "Ada Whitfield").hover()
        page.get_by_role("button", name="Actions: Ada Whitfield").click()
        found[f"{theme}, rows and menu"] = problems(page, *rules)
        page.keyboard.press("Escape")
        row(page, "Ada Whitfield").get_by_role("checkbox").click()
        found[f"{theme}, selection"] = problems(page, *rules)
        page.get_by_role("button", name="Clear").click()
        page.get_by_role("button", name="Keys").click()
        found[f"{theme}, keys"] = problems(page, *rules)
        page.keyboard.press("Escape")
    assert {state: each for state, each in found.items() if each} == {}

"""Tables in the browser: find a row, and use it by the keyboard alone."""

import re

from playwright.sync_api import Locator, Page, expect

_HAS_FOCUS = "element => element.getRootNode().activeElement === element"
_MAX_STEPS = 20


def rows(page: Page, table: str) -> Locator:
    """Return the rows of a table by its name, without its head."""
    return page.get_by_role("grid", name=table).locator("tbody").get_by_role("row")


def find_row(page: Page, table: str, text: str) -> Locator:
    """Return the one row of a table that contains a text."""
    row = rows(page, table).filter(has_text=text)
    expect(row).to_have_count(1)
    return row


def focus(page: Page, row: Locator, target: Locator) -> None:
    """Walk from a row to something in it, such as a list or a button."""
    row.focus()
    press_until_focused(page, "ArrowRight", target)


def press_until_focused(page: Page, key: str, target: Locator) -> None:
    """Press a key until something has the focus."""
    expect(target).to_be_visible()
    for _ in range(_MAX_STEPS):
        if target.evaluate(_HAS_FOCUS):
            return
        page.keyboard.press(key)
    raise AssertionError(f"{key} does not lead to {target}")


def choose(page: Page, table: str, text: str, label: str) -> None:
    """Choose from the menu of a row by the keyboard."""
    row = find_row(page, table, text)
    focus(page, row, row.get_by_role("button", name=re.compile("^Actions: ")))
    page.keyboard.press("Enter")
    press_until_focused(page, "ArrowDown", page.get_by_role("menuitem", name=label))
    page.keyboard.press("Enter")

"""Menus and dialogs, read by axe-core: nothing serious in the way of anybody."""

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page, expect

from tests.browser.acts import become, visit, wait_until_drawn
from tests.support.cast import Cast
from tests.support.depth import sample

SERIOUS = {"serious", "critical"}
SCHEMES: dict[str, tuple[str, ...]] = {"light": (), "dark": ("color-contrast",)}
"""The rules for each color scheme; () are all. Only colors differ in another one."""
REPORT = {"resultTypes": ["violations"], "preload": False}
"""Every rule is run; what it passed is not described, and no file is fetched again for it."""
COME_TO_REST = """async () => {
  const isFading = () => document.getAnimations().some(each => each instanceof CSSTransition)
  for (let frame = 0; frame < 600 && isFading(); frame++)
    await new Promise(requestAnimationFrame)
}"""
"""No colour fades into another: those in between are nobody's choice."""


def problems(page: Page, *rules: str) -> list[str]:
    """Return every serious finding, by these rules or all: the rule, and where."""
    page.evaluate(COME_TO_REST)
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    only = {"runOnly": {"type": "rule", "values": rules}} if rules else {}
    # Streamlit's toasts refer to a label that isn't there.
    read = page.evaluate(
        """options => axe.run({ exclude: [['[data-testid="stToast"]']] }, options)""",
        {**REPORT, **only},
    )
    assert read["passes"] or read["incomplete"]
    return [
        f"{each['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
        for each in read["violations"]
        if each["impact"] in SERIOUS
        for node in each["nodes"]
    ]


def in_both_schemes(page: Page) -> list[str]:
    """Return every serious finding in light, and what dark colors add to them."""
    found = problems(page)
    page.emulate_media(color_scheme="dark")
    expect(page.get_by_test_id("stApp")).to_have_css("color-scheme", "dark")
    found += problems(page, *SCHEMES["dark"])
    page.emulate_media(color_scheme="light")
    expect(page.get_by_test_id("stApp")).to_have_css("color-scheme", "light")
    return found


@pytest.mark.parametrize("scheme", sample(list(SCHEMES), 2))
def test_no_menu_and_dialog_of_access_control_has_a_serious_problem(
    page: Page, cast: Cast, scheme: str
) -> None:
    page.emulate_media(color_scheme=scheme)
    become(page, cast.olga)
    visit(page, f"/members?org={cast.acme.public_id}")
    actions = page.get_by_role("button", name="Actions: Mia")
    dialog = page.get_by_role("dialog")
    actions.click()
    found = {"menu": problems(page)}
    page.keyboard.press("Escape")
    for label in ("Edit roles", "Quick View", "Offer ownership"):
        actions.click()
        page.get_by_role("menuitem", name=label).click()
        expect(dialog.get_by_text("mia@example.com")).to_be_visible()
        wait_until_drawn(page)
        if label == "Offer ownership":
            dialog.get_by_role("button", name=label).hover()
        found[label] = problems(page)
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
    assert {name: each for name, each in found.items() if each} == {}

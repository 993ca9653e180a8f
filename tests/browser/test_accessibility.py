"""Every page, read by axe-core: nothing serious in the way of anybody."""

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page, expect

from core.database import db
from core.members import members
from core.models import Role
from core.onboarding import onboarding
from core.onboarding.onboarding import Plan
from core.staff import notes
from pages.ui.navigation import PAGES
from tests.browser.acts import become, go, visit, wait_until_drawn
from tests.support.cast import Cast

SERIOUS = {"serious", "critical"}
SCHEMES: dict[str, tuple[str, ...]] = {"light": (), "dark": ("color-contrast",)}
"""The rules for each color scheme; () are all. Only colors differ in another one."""
REPORT = {"resultTypes": ["violations"], "preload": False}
"""Every rule is run; what it passed is not described, and no file is fetched again for it."""
STRANGERS = [page.address for page in PAGES if page.section == "public"]
STAFF = [page.address for page in PAGES if page.section == "staff desk"]
COME_TO_REST = """async () => {
  const isFading = () => document.getAnimations().some(each => each instanceof CSSTransition)
  for (let frame = 0; frame < 600 && isFading(); frame++)
    await new Promise(requestAnimationFrame)
}"""
"""No colour fades into another: those in between are nobody's choice."""
PAST = ["overview?as_of=2026-02-01", "members?as_of=2026-02-01"]
OTHERS = [page.address for page in PAGES if page.address not in {*STRANGERS, *STAFF, "home"}]


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
    assert read["passes"]
    return [
        f"{each['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
        for each in read["violations"]
        if each["impact"] in SERIOUS
        for node in each["nodes"]
    ]


@pytest.mark.parametrize(
    ("who", "pages"), [("nobody", STRANGERS), ("olga", [*OTHERS, *PAST]), ("ada", STAFF)]
)
def test_no_page_has_a_serious_problem(page: Page, cast: Cast, who: str, pages: list[str]) -> None:
    db.run(members.change_role, cast.olga, cast.acme.id, cast.mia.user_id, Role.ADMIN)
    db.run(onboarding.flag, cast.sam, [cast.acme.id], Plan(next_step="Call Olga"))
    db.run(notes.write, cast.ada, cast.acme.id, "They call back on Monday.", is_shared=True)
    if who != "nobody":
        become(page, getattr(cast, who))
    found = {}
    visit(page, "/account")
    open_page = visit if who == "nobody" else go  # strangers know no other page's address
    for name in pages:
        page.emulate_media(color_scheme="light")
        open_page(page, f"/{name}{'&' if '?' in name else '?'}org={cast.acme.public_id}")
        found[f"{name}, light"] = problems(page)
        page.emulate_media(color_scheme="dark")
        expect(page.get_by_test_id("stApp")).to_have_css("color-scheme", "dark")
        found[f"{name}, dark"] = problems(page, "color-contrast")
    assert {name: each for name, each in found.items() if each} == {}


def test_no_menu_and_dialog_of_access_control_has_a_serious_problem(page: Page, cast: Cast) -> None:
    become(page, cast.olga)
    visit(page, f"/members?org={cast.acme.public_id}")
    actions = page.get_by_role("button", name="Actions: Mia")
    dialog, found = page.get_by_role("dialog"), {}
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        expect(page.get_by_test_id("stApp")).to_have_css("color-scheme", scheme)
        actions.click()
        found[f"menu, {scheme}"] = problems(page)
        page.keyboard.press("Escape")
        for label in ("Edit roles", "Quick View", "Offer ownership"):
            actions.click()
            page.get_by_role("menuitem", name=label).click()
            expect(dialog.get_by_text("mia@example.com")).to_be_visible()
            wait_until_drawn(page)
            if label == "Offer ownership":
                dialog.get_by_role("button", name=label).hover()
            found[f"{label}, {scheme}"] = problems(page)
            page.keyboard.press("Escape")
            expect(dialog).to_have_count(0)
    assert {name: each for name, each in found.items() if each} == {}

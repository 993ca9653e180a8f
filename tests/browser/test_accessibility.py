"""Every page, read by axe-core: nothing serious in the way of anybody."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from core import db, members, notes, onboarding
from core.models import Role
from core.onboarding import Plan
from pages.ui.navigation import PLACES
from tests.browser.acts import become, visit
from tests.browser.conftest import DESKTOP
from tests.cast import Cast

SERIOUS = {"serious", "critical"}
STRANGERS = [place.name for place in PLACES if place.section == "strangers"]
STAFF = [place.name for place in PLACES if place.section == "staff desk"]
COME_TO_REST = """async () => {
  const isStyled = () => [...document.querySelectorAll("style")]
    .some(each => each.textContent.includes("stBaseButton-"))
  const isFading = () => document.getAnimations().some(each => each instanceof CSSTransition)
  for (let frame = 0; frame < 600 && (!isStyled() || isFading()); frame++)
    await new Promise(requestAnimationFrame)
}"""
"""Our style is there, and no colour fades into another: those in between are nobody's choice."""
OTHERS = [place.name for place in PLACES if place.name not in {*STRANGERS, *STAFF, "home"}]


def problems(page: Page) -> list[str]:
    """Return every serious finding: the rule, and where."""
    read = Axe().run(page).response
    assert read["passes"]
    return [
        f"{each['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
        for each in read["violations"]
        if each["impact"] in SERIOUS
        for node in each["nodes"]
    ]


@pytest.mark.parametrize(
    ("who", "pages", "colours"),
    [
        ("nobody", STRANGERS, "light"),
        ("nobody", STRANGERS[:2], "dark"),
        ("olga", OTHERS, "light"),
        ("ada", OTHERS, "dark"),
        ("ada", STAFF, "light"),
        ("ada", STAFF, "dark"),
    ],
)
def test_no_page_stands_in_anybodys_way(
    new_page: Callable[..., Page], cast: Cast, who: str, pages: list[str], colours: str
) -> None:
    db.run(members.change_role, cast.olga, cast.acme.id, cast.mia.user_id, Role.ADMIN)
    db.run(onboarding.flag, cast.sam, [cast.acme.id], Plan(next_step="Call Olga"))
    db.run(notes.write, cast.ada, cast.acme.id, "They call back on Monday.", is_shared=True)
    page = new_page(DESKTOP, color_scheme=colours)
    if who != "nobody":
        become(page, getattr(cast, who))
    found = {}
    for name in pages:
        visit(page, f"/{name}?org={cast.acme.public_id}")
        page.evaluate(COME_TO_REST)
        found[name] = problems(page)
    assert {name: each for name, each in found.items() if each} == {}

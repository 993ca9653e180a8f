"""The board in a real browser: a rep's good minute by keyboard, and a colleague's view of it."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update

from core.base import clock
from core.database import db
from core.models import Organization, Stage
from core.onboarding import onboarding, working_days
from core.onboarding.onboarding import Plan
from tests.browser import acts
from tests.browser.conftest import PHONE
from tests.support.cast import Cast

READY = {
    "alert_email": "alerts@acme.example",
    "overview": "We heal.",
    "sales_email": "sales@acme.example",
    "phone": "+493012345678",
    "website": "https://acme.example",
}


@pytest.fixture(autouse=True)
def desk(cast: Cast) -> None:
    """Acme is Sam's, ready for the gate and stuck; Otto Ltd is Sue's and lacks everything."""
    step = Plan(cast.sam.user_id, None, "Call Olga", working_days.today())
    db.run(onboarding.flag, cast.sam, [cast.acme.id], step)
    db.run(onboarding.flag, cast.sue, [cast.otto_ltd.id])
    change = update(Organization).where(Organization.id == cast.acme.id)
    long_ago = clock.now() - timedelta(days=40)
    with db.Session(db.writing_engine()) as session, session.begin():
        session.execute(
            change.values(stage_entered_at=long_ago, **READY).execution_options(unrecorded=True)
        )


def choose_first(page: Page, key: str, label: str) -> None:
    """Choose the first thing of a menu by the keyboard alone."""
    acts.wait_until_drawn(page)
    page.locator(f".st-key-{key} button").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menu")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("menuitem", name=label)).to_be_focused()
    page.keyboard.press("Enter")


def test_a_good_minute_of_a_sales_rep(
    page: Page, new_page: Callable[..., Page], cast: Cast
) -> None:
    acts.become(page, cast.sam)
    acts.visit(page, "/board?rep=mine")
    stuck = page.locator(f".st-key-stuck-{cast.acme.id}")
    expect(stuck).to_contain_text("of 10 in onboarding")
    expect(page.get_by_text("Otto Ltd")).to_have_count(0)

    choose_first(page, f"card-menu-{cast.acme.id}", "Move to preproduction")
    page.get_by_role("dialog").get_by_role("button", name="Move to preproduction").click()
    expect(page.get_by_text("Acme moved to preproduction")).to_be_visible()
    expect(stuck).to_have_count(0)
    with db.read() as session:
        assert session.get_one(Organization, cast.acme.id).stage is Stage.PREPRODUCTION

    page.get_by_role("button", name="Views").click()
    page.get_by_role("button", name="Save this view").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("My onboardings")
    dialog.get_by_text("Share with staff").click()
    dialog.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="My onboardings")).to_be_visible()

    page.get_by_role("link", name="Charts", exact=True).click()
    page.locator(".st-key-table-funnel button").click()
    cells = page.get_by_test_id("stPopoverBody").locator("[role=gridcell]")
    expect(cells.filter(has_text="preproduction")).to_be_attached()
    assert [cell for cell in cells.all_text_contents() if cell.isdecimal()][:2] == ["2", "1"]

    colleague = new_page()
    acts.become(colleague, cast.sue)
    acts.visit(colleague, "/board")
    colleague.get_by_role("button", name="Views").click()
    colleague.get_by_role("link", name="My onboardings").click()
    expect(colleague).to_have_url(re.compile(r"/board\?rep=mine$"))
    expect(colleague.locator(f".st-key-card-{cast.otto_ltd.id}")).to_be_visible()
    expect(colleague.locator(f".st-key-card-{cast.acme.id}")).to_have_count(0)

    choose_first(colleague, f"card-menu-{cast.otto_ltd.id}", "Move to preproduction")
    dialog = colleague.get_by_role("dialog")
    dialog.get_by_role("button", name="Move to preproduction").click()
    expect(dialog).to_contain_text("Open checks: Confirm the alert email address")


def test_a_phone_shows_one_column_at_a_time(new_page: Callable[..., Page], cast: Cast) -> None:
    phone = new_page(PHONE)
    acts.become(phone, cast.sam)
    acts.visit(phone, "/board")
    card = phone.locator(f".st-key-card-{cast.acme.id}")
    expect(card).to_be_visible()
    phone.locator(".st-key-board-choice").get_by_text("production 0", exact=True).click()
    expect(card).to_be_hidden()
    expect(phone.get_by_text("Nothing in production yet")).to_be_visible()

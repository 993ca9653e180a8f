"""From a raised hand to production, on the screen, as each of four people sees it."""

from collections.abc import Callable

from playwright.sync_api import Page, expect
from sqlalchemy import update

from core.database import db
from core.models import Organization
from core.organizations import organizations
from tests.browser import acts
from tests.browser.steps import field, fill, heading, press
from tests.support.cast import Cast

UNSEEN = {"unrecorded": True}
WHY = "The contract is signed; the second owner comes on Monday."


def open_onboarding(page: Page, cast: Cast) -> None:
    open_page = acts.go if page.get_by_test_id("stApp").count() else acts.visit
    open_page(page, f"/onboarding?org={cast.acme.public_id}")
    expect(heading(page, "Onboarding")).to_be_visible()


def raise_a_hand(page: Page, cast: Cast) -> None:
    open_onboarding(page, cast)
    fill(page, "request", note="We want to test in spring.")
    press(page, "Request onboarding")
    expect(page.get_by_text("Requested on")).to_be_visible()


def flag_three(page: Page) -> None:
    acts.visit(page, "/organizations")
    expect(page.get_by_text("3 of 3 organizations", exact=True)).to_be_visible()
    page.get_by_role("checkbox", name="Select all rows on this page").check()
    expect(page.get_by_text("3 selected", exact=True).first).to_be_visible()
    press(page, "Flag for onboarding")
    fill(page, "flag", next_step="Call them")
    press(page.get_by_role("dialog"), "Flag for onboarding")
    expect(page.get_by_text("3 of 3 organizations.")).to_be_visible()


def mend(page: Page, cast: Cast) -> None:
    """Follow the list of what is missing until all of it is green."""
    open_onboarding(page, cast)
    expect(page.get_by_text("4 of 5 checks left before preproduction")).to_be_visible()
    page.locator(".st-key-checks").get_by_role("link", name="Add phone").click()
    expect(field(page, "profile", "phone")).to_be_focused()
    fill(page, "profile", overview="We heal.", sales_email="sales@acme.example")
    fill(page, "profile", phone="+49 431 97990-0", website="acme.example")
    press(page, "Submit")
    expect(page.get_by_test_id("stToast")).to_contain_text("Profile saved")
    open_onboarding(page, cast)
    expect(page.get_by_text("Ready for preproduction")).to_be_visible()


def override(page: Page, cast: Cast) -> None:
    open_onboarding(page, cast)
    expect(page.get_by_text("3 of 3 checks left before production")).to_be_visible()
    press(page, "Override")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Add a second owner")
    press(dialog, "Override")
    expect(dialog).to_contain_text("Write a few words.")
    fill(page, "override", reason=WHY)
    press(dialog, "Override")
    expect(page.get_by_test_id("stToast")).to_contain_text(
        "Moved to production (checks overridden)"
    )


def test_from_a_raised_hand_to_production_by_override(
    new_page: Callable[..., Page], cast: Cast
) -> None:
    db.run(organizations.create, cast.otto, "Third")
    known = update(Organization).where(Organization.id == cast.acme.id)
    with db.Session(db.writing_engine()) as session, session.begin():
        session.execute(known.values(alert_email="alarm@acme.example"), execution_options=UNSEEN)

    owner, rep, administrator = new_page(), new_page(), new_page()
    for page, person in ((owner, cast.olga), (rep, cast.sam), (administrator, cast.ada)):
        acts.become(page, person)
    raise_a_hand(owner, cast)
    flag_three(rep)
    open_onboarding(rep, cast)
    expect(rep.get_by_text("4 of 5 checks left before preproduction")).to_be_visible()
    mend(owner, cast)
    expect(rep.get_by_text("Ready for preproduction")).to_be_visible()
    press(rep, "Move to preproduction")
    dialog = rep.get_by_role("dialog")
    expect(dialog).to_contain_text("Owners are notified by email.")
    press(dialog, "Cancel")
    expect(dialog).to_be_hidden()
    press(rep, "Move to preproduction")
    press(dialog, "Move to preproduction")
    expect(rep.get_by_test_id("stToast")).to_contain_text("Acme moved to preproduction")
    override(administrator, cast)

    acts.go(owner, f"/history?org={cast.acme.public_id}")
    entry = owner.get_by_role("listitem").filter(has_text="with open checks (override)")
    expect(entry).to_contain_text(f"“{WHY}”")
    open_onboarding(owner, cast)
    expect(owner.locator(".st-key-path").get_by_text("Overridden")).to_be_visible()
    expect(owner.get_by_role("grid", name="Stage history")).to_contain_text("Overridden: ")

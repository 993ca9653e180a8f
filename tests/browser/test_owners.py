"""What owners do with their organization's profile, where two look at it or where it ends."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from core.database import db
from core.models import Organization
from tests.browser import acts
from tests.browser.steps import click_cell, field, fill, heading, press
from tests.support.cast import PASSWORD, Cast


def open_profile(page: Page, cast: Cast) -> None:
    acts.visit(page, f"/profile?org={cast.acme.public_id}")
    expect(field(page, "profile", "phone")).to_be_visible()


def test_two_tabs_keep_both_changes_and_choose_where_they_differ(
    new_page: Callable[..., Page], cast: Cast
) -> None:
    first, second = new_page(), new_page()
    for page in (first, second):
        acts.become(page, cast.olga)
        open_profile(page, cast)
    fill(first, "profile", phone="+49 431 97990-0", sales_email="sales@acme.example")
    press(first, "Submit")
    expect(first.get_by_test_id("stToast")).to_contain_text("The profile is saved.")

    fill(second, "profile", website="acme.example", sales_email="contact@acme.example")
    press(second, "Submit")
    dispute = second.locator(".st-key-profile-dispute")
    expect(dispute).to_contain_text("sales@acme.example")
    expect(dispute).to_contain_text("contact@acme.example")
    dispute.get_by_text("Yours", exact=True).click()
    press(second, "Submit")
    expect(second.get_by_test_id("stToast")).to_contain_text("The profile is saved.")

    with db.read() as session:
        acme = session.get_one(Organization, cast.acme.id)
    kept = (acme.phone, acme.website, acme.sales_email)
    assert kept == ("+49431979900", "https://acme.example", "contact@acme.example")


def test_what_was_typed_is_there_after_a_look_elsewhere(page: Page, cast: Cast) -> None:
    acts.become(page, cast.olga)
    open_profile(page, cast)
    fill(page, "profile", phone="+49 431 97990-0", overview="Connects clinics.")
    page.get_by_role("link", name="Access Control").click()
    expect(heading(page, "Access Control")).to_be_visible()
    page.get_by_role("link", name="Organization Profile").click()
    expect(field(page, "profile", "phone")).to_have_value("+49 431 97990-0")
    expect(field(page, "profile", "overview")).to_have_value("Connects clinics.")
    press(page, "Submit")
    expect(page.get_by_test_id("stToast")).to_contain_text("The profile is saved.")
    with db.read() as session:
        assert session.get_one(Organization, cast.acme.id).phone == "+49431979900"


def test_what_an_owner_deletes_an_administrator_restores(
    new_page: Callable[..., Page], cast: Cast
) -> None:
    olga, ada = new_page(), new_page()
    acts.become(olga, cast.olga)
    open_profile(olga, cast)
    olga.get_by_role("tab", name="Settings").click()
    press(olga, "Delete")
    dialog = olga.get_by_role("dialog")
    fill(olga, "delete", name="acme", password=PASSWORD)
    press(dialog, "Delete")
    expect(olga.locator(".st-key-delete-name").first).to_contain_text("Acme")
    fill(olga, "delete", name="Acme", password="some other password")
    press(dialog, "Delete")
    wrong = olga.locator(".st-key-delete-password").first
    expect(wrong).to_contain_text("That password isn't right. Try again.")
    fill(olga, "delete", password=PASSWORD)
    press(dialog, "Delete")
    expect(olga.get_by_test_id("stToast")).to_contain_text("Acme is deleted.")
    acts.go(olga, f"/overview?org={cast.acme.public_id}")
    expect(heading(olga, "Organization not found")).to_be_visible()

    acts.become(ada, cast.ada)
    acts.visit(ada, "/organizations?deleted=true")
    click_cell(ada, x=16)
    press(ada, "Restore")
    expect(ada.get_by_test_id("stToast")).to_contain_text("Acme is restored.")
    acts.go(olga, f"/overview?org={cast.acme.public_id}")
    expect(heading(olga, "Acme")).to_be_visible()

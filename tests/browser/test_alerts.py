"""Alerts, from the address that an owner proves to the one mail that tells what happened."""

import re
from collections.abc import Callable
from datetime import timedelta

from playwright.sync_api import Page, expect

from core.base import clock
from core.database import db
from core.members import members
from core.models import Digest, Role
from core.onboarding import onboarding
from tests.browser import acts
from tests.browser.steps import fill, heading, press
from tests.support.cast import Cast
from tests.support.mailbox import Mailbox, link_in, text_of

ADDRESS = "alarm@acme.example"


def test_an_owner_proves_an_address_and_hears_what_was_chosen_in_one_mail(
    new_page: Callable[..., Page], cast: Cast, mailbox: Mailbox
) -> None:
    page = new_page()
    acts.become(page, cast.olga)
    acts.visit(page, f"/profile?org={cast.acme.public_id}")
    fill(page, "profile", alert_email=ADDRESS)
    press(page, "Submit")
    prove(new_page(), mailbox)

    page.reload()
    press(page, "Send test")
    expect(page.get_by_test_id("stToast")).to_contain_text(f"Test sent to {ADDRESS}")
    assert "Acme" in mailbox.wait_for(ADDRESS, count=2)["Subject"]
    page.get_by_role("link", name="Settings", exact=True).click()
    alerts = page.locator(".st-key-settings-alerts")
    expect(alerts).to_contain_text(ADDRESS)
    assert "tab=settings" in page.url
    page.go_back()
    expect(page.get_by_role("textbox", name="Organization name")).to_be_visible()
    page.go_forward()
    expect(alerts).to_be_visible()
    page.reload()
    expect(alerts).to_contain_text(ADDRESS)
    assert "Alert email address changed" in text_of(mailbox.wait_for(ADDRESS, count=3))
    db.run(let_a_minute_pass, cast)
    page.locator(".st-key-alerts-stage label").click()
    press(page, "Save alerts")
    expect(page.get_by_test_id("stToast")).to_contain_text("Alerts saved")
    assert "Turned off: stage." in text_of(mailbox.wait_for(ADDRESS, count=4))

    acme, adam, mia = cast.acme.id, cast.adam.user_id, cast.mia.user_id
    db.run(onboarding.flag, cast.sam, [acme])
    db.run(members.change_role, cast.olga, acme, mia, Role.ADMIN)
    db.run(members.change_role, cast.olga, acme, adam, Role.OWNER)
    db.run(let_a_minute_pass, cast)
    mail = mailbox.wait_for(ADDRESS, count=5)
    assert mail["Subject"] == "Acme: 2 alerts"
    lines = text_of(mail).splitlines()
    assert "- Mia became an admin" in lines
    assert "- Adam became an owner" in lines

    (link,) = re.findall(r"http\S+/history\?org=\S+", text_of(mail))
    page.goto(link)
    expect(heading(page, "History")).to_be_visible()
    assert len(mailbox.to(ADDRESS)) == 5


def prove(stranger: Page, mailbox: Mailbox) -> None:
    """Confirm the address by the mailed link, in a browser that is signed in nowhere."""
    stranger.goto(link_in(mailbox.wait_for(ADDRESS)))
    press(stranger, "Confirm address")
    expect(stranger.get_by_text("will now be sent to")).to_be_visible()


def let_a_minute_pass(session, cast: Cast) -> None:
    """Let the last alert have been sent a minute ago."""
    digest = session.get_one(Digest, f"org:{cast.acme.id}")
    digest.sent_at = clock.now() - timedelta(minutes=1)
    if digest.due_at is not None:
        digest.due_at = clock.now()

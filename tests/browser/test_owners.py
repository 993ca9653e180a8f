"""What owners do with their organization's profile, where two look at it or where it ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from playwright.sync_api import Page, expect

from core.accounts import drafts, sessions
from core.database import db
from core.models import Organization
from core.onboarding import onboarding, working_days
from core.profile import profile
from tests.browser import acts
from tests.browser.steps import field, fill, heading, press
from tests.browser.test_accessibility import SCHEMES, problems
from tests.support.cast import Cast

_NEVER_PAUSE = """() => {
  const later = window.setTimeout
  window.setTimeout = (work, pause, ...rest) => later(work, pause === 300 ? 1e8 : pause, ...rest)
}"""
"""Ends the pause after which a draft is sent while its field keeps the focus."""


def open_profile(page: Page, cast: Cast) -> None:
    acts.visit(page, f"/profile?org={cast.acme.public_id}")
    expect(field(page, "profile", "phone")).to_be_visible()


@contextmanager
def drafted(page: Page) -> Iterator[None]:
    """Wait until the browser has been answered that it sent a draft."""
    with page.expect_response(lambda response: response.url.endswith("/drafts")):
        yield


def test_a_phone_that_was_cleared_by_mistake_is_put_back_by_keyboard(
    page: Page, cast: Cast
) -> None:
    before = {"phone": "+49 431 97990-0"}
    db.run(profile.save, cast.olga, cast.acme.id, {"phone": ""}, before)
    acts.become(page, cast.olga)
    open_profile(page, cast)
    field(page, "profile", "phone").fill("")
    field(page, "profile", "phone").press("Enter")
    undo = page.locator(".st-key-last-act-undo").get_by_role("button")
    expect(undo).to_have_text("Undo")
    tab_to(page, "Undo")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Will be put back (1)")
    expect(page.get_by_test_id("stToast")).to_have_count(0)  # Streamlit gives it no name
    assert problems(page) == []
    tab_to(page, "Undo 1 change")
    page.keyboard.press("Enter")
    expect(undo).to_have_text("Redo")
    expect(field(page, "profile", "phone")).to_have_value("+49 431 979900")

    page.get_by_role("link", name="History").click()
    newest, mistake = (page.locator("li.event").nth(number) for number in (0, 1))
    expect(mistake).to_contain_text("Undone by Olga")
    newest.get_by_role("button", name="Redo").press("Enter")
    tab_to(page, "Redo 1 change")
    page.keyboard.press("Enter")
    expect(newest.get_by_role("button")).to_have_text("Undo")
    with db.read() as session:
        assert session.get_one(Organization, cast.acme.id).phone is None


def tab_to(page: Page, label: str) -> None:
    """Press Tab until a button has the focus."""
    button = page.get_by_role("button", name=label, exact=True)
    expect(button).to_be_visible()
    for _ in range(60):
        page.keyboard.press("Tab")
        if button.evaluate("each => each === document.activeElement"):
            return
    raise AssertionError(f"{label} cannot be reached by Tab")


def test_what_was_typed_survives_a_link_a_reload_and_an_ended_session(
    page: Page, cast: Cast
) -> None:
    acts.become(page, cast.olga)
    open_profile(page, cast)
    fill(page, "profile", phone="+49 431 97990-0")
    field(page, "profile", "overview").press_sequentially("Connects clinics.")
    page.get_by_role("link", name="Access Control").click()  # straight from the text area
    expect(heading(page, "Access Control")).to_be_visible()
    page.get_by_role("link", name="Organization Profile").click()
    expect(field(page, "profile", "overview")).to_have_value("Connects clinics.")
    expect(field(page, "profile", "phone")).to_have_value("+49 431 97990-0")

    with drafted(page):
        field(page, "profile", "overview").press_sequentially(" And labs.")
    page.reload()
    expect(field(page, "profile", "overview")).to_have_value("Connects clinics. And labs.")

    db.run(sessions.end_all, cast.olga.user_id, "ended by an administrator")
    field(page, "profile", "overview").press_sequentially(" All of them.")  # of no session
    press(page, "Submit")
    expect(page.locator(".st-key-session-ended")).to_contain_text("An administrator ended it.")
    acts.log_in(page, cast.olga)
    expect(field(page, "profile", "phone")).to_have_value("+49 431 97990-0")
    overview = field(page, "profile", "overview")
    expect(overview).to_have_value("Connects clinics. And labs. All of them.")

    field(page, "profile", "sales_email").fill("sales@acme.example")
    field(page, "profile", "sales_email").press("Enter")
    expect(page.get_by_test_id("stToast")).to_contain_text("Profile saved")
    page.reload()
    expect(field(page, "profile", "phone")).to_have_value("+49 431 979900")
    with db.read() as session:
        assert drafts.list_drafts(session, cast.olga) == {}
        acme = session.get_one(Organization, cast.acme.id)
    assert acme.overview == "Connects clinics. And labs. All of them."
    assert acme.sales_email == "sales@acme.example"


def test_details_are_edited_in_their_place_by_keyboard(page: Page, cast: Cast) -> None:
    db.run(onboarding.flag, cast.sam, [cast.acme.id])
    acts.become(page, cast.olga)
    acts.visit(page, f"/overview?org={cast.acme.public_id}")
    add = page.get_by_role("button", name="Add phone")
    add.focus()
    page.keyboard.press("Enter")
    phone = field(page, "left-phone", "phone")
    expect(phone).to_be_focused()
    page.keyboard.type("123")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Enter the full number")).to_be_visible()
    for scheme, rules in SCHEMES.items():
        page.emulate_media(color_scheme=scheme)
        assert problems(page, *rules) == []
    press(page, "Cancel")
    expect(add).to_be_focused()
    page.keyboard.press("Enter")
    expect(phone).to_be_focused()
    page.keyboard.type("+49 431 97990-0")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("stToast")).to_contain_text("Phone saved")
    expect(page.get_by_text("1 of 5 done")).to_be_visible()
    expect(add).to_have_count(0)
    expect(page.get_by_text("+49 431 979900").first).to_be_visible()

    pencil, handle = page.get_by_role("button", name="Edit X handle"), "details-twitter"
    pencil.click()
    expect(field(page, handle, "twitter")).to_be_focused()
    with drafted(page):
        page.keyboard.type("acme_health")
    page.reload()
    pencil.click()
    expect(field(page, handle, "twitter")).to_have_value("acme_health")
    expect(field(page, handle, "twitter")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").get_by_text("Saved")).to_be_visible()
    expect(pencil).to_be_focused()


def test_a_note_is_kept_until_it_is_added_and_so_is_what_was_chosen_in_a_form(
    page: Page, cast: Cast
) -> None:
    acts.become(page, cast.sam)
    page.route("**/BidiComponent*.js", lambda _route: None)  # it waits
    acts.visit(page, f"/onboarding?org={cast.acme.public_id}")
    field(page, "note", "text").press_sequentially("They")  # sooner than all scripts are there
    with drafted(page):
        page.unroute("**/BidiComponent*.js")  # it goes on
    page.evaluate(_NEVER_PAUSE)  # as for somebody who comes back sooner
    field(page, "note", "text").press_sequentially(" call back.")
    page.get_by_role("link", name="Access Control").click()
    expect(heading(page, "Access Control")).to_be_visible()
    page.locator(f"a[href='/onboarding?org={cast.acme.public_id}']").first.click()
    expect(field(page, "note", "text")).to_have_value("They call back.")
    with drafted(page):  # before or after the note is added
        field(page, "note", "text").press_sequentially(" On Monday.")
        press(page, "Add note")
    expect(page.locator("[class*=st-key-note-]").get_by_text("On Monday.").first).to_be_visible()
    expect(field(page, "note", "text")).to_have_value("")
    page.reload()
    expect(field(page, "note", "text")).to_have_value("")

    rep = page.get_by_role("combobox", name="Sales rep")
    day = page.get_by_role("group", name="Target date")
    shared = page.get_by_role("radio", name="Shared with the organization")
    rep.click()
    with drafted(page):
        page.get_by_role("option", name="Sue").click()
    day.get_by_role("spinbutton").first.click()
    with drafted(page):
        page.keyboard.type(f"{working_days.today() + timedelta(days=9):%Y%m%d}")
    with drafted(page):
        shared.click()
    page.reload()
    expect(rep).to_have_value("Sue")
    expect(shared).to_be_checked()
    press(page, "Flag for onboarding")
    expect(page.get_by_text("Acme moved to onboarding")).to_be_visible()
    with db.read() as session:
        acme = session.get_one(Organization, cast.acme.id)
    assert (acme.rep_id, acme.target_on) == (
        cast.sue.user_id,
        working_days.today() + timedelta(days=9),
    )

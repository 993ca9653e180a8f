"""The board in a real browser: by keyboard, by mouse and by finger."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import update

from core.base import clock
from core.database import db
from core.models import Organization, Stage, User
from core.onboarding import onboarding, working_days
from core.onboarding.onboarding import Plan
from core.organizations import organizations
from core.staff import notes
from tests.browser import acts
from tests.browser.conftest import PHONE
from tests.browser.tables import press_until_focused
from tests.browser.test_accessibility import SCHEMES, problems
from tests.support.cast import Cast
from tests.support.depth import sample

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


def card(page: Page, name: str) -> Locator:
    """Return a card by the name of its organization."""
    return page.locator(".card").filter(has=page.get_by_role("link", name=name, exact=True))


def column(page: Page, key: str) -> Locator:
    return page.locator(f".columns > [data-key={key}]")


def reload(org: Organization) -> Organization:
    with db.read() as session:
        return session.get_one(Organization, org.id)


def test_a_rep_does_everything_by_keyboard(page: Page, cast: Cast) -> None:
    acts.become(page, cast.sam)
    acts.visit(page, "/organizations")
    page.get_by_role("link", name="Onboarding", exact=True).click()
    expect(page).to_have_url(re.compile(r"/board\?rep=mine$"))
    acme = card(page, "Acme")
    expect(acme).to_have_class(re.compile("stuck"))
    expect(page.get_by_text("Otto Ltd")).to_have_count(0)

    keys = page.keyboard
    press_until_focused(page, "Tab", acme)
    keys.press("?")
    expect(page.get_by_role("dialog", name="Keys on the board")).to_contain_text(
        "Edit the next step"
    )
    keys.press("Escape")
    expect(acme).to_be_focused()

    keys.press("e")
    expect(page.get_by_role("textbox", name="Next step")).to_be_focused()
    keys.type("Send the contract")
    keys.press("Enter")
    expect(page.get_by_role("button", name="Edit next step: Acme")).to_contain_text("Send the")
    assert reload(cast.acme).next_step == "Send the contract"
    expect(acme).to_be_focused()

    keys.press("s")
    expect(page.get_by_role("menuitem", name="Tomorrow")).to_be_focused()
    press_until_focused(page, "ArrowDown", page.get_by_role("menuitem", name="In a week"))
    keys.press("Enter")
    expect(acme).not_to_have_class(re.compile("stuck"))
    expect(acme).to_be_focused()

    keys.press("Shift+F10")
    press_until_focused(page, "ArrowDown", page.get_by_role("menuitem", name="Withdraw"))
    keys.press("Escape")
    expect(acme.get_by_role("button", name="Actions: Acme")).to_be_focused()
    acme.focus()

    keys.press(" ")
    drawer = page.get_by_role("dialog")
    drawer.get_by_role("textbox", name="New note").fill("They call back on Monday.")
    drawer.get_by_role("button", name="Add note").click()
    expect(page.get_by_text("Note added (staff only)")).to_be_visible()
    with db.read() as session:
        assert len(notes.list_about(session, cast.sam, cast.acme.id, limit=2)) == 1
    keys.press("Escape")
    expect(drawer).to_have_count(0)
    expect(acme).to_be_focused()

    acts.wait_until_drawn(page)
    keys.press("m")
    page.get_by_role("dialog").get_by_role("button", name="Move to preproduction").press("Enter")
    expect(column(page, "preproduction")).to_contain_text("Acme")
    assert reload(cast.acme).stage is Stage.PREPRODUCTION
    acme.focus()
    keys.press("m")
    refusal = acme.get_by_text("Not ready for production")
    expect(refusal).to_contain_text("Add a second owner")
    expect(column(page, "preproduction")).to_contain_text("Acme")
    expect(acme).to_be_focused()

    keys.press("Enter")
    expect(page).to_have_url(re.compile(rf"/onboarding\?org={cast.acme.public_id}"))
    page.go_back()
    expect(acme).to_be_focused()
    expect(page).to_have_url(re.compile(r"/board\?rep=mine$"))


def test_letters_are_no_keys_for_people_who_switch_them_off(page: Page, cast: Cast) -> None:
    off = update(User).where(User.id == cast.sam.user_id).values(has_letter_keys=False)
    with db.Session(db.writing_engine()) as session, session.begin():
        session.execute(off.execution_options(unrecorded=True))
    acts.become(page, cast.sam)
    acts.visit(page, "/board")
    acme = card(page, "Acme")
    acme.focus()
    for letter in "mse?":
        page.keyboard.press(letter)
    expect(page.get_by_role("textbox", name="Next step")).to_have_count(0)
    expect(page.get_by_role("menu")).to_have_count(0)
    page.keyboard.press("ArrowDown")
    expect(card(page, "Otto Ltd")).to_be_focused()
    press_until_focused(page, "Tab", page.get_by_role("button", name="Actions: Otto Ltd"))
    assert reload(cast.acme).stage is Stage.ONBOARDING


def test_cards_are_dragged_and_a_refused_one_returns(page: Page, cast: Cast) -> None:
    acts.become(page, cast.sam)
    acts.visit(page, "/board")
    expect(column(page, "onboarding").get_by_role("listitem")).to_have_count(2)
    otto, target = card(page, "Otto Ltd"), column(page, "preproduction")

    otto.hover()
    page.mouse.down()
    target.hover()
    target.hover()
    expect(target).to_have_class(re.compile(r"\bcan\b.*\bover\b"))
    expect(column(page, "requested")).to_have_class(re.compile("cannot"))
    page.mouse.up()
    expect(otto.get_by_text("Confirm the alert email address")).to_be_visible()
    expect(column(page, "onboarding")).to_contain_text("Otto Ltd")
    assert reload(cast.otto_ltd).stage is Stage.ONBOARDING

    card(page, "Acme").drag_to(target)
    expect(target).to_contain_text("Acme")
    expect(page.get_by_text("Acme moved to preproduction")).to_be_visible()
    assert reload(cast.acme).stage is Stage.PREPRODUCTION

    otto.locator(".dots").hover()
    expect(page.locator(".tip")).to_contain_text("Add a phone number")
    page.get_by_role("button", name="Add next step: Otto Ltd").click()
    page.get_by_label("Due", exact=True).fill("2020-01-01")
    page.get_by_role("button", name="Save", exact=True).click()
    editor = page.get_by_role("form", name="Next step of Otto Ltd")
    expect(editor).to_contain_text("Describe the step that is due")
    long = ("Visit them and " * 13).strip()
    page.get_by_role("textbox", name="Next step").fill(long)
    page.get_by_label("Due", exact=True).fill(working_days.today().isoformat())
    page.get_by_role("button", name="Save", exact=True).click()
    expect(editor).to_have_count(0)
    assert reload(cast.otto_ltd).next_step == long
    whole, part = column(page, "onboarding").bounding_box(), otto.bounding_box()
    assert whole is not None
    assert part is not None
    assert part["x"] + part["width"] < whole["x"] + whole["width"]

    page.get_by_role("link", name="Stuck").click()
    expect(page).to_have_url(re.compile("only=stuck"))
    expect(otto).to_have_count(0)
    page.go_back()
    expect(otto).to_be_visible()


def test_a_phone_has_a_menu_instead_of_dragging(new_page: Callable[..., Page], cast: Cast) -> None:
    phone = new_page(PHONE)
    acts.become(phone, cast.sam)
    acts.visit(phone, "/board")
    acme = card(phone, "Acme")
    expect(acme).to_be_visible()
    box = acme.bounding_box()
    assert box is not None
    assert box["y"] <= 230
    phone.get_by_role("button", name="Actions: Acme").tap()
    phone.get_by_role("menuitem", name="Move to preproduction").tap()
    phone.get_by_role("dialog").get_by_role("button", name="Move to preproduction").tap()
    expect(acme).to_be_hidden()
    phone.get_by_role("button", name="Preproduction 1").tap()
    expect(acme).to_be_visible()
    assert reload(cast.acme).stage is Stage.PREPRODUCTION
    phone.get_by_role("button", name="Requests 0").tap()
    expect(phone.get_by_text("No open requests")).to_be_visible()


@pytest.mark.parametrize("scheme", sample(list(SCHEMES), 2))
def test_nothing_on_it_is_in_the_way_of_anybody(page: Page, cast: Cast, scheme: str) -> None:
    blue = db.run(organizations.create, cast.olga, "Blue Door")
    db.run(onboarding.request, cast.olga, blue.id, note="In spring.")
    page.emulate_media(color_scheme=scheme)
    acts.become(page, cast.ada)
    acts.visit(page, "/board")
    acme, keys = card(page, "Acme"), page.keyboard
    acme.focus()
    found = {"cards": problems(page)}
    keys.press("ArrowDown")
    keys.press("m")
    expect(card(page, "Otto Ltd").locator(".refusal")).to_be_visible()
    expect(page.locator(".tip")).to_be_visible()
    found["refusal and missing checks"] = problems(page)
    for name, key, shown in (
        ("editor", "e", page.get_by_role("form")),
        ("menu", "Shift+F10", page.get_by_role("menu")),
        ("snoozes", "s", page.get_by_role("menu")),
        ("keys", "?", page.get_by_role("dialog")),
    ):
        acme.focus()
        keys.press(key)
        expect(shown).to_be_visible()
        found[name] = problems(page)
        keys.press("Escape")
        expect(shown).to_have_count(0)
    for name, *labels in (
        ("Otto Ltd", "Override"),
        ("Otto Ltd", "Plan"),
        ("Otto Ltd", "Withdraw"),
        ("Acme", "Move to preproduction"),
        ("Acme", "Snooze", "Pick a date…"),
        ("Blue Door", "Flag for onboarding"),
    ):
        card(page, name).focus()
        keys.press("Shift+F10")
        for label in labels:
            page.get_by_role("menuitem", name=label).click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("button", name="Cancel")).to_be_visible()
        acts.wait_until_drawn(page)
        dialog.locator("[class*=-submit] button").hover()
        found[" · ".join(labels)] = problems(page)
        dialog.get_by_role("button", name="Cancel").click()
        expect(dialog).to_have_count(0)
    acme.focus()
    keys.press(" ")
    expect(page.get_by_role("button", name="Add note")).to_be_visible()
    acts.wait_until_drawn(page)
    found["quick view"] = problems(page)
    assert {name: each for name, each in found.items() if each} == {}

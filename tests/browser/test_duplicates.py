"""Duplicates in a real browser, by the keyboard alone: compared, merged, and taken apart again."""

from playwright.sync_api import Page, expect

from core.database import db
from core.duplicates import matching, merging
from core.models import Organization
from core.profile import profile
from tests.browser.acts import become, go, visit
from tests.browser.steps import heading
from tests.browser.tables import find_row
from tests.browser.test_accessibility import in_both_schemes
from tests.support.cast import Cast

LONG = "https://acme.example/" + "a" * 200


def make_pair(cast: Cast) -> None:
    """Give both organizations the same website; only one of them has a phone."""
    changes = ((cast.acme, "website", LONG), (cast.otto_ltd, "website", LONG))
    for org, field, text in (*changes, (cast.otto_ltd, "phone", "+1 212 555 0100")):
        before, after = {field: ""}, {field: text}
        db.run(profile.save_contact_details, cast.oda, org.id, before, after, reason="By phone.")
    db.run(matching.match_some)


def press(page: Page, role: str, name: str) -> None:
    """Press something by the keyboard."""
    page.get_by_role(role, name=name).focus()  # type: ignore[arg-type]
    page.keyboard.press("Enter")


def test_duplicates_are_compared_merged_and_taken_apart_again(page: Page, cast: Cast) -> None:
    make_pair(cast)
    become(page, cast.oda)
    visit(page, "/organizations")
    press(page, "link", "Duplicates")
    find_row(page, "Duplicates", "Otto Ltd").focus()
    page.keyboard.press("Enter")
    expect(heading(page, "Compare")).to_be_visible()
    taken = page.get_by_role("checkbox", name=f"Take from {cast.otto_ltd.public_id}")
    expect(taken).to_have_count(2)
    expect(page.locator(".st-key-compare-field-phone").get_by_role("checkbox")).to_be_checked()
    assert in_both_schemes(page) == []

    label = f"Merge into {cast.acme.public_id}"
    press(page, "button", label)
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("1 person is in")).to_be_visible()
    assert in_both_schemes(page) == []
    dialog.get_by_role("textbox", name="Reason").focus()
    page.keyboard.type("Registered twice.")
    page.keyboard.press("Tab")
    page.keyboard.type(cast.acme.public_id)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Merged into Acme")).to_be_visible()
    expect(page.get_by_text("No duplicates found")).to_be_visible()
    with db.read() as session:
        assert session.get_one(Organization, cast.acme.id).phone == "+12125550100"

    go(page, f"/overview?org={cast.otto_ltd.public_id}")
    expect(heading(page, "Acme")).to_be_visible()
    expect(page.get_by_text(f"{cast.otto_ltd.public_id} was merged into Acme on")).to_be_visible()

    page.locator(".st-key-last-act").get_by_role("button", name="Undo").focus()
    page.keyboard.press("Enter")
    dialog.get_by_role("textbox", name="Reason").focus()
    page.keyboard.type("They are two.")
    dialog.get_by_role("button", name="Undo").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Redo")).to_be_visible()
    expect(dialog).to_have_count(0)
    go(page, f"/overview?org={cast.otto_ltd.public_id}")
    expect(heading(page, "Otto Ltd")).to_be_visible()
    with db.read() as session:
        assert session.get_one(Organization, cast.acme.id).phone is None


def test_people_of_the_other_one_learn_where_it_went(page: Page, cast: Cast) -> None:
    db.run(merging.merge, cast.oda, cast.otto_ltd.id, cast.acme.id, reason="Registered twice.")
    become(page, cast.otto)
    visit(page, f"/overview?org={cast.otto_ltd.public_id}")
    expect(heading(page, "Otto Ltd was merged")).to_be_visible()
    assert in_both_schemes(page) == []
    press(page, "button", "Ask to join")
    expect(page.get_by_text("Sent to the owners of Acme")).to_be_visible()


def test_on_a_phone_both_are_side_by_side(phone: Page, cast: Cast) -> None:
    make_pair(cast)
    become(phone, cast.oda)
    visit(phone, f"/duplicates?compare={cast.acme.public_id}.{cast.otto_ltd.public_id}")
    names = [phone.get_by_role("link", name=name, exact=True) for name in ("Acme", "Otto Ltd")]
    boxes = [name.bounding_box() for name in names]
    assert boxes[0] is not None
    assert boxes[1] is not None
    assert boxes[0]["x"] + boxes[0]["width"] < boxes[1]["x"]
    phone.get_by_text("The same (").tap()
    expect(phone.get_by_text(LONG)).to_be_visible()
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    text = phone.get_by_text(LONG)
    assert text.evaluate("each => each.scrollWidth <= each.clientWidth")

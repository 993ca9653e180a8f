"""A run from the mistake to its undo, as a sales rep does it on the screen."""

from datetime import date

from playwright.sync_api import Page, expect
from sqlalchemy import select

from core.database import db
from core.models import Organization, Stage
from core.onboarding import onboarding
from core.onboarding.onboarding import Plan
from tests.browser import acts
from tests.browser.steps import press
from tests.browser.test_accessibility import problems
from tests.organizations.test_table import make_organizations
from tests.support.cast import Cast

KEPT = ("stage", "stage_entered_at", "rep_id", "target_on", "next_step", "requested_at")


def values() -> dict[str, tuple[object, ...]]:
    columns = (getattr(Organization, name) for name in ("name", *KEPT))
    with db.read() as session:
        return {row[0]: tuple(row[1:]) for row in session.execute(select(*columns))}


def look_at_the_edit(page: Page) -> None:
    """Open the form of the bulk edit and its preview, and change nothing."""
    press(page, "Edit all 62")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("62 organizations")).to_be_visible()
    expect(dialog.get_by_text("4 different values")).to_be_visible()
    assert problems(page) == []
    page.locator(".st-key-edit-target_on_mode").get_by_role("combobox").click()
    page.get_by_role("option", name="Clear").click()
    press(dialog, "Preview")
    expect(dialog.get_by_text("Target date → empty: changes in 1")).to_be_visible()
    assert problems(page) == []
    press(dialog, "Cancel")
    expect(dialog).to_be_hidden()


def test_a_rep_flags_everything_and_takes_it_back(page: Page, cast: Cast) -> None:
    with db.Session(db.writing_engine()) as session, session.begin():
        make_organizations(session, 60)
    db.run(onboarding.request, cast.olga, cast.acme.id, note="In spring.")
    plan = Plan(cast.sue.user_id, date(2199, 12, 24), "Call", None)
    db.run(onboarding.plan, cast.sue, cast.otto_ltd.id, plan)
    before = values()
    free = [name for name, (stage, *_) in before.items() if stage is Stage.FREE]

    acts.become(page, cast.sam)
    acts.visit(page, "/organizations?from=2020-01-01")
    count_of_free = page.get_by_role("link", name="Free").locator(".count")
    expect(count_of_free).to_have_text(str(len(free)))
    page.get_by_role("checkbox", name="Select all rows on this page").check()
    page.get_by_role("button", name="Select all 62 that match").click()
    look_at_the_edit(page)
    press(page, "Flag for onboarding")
    press(page.get_by_role("dialog"), f"Flag {len(free)} organizations")
    said = f"{len(free)} of 62 organizations, {62 - len(free)} refused."
    expect(page.get_by_text(said)).to_be_visible(timeout=60_000)
    expect(count_of_free).to_have_text("0")

    flagged = [name for name in free if name not in {"Acme", "Otto Ltd"}][:2]
    meant = select(Organization.id).where(Organization.name.in_(flagged))
    with db.read() as session:
        org_ids = session.scalars(meant).all()
    for org_id in org_ids:
        db.run(
            *(onboarding.move, cast.ada, org_id, Stage.PREPRODUCTION),
            from_stage=Stage.ONBOARDING,
            reason="They are ready.",
            override=True,
        )
    press(page, "Undo this run")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text(f"Will be put back ({len(free) - 2})")).to_be_visible()
    expect(dialog.get_by_text("Changed since (2)")).to_be_visible()
    expect(dialog.get_by_text("Stage was changed since, by Ada,")).to_have_count(2)
    expect(dialog.get_by_text("was changed since")).to_have_count(2)
    assert problems(page) == []
    press(dialog, f"Undo {len(free)} changes")
    said = f"{len(free) - 2} of {len(free)} changes, 2 refused."
    expect(page.get_by_text(said)).to_be_visible(timeout=60_000)

    after = values()
    assert {name for name in after if after[name] != before[name]} == set(flagged)
    acts.go(page, "/runs")
    page.get_by_role("grid", name="Runs").get_by_role("row").nth(1).click()
    drawer = page.get_by_role("dialog")
    expect(drawer.get_by_text("Refused (2)", exact=True)).to_be_visible()
    expect(drawer.get_by_text("Stage was changed since, by Ada,")).to_have_count(2)
    assert problems(page) == []

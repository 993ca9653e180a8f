"""Bulk flagging on the Organizations page."""

import pytest
from sqlalchemy import update

from core.database import db
from core.models import Organization, Stage
from core.onboarding import bulk_flag, onboarding
from core.onboarding.onboarding import Plan
from core.ops.run_types import RUN_TYPES
from core.organizations.filters import Filters
from core.runs import advance, items, runs
from core.runs.items import Selection
from tests.pages.conftest import Show, unescaped, words
from tests.support.cast import Cast
from tests.support.tables import find_table

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


ALL = Selection((), Filters())


def run_to_end() -> None:
    while advance.run_due(RUN_TYPES):
        pass


def test_all_matching_organizations_are_flagged_after_confirmation(show: Show, cast: Cast) -> None:
    db.run(onboarding.flag, cast.sue, [cast.otto_ltd.id])
    table = find_table(show("organizations", cast.sam), "Organizations")
    screen = table.ask("flag", isAll=True)
    assert "2 organizations match.** 1 of them is free" in unescaped(screen)
    screen.text_input(key="flag-all.next_step").set_value("Call them")
    screen.button(key="flag-all-submit").click().run()
    assert not screen.exception
    assert "**Flag for onboarding** :small[:gray[0 of 2 organizations]]" in words(screen)
    run_to_end()
    screen.run()
    assert "**Flag for onboarding** 1 of 2 organizations, 1 refused." in unescaped(screen)
    labels = [button.label for button in screen.get("download_button")]
    assert labels == ["Download refused rows (1)"]
    with db.read() as session:
        acme = session.get_one(Organization, cast.acme.id)
    assert (acme.stage, acme.next_step) == (Stage.ONBOARDING, "Call them")


def test_without_free_organizations_there_is_nothing_to_flag(show: Show, cast: Cast) -> None:
    db.run(onboarding.flag, cast.sue, [cast.acme.id, cast.otto_ltd.id])
    table = find_table(show("organizations", cast.sam), "Organizations")
    screen = table.ask("flag", isAll=True)
    assert "none of these is free" in unescaped(screen)
    assert "flag-all-submit" not in [button.key for button in screen.button]


def test_a_run_can_be_cancelled_and_dismissed(show: Show, cast: Cast) -> None:
    run = db.run(bulk_flag.start, cast.sam, ALL, Plan(), expected=2)
    screen = show("organizations", cast.sam)
    screen.button(key=f"cancel-{run.id}").click().run()
    assert "0 of 2 organizations. Cancelled by Sam." in unescaped(screen)
    screen.button(key=f"dismiss-{run.id}").click().run()
    assert not screen.exception
    assert "Cancelled" not in unescaped(screen)


def test_a_cancelled_run_can_be_resumed(show: Show, cast: Cast) -> None:
    run = db.run(bulk_flag.start, cast.sam, ALL, Plan(), expected=2)
    db.run(runs.cancel, cast.sam, run.id)
    screen = show("organizations", cast.sam)
    screen.button(key=f"resume-{run.id}").click().run()
    run_to_end()
    assert "2 of 2 organizations." in unescaped(screen.run())


def test_the_list_of_failures_is_a_file(cast: Cast) -> None:
    db.run(onboarding.flag, cast.sue, [cast.acme.id])
    run = db.run(bulk_flag.start, cast.sam, Selection((cast.acme.id,)), Plan(), expected=1)
    run_to_end()
    with db.read() as session:
        lines = items.refusals_csv(session, cast.sam, run.id).decode("utf-8-sig").splitlines()
    assert lines[0] == "Organization ID,Name,Reason"
    assert lines[1].startswith(f"{cast.acme.public_id},Acme,")


def test_the_list_of_failures_is_protected_against_formulas(cast: Cast) -> None:
    name = "=1+cmd|' /C calc'!A0"
    with db.engine().begin() as connection:
        connection.execute(update(Organization).values(name=name, name_key="x", search_text="x"))
    db.run(onboarding.flag, cast.sue, [cast.acme.id])
    run = db.run(bulk_flag.start, cast.sam, ALL, Plan(), expected=2)
    run_to_end()
    with db.read() as session:
        lines = items.refusals_csv(session, cast.sam, run.id).decode().splitlines()
    assert lines[1].startswith(f"{cast.acme.public_id},'{name},")

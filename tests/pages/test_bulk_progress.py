"""Bulk flagging on the Organizations page."""

import pytest
from sqlalchemy import update

from core.database import db
from core.models import Organization, Stage
from core.onboarding import bulk_flag, onboarding
from core.onboarding.onboarding import Plan
from core.organizations.filters import Filters
from tests.pages.conftest import Show, unescaped
from tests.support.cast import Cast
from tests.support.tables import find_table

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


def run_to_end() -> None:
    while bulk_flag.run_due():
        pass


def test_all_matching_organizations_are_flagged_after_confirmation(show: Show, cast: Cast) -> None:
    db.run(onboarding.flag, cast.sue, [cast.otto_ltd.id])
    table = find_table(show("organizations", cast.sam), "Organizations")
    screen = table.ask("flag", isAll=True)
    assert "2 organizations match.** 1 of them is free" in unescaped(screen)
    screen.text_input(key="flag-all.next_step").set_value("Call them")
    screen.button(key="flag-all-submit").click().run()
    assert not screen.exception
    assert "Flagging 2 organizations" in unescaped(screen)
    run_to_end()
    screen.run()
    assert "1 organization moved to onboarding. 1 couldn't be flagged." in unescaped(screen)
    assert [button.label for button in screen.get("download_button")] == ["Download failures"]
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
    run = db.run(bulk_flag.start, cast.sam, Filters(), Plan(), expected=2)
    screen = show("organizations", cast.sam)
    screen.button(key=f"cancel-{run.id}").click().run()
    assert "0 organizations moved to onboarding. Cancelled by Sam." in unescaped(screen)
    screen.button(key=f"dismiss-{run.id}").click().run()
    assert not screen.exception
    assert "Cancelled" not in unescaped(screen)


def test_the_list_of_failures_is_a_file(cast: Cast) -> None:
    db.run(onboarding.flag, cast.sue, [cast.acme.id])
    run = db.run(bulk_flag.start, cast.sam, Filters(words="acme"), Plan(), expected=1)
    run_to_end()
    with db.read() as session:
        lines = bulk_flag.refusals_csv(session, cast.sam, run.id).decode("utf-8-sig").splitlines()
    assert lines[0] == "Organization ID,Name,Reason"
    assert lines[1].startswith(f"{cast.acme.public_id},Acme,")


def test_the_list_of_failures_is_protected_against_formulas(cast: Cast) -> None:
    name = "=1+cmd|' /C calc'!A0"
    with db.engine().begin() as connection:
        connection.execute(update(Organization).values(name=name, name_key="x", search_text="x"))
    db.run(onboarding.flag, cast.sue, [cast.acme.id])
    run = db.run(bulk_flag.start, cast.sam, Filters(), Plan(), expected=2)
    run_to_end()
    with db.read() as session:
        lines = bulk_flag.refusals_csv(session, cast.sam, run.id).decode().splitlines()
    assert lines[1].startswith(f"{cast.acme.public_id},'{name},")

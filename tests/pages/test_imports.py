"""The page Import: a file, its columns, the check, and what is imported."""

import pytest
from sqlalchemy import select
from streamlit.testing.v1 import AppTest

from core.accounts import uploads
from core.database import db
from core.imports import unclaimed
from core.models import Organization, Run, RunStatus
from core.ops.run_types import RUN_TYPES
from core.runs import advance
from tests.pages.conftest import Show, unescaped
from tests.support.cast import Cast
from tests.support.sheets import csv_file, xlsx
from tests.support.tables import tables

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

TITLES = ["Organization ID", "Name", "Boss", "Phone"]


def upload(cast: Cast, content: bytes) -> str:
    kept = db.run(uploads.keep, cast.oda, "fair.csv", content, is_import=True)
    return str(kept.id)


def fair(cast: Cast) -> bytes:
    return csv_file(
        [
            TITLES,
            [cast.acme.public_id, "", "", "+12125550100"],
            [cast.otto_ltd.public_id, "Otto Ltd"],
            ["", "Blue Door", "nora@example.com"],
            ["", "Red Door", "nope"],
        ]
    )


def press(screen: AppTest, label: str) -> AppTest:
    [button] = [each for each in screen.button if each.label == label]
    return button.click().run()


def labels(screen: AppTest) -> list[str]:
    return [each.label for each in screen.button]


def outcomes(screen: AppTest) -> list[str]:
    [control] = [each for each in screen.button_group if each.label == "Rows"]
    return [option.content for option in control.proto.options]


def checked(show: Show, cast: Cast) -> AppTest:
    """Open a file, match its columns, and check it."""
    screen = show("import", cast.oda, file=upload(cast, fair(cast)))
    [boss] = [each for each in screen.selectbox if each.label == "Boss"]
    assert boss.value == ""
    boss.set_value("owner_email").run()
    screen.text_input(key="import.reason").input("From the fair.").run()
    return press(screen, "Check")


def test_a_warning_comes_before_the_fields_which_may_be_wider_than_the_page(
    show: Show, cast: Cast
) -> None:
    rows = [["", "Blue Door", "nora@example.com"], ["", "BLUE door", "nils@example.com"]]
    content = csv_file([["Organization ID", "Name", "Owner email"], *rows])
    screen = press(show("import", cast.oda, file=upload(cast, content)), "Check")
    [table] = tables(screen)
    assert list(table.columns) == ["label", "row", "warning", "what"]
    assert table.column("warning") == ["", "Row 2 has the same name."]


def test_what_is_shown_by_the_check_is_imported(show: Show, cast: Cast) -> None:
    screen = checked(show, cast)
    assert outcomes(screen) == ["New (1)", "Change (1)", "Unchanged (1)", "Errors (1)"]
    [table] = tables(screen)
    assert table.column("label") == ["Blue Door"]
    assert table.column("what") == ["Name: Blue Door · Owner email: nora@example.com"]

    press(screen, "Import 2 rows")
    with db.read() as session:
        run = session.scalars(select(Run)).one()
        assert (run.status, run.reason, run.total) == (RunStatus.GOING, "From the fair.", 3)
    while advance.run_due(RUN_TYPES):
        pass
    with db.read() as session:
        assert session.get_one(Organization, cast.acme.id).phone == "+12125550100"
    again = show("import", cast.oda, run=str(run.id))
    assert "Import 2 rows" not in labels(again)
    assert "2 of 3 rows, 1 refused" in unescaped(again)


def test_changes_need_a_reason_and_say_so_at_its_field(show: Show, cast: Cast) -> None:
    screen = show("import", cast.oda, file=upload(cast, fair(cast)))
    assert "Write a few words." in unescaped(press(screen, "Check"))


def test_each_outcome_has_its_rows(show: Show, cast: Cast) -> None:
    screen = checked(show, cast)
    run = screen.query_params["run"][0]
    shown = {"change": "Phone: (empty) → +1 212-555-0100", "error": "Owner email: Enter an email"}
    for outcome, what in shown.items():
        [table] = tables(show("import", cast.oda, run=run, show=outcome))
        assert table.column("what")[0].startswith(what)
    assert tables(show("import", cast.oda, run=run, show="unchanged"))[0].ids == []


def test_a_file_without_the_columns_that_it_needs_cannot_be_checked(show: Show, cast: Cast) -> None:
    screen = show("import", cast.oda, file=upload(cast, b"Color\nblue\n"))
    assert "Match a column to Organization ID or Name." in unescaped(screen)
    [check] = [each for each in screen.button if each.label == "Check"]
    assert check.disabled


def test_a_file_that_cannot_be_read_is_refused_with_a_sentence(show: Show, cast: Cast) -> None:
    for content, sentence in (
        (b"\0\1", "has a control character"),
        (b'"a', "quotes in row 1 don't match"),
    ):
        screen = show("import", cast.oda, file=upload(cast, content))
        assert sentence in unescaped(screen)
        assert "Check" not in labels(screen)


def test_a_file_that_changes_nothing_is_not_imported(show: Show, cast: Cast) -> None:
    content = xlsx(["Organization ID", "Name"], [cast.acme.public_id, "Acme"])
    screen = press(show("import", cast.oda, file=upload(cast, content)), "Check")
    assert "Nothing to import: every row is unchanged." in unescaped(screen)


def test_a_file_of_members_invites_them(show: Show, cast: Cast) -> None:
    content = csv_file([["Email", "Organization"], ["nora@example.com", "Acme"]])
    file = upload(cast, content)
    screen = press(show("import", cast.oda, what="members", file=file), "Check")
    assert outcomes(screen)[0] == "New (1)"
    assert "Import 1 row" in labels(screen)


def test_nobody_opens_the_file_or_the_import_of_another(show: Show, cast: Cast) -> None:
    run = checked(show, cast).query_params["run"][0]
    theirs = show("import", cast.ada, run=run, file=upload(cast, fair(cast)))
    assert {"Check", "Import 2 rows"} & set(labels(theirs)) == set()
    assert "This page is for staff" in unescaped(show("import", cast.sam))


def test_organizations_leads_to_it_for_those_who_may(show: Show, cast: Cast) -> None:
    for person, may_import in ((cast.oda, True), (cast.sam, False)):
        links = show("organizations", person).get("page_link")
        assert any(link.proto.label == "Import" for link in links) is may_import


def test_overview_says_that_an_owner_is_awaited_and_invites_someone_else(
    show: Show, cast: Cast
) -> None:
    texts = {"name": "Blue Door", "owner_email": "nora@example.com"}
    org = db.run(unclaimed.add, cast.oda, texts, run_id=1)
    seen = show("overview", cast.sam, org=org.public_id)
    assert "No owner yet: invitation sent" in unescaped(seen)
    assert "Invite owner" not in labels(seen)

    screen = press(show("overview", cast.oda, org=org.public_id), "Invite owner")
    assert screen.text_input(key="invite-owner.owner_email").value == "nora@example.com"
    screen.text_input(key="invite-owner.owner_email").set_value("paul@example.com")
    press(screen, "Invite")
    with db.read() as session:
        invitation = unclaimed.find_owner_invitation(session, cast.oda, org.id)
    assert invitation is not None
    assert invitation.email == "paul@example.com"
    assert "No owner yet" not in unescaped(show("overview", cast.oda, org=cast.acme.public_id))

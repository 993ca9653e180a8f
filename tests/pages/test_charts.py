"""The charts page: its tables with their charts, and their downloads."""

import pytest
from sqlalchemy import select
from streamlit.testing.v1 import AppTest

from core.database import db
from core.models import Entry, Organization, Stage
from core.onboarding import onboarding
from core.onboarding.onboarding import Plan
from tests.pages.conftest import Show
from tests.support.cast import Cast
from tests.support.tables import find_table, tables

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


@pytest.fixture
def moved(cast: Cast) -> Organization:
    """Acme in preproduction by override with Sue, and Otto Ltd in onboarding with Sam."""
    db.run(onboarding.flag, cast.sam, [cast.acme.id], Plan(cast.sue.user_id))
    db.run(
        *(onboarding.move, cast.ada, cast.acme.id, Stage.PREPRODUCTION),
        from_stage=Stage.ONBOARDING,
        reason="Signed.",
        override=True,
    )
    db.run(onboarding.flag, cast.sam, [cast.otto_ltd.id])
    return cast.acme


def column(screen: AppTest, table: str, name: str) -> list[object]:
    assert not screen.exception
    return find_table(screen, table).column(name)


def test_there_is_a_table_with_a_chart_for_each_question(
    show: Show, cast: Cast, moved: Organization
) -> None:
    screen = show("charts", cast.oda)
    assert [table.sent["label"] for table in tables(screen)] == [
        "Cohort of this period",
        "Working days in stage",
        "Moves into each stage",
        "Moves by sales rep",
    ]
    cohort = "Cohort of this period"
    assert column(screen, cohort, "organizations") == [2, 1, 0]
    assert column(screen, cohort, "share, %") == [100, 50, 0]
    assert column(screen, "Working days in stage", "moved out") == [1, 0]
    assert find_table(screen, "Working days in stage").sent["rows"][0][-1] == [10, 0]
    assert column(screen, "Moves into each stage", "onboarding") == [2, 2]  # and the total
    assert column(screen, "Moves by sales rep", "sales rep") == ["Sue", "Sam"]


def test_each_table_has_a_recorded_download_of_its_numbers(
    show: Show, cast: Cast, moved: Organization
) -> None:
    screen = show("charts", cast.oda)
    screen = find_table(screen, "Working days in stage").ask("download", "onboarding")
    file = find_table(screen, "Working days in stage").sent["summary"]["file"]
    assert file["name"].startswith("working-days-in-stage-")
    assert file["text"].lstrip("\ufeff").splitlines()[0] == (
        'stage,Moved out,Lower quartile,Median,Upper quartile,"Over the limit, %"'
    )
    with db.read() as session:
        entry = session.scalars(select(Entry).order_by(Entry.id.desc())).first()
    assert entry is not None
    assert entry.reason == "Working days in stage: all organizations"


def test_period_and_rep_are_in_the_address(show: Show, cast: Cast, moved: Organization) -> None:
    for rep in (str(cast.sam.user_id), "mine"):
        screen = show("charts", cast.sam, weeks="4", rep=rep)
        assert column(screen, "Moves by sales rep", "sales rep") == ["Sam"]
    screen.button_group(key="charts-weeks").set_value("52").run()
    assert screen.query_params["weeks"] == "52"
    assert len(find_table(screen, "Moves into each stage").column("month")[0]) == len("2026-11")


def test_without_moves_there_is_a_hint(show: Show, cast: Cast) -> None:
    screen = show("charts", cast.oda, weeks="nonsense")
    text = " ".join(markdown.value for markdown in screen.markdown)
    assert "No moves in this period" in text
    assert not screen.exception


def test_members_cannot_open_the_charts(show: Show, cast: Cast) -> None:
    assert show("charts", cast.olga).title[0].value == "This page is for staff"

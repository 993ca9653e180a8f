"""The charts page: specifications, tables and files."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from core.database import db
from core.models import Organization, Stage
from core.onboarding import onboarding
from core.onboarding.onboarding import Plan
from tests.pages.conftest import Show
from tests.support.cast import Cast

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


def specs(screen: AppTest) -> list[dict[str, object]]:
    assert not screen.exception
    return [json.loads(chart.proto.spec) for chart in screen.get("vega_lite_chart")]


def test_there_are_four_charts(show: Show, cast: Cast, moved: Organization) -> None:
    screen = show("charts", cast.oda)
    assert [str(spec["description"]).split()[0] for spec in specs(screen)] == [
        "Organizations",
        "Median",
        "Moves",
        "Moves",
    ]


def test_each_chart_has_a_table_and_a_file(show: Show, cast: Cast, moved: Organization) -> None:
    screen = show("charts", cast.oda)
    screen.session_state["table-funnel"] = True
    screen.run()
    table = screen.dataframe[0].value
    assert table["Stage"].tolist() == ["onboarding", "preproduction", "production"]
    assert table["Organizations"].tolist() == [2, 1, 0]
    assert table["Conversion, %"].tolist()[1:] == [50.0, 0.0]
    assert [button.proto.label for button in screen.get("download_button")] == ["Download CSV"]


def test_period_and_rep_are_in_the_address(show: Show, cast: Cast, moved: Organization) -> None:
    screen = show("charts", cast.oda, weeks="4", rep=str(cast.sam.user_id))
    screen.session_state["table-moves-by-sales-rep"] = True
    screen.run()
    assert screen.dataframe[0].value["Sales rep"].tolist() == ["Sam"]
    screen.button_group(key="charts-weeks").set_value("52").run()
    assert screen.query_params["weeks"] == "52"


def test_without_moves_there_is_a_hint(show: Show, cast: Cast) -> None:
    screen = show("charts", cast.oda, weeks="nonsense")
    text = " ".join(markdown.value for markdown in screen.markdown)
    assert "No moves in this period" in text
    assert not screen.exception


def test_members_cannot_open_the_charts(show: Show, cast: Cast) -> None:
    assert show("charts", cast.olga).title[0].value == "This page is for staff"

"""The sidebar as the browser gets it: what is listed for whom, and where it leads."""

import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.accounts import accounts
from core.database import db
from tests.pages.conftest import Show
from tests.support.cast import Cast

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

ABOUT_ACME = ["Overview", "Organization Profile", "Access Control", "Onboarding"]
STAFF = ["Organizations", "Onboarding", "Activity"]


def sidebar(screen: AppTest) -> dict[str, Any]:
    """Return what the component is given."""
    (found,) = screen.sidebar.get("bidi_component")
    data: dict[str, Any] = json.loads(found.proto.json)
    return data


def labels(screen: AppTest) -> list[list[str]]:
    return [[link["label"] for link in part["links"]] for part in sidebar(screen)["sections"]]


@pytest.mark.parametrize(
    ("who", "listed"),
    [
        ("olga", [[*ABOUT_ACME, "History", "Connected solutions"]]),
        ("mia", [[*ABOUT_ACME, "Connected solutions"]]),
        ("oda", [["Connected solutions"], STAFF]),
        ("sam", [["Connected solutions"], STAFF]),
        ("ada", [["Connected solutions"], [*STAFF, "People", "Mail"]]),
    ],
)
def test_each_person_sees_the_pages_they_can_open(
    show: Show, cast: Cast, who: str, listed: list[list[str]]
) -> None:
    assert labels(show("account", getattr(cast, who))) == listed


@pytest.mark.parametrize(
    ("page", "label"), [("charts", "Onboarding"), ("notes", "Activity"), ("mail", "Mail")]
)
def test_the_current_page_is_marked_also_by_the_pages_beneath_it(
    show: Show, cast: Cast, page: str, label: str
) -> None:
    parts = sidebar(show(page, cast.ada))["sections"]
    links = [link for part in parts for link in part["links"]]
    assert [link["label"] for link in links if link["isCurrent"]] == [label]


def test_links_lead_to_the_open_organization(show: Show, cast: Cast) -> None:
    data = sidebar(show("members", cast.olga, org=cast.acme.public_id))
    hrefs = {link["label"]: link["href"] for link in data["sections"][0]["links"]}
    assert hrefs["Access Control"] == f"/members?org={cast.acme.public_id}"
    assert hrefs["Connected solutions"] == "/solutions"
    menu = {entry["label"]: entry["href"] for entry in data["menu"]}
    assert menu["Organization Profile"] == f"/profile?org={cast.acme.public_id}"


def test_someone_without_an_organization_is_led_to_welcome(show: Show, cast: Cast) -> None:
    data = sidebar(show("account", cast.oda))
    assert data["org"] is None
    assert {entry["href"] for entry in data["menu"]} == {"/organizations", "/welcome", "/account"}


def test_names_are_sent_as_they_are(show: Show, cast: Cast) -> None:
    name = ":material/home: **<b>** -> ![](x)"
    db.run(accounts.rename, cast.mia, name)
    assert sidebar(show("account", cast.mia))["user"]["name"] == name


def test_the_switcher_loads_its_organizations_only_when_it_is_open(show: Show, cast: Cast) -> None:
    screen = show("overview", cast.olga)
    assert sidebar(screen)["organizations"] is None
    screen.session_state["sidebar"] = {"open": True}
    listed = sidebar(screen.run())["organizations"]
    assert [each["name"] for each in listed] == ["Acme"]
    assert listed[0]["href"] == f"/overview?org={cast.acme.public_id}"
    assert listed[0]["isCurrent"]

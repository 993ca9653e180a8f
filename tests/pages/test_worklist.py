"""The way through a list on the pages of an organization that was opened from it."""

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import func, select, update
from streamlit.testing.v1 import AppTest

from core.database import db
from core.models import ListVisit, Organization, Stage
from core.onboarding import onboarding
from core.organizations import organizations, worklist
from core.organizations.filters import Filters
from core.staff import notes
from tests.pages.conftest import Show
from tests.pages.test_sidebar import sidebar
from tests.support.boards import find_board
from tests.support.cast import Cast
from tests.support.tables import find_table, find_timeline

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

PAGES = ("overview", "profile", "members", "onboarding", "history")


def bar(screen: AppTest) -> dict[str, Any] | None:
    """Return what the browser gets to draw the way through a list, if there is one."""
    assert not screen.exception
    sent = [each.proto for each in screen.get("bidi_component")]
    found = [json.loads(each.json) for each in sent if each.component_name == "orgdesk_worklist"]
    return found[0] if found else None


@pytest.mark.parametrize("page", PAGES)
def test_every_page_leads_on_in_the_list(show: Show, cast: Cast, page: str) -> None:
    acme, at = cast.acme.public_id, str(cast.acme.id)
    found = bar(show(page, cast.oda, org=acme, list="stage=free", at=at))
    assert found is not None
    assert found["number"] == "2 of 2"
    assert found["next"] is None
    assert found["previous"] == {
        "public_id": cast.otto_ltd.public_id,
        "name": "Otto Ltd",
        "at": str(cast.otto_ltd.id),
    }
    assert found["list"] == "/organizations?stage=free"
    assert bar(show(page, cast.oda, org=acme)) is None


def test_links_in_the_table_and_the_sidebar_carry_the_list(show: Show, cast: Cast) -> None:
    screen = show("organizations", cast.oda, stage="free", sort="name")
    table = find_table(screen, "Organizations")
    name, href, *_ = table.sent["rows"][0][1]
    assert (name, table.sent["columns"][0]["rest"]) == ("Acme", "&list=stage%3Dfree%26sort%3Dname")
    assert href == f"/overview?org={cast.acme.public_id}&at=acme.{cast.acme.id}"

    query = {"org": cast.acme.public_id, "list": "stage=free&sort=name", "at": "acme.1"}
    (about, *_) = sidebar(show("overview", cast.oda, **query))["sections"]
    assert all(
        "list=stage%3Dfree%26sort%3Dname&at=acme.1" in each["href"] for each in about["links"][:4]
    )


def test_a_record_that_has_left_the_list_says_so(show: Show, cast: Cast) -> None:
    with db.writing_engine().begin() as connection:
        is_acme = Organization.id == cast.acme.id
        connection.execute(update(Organization).where(is_acme).values(stage=Stage.ONBOARDING))
    query = {"org": cast.acme.public_id, "list": "stage=free", "at": str(cast.acme.id)}
    found = bar(show("overview", cast.oda, **query))
    assert found is not None
    assert found["number"] == "No longer in this list"
    assert found["previous"]["name"] == "Otto Ltd"
    assert found["list"] == f"/organizations?stage=free&at=after.{cast.otto_ltd.public_id}"


def test_a_visit_is_recorded_once_a_minute_and_others_see_it(show: Show, cast: Cast) -> None:
    query = {"org": cast.acme.public_id, "list": "stage=free", "at": str(cast.acme.id)}
    screen = show("overview", cast.oda, **query)
    with db.read() as session:
        visits = session.execute(select(ListVisit.user_id, ListVisit.at)).all()
    assert [user_id for user_id, _ in visits] == [cast.oda.user_id]
    screen.run()
    with db.read() as session:
        assert session.execute(select(ListVisit.user_id, ListVisit.at)).all() == visits
    db.run(worklist.visit, cast.sue, Filters(stages=(Stage.FREE,)))
    found = bar(show("members", cast.sam, **query))
    assert found is not None
    assert found["others"] == "Sue and Oda are also on this list"


@pytest.mark.parametrize(
    "query",
    [
        {"list": "stage=free", "at": "x"},
        {"list": "stage=nowhere", "at": "1"},
        {"list": "sort=name", "at": "\x00.1"},
        {"list": "stage=free"},
        {"at": "1"},
    ],
)
def test_a_broken_address_shows_the_page_alone(
    show: Show, cast: Cast, query: dict[str, str]
) -> None:
    assert bar(show("overview", cast.oda, org=cast.acme.public_id, **query)) is None


def test_members_of_the_organization_have_no_list(show: Show, cast: Cast) -> None:
    query = {"org": cast.acme.public_id, "list": "stage=free", "at": str(cast.acme.id)}
    assert bar(show("overview", cast.olga, **query)) is None
    with db.read() as session:
        assert session.scalar(select(func.count()).select_from(ListVisit)) == 0


@pytest.mark.parametrize("page", PAGES)
def test_the_list_stays_on_the_way_through_the_pages(show: Show, cast: Cast, page: str) -> None:
    query = {"org": cast.acme.public_id, "list": "stage=free", "at": str(cast.acme.id)}
    screen = show(page, cast.ada, **query)
    sent = [each.proto.json for each in screen.get("bidi_component")]
    places = re.findall(r'"/\w+\?(org=[^"]+)"', " ".join(sent))
    places += [link.proto.query_string for link in screen.get("page_link")]
    about_acme = [query for query in places if f"org={cast.acme.public_id}" in query]
    assert about_acme
    assert all(f"list=stage%3Dfree&at={cast.acme.id}" in query for query in about_acme)


def test_people_walk_through_their_own_organizations(show: Show, cast: Cast) -> None:
    zeta = db.run(organizations.create, cast.olga, "Zeta")
    table = find_table(show("organizations", cast.olga), "Organizations")
    assert table.sent["columns"][0]["rest"] == "&list=page%3Dorganizations"
    for page in PAGES:
        found = bar(show(page, cast.olga, org=zeta.public_id, list="page=organizations"))
        assert found is not None
        assert (found["number"], found["previous"]["name"]) == ("2 of 2", "Acme")
        assert (found["next"], found["list"]) == (None, "/organizations")


def test_ids_in_an_address_show_members_nothing(show: Show, cast: Cast) -> None:
    ids = f"{cast.acme.public_id[4:]}.{cast.otto_ltd.public_id[4:]}"
    query = {"org": cast.acme.public_id, "list": f"page=board&ids={ids}"}
    assert bar(show("overview", cast.olga, **query)) is None
    found = bar(show("overview", cast.oda, **query))
    assert found is not None
    assert (found["number"], found["next"]["name"]) == ("1 of 2", "Otto Ltd")


@pytest.mark.parametrize("page", ["activity", "notes"])
def test_activity_and_notes_have_a_quick_view_that_leads_on(
    show: Show, cast: Cast, page: str
) -> None:
    for org in (cast.otto_ltd, cast.acme):
        db.run(notes.write, cast.sam, org.id, "They are in a hurry.")
        db.run(onboarding.flag, cast.sam, [org.id])
    screen = show(page, cast.sam)
    if page == "notes":
        (button,) = [each for each in screen.button if each.key == "note-look-2"]
        screen = button.click().run()
    else:
        shown = find_timeline(screen, "Changes")
        (event, *_) = [each for each in shown.events if each["organization"][:1] == ["Acme"]]
        assert shown.sent["canLook"]
        screen = shown.ask("look", event["id"])
    sent = [each.proto for each in screen.get("bidi_component")]
    (stepper,) = [json.loads(p.json) for p in sent if p.component_name == "orgdesk_stepper"]
    assert stepper["ids"] == [cast.acme.id, cast.otto_ltd.id]
    address = urlsplit(stepper["href"])
    query = {name: values[0] for name, values in parse_qs(address.query).items()}
    found = bar(show(address.path.strip("/"), cast.sam, **query))
    assert found is not None
    assert (found["number"], found["list"]) == ("1 of 2", f"/{page}")
    for wrong in (["look", 0], ["nothing", 1], [None, None]):
        if page == "activity":
            assert not find_timeline(show(page, cast.sam), "Changes").ask(*wrong).exception


def test_the_quick_view_of_a_card_leads_on_through_its_stage(show: Show, cast: Cast) -> None:
    with db.writing_engine().begin() as connection:
        connection.execute(update(Organization).values(stage=Stage.ONBOARDING))
    screen = find_board(show("board", cast.sam, sort="longest")).ask("look", cast.acme.id)
    sent = [each.proto for each in screen.get("bidi_component")]
    (stepper,) = [json.loads(p.json) for p in sent if p.component_name == "orgdesk_stepper"]
    address = urlsplit(stepper["href"])
    query = {name: values[0] for name, values in parse_qs(address.query).items()}
    assert query["list"] == "stage=onboarding&sort=time+in+stage"
    found = bar(show(address.path.strip("/"), cast.sam, **query))
    assert found is not None
    assert found["number"] in {"1 of 2", "2 of 2"}
    assert bool(found["previous"]) is not bool(found["next"])

"""The search box as the browser gets it, and what its commands open."""

import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.access.permissions import Actor, Rights, find_organization
from core.database import db
from core.models import Organization, Stage
from core.onboarding import onboarding
from pages.ui.quick_search import COMMANDS, Command
from tests.pages.conftest import Show, words
from tests.support.cast import Cast

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


def box(screen: AppTest) -> dict[str, Any]:
    """Return what the component is given."""
    (found,) = [
        data
        for each in screen.get("bidi_component")
        if "commands" in (data := json.loads(each.proto.json or "{}"))
    ]
    return found


def labels(screen: AppTest, what: str) -> list[str]:
    return [each["label"] for each in box(screen)[what]]


def test_each_person_is_offered_what_they_can_do(show: Show, cast: Cast) -> None:
    about = {"org": cast.acme.public_id}
    everybodys = ["Create New Organization", "Change password"]
    assert labels(show("overview", cast.mia, **about), "commands") == everybodys
    assert labels(show("account", cast.oda), "commands") == everybodys
    assert labels(show("overview", cast.olga, **about), "commands") == [
        *("Create New Organization", "Invite user", "Edit profile", "Request onboarding"),
        *("Show as of a date", "Change password"),
    ]
    assert "Flag for onboarding" in labels(show("overview", cast.sam, **about), "commands")
    assert "Act as owner" in labels(show("overview", cast.ada, **about), "commands")
    assert "Act as owner" not in labels(show("overview", cast.sam, **about), "commands")


def test_each_person_is_offered_the_pages_they_can_open(show: Show, cast: Cast) -> None:
    about = {"org": cast.acme.public_id}
    members = labels(show("overview", cast.mia, **about), "pages")
    assert members == [
        *("Overview", "Organization Profile", "Access Control", "Onboarding"),
        *("Connected solutions", "Organizations", "User Settings"),
    ]
    assert {"Onboarding charts", "Notes", "Activity"} < set(
        labels(show("account", cast.oda), "pages")
    )
    assert "People" not in labels(show("account", cast.oda), "pages")
    assert "People" in labels(show("account", cast.ada), "pages")


def test_the_organization_of_a_page_counts_as_opened(show: Show, cast: Cast) -> None:
    about = {"org": cast.acme.public_id}
    assert box(show("history", cast.sam, **about))["opened"] == cast.acme.public_id
    assert box(show("solutions", cast.sam, **about))["opened"] == ""


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.label)
def test_a_command_opens_its_dialog_or_field(show: Show, cast: Cast, command: Command) -> None:
    if Stage.FREE not in command.stages:
        db.run(onboarding.flag, cast.sam, [cast.acme.id])
    person = actor_for(command, cast)
    screen = show("solutions", person, org=cast.acme.public_id)
    screen.session_state["quick-search"] = {"command": command.label}
    screen.run()
    assert not screen.exception
    if command.dialog:
        assert screen.session_state["dialog"][0] == command.dialog
        assert screen.get("dialog")
    elif command.shows_past:
        assert screen.date_input[0].label == "As of"
    else:
        form, _, field = command.field.rpartition("-")
        drawn = [*screen.text_input, *screen.text_area]
        assert f"{form}.{field}" in {each.key for each in drawn}


def test_an_organization_that_was_found_opens_its_quick_view(show: Show, cast: Cast) -> None:
    screen = show("solutions", cast.sam)
    screen.session_state["quick-search"] = {"looked": cast.acme.public_id}
    screen.run()
    assert [each.proto.dialog.title for each in screen.get("dialog")] == ["Quick view"]
    assert cast.acme.public_id in words(screen)
    screen = show("solutions", cast.olga)
    screen.session_state["quick-search"] = {"looked": cast.otto_ltd.public_id}
    screen.run()
    assert not screen.get("dialog")


def test_a_notice_does_not_take_the_place_of_the_open_dialog(show: Show, cast: Cast) -> None:
    screen = show("solutions", cast.sam)
    screen.session_state["quick-search"] = {"looked": cast.acme.public_id}
    screen.session_state["notice"] = "Note added"
    screen.run()
    event = screen._tree.children[2]
    assert [child.type for child in event.children.values()] == ["dialog", "toast"]


def actor_for(command: Command, cast: Cast) -> Actor:
    """Return somebody who is offered a command in Acme."""
    people = (cast.olga, cast.oda, cast.sam, cast.ada)
    rights = {person: rights_in(person, cast.acme) for person in people}
    return next(
        person for person in people if command.action is None or command.action in rights[person]
    )


def rights_in(person: Actor, org: Organization) -> Rights:
    with db.read() as session:
        found = find_organization(session, person, org.public_id)
    return found[1] if found else frozenset()

"""Merged organizations on the screen: old links, the line on Overview, asking to join."""

import pytest
from sqlalchemy import select

from core.database import db
from core.duplicates import merging
from core.members import invitations
from core.models import Mail, Organization
from core.staff import notes
from tests.pages.conftest import Show, unescaped
from tests.support.cast import Cast
from tests.support.tables import tables

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


@pytest.fixture
def merged(cast: Cast) -> str:
    """The Organization ID of Otto Ltd, merged into Acme."""
    db.run(notes.write, cast.sam, cast.otto_ltd.id, "They called.")
    db.run(merging.merge, cast.oda, cast.otto_ltd.id, cast.acme.id, reason="The same company.")
    return cast.otto_ltd.public_id


def test_an_old_link_leads_to_the_organization_that_stays_and_says_so(
    show: Show, cast: Cast, merged: str
) -> None:
    screen = show("overview", cast.olga, org=merged)
    assert screen.query_params["org"] in (cast.acme.public_id, [cast.acme.public_id])
    assert f"{merged} was merged into Acme on" in unescaped(screen)
    assert f"Otto Ltd ({merged}) was merged into this organization on" in unescaped(screen)
    assert not [button for button in screen.button if button.label == "Undo"]


def test_staff_undo_the_merge_from_the_line_on_overview(
    show: Show, cast: Cast, merged: str
) -> None:
    screen = show("overview", cast.oda, org=cast.acme.public_id)
    screen.button(key=f"undo-merge-{merged}").click().run()
    assert "Merged into Acme → Not merged" in unescaped(screen)
    screen.text_input(key="undo.reason").set_value("Two companies.")
    screen.button(key="undo-save").click().run()
    with db.read() as session:
        assert session.get_one(Organization, cast.otto_ltd.id).merged_into is None
    assert "was merged into this" not in unescaped(screen)


def test_people_of_the_other_one_learn_where_it_went_and_ask_to_join(
    show: Show, cast: Cast, merged: str
) -> None:
    screen = show("overview", cast.otto, org=merged)
    assert "Otto Ltd was merged into **Acme** on" in unescaped(screen)
    screen.button(key="ask-to-join").click().run()
    with db.read() as session:
        assert session.scalar(select(Mail.template).where(Mail.template == "ask_to_join"))
    assert "Sent to the owners of Acme" in unescaped(screen)


def test_the_mailed_link_opens_the_invitation_filled_in(show: Show, cast: Cast) -> None:
    link = {"org": cast.acme.public_id, "invite": "otto@example.com"}
    screen = show("members", cast.olga, **link)
    assert screen.text_area(key="invite.emails").value == "otto@example.com"
    assert not list(show("members", cast.mia, **link).text_area)


def test_history_and_notes_of_staff_mark_what_is_of_the_other_one(
    show: Show, cast: Cast, merged: str
) -> None:
    screen = show("onboarding", cast.sue, org=cast.acme.public_id)
    assert "They called." in unescaped(screen)
    assert not [button for button in screen.button if button.label == "Edit"]
    (timeline,) = [
        each
        for each in show("history", cast.sue, org=cast.acme.public_id).get("bidi_component")
        if each.proto.component_name == "orgdesk_timeline"
    ]
    assert '["Otto Ltd", ' in timeline.proto.json


def test_invitations_of_the_other_one_are_listed_as_paused_for_staff(
    show: Show, cast: Cast
) -> None:
    db.run(invitations.invite, cast.otto, cast.otto_ltd.id, "new@example.com")
    db.run(merging.merge, cast.oda, cast.otto_ltd.id, cast.acme.id, reason="The same company.")
    screen = show("members", cast.oda, org=cast.acme.public_id, view="invited")
    [table] = tables(screen)
    assert table.column("organization") == ["Otto Ltd"]
    assert table.actions(table.ids[0]) == []
    assert "Paused invitations are from organizations that were merged" in unescaped(screen)
    screen = show("members", cast.olga, org=cast.acme.public_id, view="invited")
    assert "Paused" not in unescaped(screen)
    assert not tables(screen)[0].ids

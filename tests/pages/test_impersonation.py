"""Impersonation: the dialog, the banner on every page, and its end."""

import pytest

from core.access.permissions import Action, may
from core.accounts import sessions
from core.database import db
from core.staff import impersonation
from pages import ui
from tests.pages.conftest import Show, words
from tests.support.cast import PASSWORD, Cast

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

WHY = "They asked for :red[help]"
ORGANIZATION_PAGES = ("overview", "profile", "members", "onboarding", "history")


def may_edit(cast: Cast) -> bool:
    with db.read() as session:
        return may(session, cast.ada, cast.acme.id, Action.EDIT_PROFILE)


def test_starting_requires_a_reason_and_the_password(show: Show, cast: Cast) -> None:
    screen = show("overview", cast.ada, org=cast.acme.public_id)
    (start,) = [button for button in screen.button if button.label == "Act as owner"]
    start.click().run()
    screen.text_input(key="act-as-owner.reason").set_value(WHY)
    screen.button(key="act-as-owner-submit").click().run()
    assert "That password isn" in words(screen)
    assert not may_edit(cast)
    screen.text_input(key="act-as-owner.password").set_value(PASSWORD)
    screen.button(key="act-as-owner-submit").click().run()
    assert may_edit(cast)
    assert "You are acting as an owner of Acme" in words(screen)
    assert ui.esc(WHY) in words(screen)


def test_every_page_of_the_organization_has_the_banner(show: Show, cast: Cast) -> None:
    db.run(impersonation.start, cast.ada, cast.acme.id, reason=WHY)
    for page in ORGANIZATION_PAGES:
        screen = show(page, cast.ada, org=cast.acme.public_id)
        assert "You are acting as an owner of Acme" in words(screen), page
    assert "You are acting" not in words(show("overview", cast.ada, org=cast.otto_ltd.public_id))
    screen.button(key="standing-in-end").click().run()
    assert "You are acting" not in words(screen)
    assert not may_edit(cast)


def test_an_ended_session_cannot_end_it(show: Show, cast: Cast) -> None:
    db.run(impersonation.start, cast.ada, cast.acme.id, reason=WHY)
    screen = show("overview", cast.ada, org=cast.acme.public_id)
    db.run(sessions.end_all, cast.ada.user_id, "ended elsewhere")
    screen.button(key="standing-in-end").click().run()
    assert [title.value for title in screen.title] == ["Log in"]
    assert may_edit(cast)


def test_others_have_no_button(show: Show, cast: Cast) -> None:
    for person in (cast.olga, cast.oda, cast.sam):
        screen = show("overview", person, org=cast.acme.public_id)
        assert "Act as owner" not in [button.label for button in screen.button]

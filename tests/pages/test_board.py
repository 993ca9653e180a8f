"""The board page: cards, the stuck list, and the menu of a card."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update
from streamlit.proto.Common_pb2 import StringTriggerValue
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

from core.base import clock
from core.database import db
from core.models import Move, Organization, Stage
from core.onboarding import onboarding, working_days
from core.onboarding.onboarding import Plan
from tests.pages.conftest import Show, words
from tests.support.cast import Cast

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


def choose(screen: AppTest, key: str, label: str) -> AppTest:
    """Choose from a menu button, which AppTest does not support."""
    menus = [menu.proto for menu in screen.get("menu_button")]
    menu = next(menu for menu in menus if menu.id.endswith(f"-{key}"))
    assert label in list(menu.options)
    states = screen._tree.get_widget_states()
    states.widgets.append(
        WidgetState(id=menu.id, string_trigger_value=StringTriggerValue(data=label))
    )
    return screen._run(states)


@pytest.fixture
def acme(cast: Cast) -> Organization:
    """Acme, in onboarding for long, with all checks open."""
    next_step = Plan(cast.sue.user_id, None, "Call *Olga*", working_days.today())
    db.run(onboarding.flag, cast.sam, [cast.acme.id], next_step)
    long_ago = clock.now() - timedelta(days=40)
    with db.Session(db.writing_engine()) as session, session.begin():
        session.execute(
            update(Organization)
            .where(Organization.id == cast.acme.id)
            .values(stage_entered_at=long_ago)
            .execution_options(unrecorded=True)
        )
    return cast.acme


def reload_acme(cast: Cast) -> Organization:
    with db.read() as session:
        return session.get_one(Organization, cast.acme.id)


def test_a_card_has_its_state(show: Show, cast: Cast, acme: Organization) -> None:
    screen = show("board", cast.sam)
    text = words(screen)
    assert "Call \\*Olga\\*" in text
    assert ":orange[:material/error: 5]" in text
    assert "**1 stuck**" in text
    assert "of 10 in onboarding" in text
    helped = [str(markdown.help) for markdown in screen.markdown]
    assert any("- Add a phone number" in text for text in helped)


def test_a_refusal_is_in_the_dialog_of_the_card(show: Show, cast: Cast, acme: Organization) -> None:
    screen = show("board", cast.sam)
    choose(screen, f"card-menu-{acme.id}", ":material/arrow_forward: Move to preproduction")
    screen.button(key="move-on-submit").click().run()
    assert "Not ready for preproduction yet\\. Open checks\\: Confirm the alert email" in words(
        screen
    )
    assert reload_acme(cast).stage is Stage.ONBOARDING


def test_a_card_moves_to_the_next_stage(show: Show, cast: Cast, acme: Organization) -> None:
    filled = {"alert_email": "a@x.io", "overview": "x", "sales_email": "b@x.io", "phone": "+1"}
    with db.Session(db.writing_engine()) as session, session.begin():
        session.execute(
            update(Organization)
            .where(Organization.id == acme.id)
            .values(website="https://x.io", **filled)
            .execution_options(unrecorded=True)
        )
    screen = show("board", cast.sam)
    choose(screen, f"card-menu-{acme.id}", ":material/arrow_forward: Move to preproduction")
    assert reload_acme(cast).stage is Stage.ONBOARDING
    assert "Owners are notified by email" in words(screen)
    screen.button(key="move-on-submit").click().run()
    assert reload_acme(cast).stage is Stage.PREPRODUCTION
    assert [toast.value for toast in screen.toast] == ["Acme moved to preproduction"]


def test_withdrawing_requires_a_reason(show: Show, cast: Cast, acme: Organization) -> None:
    screen = show("board", cast.sam)
    choose(screen, f"card-menu-{acme.id}", ":material/undo: Withdraw")
    screen.button(key="withdraw-submit").click().run()
    assert reload_acme(cast).stage is Stage.ONBOARDING
    screen.text_area(key="withdraw.reason").set_value("They asked for a break.")
    screen.button(key="withdraw-submit").click().run()
    assert reload_acme(cast).stage is Stage.FREE


def test_administrators_override(show: Show, cast: Cast, acme: Organization) -> None:
    assert "Override" not in str(show("board", cast.sam).main)
    screen = show("board", cast.ada)
    choose(screen, f"card-menu-{acme.id}", ":material/gavel: Override")
    screen.text_area(key="override.reason").set_value("The contract is signed.")
    screen.button(key="override-submit").click().run()
    with db.read() as session:
        move = session.scalars(select(Move).order_by(Move.id.desc())).first()
    assert move is not None
    assert (move.to_stage, move.is_override) == (Stage.PREPRODUCTION, True)


def test_a_stuck_organization_can_be_snoozed(show: Show, cast: Cast, acme: Organization) -> None:
    screen = show("board", cast.sam)
    choose(screen, f"stuck-snooze-{acme.id}", "In a week")
    assert reload_acme(cast).snoozed_until == working_days.today() + timedelta(days=7)
    assert "stuck" not in words(screen)


def test_a_request_has_its_note_and_can_be_flagged(show: Show, cast: Cast) -> None:
    db.run(onboarding.request, cast.olga, cast.acme.id, note="We *test* in spring.")
    screen = show("board", cast.sam, rep="mine")
    assert "We \\*test\\* in spring\\." in words(screen)
    choose(screen, f"card-menu-{cast.acme.id}", ":material/flag: Flag for onboarding")
    screen.text_input(key="flag.next_step").set_value("Call")
    screen.button(key="flag-submit").click().run()
    assert (reload_acme(cast).stage, reload_acme(cast).rep_id) == (
        Stage.ONBOARDING,
        cast.sam.user_id,
    )


def test_the_address_filters_the_board(show: Show, cast: Cast, acme: Organization) -> None:
    def menus(**query: str) -> list[str]:
        screen = show("board", cast.sam, **query)
        return [menu.proto.id for menu in screen.get("menu_button")]

    key = f"card-menu-{acme.id}"
    assert any(key in menu for menu in menus(rep=str(cast.sue.user_id), only="stuck"))
    assert not any(key in menu for menu in menus(rep="mine"))
    assert not any(key in menu for menu in menus(q="otto"))


def test_an_empty_column_says_why(show: Show, cast: Cast, acme: Organization) -> None:
    assert "No open requests" in words(show("board", cast.sam))
    for query in ({"rep": "mine"}, {"q": "otto"}):
        text = words(show("board", cast.sam, **query))
        assert "No matches" in text
        assert "No open requests" not in text


def test_ops_cannot_move_cards(show: Show, cast: Cast, acme: Organization) -> None:
    screen = show("board", cast.oda)
    assert "Call \\*Olga\\*" in words(screen)
    assert "Snooze" not in str(screen.main)


def test_members_cannot_open_the_board(show: Show, cast: Cast) -> None:
    assert show("board", cast.olga).title[0].value == "This page is for staff"

"""The board page: its cards, what can be done on them, and its filters."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update
from streamlit.testing.v1 import AppTest

from core.base import clock
from core.database import db
from core.models import Move, Organization, Stage
from core.onboarding import onboarding, working_days
from core.onboarding.onboarding import Plan
from core.staff import notes
from tests.pages.conftest import Show, unescaped, words
from tests.runs.work import run_to_end
from tests.support.boards import find_board
from tests.support.cast import Cast

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

FILLED = {
    "alert_email": "a@x.io",
    "overview": "x",
    "sales_email": "b@x.io",
    "phone": "+1",
    "website": "https://x.io",
}


def change_acme(cast: Cast, **values: object) -> None:
    with db.Session(db.writing_engine()) as session, session.begin():
        session.execute(
            update(Organization)
            .where(Organization.id == cast.acme.id)
            .values(**values)
            .execution_options(unrecorded=True)
        )


@pytest.fixture
def acme(cast: Cast) -> Organization:
    """Acme, in onboarding for long, with all checks open."""
    next_step = Plan(cast.sue.user_id, None, "Call *Olga*", working_days.today())
    db.run(onboarding.flag, cast.sam, [cast.acme.id], next_step)
    change_acme(cast, stage_entered_at=clock.now() - timedelta(days=40))
    return cast.acme


def reload_acme(cast: Cast) -> Organization:
    with db.read() as session:
        return session.get_one(Organization, cast.acme.id)


def refusal(screen: AppTest) -> str:
    refused = find_board(screen).sent["refused"]
    return refused["text"] if refused else ""


class TestCards:
    def test_a_card_says_who_what_next_and_how_far(
        self, show: Show, cast: Cast, acme: Organization
    ) -> None:
        board = find_board(show("board", cast.sam))
        card, column = board.cards[acme.id], board.column("onboarding")
        assert (card["name"], card["next"]) == ("Acme", "Call *Olga*")
        assert card["due"] == f"{working_days.today():%-d %b}"
        assert card["days"].endswith(" of 10")
        assert card["why"].endswith("of 10 in onboarding")
        assert (column["checks"], len(card["missing"])) == (5, 5)
        assert "Add a phone number" in card["missing"]
        assert "go" not in card
        assert (column["limit"], column["to"], column["note"]) == (10, "preproduction", "1 stuck")
        assert board.sent["people"][str(cast.sue.user_id)][0] == "Sue"

    def test_moving_on_is_offered_where_all_checks_hold(
        self, show: Show, cast: Cast, acme: Organization
    ) -> None:
        change_acme(cast, **FILLED)
        assert find_board(show("board", cast.sam)).cards[acme.id]["go"] == "Move on"
        assert "go" not in find_board(show("board", cast.oda)).cards[acme.id]

    def test_a_request_has_its_note(self, show: Show, cast: Cast) -> None:
        db.run(onboarding.request, cast.olga, cast.acme.id, note="We *test* in spring.")
        card = find_board(show("board", cast.sam, rep="mine")).cards[cast.acme.id]
        assert (card["quote"], card["days"], card["go"]) == (
            "We *test* in spring.",
            "Waiting 0 days",
            "Flag",
        )

    def test_the_chips_count_whatever_else_is_filtered(
        self, show: Show, cast: Cast, acme: Organization
    ) -> None:
        def chips(**query: str) -> dict[str, str]:
            sent = find_board(show("board", cast.sam, **query)).sent["chips"]
            return {chip["label"]: chip["number"] for chip in sent}

        assert chips() == {"Stuck": "1", "Ready to move": "0", "Due this week": "1"}
        assert chips(only="ready") == chips()
        assert chips(rep="mine") == {"Stuck": "0", "Ready to move": "0", "Due this week": "0"}
        assert set(chips(q="acme").values()) == {""}

    def test_an_empty_column_says_why(self, show: Show, cast: Cast, acme: Organization) -> None:
        def empty(**query: str) -> str:
            return find_board(show("board", cast.sam, **query)).column("preproduction")["empty"]

        assert empty() == empty(rep="mine") == "Nothing in preproduction yet"
        assert empty(q="otto") == empty(only="due") == "No matches"

    def test_production_is_a_link_to_its_organizations(self, show: Show, cast: Cast) -> None:
        rail = find_board(show("board", cast.sam, rep="mine")).column("production")
        assert rail["href"] == f"/organizations?stage=production&rep={cast.sam.user_id}"

    def test_all_of_a_column_are_edited_at_once(
        self, show: Show, cast: Cast, acme: Organization
    ) -> None:
        db.run(onboarding.flag, cast.sam, [cast.otto_ltd.id])
        board = find_board(show("board", cast.sue, rep="mine"))
        assert board.sent["canEditAll"]
        screen = board.ask("edit-all", 0, column="onboarding")
        assert "**1 organization**" in unescaped(screen)
        screen.selectbox(key="edit.next_step_mode").set_value("Set to").run()
        screen.text_input(key="edit.next_step").set_value("Call them").run()
        screen.button(key="edit-submit").click().run()
        screen.button(key="edit-confirm-submit").click().run()
        run_to_end()
        assert "**Edit next step** 1 of 1 organization." in unescaped(screen.run())
        assert reload_acme(cast).next_step == "Call them"

    def test_only_what_matches_is_edited(self, show: Show, cast: Cast, acme: Organization) -> None:
        db.run(onboarding.flag, cast.sam, [cast.otto_ltd.id])
        for query, number in (({"only": "stuck"}, 1), ({"q": "otto"}, 1), ({}, 2)):
            board = find_board(show("board", cast.sam, **query))
            screen = board.ask("edit-all", 0, column="onboarding")
            assert f"**{number} organization" in unescaped(screen)
        for column in ("nonsense", "preproduction"):
            screen = find_board(show("board", cast.sam)).ask("edit-all", 0, column=column)
            assert "edit-submit" not in [button.key for button in screen.button]

    def test_cards_lead_on_through_their_column(
        self, show: Show, cast: Cast, acme: Organization
    ) -> None:
        board = find_board(show("board", cast.sam))
        column = board.column("onboarding")
        assert board.cards[acme.id]["href"].startswith(f"/onboarding?org={acme.public_id}&at=")
        assert column["listQuery"] == "&list=stage%3Donboarding%26sort%3Dtime%2Bin%2Bstage"
        stuck = find_board(show("board", cast.sam, only="stuck"))
        ids = acme.public_id.removeprefix("ORG-")
        listed = stuck.column("onboarding")["listQuery"]
        assert listed == f"&list=page%3Dboard%26only%3Dstuck%26ids%3D{ids}"
        assert stuck.cards[acme.id]["href"] == f"/onboarding?org={acme.public_id}"

    def test_a_column_shows_more_when_asked(self, show: Show, cast: Cast) -> None:
        board = find_board(show("board", cast.sam))
        assert not board.ask("more", 0, column="onboarding").exception
        assert not board.ask("more", 0, column="nonsense").exception


class TestMoving:
    def test_a_refused_drop_says_why_on_the_card(
        self, show: Show, cast: Cast, acme: Organization
    ) -> None:
        screen = find_board(show("board", cast.sam)).ask("drop", acme.id, column="onboarding")
        assert find_board(screen).sent["refused"]["id"] == acme.id
        assert "Open checks: Confirm the alert email address" in refusal(screen)
        assert reload_acme(cast).stage is Stage.ONBOARDING
        assert refusal(find_board(screen).ask("look", acme.id)) == ""

    def test_a_drop_can_be_undone_beside_its_message(
        self, show: Show, cast: Cast, acme: Organization
    ) -> None:
        change_acme(cast, **FILLED)
        screen = find_board(show("board", cast.sam)).ask("drop", acme.id, column="onboarding")
        assert reload_acme(cast).stage is Stage.PREPRODUCTION
        assert "Saved." in unescaped(screen)
        screen.button(key="last-act-undo").click().run()
        screen.text_input(key="undo.reason").set_value("The wrong card.").run()
        screen.button(key="undo-save").click().run()
        assert reload_acme(cast).stage is Stage.ONBOARDING

    def test_a_ready_card_moves_as_it_is_dropped(
        self, show: Show, cast: Cast, acme: Organization
    ) -> None:
        change_acme(cast, **FILLED)
        screen = find_board(show("board", cast.sam)).ask("drop", acme.id, column="onboarding")
        assert reload_acme(cast).stage is Stage.PREPRODUCTION
        assert [toast.value for toast in screen.toast] == ["Acme moved to preproduction"]
        assert acme.id in {
            card["id"] for card in find_board(screen).column("preproduction")["cards"]
        }

    def test_the_button_asks_first(self, show: Show, cast: Cast, acme: Organization) -> None:
        change_acme(cast, **FILLED)
        screen = find_board(show("board", cast.sam)).ask("move", acme.id, column="onboarding")
        assert reload_acme(cast).stage is Stage.ONBOARDING
        assert "Owners are notified by email" in words(screen)
        screen.button(key="move-on-submit").click().run()
        assert reload_acme(cast).stage is Stage.PREPRODUCTION

    def test_a_drop_on_production_is_refused_where_checks_are_open(
        self, show: Show, cast: Cast, acme: Organization
    ) -> None:
        change_acme(cast, stage=Stage.PREPRODUCTION)
        screen = find_board(show("board", cast.sam)).ask("drop", acme.id, column="preproduction")
        assert "Add a second owner" in refusal(screen)

    def test_a_dropped_request_opens_the_form_that_flags_it(self, show: Show, cast: Cast) -> None:
        db.run(onboarding.request, cast.olga, cast.acme.id, note="")
        screen = find_board(show("board", cast.sam)).ask("drop", cast.acme.id, column="requested")
        screen.text_input(key="flag.next_step").set_value("Call")
        screen.button(key="flag-submit").click().run()
        org = reload_acme(cast)
        assert (org.stage, org.rep_id) == (Stage.ONBOARDING, cast.sam.user_id)

    def test_withdrawing_requires_a_reason(
        self, show: Show, cast: Cast, acme: Organization
    ) -> None:
        screen = find_board(show("board", cast.sam)).ask("withdraw", acme.id)
        screen.button(key="withdraw-submit").click().run()
        assert reload_acme(cast).stage is Stage.ONBOARDING
        screen.text_area(key="withdraw.reason").set_value("They asked for a break.")
        screen.button(key="withdraw-submit").click().run()
        assert reload_acme(cast).stage is Stage.FREE

    def test_administrators_override(self, show: Show, cast: Cast, acme: Organization) -> None:
        assert "override" not in find_board(show("board", cast.sam)).actions(acme.id)
        board = find_board(show("board", cast.ada))
        assert "override" in board.actions(acme.id)
        screen = board.ask("override", acme.id)
        screen.text_area(key="override.reason").set_value("The contract is signed.")
        screen.button(key="override-submit").click().run()
        with db.read() as session:
            move = session.scalars(select(Move).order_by(Move.id.desc())).first()
        assert move is not None
        assert (move.to_stage, move.is_override) == (Stage.PREPRODUCTION, True)


class TestPlanning:
    def test_the_next_step_is_edited_on_the_card(
        self, show: Show, cast: Cast, acme: Organization
    ) -> None:
        on = working_days.today() + timedelta(days=2)
        values = {"next_step": "Write", "next_step_on": on.isoformat(), "rep_id": cast.sam.user_id}
        screen = find_board(show("board", cast.sam)).ask("edit", acme.id, **values)
        org = reload_acme(cast)
        assert (org.next_step, org.next_step_on, org.rep_id) == ("Write", on, cast.sam.user_id)
        screen = find_board(screen).ask("edit", acme.id, **values | {"next_step": ""})
        assert "Describe the step that is due" in refusal(screen)

    def test_it_is_edited_in_the_quick_view_where_a_note_is_written_too(
        self, show: Show, cast: Cast, acme: Organization
    ) -> None:
        screen = find_board(show("board", cast.sam)).ask("look", acme.id)
        step, note = f"quick-step-{acme.id}", f"quick-note-{acme.id}"
        screen.text_input(key=f"{step}.next_step").set_value("Visit")
        screen.button(key=f"{step}-submit").click().run()
        assert reload_acme(cast).next_step == "Visit"
        assert screen.text_input(key=f"{step}.next_step.1").value == "Visit"
        screen.text_area(key=f"{note}.text").set_value("They call back.")
        screen.button(key=f"{note}-submit").click().run()
        with db.read() as session:
            (written,) = notes.list_about(session, cast.sam, acme.id, limit=2)
        assert (written.text, written.is_shared) == ("They call back.", False)

    def test_a_card_is_snoozed_and_woken(self, show: Show, cast: Cast, acme: Organization) -> None:
        board = find_board(show("board", cast.sam))
        assert "wake" not in board.actions(acme.id)
        board = find_board(board.ask("snooze", acme.id, days=7))
        assert reload_acme(cast).snoozed_until == working_days.today() + timedelta(days=7)
        assert "why" not in board.cards[acme.id]
        assert "snooze" not in board.actions(acme.id)
        board.ask("wake", acme.id)
        assert reload_acme(cast).snoozed_until is None

    def test_it_is_snoozed_until_any_date(self, show: Show, cast: Cast, acme: Organization) -> None:
        screen = find_board(show("board", cast.sam)).ask("snooze-until", acme.id)
        screen.button(key="snooze-submit").click().run()
        assert reload_acme(cast).snoozed_until == working_days.today() + timedelta(days=7)


def test_the_address_filters_the_board(show: Show, cast: Cast, acme: Organization) -> None:
    def has_acme(**query: str) -> bool:
        return acme.id in find_board(show("board", cast.sam, **query)).cards

    assert has_acme(rep=str(cast.sue.user_id), only="stuck")
    assert not has_acme(rep="mine")
    assert not has_acme(only="ready")
    assert not has_acme(q="otto")


def test_an_unknown_subset_is_refused(show: Show, cast: Cast) -> None:
    assert "available" in show("board", cast.sam, only="all").warning[0].value


@pytest.mark.parametrize(
    "asked",
    [
        {"action": "move", "column": "onboarding"},
        {"action": "drop", "column": "onboarding"},
        {"action": "snooze", "days": 3},
        {"action": "edit", "next_step": "x"},
        {"action": "withdraw"},
    ],
)
def test_ops_cannot_change_anything(
    show: Show, cast: Cast, acme: Organization, asked: dict[str, object]
) -> None:
    board = find_board(show("board", cast.oda))
    assert board.actions(acme.id) == []
    before = reload_acme(cast)
    board.ask(**{"org_id": acme.id} | asked)
    after = reload_acme(cast)
    assert (after.stage, after.snoozed_until, after.next_step, after.version) == (
        before.stage,
        before.snoozed_until,
        before.next_step,
        before.version,
    )


@pytest.mark.parametrize(
    "sent",
    [{"action": "erase"}, {"action": "snooze", "days": "x"}, {"action": "drop", "column": "x"}],
)
def test_what_is_not_offered_changes_nothing(
    show: Show, cast: Cast, acme: Organization, sent: dict[str, object]
) -> None:
    screen = find_board(show("board", cast.sam)).ask(**{"org_id": acme.id} | sent)
    assert not screen.exception
    assert reload_acme(cast).snoozed_until is None


def test_members_cannot_open_the_board(show: Show, cast: Cast) -> None:
    assert show("board", cast.olga).title[0].value == "This page is for staff"

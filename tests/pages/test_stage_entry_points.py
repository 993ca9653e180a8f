"""Every entry point to a stage applies the same gate: form, board, selection, run, command line.

An entry point yields once when it is open, so that a test can change the organization before it is
used, and then yields its response.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from core import manage
from core.access.permissions import Actor
from core.base import clock
from core.base.errors import DomainError
from core.base.settings import settings
from core.database import db
from core.models import Move, Organization, RunItem, Stage
from core.onboarding import onboarding, working_days
from core.onboarding.onboarding import Plan
from core.ops.run_types import RUN_TYPES
from core.runs import advance
from tests.pages.conftest import Show, unescaped
from tests.support.boards import find_board
from tests.support.cast import Cast, email
from tests.support.tables import find_table

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

FREE, ONBOARDING, PREPRODUCTION, PRODUCTION = Stage
FILLED = {
    "alert_email": "alarm@acme.example",
    "overview": "We heal.",
    "sales_email": "sales@acme.example",
    "phone": "+12125550123",
    "website": "https://acme.example",
}
REASON = "They asked for a break."
EntryPoint = Callable[[Show, Cast, Actor], Iterator[str]]


def change_acme(cast: Cast, **values: object) -> None:
    """Change Acme directly, without a use case."""
    with db.Session(db.writing_engine()) as session, session.begin():
        session.execute(
            update(Organization)
            .where(Organization.id == cast.acme.id)
            .values(**values)
            .execution_options(unrecorded=True)
        )


def reload_acme(cast: Cast) -> Organization:
    with db.read() as session:
        return session.get_one(Organization, cast.acme.id)


def moves(cast: Cast) -> list[Move]:
    with db.read() as session:
        return list(session.scalars(select(Move).where(Move.org_id == cast.acme.id)))


def command(*arguments: str) -> str:
    done = CliRunner().invoke(manage.app, arguments)
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done.output


def flag_by_form(show: Show, cast: Cast, who: Actor) -> Iterator[str]:
    screen = show("onboarding", who, org=cast.acme.public_id)
    yield ""
    yield unescaped(screen.button(key="flag-submit").click().run())


def flag_by_board(show: Show, cast: Cast, who: Actor) -> Iterator[str]:
    change_acme(cast, requested_at=clock.now())
    screen = find_board(show("board", who)).ask("flag", cast.acme.id)
    yield ""
    yield unescaped(screen.button(key="flag-submit").click().run())


def flag_by_bulk(show: Show, cast: Cast, who: Actor) -> Iterator[str]:
    table = find_table(show("organizations", who, q="acme"), "Organizations")
    screen = table.ask("flag", cast.acme.id)
    yield ""
    screen.button(key="flag-submit").click().run()
    yield what_runs_refused(screen)


def flag_by_run(show: Show, cast: Cast, who: Actor) -> Iterator[str]:
    table = find_table(show("organizations", who, q="acme"), "Organizations")
    screen = table.ask("flag", isAll=True)
    screen.button(key="flag-all-submit").click().run()
    yield ""
    yield what_runs_refused(screen)


def what_runs_refused(screen: AppTest) -> str:
    """Finish all runs, and return what the page says then, with their refusals."""
    while advance.run_due(RUN_TYPES):
        pass
    with db.read() as session:
        why = session.scalars(select(RunItem.why)).all()
    return " ".join([unescaped(screen.run()), *why])


def flag_by_command(show: Show, cast: Cast, who: Actor) -> Iterator[str]:
    yield ""
    yield command("flag", cast.acme.public_id, "--as", email(who))


FLAGS: dict[str, EntryPoint] = {
    "form": flag_by_form,
    "board": flag_by_board,
    "bulk": flag_by_bulk,
    "run": flag_by_run,
    "command line": flag_by_command,
}


def move_by_form(show: Show, cast: Cast, who: Actor) -> Iterator[str]:
    screen = show("onboarding", who, org=cast.acme.public_id)
    yield ""
    screen.button(key="move").click().run()
    yield unescaped(screen.button(key="move-on-submit").click().run())


def move_by_board(show: Show, cast: Cast, who: Actor) -> Iterator[str]:
    screen = show("board", who)
    yield ""
    screen = find_board(screen).ask("move", cast.acme.id, column="onboarding")
    yield unescaped(screen.button(key="move-on-submit").click().run())


def move_by_command(show: Show, cast: Cast, who: Actor) -> Iterator[str]:
    yield ""
    yield command("move", cast.acme.public_id, PREPRODUCTION, "--as", email(who))


def move_by_drop(show: Show, cast: Cast, who: Actor) -> Iterator[str]:
    board = find_board(show("board", who))
    yield ""
    refused = find_board(board.ask("drop", cast.acme.id, column="onboarding")).sent["refused"]
    yield refused["text"] if refused else ""


MOVES: dict[str, EntryPoint] = {
    "form": move_by_form,
    "board": move_by_board,
    "drop": move_by_drop,
    "command line": move_by_command,
}


def by_form(dialog: str) -> EntryPoint:
    def entry_point(show: Show, cast: Cast, who: Actor, reason: str = REASON) -> Iterator[str]:
        screen = show("onboarding", who, org=cast.acme.public_id)
        yield ""
        screen.button(key=f"open-{dialog}").click().run()
        screen.text_area(key=f"{dialog}.reason").set_value(reason)
        yield unescaped(screen.button(key=f"{dialog}-submit").click().run())

    return entry_point


def by_board(dialog: str) -> EntryPoint:
    def entry_point(show: Show, cast: Cast, who: Actor, reason: str = REASON) -> Iterator[str]:
        screen = show("board", who)
        yield ""
        screen = find_board(screen).ask(dialog, cast.acme.id)
        screen.text_area(key=f"{dialog}.reason").set_value(reason)
        yield unescaped(screen.button(key=f"{dialog}-submit").click().run())

    return entry_point


def by_command(*arguments: str) -> EntryPoint:
    def entry_point(show: Show, cast: Cast, who: Actor, reason: str = REASON) -> Iterator[str]:
        yield ""
        verb, *options = arguments
        given = ["--as", email(who), "--reason", reason]
        yield command(verb, cast.acme.public_id, *options, *given)

    return entry_point


WITHDRAWALS: dict[str, EntryPoint] = {
    "form": by_form("withdraw"),
    "board": by_board("withdraw"),
    "command line": by_command("withdraw", FREE),
}
OVERRIDES: dict[str, EntryPoint] = {
    "form": by_form("override"),
    "board": by_board("override"),
    "command line": by_command("move", PREPRODUCTION, "--override"),
}


def refusal(cast: Cast, to_stage: Stage, from_stage: Stage, **options: object) -> str:
    """Return the refusal of the use case itself."""
    with pytest.raises(DomainError) as refused:
        db.run(onboarding.move, cast.sam, cast.acme.id, to_stage, from_stage=from_stage, **options)
    return str(refused.value)


@pytest.mark.parametrize("name", FLAGS)
class TestFlag:
    def test_every_entry_point_flags_a_free_organization(
        self, show: Show, cast: Cast, name: str
    ) -> None:
        entry_point = FLAGS[name](show, cast, cast.sam)
        next(entry_point)
        next(entry_point)
        assert (reload_acme(cast).stage, reload_acme(cast).rep_id) == (ONBOARDING, cast.sam.user_id)
        assert len(moves(cast)) == 1

    def test_every_entry_point_refuses_after_another_rep_was_faster(
        self, show: Show, cast: Cast, name: str
    ) -> None:
        entry_point = FLAGS[name](show, cast, cast.sam)
        next(entry_point)
        db.run(onboarding.flag_one, cast.sue, cast.acme.id, Plan(cast.sue.user_id))
        response = next(entry_point)
        assert refusal(cast, ONBOARDING, FREE) in response
        assert (reload_acme(cast).stage, reload_acme(cast).rep_id) == (ONBOARDING, cast.sue.user_id)
        assert len(moves(cast)) == 1


@pytest.mark.parametrize("name", MOVES)
class TestMoveOn:
    @pytest.fixture(autouse=True)
    def flagged(self, cast: Cast) -> None:
        db.run(onboarding.flag_one, cast.sue, cast.acme.id)
        change_acme(cast, **FILLED)

    def test_every_entry_point_moves_an_organization_that_is_ready(
        self, show: Show, cast: Cast, name: str
    ) -> None:
        entry_point = MOVES[name](show, cast, cast.sam)
        next(entry_point)
        next(entry_point)
        assert reload_acme(cast).stage is PREPRODUCTION

    def test_every_entry_point_names_the_open_checks(
        self, show: Show, cast: Cast, name: str
    ) -> None:
        entry_point = MOVES[name](show, cast, cast.sam)
        next(entry_point)
        change_acme(cast, phone=None, alert_email=None)
        response = next(entry_point)
        sentence = refusal(cast, PREPRODUCTION, ONBOARDING)
        assert sentence.endswith("Confirm the alert email address; Add a phone number.")
        assert sentence in response
        assert reload_acme(cast).stage is ONBOARDING


@pytest.mark.parametrize("name", ["form", "board", "drop"])
def test_every_page_moves_from_the_displayed_stage_only(show: Show, cast: Cast, name: str) -> None:
    db.run(onboarding.flag_one, cast.sue, cast.acme.id)
    change_acme(cast, **FILLED)
    entry_point = MOVES[name](show, cast, cast.sam)
    next(entry_point)
    change_acme(cast, stage=PRODUCTION)
    assert refusal(cast, PREPRODUCTION, ONBOARDING) in next(entry_point)
    assert reload_acme(cast).stage is PRODUCTION


@pytest.mark.parametrize("name", ["form", "board"])
def test_a_dialog_is_about_the_stage_that_it_displayed(show: Show, cast: Cast, name: str) -> None:
    db.run(onboarding.flag_one, cast.sue, cast.acme.id)
    screen = show("onboarding", cast.sam, org=cast.acme.public_id)
    if name == "form":
        screen = screen.button(key="open-withdraw").click().run()
    else:
        screen = find_board(show("board", cast.sam)).ask("withdraw", cast.acme.id)
    change_acme(cast, stage=FREE)
    screen.text_area(key="withdraw.reason").set_value(REASON)
    response = unescaped(screen.button(key="withdraw-submit").click().run())
    assert refusal(cast, FREE, ONBOARDING, reason=REASON) in response
    assert len(moves(cast)) == 1


@pytest.mark.parametrize("name", WITHDRAWALS)
class TestWithdraw:
    @pytest.mark.parametrize("reason", ["", REASON])
    def test_every_entry_point_requires_a_reason(
        self, show: Show, cast: Cast, name: str, reason: str
    ) -> None:
        db.run(onboarding.flag_one, cast.sue, cast.acme.id)
        entry_point = WITHDRAWALS[name](show, cast, cast.sam, reason)
        next(entry_point)
        response = next(entry_point)
        assert reload_acme(cast).stage is (FREE if reason else ONBOARDING)
        if reason:
            assert moves(cast)[-1].reason == REASON
        else:
            assert refusal(cast, FREE, ONBOARDING, reason="") in response


@pytest.mark.parametrize("name", OVERRIDES)
class TestOverride:
    @pytest.mark.parametrize("reason", ["", REASON])
    def test_every_entry_point_requires_a_reason_and_marks_the_move(
        self, show: Show, cast: Cast, name: str, reason: str
    ) -> None:
        db.run(onboarding.flag_one, cast.sue, cast.acme.id)
        entry_point = OVERRIDES[name](show, cast, cast.ada, reason)
        next(entry_point)
        next(entry_point)
        assert reload_acme(cast).stage is (PREPRODUCTION if reason else ONBOARDING)
        assert [move.is_override for move in moves(cast)] == ([False, True] if reason else [False])
        page = show("onboarding", cast.olga, org=cast.acme.public_id)
        history = find_table(page, "Stage history")
        assert history.column("to_stage") == (
            [PREPRODUCTION, ONBOARDING] if reason else [ONBOARDING]
        )
        if reason:
            assert history.column("why")[0].startswith(reason)

    def test_no_entry_point_is_available_to_sales(self, show: Show, cast: Cast, name: str) -> None:
        db.run(onboarding.flag_one, cast.sue, cast.acme.id)
        entry_point = OVERRIDES[name](show, cast, cast.sam)
        next(entry_point)
        try:
            response = next(entry_point)
        except (KeyError, AssertionError):
            response = "You don't have permission: it is not even there"
        assert "have permission" in response
        assert reload_acme(cast).stage is ONBOARDING


def test_the_command_line_accepts_a_complete_plan(cast: Cast) -> None:
    today = working_days.today() + timedelta(days=7)
    response = command(
        *("flag", cast.acme.public_id, cast.otto_ltd.public_id, "--as", email(cast.sam)),
        *("--rep", email(cast.sue), "--target", str(today), "--next-step", "Call Olga"),
        *("--due", str(today), "--note", "Signed."),
    )
    assert response.splitlines() == ["Acme moved to onboarding.", "Otto Ltd moved to onboarding."]
    org = reload_acme(cast)
    assert (org.rep_id, org.target_on, org.next_step) == (cast.sue.user_id, today, "Call Olga")
    assert org.next_step_on == today
    assert moves(cast)[0].reason == "Signed."


def test_the_command_line_links_the_pages_that_fix_open_checks(cast: Cast) -> None:
    db.run(onboarding.flag_one, cast.sue, cast.acme.id)
    response = command("move", cast.acme.public_id, PREPRODUCTION, "--as", email(cast.sam))
    address = f"{settings().public_url}/profile?org={cast.acme.public_id}"
    assert f"  Add a phone number: {address}" in response.splitlines()


def test_the_command_line_has_the_rights_of_the_person_it_acts_for(cast: Cast) -> None:
    flag = ("flag", cast.acme.public_id, "--as")
    assert "doesn't exist, or you don't have access" in command(*flag, email(cast.otto))
    assert "You don't have permission to flag for onboarding" in command(*flag, email(cast.olga))
    assert "This person doesn't exist" in command(*flag, "nobody@example.com")

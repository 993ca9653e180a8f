"""The gate is the same behind every door: form, board, bulk, run and command line.

A door is opened, then the world may change, then somebody goes through: it yields in between, and
at the end what it said.
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
from core.models import Move, Organization, RunRefusal, Stage
from core.onboarding import bulk_flag, onboarding, working_days
from core.onboarding.onboarding import Plan
from tests.pages.conftest import Show
from tests.pages.test_board import choose
from tests.pages.test_organizations import select_rows
from tests.support.cast import Cast, email

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
Door = Callable[[Show, Cast, Actor], Iterator[str]]


def words(screen: AppTest) -> str:
    assert not screen.exception
    told = [part.value for part in [*screen.markdown, *screen.toast]]
    return " ".join(told).replace("\\", "").replace("\u2060", "")


def put(cast: Cast, **values: object) -> None:
    """Set Acme as a test needs it, past all use cases."""
    with db.Session(db.writing_engine()) as session, session.begin():
        session.execute(
            update(Organization)
            .where(Organization.id == cast.acme.id)
            .values(**values)
            .execution_options(unrecorded=True)
        )


def now(cast: Cast) -> Organization:
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
    yield words(screen.button(key="flag-submit").click().run())


def flag_by_board(show: Show, cast: Cast, who: Actor) -> Iterator[str]:
    put(cast, requested_at=clock.now())
    screen = choose(
        show("board", who), f"card-menu-{cast.acme.id}", ":material/flag: Flag for onboarding"
    )
    yield ""
    yield words(screen.button(key="flag-submit").click().run())


def flag_by_bulk(show: Show, cast: Cast, who: Actor) -> Iterator[str]:
    screen = select_rows(show("organizations", who, q="acme"), [0])
    screen.button(key="flag-organizations").click().run()
    yield ""
    yield words(screen.button(key="flag-submit").click().run())


def flag_by_run(show: Show, cast: Cast, who: Actor) -> Iterator[str]:
    screen = show("organizations", who, q="acme")
    screen.button(key="flag-all-organizations").click().run()
    screen.button(key="flag-all-submit").click().run()
    yield ""
    while bulk_flag.run_due():
        pass
    with db.read() as session:
        why = session.scalars(select(RunRefusal.why)).all()
    yield " ".join([words(screen.run()), *why])


def flag_by_command(show: Show, cast: Cast, who: Actor) -> Iterator[str]:
    yield ""
    yield command("flag", cast.acme.public_id, "--as", email(who))


FLAGS: dict[str, Door] = {
    "form": flag_by_form,
    "board": flag_by_board,
    "bulk": flag_by_bulk,
    "run": flag_by_run,
    "command line": flag_by_command,
}


def move_by_form(show: Show, cast: Cast, who: Actor) -> Iterator[str]:
    screen = show("onboarding", who, org=cast.acme.public_id)
    yield ""
    yield words(screen.button(key="move").click().run())


def move_by_board(show: Show, cast: Cast, who: Actor) -> Iterator[str]:
    screen = show("board", who)
    yield ""
    next_stage = ":material/arrow_forward: Move to preproduction"
    yield words(choose(screen, f"card-menu-{cast.acme.id}", next_stage))


def move_by_command(show: Show, cast: Cast, who: Actor) -> Iterator[str]:
    yield ""
    yield command("move", cast.acme.public_id, PREPRODUCTION, "--as", email(who))


MOVES: dict[str, Door] = {
    "form": move_by_form,
    "board": move_by_board,
    "command line": move_by_command,
}


def by_form(dialog: str) -> Door:
    def door(show: Show, cast: Cast, who: Actor, reason: str = REASON) -> Iterator[str]:
        screen = show("onboarding", who, org=cast.acme.public_id)
        yield ""
        screen.button(key=f"open-{dialog}").click().run()
        screen.text_area(key=f"{dialog}.reason").set_value(reason)
        yield words(screen.button(key=f"{dialog}-submit").click().run())

    return door


def by_board(dialog: str, label: str) -> Door:
    def door(show: Show, cast: Cast, who: Actor, reason: str = REASON) -> Iterator[str]:
        screen = show("board", who)
        yield ""
        screen = choose(screen, f"card-menu-{cast.acme.id}", label)
        screen.text_area(key=f"{dialog}.reason").set_value(reason)
        yield words(screen.button(key=f"{dialog}-submit").click().run())

    return door


def by_command(*arguments: str) -> Door:
    def door(show: Show, cast: Cast, who: Actor, reason: str = REASON) -> Iterator[str]:
        yield ""
        verb, *options = arguments
        given = ["--as", email(who), "--reason", reason]
        yield command(verb, cast.acme.public_id, *options, *given)

    return door


WITHDRAWALS: dict[str, Door] = {
    "form": by_form("withdraw"),
    "board": by_board("withdraw", ":material/undo: Withdraw"),
    "command line": by_command("withdraw", FREE),
}
OVERRIDES: dict[str, Door] = {
    "form": by_form("override"),
    "board": by_board("override", ":material/gavel: Override"),
    "command line": by_command("move", PREPRODUCTION, "--override"),
}


def refusal(cast: Cast, to: Stage, shown: Stage, **options: object) -> str:
    """Return what the gate itself says."""
    with pytest.raises(DomainError) as refused:
        db.run(onboarding.move, cast.sam, cast.acme.id, to, from_stage=shown, **options)
    return str(refused.value)


@pytest.mark.parametrize("name", FLAGS)
class TestFlag:
    def test_every_door_lets_a_free_one_in(self, show: Show, cast: Cast, name: str) -> None:
        door = FLAGS[name](show, cast, cast.sam)
        next(door)
        next(door)
        assert (now(cast).stage, now(cast).rep_id) == (ONBOARDING, cast.sam.user_id)
        assert len(moves(cast)) == 1

    def test_every_door_is_shut_when_somebody_else_was_quicker(
        self, show: Show, cast: Cast, name: str
    ) -> None:
        door = FLAGS[name](show, cast, cast.sam)
        next(door)
        db.run(onboarding.flag_one, cast.sue, cast.acme.id, Plan(cast.sue.user_id))
        said = next(door)
        assert refusal(cast, ONBOARDING, FREE) in said
        assert (now(cast).stage, now(cast).rep_id) == (ONBOARDING, cast.sue.user_id)
        assert len(moves(cast)) == 1


@pytest.mark.parametrize("name", MOVES)
class TestMoveOn:
    @pytest.fixture(autouse=True)
    def flagged(self, cast: Cast) -> None:
        db.run(onboarding.flag_one, cast.sue, cast.acme.id)
        put(cast, **FILLED)

    def test_every_door_lets_through_what_is_ready(self, show: Show, cast: Cast, name: str) -> None:
        door = MOVES[name](show, cast, cast.sam)
        next(door)
        next(door)
        assert now(cast).stage is PREPRODUCTION

    def test_every_door_says_what_is_missing(self, show: Show, cast: Cast, name: str) -> None:
        door = MOVES[name](show, cast, cast.sam)
        next(door)
        put(cast, phone=None, alert_email=None)
        said = next(door)
        sentence = refusal(cast, PREPRODUCTION, ONBOARDING)
        assert sentence.endswith("Confirm the alert email address; Add a phone number.")
        assert sentence in said
        assert now(cast).stage is ONBOARDING


@pytest.mark.parametrize("name", ["form", "board"])
def test_every_door_on_a_screen_moves_from_the_stage_that_was_shown_only(
    show: Show, cast: Cast, name: str
) -> None:
    db.run(onboarding.flag_one, cast.sue, cast.acme.id)
    put(cast, **FILLED)
    door = MOVES[name](show, cast, cast.sam)
    next(door)
    put(cast, stage=PRODUCTION)
    assert refusal(cast, PREPRODUCTION, ONBOARDING) in next(door)
    assert now(cast).stage is PRODUCTION


@pytest.mark.parametrize("name", ["form", "board"])
def test_a_dialog_on_a_screen_is_about_the_stage_that_it_showed(
    show: Show, cast: Cast, name: str
) -> None:
    db.run(onboarding.flag_one, cast.sue, cast.acme.id)
    screen = show("onboarding", cast.sam, org=cast.acme.public_id)
    if name == "form":
        screen = screen.button(key="open-withdraw").click().run()
    else:
        label = ":material/undo: Withdraw"
        screen = choose(show("board", cast.sam), f"card-menu-{cast.acme.id}", label)
    put(cast, stage=FREE)
    screen.text_area(key="withdraw.reason").set_value(REASON)
    said = words(screen.button(key="withdraw-submit").click().run())
    assert refusal(cast, FREE, ONBOARDING, reason=REASON) in said
    assert len(moves(cast)) == 1


@pytest.mark.parametrize("name", WITHDRAWALS)
class TestWithdraw:
    @pytest.mark.parametrize("reason", ["", REASON])
    def test_every_door_asks_for_the_reason(
        self, show: Show, cast: Cast, name: str, reason: str
    ) -> None:
        db.run(onboarding.flag_one, cast.sue, cast.acme.id)
        door = WITHDRAWALS[name](show, cast, cast.sam, reason)
        next(door)
        said = next(door)
        assert now(cast).stage is (FREE if reason else ONBOARDING)
        if reason:
            assert moves(cast)[-1].reason == REASON
        else:
            assert refusal(cast, FREE, ONBOARDING, reason="") in said


@pytest.mark.parametrize("name", OVERRIDES)
class TestOverride:
    @pytest.mark.parametrize("reason", ["", REASON])
    def test_every_door_asks_for_the_reason_and_marks_the_move(
        self, show: Show, cast: Cast, name: str, reason: str
    ) -> None:
        db.run(onboarding.flag_one, cast.sue, cast.acme.id)
        door = OVERRIDES[name](show, cast, cast.ada, reason)
        next(door)
        next(door)
        assert now(cast).stage is (PREPRODUCTION if reason else ONBOARDING)
        assert [move.is_override for move in moves(cast)] == ([False, True] if reason else [False])

    def test_no_door_is_open_for_sales(self, show: Show, cast: Cast, name: str) -> None:
        db.run(onboarding.flag_one, cast.sue, cast.acme.id)
        door = OVERRIDES[name](show, cast, cast.sam)
        next(door)
        try:
            said = next(door)
        except (KeyError, AssertionError):
            said = "You don't have permission: it is not even there"
        assert "have permission" in said
        assert now(cast).stage is ONBOARDING


def test_the_command_line_takes_a_whole_plan(cast: Cast) -> None:
    today = working_days.today() + timedelta(days=7)
    said = command(
        *("flag", cast.acme.public_id, cast.otto_ltd.public_id, "--as", email(cast.sam)),
        *("--rep", email(cast.sue), "--target", str(today), "--next-step", "Call Olga"),
        *("--due", str(today), "--note", "Signed."),
    )
    assert said.splitlines() == ["Acme moved to onboarding.", "Otto Ltd moved to onboarding."]
    org = now(cast)
    assert (org.rep_id, org.target_on, org.next_step) == (cast.sue.user_id, today, "Call Olga")
    assert org.next_step_on == today
    assert moves(cast)[0].reason == "Signed."


def test_the_command_line_says_where_what_is_missing_is_mended(cast: Cast) -> None:
    db.run(onboarding.flag_one, cast.sue, cast.acme.id)
    said = command("move", cast.acme.public_id, PREPRODUCTION, "--as", email(cast.sam))
    address = f"{settings().public_url}/profile?org={cast.acme.public_id}"
    assert f"  Add a phone number: {address}" in said.splitlines()


def test_the_command_line_knows_no_more_than_who_it_acts_for(cast: Cast) -> None:
    flag = ("flag", cast.acme.public_id, "--as")
    assert "doesn't exist, or you don't have access" in command(*flag, email(cast.otto))
    assert "You don't have permission to flag for onboarding" in command(*flag, email(cast.olga))
    assert "This person doesn't exist" in command(*flag, "nobody@example.com")

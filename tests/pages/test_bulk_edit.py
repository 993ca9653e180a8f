"""Bulk edit on the Organizations page, and the list of runs with its undo."""

import pytest
from sqlalchemy import func, select
from streamlit.testing.v1 import AppTest

from core.access.permissions import Actor
from core.accounts import drafts
from core.changes import run_undo
from core.database import db
from core.members import account_access
from core.models import Organization, Run, RunStatus, Stage
from core.onboarding import bulk_flag, onboarding
from core.onboarding.onboarding import Plan
from core.organizations.filters import Filters
from core.runs import runs
from core.runs.items import Selection
from pages.parts.organizations import bulk_edit
from tests.pages.conftest import Show, unescaped
from tests.runs.work import finish, run_to_end
from tests.support.cast import Cast
from tests.support.tables import find_table

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

ALL = Selection((), Filters())


@pytest.fixture
def edit(show: Show, cast: Cast) -> AppTest:
    """Sam's dialog about all organizations; Acme has a rep."""
    db.run(onboarding.plan, cast.sam, cast.acme.id, Plan(cast.sam.user_id))
    return open_edit(show, cast.sam)


def open_edit(show: Show, actor: Actor) -> AppTest:
    return find_table(show("organizations", actor), "Organizations").ask("edit", isAll=True)


def choose(screen: AppTest, field: str, mode: str = bulk_edit.SET) -> AppTest:
    return screen.selectbox(key=f"edit.{field}_mode").set_value(mode).run()


def preview(screen: AppTest) -> str:
    return unescaped(screen.button(key="edit-submit").click().run())


def reps() -> list[int | None]:
    with db.read() as session:
        return list(session.scalars(select(Organization.rep_id).order_by(Organization.id)))


def flag_all(cast: Cast) -> Run:
    run = db.run(bulk_flag.start, cast.sam, ALL, Plan(), expected=2)
    run_to_end()
    return run


class TestEdit:
    def test_each_offers_the_fields_of_the_single_edit(self, show: Show, cast: Cast) -> None:
        for actor, fields in (
            (cast.oda, "sales_email"),
            (cast.sam, "rep_id"),
            (cast.ada, "alerts_off"),
        ):
            shown = {box.key for box in open_edit(show, actor).selectbox}
            assert f"edit.{fields}_mode" in shown
            assert ("edit.rep_id_mode" in shown) == (actor != cast.oda)
            assert ("edit.phone_mode" in shown) == (actor != cast.sam)

    def test_it_shows_what_they_have_now(self, edit: AppTest) -> None:
        seen = unescaped(edit)
        assert "**2 organizations**" in seen
        assert "Sam, 1 empty" in seen
        assert "Free" in seen

    def test_a_preview_is_confirmed(self, edit: AppTest, cast: Cast) -> None:
        choose(edit, "rep_id").selectbox(key="edit.rep_id").set_value(cast.sue.user_id).run()
        seen = preview(edit)
        assert "Sales rep → Sue: changes in **2**" in seen
        assert reps() == [cast.sam.user_id, None]
        edit.button(key="edit-confirm-submit").click().run()
        run_to_end()
        assert "**Edit sales rep** 2 of 2 organizations." in unescaped(edit.run())
        assert reps() == [cast.sue.user_id] * 2

    def test_what_was_chosen_for_a_selection_is_kept_for_this_one_alone(
        self, show: Show, cast: Cast
    ) -> None:
        form = f"edit {ALL.digest}"
        for field, text in (("target_on_mode", bulk_edit.CLEAR), ("stage_mode", "Nothing")):
            db.run(drafts.keep, cast.sam, form, field, text, original=bulk_edit.LEAVE)
        screen = open_edit(show, cast.sam)
        assert screen.selectbox(key="edit.target_on_mode").value == bulk_edit.CLEAR
        assert screen.selectbox(key="edit.stage_mode").value == bulk_edit.LEAVE
        table = find_table(show("organizations", cast.sam), "Organizations")
        other = table.ask("edit", cast.acme.id)
        assert other.selectbox(key="edit.target_on_mode").value == bulk_edit.LEAVE

    def test_one_can_go_back_from_the_preview(self, edit: AppTest, cast: Cast) -> None:
        choose(edit, "next_step").text_input(key="edit.next_step").set_value("Call").run()
        preview(edit)
        edit.button(key="edit-back").click().run()
        assert edit.text_input(key="edit.next_step").value == "Call"

    def test_errors_are_beside_their_fields(self, edit: AppTest) -> None:
        assert "Choose at least one field to change." in preview(edit)
        choose(edit, "next_step")
        assert "Enter a value, or choose Clear." in preview(edit)

    def test_refusals_are_shown_before(self, edit: AppTest) -> None:
        choose(edit, "stage").selectbox(key="edit.stage").set_value(Stage.PRODUCTION).run()
        edit.text_input(key="edit.reason").set_value("They are live.").run()
        seen = preview(edit)
        assert "2 of the first 2 would be refused." in seen
        assert "This organization is in free now" in seen

    def test_a_large_number_is_typed(self, edit: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bulk_edit, "TYPED_ABOVE", 1)
        choose(edit, "target_on", bulk_edit.CLEAR)
        preview(edit)
        edit.text_input(key="edit-confirm.shown").set_value("3")
        seen = unescaped(edit.button(key="edit-confirm-submit").click().run())
        assert "Enter 2, the number of organizations" in seen
        edit.text_input(key="edit-confirm.shown").set_value(" 2 ")
        edit.button(key="edit-confirm-submit").click().run()
        with db.read() as session:
            going = session.scalars(select(func.count()).where(Run.status == RunStatus.GOING))
            assert going.one() == 1


class TestHandOver:
    """All organizations of a sales rep go to another one, and back."""

    @pytest.fixture
    def _of_sam(self, cast: Cast) -> None:
        for org in (cast.acme, cast.otto_ltd):
            db.run(onboarding.plan, cast.sam, org.id, Plan(cast.sam.user_id, next_step="Call"))

    def confirm(self, screen: AppTest, cast: Cast, number: int) -> AppTest:
        """Choose Sue in the open dialog, look at the preview and confirm it."""
        name = f"hand-over-{cast.sam.user_id}.rep_id"
        assert f"**{number} organization" in unescaped(screen)
        assert "Sam" not in screen.selectbox(key=name).options
        screen.selectbox(key=name).set_value(cast.sue.user_id).run()
        screen.button(key="hand-over-submit").click().run()
        assert f"Sales rep → Sue: changes in **{number}**" in unescaped(screen)
        return screen.button(key="edit-confirm-submit").click().run()

    @pytest.mark.usefixtures("_of_sam")
    def test_it_starts_at_a_person_and_is_undone_there(self, show: Show, cast: Cast) -> None:
        db.run(account_access.set_staff, cast.ada, cast.sam.user_id, None)
        screen = show("people", cast.ada)
        screen.session_state["dialog"] = ("person", cast.sam.user_id)
        button = screen.run().button(key="hand-over")
        assert button.label == "Hand over 2 organizations"
        self.confirm(button.click().run(), cast, 2)
        run_to_end()
        assert reps() == [cast.sue.user_id] * 2
        screen.run()
        screen.button(key="undo-1").click().run()
        assert "**Will be put back (2)**" in unescaped(screen)
        screen.button(key="undo-run-submit").click().run()
        run_to_end()
        assert reps() == [cast.sam.user_id] * 2

    @pytest.mark.usefixtures("_of_sam")
    def test_it_starts_at_organizations_of_one_rep(self, show: Show, cast: Cast) -> None:
        db.run(onboarding.flag, cast.sam, [cast.acme.id], Plan(cast.sam.user_id))
        address = {"rep": str(cast.sam.user_id), "stage": "onboarding"}
        screen = show("organizations", cast.sue, **address)
        self.confirm(screen.button(key="hand-over").click().run(), cast, 1)
        run_to_end()
        assert reps() == [cast.sue.user_id, cast.sam.user_id]

    @pytest.mark.usefixtures("_of_sam")
    def test_it_is_offered_where_there_is_something_to_hand_over(
        self, show: Show, cast: Cast
    ) -> None:
        of_sam = {"rep": str(cast.sam.user_id)}
        for who, address in ((cast.oda, of_sam), (cast.sue, {}), (cast.sue, {"rep": "0"})):
            shown = [button.key for button in show("organizations", who, **address).button]
            assert "hand-over" not in shown
        screen = show("people", cast.ada)
        screen.session_state["dialog"] = ("person", cast.mia.user_id)
        assert "hand-over" not in [button.key for button in screen.run().button]

    @pytest.mark.usefixtures("_of_sam")
    def test_a_sales_rep_is_asked_for(self, show: Show, cast: Cast) -> None:
        screen = show("organizations", cast.sue, rep=str(cast.sam.user_id))
        screen.button(key="hand-over").click().run()
        screen.button(key="hand-over-submit").click().run()
        assert "Choose a sales rep." in unescaped(screen)


class TestRuns:
    def test_a_run_is_undone_from_its_card(self, show: Show, cast: Cast) -> None:
        run = flag_all(cast)
        screen = show("organizations", cast.sam)
        screen.button(key=f"undo-{run.id}").click().run()
        assert "**Will be put back (2)**" in unescaped(screen)
        screen.button(key="undo-run-submit").click().run()
        run_to_end()
        seen = unescaped(screen.run())
        assert "Undone by run 2" in seen
        assert f"**Undo run {run.id}** 2 of 2 changes." in seen
        with db.read() as session:
            assert set(session.scalars(select(Organization.stage))) == {Stage.FREE}

    def test_what_was_changed_since_is_named_before(self, show: Show, cast: Cast) -> None:
        run = flag_all(cast)
        to = Stage.PREPRODUCTION
        db.run(
            onboarding.move,
            cast.ada,
            cast.acme.id,
            to,
            from_stage=Stage.ONBOARDING,
            reason="They are ready.",
            override=True,
        )
        screen = show("organizations", cast.sam)
        screen.button(key=f"undo-{run.id}").click().run()
        seen = unescaped(screen)
        assert "**Will be put back (1)**" in seen
        assert "**Changed since (1)**" in seen
        assert "Stage was changed since, by Ada," in seen

    def test_all_staff_see_the_list(self, show: Show, cast: Cast) -> None:
        db.run(onboarding.flag, cast.sue, [cast.acme.id])
        run = flag_all(cast)
        table = find_table(show("runs", cast.oda), "Runs")
        assert (table.column("what"), table.column("who")) == (["Flag for onboarding"], ["Sam"])
        assert table.column("progress") == ["1 of 2 organizations, 1 refused"]
        screen = table.ask("look", run.id)
        seen = unescaped(screen)
        assert "**Refused (1)**" in seen
        assert "This organization is in onboarding now" in seen
        assert [button.label for button in screen.get("download_button")] == [
            "Download refused rows (1)"
        ]

    def test_an_undone_run_says_so(self, show: Show, cast: Cast) -> None:
        run = flag_all(cast)
        plan = db.run(run_undo.propose, cast.sam, run.id, reason="A mistake.")
        finish(cast.sam, plan.run)
        table = find_table(show("runs", cast.sam), "Runs")
        assert table.column("state") == ["ended", "undone"]
        assert "Undone by run 2" in unescaped(table.ask("look", run.id))

    def test_a_run_is_cancelled_and_resumed_there(self, show: Show, cast: Cast) -> None:
        run = db.run(bulk_flag.start, cast.sam, ALL, Plan(), expected=2)
        screen = find_table(show("runs", cast.ada), "Runs").ask("look", run.id)
        screen.button(key="run-cancel").click().run()
        screen = find_table(screen, "Runs").ask("look", run.id)
        assert "Cancelled by Ada." in unescaped(screen)
        screen.button(key="run-resume").click().run()
        with db.read() as session:
            assert runs.get(session, cast.ada, run.id).status is RunStatus.GOING

    def test_it_is_for_staff(self, show: Show, cast: Cast) -> None:
        assert "This page is for staff" in unescaped(show("runs", cast.olga))

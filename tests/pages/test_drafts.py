"""Forms are filled with what their person typed before, and never overwrite others by it."""

from datetime import timedelta

import pytest
from streamlit.testing.v1 import AppTest

from core.access.permissions import Actor
from core.accounts import drafts
from core.database import db
from core.members import membership_rows
from core.models import Organization, Role
from core.onboarding import onboarding, working_days
from core.profile import profile
from tests.pages.conftest import Show
from tests.support.cast import Cast
from tests.support.tables import find_table

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


def type_before(person: Actor, form: str, original: str = "", **texts: str) -> None:
    """Do what the browser does while somebody types."""
    for field, text in texts.items():
        db.run(drafts.keep, person, form, field, text, original=original)


def kept(person: Actor) -> dict[str, dict[str, str]]:
    with db.read() as session:
        found = drafts.list_drafts(session, person)
    return {form: draft.texts for form, draft in found.items()}


def phone_of(cast: Cast) -> str | None:
    with db.read() as session:
        return session.get_one(Organization, cast.acme.id).phone


class TestProfile:
    @pytest.fixture
    def screen(self, show: Show, cast: Cast) -> AppTest:
        type_before(cast.olga, f"profile {cast.acme.public_id}", phone="+1 507 284 2511")
        return show("profile", cast.olga, org=cast.acme.public_id)

    def test_what_was_typed_is_there_and_marked_as_changed(self, screen: AppTest) -> None:
        assert screen.text_input(key="profile.phone").value == "+1 507 284 2511"
        assert ":gray-badge[Phone]" in "".join(each.value for each in screen.markdown)

    def test_saving_ends_the_draft(self, screen: AppTest, cast: Cast) -> None:
        screen.button(key="profile-submit").click().run()
        assert phone_of(cast) == "+15072842511"
        assert kept(cast.olga) == {}

    def test_a_refused_save_keeps_it(self, screen: AppTest, cast: Cast) -> None:
        screen.text_input(key="profile.website").set_value("no website").run()
        screen.button(key="profile-submit").click().run()
        assert phone_of(cast) is None
        assert set(kept(cast.olga)) == {f"profile {cast.acme.public_id}"}

    def test_discarding_ends_it(self, screen: AppTest, cast: Cast) -> None:
        screen.button(key="profile-discard").click().run()
        assert next(f for f in screen.text_input if f.label == "Phone").value == ""
        assert kept(cast.olga) == {}

    def test_it_does_not_overwrite_what_others_have_saved_since(
        self, show: Show, cast: Cast
    ) -> None:
        type_before(cast.olga, f"profile {cast.acme.public_id}", phone="+1 507 284 2511")
        db.run(profile.save, cast.olga, cast.acme.id, {"phone": ""}, {"phone": "+1 212 555 0100"})
        screen = show("profile", cast.olga, org=cast.acme.public_id)
        screen.button(key="profile-submit").click().run()
        assert [radio.label for radio in screen.radio] == ["Phone"]
        assert phone_of(cast) == "+12125550100"
        screen.radio[0].set_value("Theirs").run()
        screen.button(key="profile-submit").click().run()
        assert phone_of(cast) == "+12125550100"
        assert kept(cast.olga) == {}

    def test_it_is_for_this_person_and_this_organization_alone(
        self, screen: AppTest, show: Show, cast: Cast
    ) -> None:
        with db.Session(db.writing_engine()) as session, session.begin():
            membership_rows.make(session, cast.otto_ltd, cast.olga.user_id or 0, Role.OWNER)
            membership_rows.make(session, cast.acme, cast.otto.user_id or 0, Role.OWNER)
        others = show("profile", cast.olga, org=cast.otto_ltd.public_id)
        assert others.text_input(key="profile.phone").value == ""
        ottos = show("profile", cast.otto, org=cast.acme.public_id)
        assert ottos.text_input(key="profile.phone").value == ""


class TestDialog:
    @pytest.fixture
    def dialog(self, show: Show, cast: Cast) -> AppTest:
        db.run(onboarding.flag_one, cast.sam, cast.acme.id)
        form = f"withdraw {cast.acme.public_id}"
        type_before(cast.sam, form, reason="They asked for a break.")
        screen = show("onboarding", cast.sam, org=cast.acme.public_id)
        return screen.button(key="open-withdraw").click().run()

    def test_a_form_in_a_dialog_is_filled_as_well(self, dialog: AppTest, cast: Cast) -> None:
        assert dialog.text_area(key="withdraw.reason").value == "They asked for a break."
        dialog.button(key="withdraw-submit").click().run()
        assert kept(cast.sam) == {}

    def test_cancel_closes_it_and_ends_the_draft(self, dialog: AppTest, cast: Cast) -> None:
        dialog.button(key="withdraw-cancel").click().run()
        assert "withdraw-submit" not in [button.key for button in dialog.button]
        assert kept(cast.sam) == {}

    @pytest.mark.parametrize(("person", "typed"), [("mia", "She retired."), ("adam", "")])
    def test_what_was_typed_about_a_row_is_for_this_row_alone(
        self, show: Show, cast: Cast, person: str, typed: str
    ) -> None:
        form = f"remove {cast.acme.public_id} {cast.mia.user_id}"
        type_before(cast.olga, form, reason="She retired.")
        screen = show("members", cast.olga, org=cast.acme.public_id)
        find_table(screen, "Active users").ask("quick-view", getattr(cast, person).user_id)
        screen.button(key="remove").click().run()
        assert screen.text_input(key="remove.reason").value == typed

    def test_what_was_typed_about_several_is_for_them_alone(self, show: Show, cast: Cast) -> None:
        shared = f"change-roles {cast.acme.public_id}"
        for form in (shared, f"{shared} {cast.adam.user_id}"):
            type_before(cast.olga, form, reason="They lead now.")
        both = cast.adam.user_id, cast.mia.user_id
        for people, typed in ((both, ""), (both[:1], "They lead now.")):
            screen = show("members", cast.olga, org=cast.acme.public_id)
            find_table(screen, "Active users").ask("change-roles", *people)
            assert screen.text_input(key="change-roles.reason").value == typed


class TestChoices:
    """What was chosen is kept like what was typed, and is never more than could be chosen now."""

    def open_flag(self, show: Show, cast: Cast, **texts: str) -> AppTest:
        type_before(cast.sam, f"flag {cast.acme.public_id}", original="?", **texts)
        return show("onboarding", cast.sam, org=cast.acme.public_id)

    def test_choices_and_dates_are_there_and_are_saved(self, show: Show, cast: Cast) -> None:
        due = working_days.today() + timedelta(days=9)
        screen = self.open_flag(show, cast, rep_id="Sue", target_on=due.isoformat()).run()
        assert screen.selectbox(key="flag.rep_id").value == cast.sue.user_id
        assert screen.date_input(key="flag.target_on").value == due
        screen.button(key="flag-submit").click().run()
        with db.read() as session:
            acme = session.get_one(Organization, cast.acme.id)
            assert (acme.rep_id, acme.target_on) == (cast.sue.user_id, due)
        assert kept(cast.sam) == {}

    @pytest.mark.parametrize(
        "text", ["Olga", "", "0", "null", "[]", "9999-99-99", "0001-01-01", "Sam\n" * 3000]
    )
    def test_what_could_not_be_chosen_is_ignored(self, show: Show, cast: Cast, text: str) -> None:
        screen = self.open_flag(show, cast, rep_id=text, target_on=text)
        assert not screen.exception
        assert screen.selectbox(key="flag.rep_id").value == cast.sam.user_id
        assert screen.date_input(key="flag.target_on").value is None
        screen.button(key="flag-submit").click().run()
        assert not screen.exception

    def test_what_buttons_chose_is_there(self, show: Show, cast: Cast) -> None:
        type_before(cast.sam, f"note {cast.acme.public_id}", reach="Shared with the organization")
        screen = show("onboarding", cast.sam, org=cast.acme.public_id)
        assert screen.session_state["note.reach"] == "Shared with the organization"

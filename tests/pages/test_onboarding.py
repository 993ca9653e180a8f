"""The pages Onboarding, History and Activity, for each role."""

import pytest
from streamlit.testing.v1 import AppTest

from core.database import db
from core.members import members
from core.models import Organization, Stage
from core.onboarding import onboarding, stages
from core.profile import profile
from pages.parts.onboarding import stage_path
from tests.pages.conftest import Show, unescaped
from tests.pages.test_overview import values
from tests.support.cast import Cast
from tests.support.tables import find_timeline, timelines

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


def stage_of(cast: Cast) -> Stage:
    with db.read() as session:
        return session.get_one(Organization, cast.acme.id).stage


def press(screen: AppTest, label: str) -> AppTest:
    return next(button for button in screen.button if button.label == label).click().run()


class TestOnboarding:
    def test_an_owner_requests_onboarding(self, show: Show, cast: Cast) -> None:
        screen = show("onboarding", cast.olga, org=cast.acme.public_id)
        screen.text_area(key="request.note").set_value("In spring.")
        screen = press(screen, "Request onboarding")
        assert not screen.exception
        assert "Onboarding requested" in unescaped(screen)
        assert "Request onboarding" not in [button.label for button in screen.button]

    def test_a_member_sees_the_path_and_whom_to_ask(self, show: Show, cast: Cast) -> None:
        screen = show("onboarding", cast.mia, org=cast.acme.public_id)
        assert values(screen, "help") == [
            "Questions about the next stage? Contact sales@example.com."
        ]
        assert "Owners and admins of Acme can request onboarding" in unescaped(screen)
        assert "Request onboarding" not in [button.label for button in screen.button]

    def test_sales_flags_and_withdraws_with_a_reason(self, show: Show, cast: Cast) -> None:
        screen = press(show("onboarding", cast.sam, org=cast.acme.public_id), "Flag for onboarding")
        assert stage_of(cast) is Stage.ONBOARDING
        screen = press(screen, "Withdraw")
        screen.button(key="withdraw-submit").click().run()
        assert stage_of(cast) is Stage.ONBOARDING
        screen.text_area(key="withdraw.reason").set_value("They scopes for it.")
        screen.button(key="withdraw-submit").click().run()
        assert stage_of(cast) is Stage.FREE

    def test_the_move_is_disabled_while_checks_are_open(self, show: Show, cast: Cast) -> None:
        db.run(onboarding.flag, cast.sam, [cast.acme.id])
        screen = show("onboarding", cast.sam, org=cast.acme.public_id)
        assert screen.button(key="move").disabled
        assert "5 of 5 checks left before preproduction" in unescaped(screen)
        assert "Add a phone number" in unescaped(screen)


class TestPolling:
    @pytest.fixture
    def reruns(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Record the scopes of reruns; tests poll themselves, since the timer is the browser's."""
        scopes: list[str] = []
        monkeypatch.setattr(stage_path.st, "rerun", lambda *, scope: scopes.append(scope))
        return scopes

    def test_the_page_reruns_when_a_check_passes(self, cast: Cast, reruns: list[str]) -> None:
        db.run(onboarding.flag_one, cast.sam, cast.acme.id)
        with db.read() as session:
            org = session.get_one(Organization, cast.acme.id)
            drawn = (org.stage, *(check.is_met for check in stages.list_checks(session, org)))
        polls: list[None] = [None]
        stage_path._poll(cast.sam, org.public_id, drawn, polls)
        assert reruns == []
        db.run(profile.save, cast.olga, org.id, {"overview": ""}, {"overview": "We heal."})
        stage_path._poll(cast.sam, org.public_id, drawn, polls)
        assert reruns == ["app"]

    def test_polling_ends(self, cast: Cast, reruns: list[str]) -> None:
        stage_path._poll(
            cast.sam, cast.acme.public_id, (Stage.FREE,), [None] * stage_path.MAX_POLLS
        )
        assert reruns == ["app"]


class TestHistory:
    def test_owners_see_history(self, show: Show, cast: Cast) -> None:
        db.run(onboarding.flag, cast.sam, [cast.acme.id])
        screen = show("history", cast.olga, org=cast.acme.public_id)
        [receipt] = [each for each in screen.get("link_button") if "receipt" in each.proto.label]
        assert receipt.proto.url.endswith(f"/download/history/{cast.acme.public_id}.json")
        assert not screen.exception
        (sentence,) = find_timeline(screen, "Changes").sentences
        assert sentence.startswith("Sam moved it from free to onboarding")

    def test_members_see_whom_to_ask(self, show: Show, cast: Cast) -> None:
        screen = show("history", cast.mia, org=cast.acme.public_id)
        assert screen.title[0].value == "You don't have access to history"
        assert not timelines(screen)

    def test_staff_see_activity(self, show: Show, cast: Cast) -> None:
        db.run(onboarding.flag, cast.sam, [cast.acme.id, cast.otto_ltd.id])
        screen = show("activity", cast.oda)
        events = find_timeline(screen, "Changes").events
        assert {each["organization"][0] for each in events} == {"Acme", "Otto Ltd"}
        assert events[0]["place"][0] == "Onboarding"

    def test_history_is_searched_by_what_is_in_the_address(self, show: Show, cast: Cast) -> None:
        db.run(members.remove, cast.olga, cast.acme.id, cast.mia.user_id, reason="She retired.")
        db.run(onboarding.flag, cast.sam, [cast.acme.id])
        asked = {"q": "retired", "person": "mia", "kind": "Members", "from": "2026-01-01"}
        screen = show("history", cast.olga, org=cast.acme.public_id, **asked)
        assert find_timeline(screen, "Changes").sentences == ["Olga removed Mia “She retired.”"]
        (file,) = [each for each in screen.get("link_button") if "CSV" in each.proto.label]
        assert "?words=retired&person=mia&kind=member&since=" in file.proto.url
        screen.button(key="clear-filters").click().run()
        assert len(find_timeline(screen, "Changes").sentences) == 2

    def test_what_is_not_found_says_what_to_change(self, show: Show, cast: Cast) -> None:
        screen = show("activity", cast.oda, of="nowhere")
        assert find_timeline(screen, "Changes").sent["empty"][0] == "No matching entries"

    def test_members_see_no_activity(self, show: Show, cast: Cast) -> None:
        screen = show("activity", cast.mia)
        assert screen.title[0].value == "This page is for staff"

"""Overview: what is left to do, and the profile that is edited in its place."""

import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.access.permissions import Actor
from core.audit import activity
from core.database import db
from core.models import Organization
from core.onboarding import onboarding
from core.profile import profile
from tests.pages.conftest import Show, words
from tests.support.cast import Cast

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

CONTACT = "alert_email sales_email phone website twitter overview logo".split()


def overview(show: Show, cast: Cast, person: Actor) -> AppTest:
    return show("overview", person, org=cast.acme.public_id)


def details(screen: AppTest, key: str) -> dict[str, Any]:
    """Return what the component is given, with the rows of both its parts."""
    assert not screen.exception
    parts = [
        json.loads(each.proto.json)
        for each in screen.get("bidi_component")
        if each.proto.component_name == "orgdesk_details"
    ]
    own = [part for part in parts if part["key"] == key]
    return own[0] | {"rows": [row for part in own for row in part["rows"]]} if own else {}


def actions(screen: AppTest, key: str) -> dict[str, str]:
    return {row["name"]: row["action"] for row in details(screen, key)["rows"] if row["name"]}


def values(screen: AppTest, key: str) -> list[str]:
    return [row["value"] for row in details(screen, key)["rows"]]


def open_form(screen: AppTest, key: str, row: str) -> AppTest:
    screen.session_state[f"{key} opened"] = row
    return screen.run()


def type_and_save(screen: AppTest, key: str, field: str, text: str) -> AppTest:
    name = f"{key}-{field}"
    (drawn,) = [
        each
        for each in (*screen.text_input, *screen.text_area)
        if each.key.startswith(f"{name}.{field}")
    ]
    drawn.set_value(text).run()
    return screen.button(key=f"{name}-submit").click().run()


def acme(cast: Cast) -> Organization:
    with db.read() as session:
        return session.get_one(Organization, cast.acme.id)


class TestWhatIsLeft:
    def test_each_missing_thing_has_the_button_that_does_it(self, show: Show, cast: Cast) -> None:
        db.run(onboarding.flag, cast.sam, [cast.acme.id])
        screen = overview(show, cast, cast.olga)
        box = details(screen, "left")
        assert (box["title"], box["note"]) == ("5 left before preproduction", "0 of 5 done")
        assert actions(screen, "left") == {
            "alert_email": "Add alert email",
            "overview": "Add overview",
            "sales_email": "Add sales email",
            "phone": "Add phone",
            "website": "Add website",
        }

    @pytest.mark.parametrize(
        ("field", "typed"), [("phone", "+1 507 284 2511"), ("overview", "Connects clinics.")]
    )
    def test_it_is_added_in_place_and_counts_as_done(
        self, show: Show, cast: Cast, field: str, typed: str
    ) -> None:
        db.run(onboarding.flag, cast.sam, [cast.acme.id])
        screen = open_form(overview(show, cast, cast.olga), "left", field)
        type_and_save(screen, "left", field, typed)
        assert getattr(acme(cast), field) == typed.replace(" ", "" if field == "phone" else " ")
        assert details(screen, "left")["note"] == "1 of 5 done"
        assert field not in actions(screen, "left")
        assert f"left-{field}-submit" not in [button.key for button in screen.button]
        with db.read() as session:
            latest = activity.latest(session, cast.olga, cast.acme.id)
        assert latest.iloc[0]["event"] == "profile.changed"

    def test_a_new_organization_gets_started(self, show: Show, cast: Cast) -> None:
        screen = show("overview", cast.otto, org=cast.otto_ltd.public_id)
        box = details(screen, "left")
        assert (box["title"], box["note"]) == ("Get started", "0 of 4 done")
        assert actions(screen, "left") == {
            "logo": "Add logo",
            "alert_email": "Add alert email",
            "invite": "Invite colleague",
            "request": "Request onboarding",
        }
        screen = open_form(screen, "left", "request")
        screen.text_area(key="left-request.note").set_value("In spring.")
        screen.button(key="left-request-submit").click().run()
        assert details(screen, "left")["note"] == "1 of 4 done"
        assert "Onboarding requested" in words(screen)
        with db.read() as session:
            org = session.get_one(Organization, cast.otto_ltd.id)
        assert (org.requested_at is not None, org.request_note) == (True, "In spring.")

    def test_inviting_opens_the_dialog_on_this_page(self, show: Show, cast: Cast) -> None:
        screen = show("overview", cast.otto, org=cast.otto_ltd.public_id)
        screen.button(key="invite-user").click().run()
        screen.text_area(key="invite.emails").set_value("new@example.com")
        screen.button(key="invite-submit").click().run()
        assert "Colleague invited" in values(screen, "left")[-1]

    @pytest.mark.parametrize("person", ["adam", "mia", "sam"])
    def test_those_who_cannot_do_it_get_a_link(self, show: Show, cast: Cast, person: str) -> None:
        db.run(onboarding.flag, cast.sam, [cast.acme.id])
        screen = open_form(overview(show, cast, getattr(cast, person)), "left", "phone")
        rows = details(screen, "left")["rows"]
        assert {row["action"] for row in rows} == {"View"}
        assert rows[3]["href"] == f"/profile?org={cast.acme.public_id}&field=profile-phone"
        assert not screen.text_input


class TestContactDetails:
    def test_owners_have_a_pencil_for_each(self, show: Show, cast: Cast) -> None:
        changed = {"phone": "+15072842511", "website": "acme.example", "twitter": "acme"}
        db.run(profile.save, cast.olga, cast.acme.id, dict.fromkeys(changed, ""), changed)
        screen = overview(show, cast, cast.olga)
        assert list(actions(screen, "details")) == CONTACT
        assert all(
            row["is_short"] and row["opens_form"] for row in details(screen, "details")["rows"]
        )
        assert values(screen, "details") == [
            *("Not set", "Not set", "+1 507-284-2511", "acme.example", "@acme"),
            *("Not set", "Not set"),
        ]

    def test_others_read_them(self, show: Show, cast: Cast) -> None:
        for person in (cast.mia, cast.adam, cast.sam):
            screen = open_form(overview(show, cast, person), "details", "phone")
            assert set(actions(screen, "details").values()) == {""}
            assert not screen.text_input

    def test_an_error_is_beside_its_field_and_keeps_what_was_typed(
        self, show: Show, cast: Cast
    ) -> None:
        screen = open_form(overview(show, cast, cast.olga), "details", "phone")
        type_and_save(screen, "details", "phone", "123")
        assert "Enter the full number" in words(screen)
        assert screen.text_input(key="details-phone.phone").value == "123"
        assert acme(cast).phone is None

    def test_saving_closes_the_form_and_says_so_beside_the_value(
        self, show: Show, cast: Cast
    ) -> None:
        screen = open_form(overview(show, cast, cast.olga), "details", "twitter")
        type_and_save(screen, "details", "twitter", "acme_health")
        saved = [row["value"] for row in details(screen, "details")["rows"] if row["isSaved"]]
        assert saved == ["@acme_health"]
        assert not screen.text_input
        open_form(screen, "details", "twitter")
        assert screen.text_input[0].value == "@acme_health"

    def test_cancelling_forgets_what_was_typed(self, show: Show, cast: Cast) -> None:
        screen = open_form(overview(show, cast, cast.olga), "details", "phone")
        screen.text_input(key="details-phone.phone").set_value("+1 507").run()
        screen.button(key="details-phone-cancel").click().run()
        assert not screen.text_input
        open_form(screen, "details", "phone")
        assert screen.text_input[0].value == ""

    def test_a_change_by_others_meanwhile_is_shown(self, show: Show, cast: Cast) -> None:
        screen = open_form(overview(show, cast, cast.olga), "details", "twitter")
        theirs = ({"twitter": ""}, {"twitter": "theirs"})
        db.run(profile.save, cast.olga, cast.acme.id, *theirs)
        type_and_save(screen, "details", "twitter", "ours")
        assert [radio.options for radio in screen.radio] == [["Theirs", "Yours"]]
        screen.radio[0].set_value("Yours")
        screen.button(key="details-twitter-submit").click().run()
        assert acme(cast).twitter == "ours"

    def test_a_new_alert_address_waits_for_its_link(self, show: Show, cast: Cast) -> None:
        screen = open_form(overview(show, cast, cast.olga), "details", "alert_email")
        type_and_save(screen, "details", "alert_email", "alerts@example.com")
        (row, *_) = details(screen, "details")["rows"]
        assert (row["value"], row["note"]) == ("alerts@example.com", "Not confirmed yet")


def test_people_are_a_bar_with_the_owners(show: Show, cast: Cast) -> None:
    box = details(overview(show, cast, cast.olga), "people")
    assert (box["title"], box["note"]) == ("3 people", "0 pending invitations")
    assert [(part["label"], part["count"]) for part in box["bar"]] == [
        *(("Owner", 1), ("Admin", 1), ("Member", 1)),
    ]
    assert [row["value"] for row in box["rows"]] == ["Olga"]
    assert details(overview(show, cast, cast.mia), "people")["note"] == ""


def test_names_are_sent_as_they_are(show: Show, cast: Cast) -> None:
    name = ":red[*Sam*] <b>"
    with db.Session(db.writing_engine()) as session, session.begin():
        org = session.get_one(Organization, cast.acme.id)
        org.next_step = name
    assert name in values(overview(show, cast, cast.olga), "help")

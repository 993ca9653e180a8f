"""The page Organization Profile, for owners and for others."""

import io
from datetime import timedelta

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.access.permissions import Actor
from core.accounts import uploads
from core.database import db
from core.models import Mail, Membership, Organization, Stage
from core.profile import profile
from tests.conftest import Clock
from tests.pages.conftest import Show, unescaped, words
from tests.support.cast import PASSWORD, Cast
from tests.support.tables import links_of

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

FULL = {
    "name": "Acme Health",
    "alert_email": "alerts@acme.example",
    "overview": "Connects clinics.",
    "sales_email": "sales@acme.example",
    "phone": "+1 507 284 2511",
    "website": "acme.example",
    "twitter": "https://x.com/acme",
}


def now(org: Organization) -> Organization:
    with db.read() as session:
        return session.get_one(Organization, org.id)


def change(org: Organization, **values: object) -> None:
    """Change the organization without use cases."""
    with db.Session(db.writing_engine()) as session, session.begin():
        row = session.get_one(Organization, org.id)
        for field, value in values.items():
            setattr(row, field, value)


def save(actor: Actor, org: Organization, **typed: str) -> None:
    shown = profile.form_texts(now(org))
    db.run(profile.save, actor, org.id, shown, shown | typed)


def type_in(screen: AppTest, **texts: str) -> AppTest:
    for field, text in texts.items():
        find(screen, field).set_value(text)
    return screen.run()


def find(screen: AppTest, field: str):  # type: ignore[no-untyped-def]
    """Return the field of the form, whatever its turn is."""
    widgets = [*screen.text_input, *screen.text_area]
    return next(w for w in widgets if (w.key or "").startswith(f"profile.{field}"))


def submit(screen: AppTest) -> AppTest:
    screen.button(key="profile-submit").click().run()
    assert not screen.exception
    return screen


def choose_file(screen: AppTest, cast: Cast, content: bytes) -> None:
    """Do what the browser does: the file goes to our route, and its id to the field."""
    upload = db.run(uploads.keep, cast.olga, "photo.jfif", content)
    screen.session_state["logo.logo"] = {"file": {"id": upload.id, "name": upload.name}}
    screen.run()


class TestOwner:
    @pytest.fixture
    def screen(self, show: Show, cast: Cast) -> AppTest:
        return show("profile", cast.olga, org=cast.acme.public_id)

    def test_the_labels_are_those_of_the_reference(self, screen: AppTest) -> None:
        tabs = links_of(screen, "Organization Profile")
        assert [tab["label"] for tab in tabs.values()] == ["Organization Info", "Settings"]
        fields = [each for each in screen.main if each.type in {"text_input", "text_area"}]
        assert [field.label for field in fields] == [
            "Organization name",
            "Alert email address",
            "Company overview",
            "Sales email",
            "Phone",
            "Public website",
            "Twitter (X) handle",
        ]

    def test_the_phone_is_not_on_the_card(self, screen: AppTest) -> None:
        type_in(screen, phone="+15072842511", website="acme.example")
        card = "\n".join(
            each.value for each in screen.markdown if "material/language" in each.value
        )
        assert "acme" in card
        assert "507" not in card

    def test_every_field_is_saved(self, screen: AppTest, cast: Cast) -> None:
        submit(type_in(screen, **FULL))
        assert [toast.value for toast in screen.toast] == ["Profile saved"]
        org = now(cast.acme)
        assert (org.name, org.phone, org.twitter) == ("Acme Health", "+15072842511", "acme")
        assert org.website == "https://acme.example"
        assert (org.alert_email, org.alert_email_new) == (None, "alerts@acme.example")
        assert find(screen, "twitter").value == "@acme"
        assert "Not confirmed yet" in words(screen)

    def test_the_preview_and_the_changes_follow_the_typing(self, screen: AppTest) -> None:
        type_in(screen, name="Acme *Health*", phone="+15072842511")
        assert "**Acme \\*Health\\***" in words(screen)
        assert ":gray-badge[Organization name] :gray-badge[Phone]" in words(screen)

    def test_errors_stay_at_their_fields_until_the_fields_change(
        self, screen: AppTest, cast: Cast
    ) -> None:
        submit(type_in(screen, phone="1", website="x", overview="Kept"))
        assert words(screen).count(":material/error:") == 2
        type_in(screen, phone="+15072842511")
        assert words(screen).count(":material/error:") == 1
        assert find(screen, "overview").value == "Kept"
        assert now(cast.acme).overview is None
        submit(type_in(screen, website="x.example"))
        assert now(cast.acme).overview == "Kept"

    def test_discard_restores_the_saved_texts(self, screen: AppTest) -> None:
        type_in(screen, name="Other")
        screen.button(key="profile-discard").click().run()
        assert find(screen, "name").value == "Acme"

    def test_characters_of_the_overview_are_counted(self, screen: AppTest) -> None:
        type_in(screen, overview="x" * 1234)
        assert "1,234 of 2,000 characters" in words(screen)

    def test_a_conflict_is_resolved_by_a_choice(self, screen: AppTest, cast: Cast) -> None:
        type_in(screen, name="Mine", overview="Mine too")
        save(cast.olga, cast.acme, name="Theirs", phone="+15072842511")
        submit(screen)
        assert screen.radio[0].label == "Organization name"
        assert now(cast.acme).name == "Theirs"
        screen.radio[0].set_value("Yours").run()
        submit(screen)
        org = now(cast.acme)
        assert (org.name, org.overview, org.phone) == ("Mine", "Mine too", "+15072842511")

    def test_the_other_text_can_be_kept(self, screen: AppTest, cast: Cast) -> None:
        type_in(screen, name="Mine", overview="Mine too")
        save(cast.olga, cast.acme, name="Theirs")
        submit(screen)
        screen.radio[0].set_value("Theirs").run()
        submit(screen)
        org = now(cast.acme)
        assert (org.name, org.overview) == ("Theirs", "Mine too")
        assert find(screen, "name").value == "Theirs"

    def test_an_untouched_form_shows_what_others_saved(self, screen: AppTest, cast: Cast) -> None:
        save(cast.olga, cast.acme, name="Theirs")
        assert find(screen.run(), "name").value == "Theirs"

    def test_the_form_is_not_kept_for_another_organization(
        self, screen: AppTest, cast: Cast
    ) -> None:
        with db.Session(db.writing_engine()) as session, session.begin():
            mine = session.query(Membership).filter_by(org_id=cast.otto_ltd.id).one()
            mine.user_id = cast.olga.user_id or 0
        type_in(screen, name="Mine")
        screen.query_params["org"] = [cast.otto_ltd.public_id]
        assert find(screen.run(), "name").value == "Otto Ltd"

    def test_a_logo_is_set_and_removed(self, screen: AppTest, cast: Cast) -> None:
        photo = io.BytesIO()
        Image.new("RGB", (800, 600), "teal").save(photo, "JPEG")
        choose_file(screen, cast, photo.getvalue())
        screen.button(key="logo-save").click().run()
        assert now(cast.acme).logo is not None
        screen.button(key="logo-remove").click().run()
        assert now(cast.acme).logo is None

    def test_a_file_that_is_not_an_image_is_refused(self, screen: AppTest, cast: Cast) -> None:
        choose_file(screen, cast, b"not a picture")
        screen.button(key="logo-save").click().run()
        assert "Choose a PNG" in words(screen)
        assert now(cast.acme).logo is None

    def test_the_listing_needs_a_complete_card(self, screen: AppTest, cast: Cast) -> None:
        assert screen.toggle[0].disabled
        assert "a logo, an overview and a public website" in words(screen)
        change(cast.acme, overview="Ours", website="https://acme.example", is_listed=True)
        assert "Not shown until you add a logo" in words(screen.run())
        screen.toggle[0].set_value(False).run()
        assert not now(cast.acme).is_listed

    def test_the_link_is_resent_and_a_test_is_sent(self, screen: AppTest, cast: Cast) -> None:
        save(cast.olga, cast.acme, alert_email="alerts@acme.example")
        screen.run().button(key="profile-resend").click().run()
        change(cast.acme, alert_email="alerts@acme.example", alert_email_new=None)
        screen.run().button(key="profile-test").click().run()
        with db.read() as session:
            templates = [mail.template for mail in session.query(Mail).order_by(Mail.id)]
        assert templates == ["alert_confirm", "alert_confirm", "alert_test"]

    def test_an_organization_in_production_cannot_be_deleted(self, show: Show, cast: Cast) -> None:
        screen = show("profile", cast.olga, org=cast.acme.public_id, tab="settings")
        assert not screen.button(key="settings-delete-open").disabled
        change(cast.acme, stage=Stage.PRODUCTION)
        assert screen.run().button(key="settings-delete-open").disabled
        assert "Contact sales@example.com." in unescaped(screen)


class TestDelete:
    def delete(self, screen: AppTest, name: str, password: str) -> AppTest:
        screen.button(key="settings-delete-open").click().run()
        screen.text_input(key="delete.name").set_value(name)
        screen.text_input(key="delete.password").set_value(password)
        screen.button(key="delete-submit").click().run()
        assert not screen.exception
        return screen

    @pytest.mark.parametrize(
        ("name", "password", "expected"),
        [
            ("acme", PASSWORD, "Type the name exactly"),
            ("Acme", "not this one", "That password isn"),
        ],
    )
    def test_it_asks_for_the_exact_name_and_the_password(
        self, show: Show, cast: Cast, name: str, password: str, expected: str
    ) -> None:
        screen = show("profile", cast.olga, org=cast.acme.public_id, tab="settings")
        assert expected in words(self.delete(screen, name, password))
        assert now(cast.acme).deleted_at is None

    def test_it_is_deleted_and_another_page_opens(self, show: Show, cast: Cast) -> None:
        screen = show("profile", cast.olga, org=cast.acme.public_id, tab="settings")
        self.delete(screen, "Acme", PASSWORD)
        assert now(cast.acme).deleted_at is not None
        assert [toast.value for toast in screen.toast] == ["Acme deleted"]


class TestOnceAYear:
    def test_owners_are_asked_and_confirm(self, show: Show, cast: Cast, clock: Clock) -> None:
        change(cast.acme, confirmed_at=clock.now() - timedelta(days=366))
        screen = show("profile", cast.olga, org=cast.acme.public_id)
        assert "Is this still correct" in words(screen)
        screen.button(key="profile-due-confirm").click().run()
        assert "Is this still correct" not in words(screen)
        assert now(cast.acme).confirmed_at == clock.now()


class TestOthers:
    @pytest.mark.parametrize("person", ["adam", "mia", "oda", "sam", "ada"])
    def test_others_can_read_it_and_see_whom_to_ask(
        self, show: Show, cast: Cast, person: str
    ) -> None:
        save(cast.olga, cast.acme, **FULL)
        screen = show("profile", getattr(cast, person), org=cast.acme.public_id)
        assert not screen.exception
        assert not screen.text_input
        offered = [button.label for button in screen.button]
        assert offered == (["Edit contact details"] if person in {"oda", "ada"} else [])
        can = "You can edit contact details." if offered else "They're under Access Control."
        assert f"Only owners can edit this. {can}" in words(screen)
        assert "+1 507-284-2511" in words(screen)

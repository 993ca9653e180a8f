"""The dialog for contact details: staff give a reason, and no edit is lost."""

import pytest
from streamlit.testing.v1 import AppTest

from core.database import db
from core.models import Organization
from core.profile import profile
from tests.pages.conftest import Show, words
from tests.support.cast import Cast

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


@pytest.fixture
def dialog(show: Show, cast: Cast) -> AppTest:
    screen = show("profile", cast.oda, org=cast.acme.public_id)
    return screen.button(key="contact-open").click().run()


def phone(cast: Cast) -> str | None:
    with db.read() as session:
        return session.get_one(Organization, cast.acme.id).phone


def save(screen: AppTest, phone: str, reason: str) -> AppTest:
    screen.text_input(key="contact.phone").set_value(phone)
    screen.text_input(key="contact.reason").set_value(reason)
    return screen.button(key="contact-submit").click().run()


def test_it_is_saved_with_a_reason(dialog: AppTest, cast: Cast) -> None:
    save(dialog, "12", "")
    assert "contact.phone" in [field.key for field in dialog.text_input]
    assert phone(cast) is None
    save(dialog, "+1 212 555 0100", "They called us")
    assert phone(cast) == "+12125550100"
    assert "contact.phone" not in [field.key for field in dialog.text_input]


def test_a_concurrent_edit_by_an_owner_is_shown_first(dialog: AppTest, cast: Cast) -> None:
    theirs = ({"phone": ""}, {"phone": "+1 212 555 0199"})
    db.run(profile.save, cast.olga, cast.acme.id, *theirs)
    save(dialog, "+1 212 555 0100", "They called us")
    assert "Someone else changed this too" in words(dialog)
    assert phone(cast) == "+12125550199"
    dialog.radio[0].set_value("Yours").run()
    dialog.button(key="contact-submit").click().run()
    assert phone(cast) == "+12125550100"


@pytest.mark.parametrize("who", ["olga", "mia", "sam"])
def test_no_one_else_has_the_button(show: Show, cast: Cast, who: str) -> None:
    screen = show("profile", getattr(cast, who), org=cast.acme.public_id)
    assert "contact-open" not in [button.key for button in screen.button]

"""The page that confirms an alert address: only its button changes anything."""

import pytest
from sqlalchemy import select

from core.base import crypto
from core.database import db
from core.models import Link, Organization
from core.profile import alert_address, profile
from pages.ui import browser
from tests.pages.conftest import Show, words
from tests.support.cast import Cast

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


@pytest.fixture
def token(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> str:
    """The token of a link, which is in the fragment of the URL."""
    shown = profile.form_texts(cast.acme)
    typed = shown | {"alert_email": "alerts@acme.example"}
    db.run(profile.save, cast.olga, cast.acme.id, shown, typed)
    with db.read() as session:
        token = crypto.token("alert_email", session.scalars(select(Link.nonce)).one())
    monkeypatch.setattr(browser, "read_fragment", lambda known: token)
    return token


def address(cast: Cast) -> str | None:
    with db.read() as session:
        return session.get_one(Organization, cast.acme.id).alert_email


def test_a_stranger_confirms_with_the_button(show: Show, cast: Cast, token: str) -> None:
    screen = show("confirm_alert")
    assert "Acme" in words(screen)
    assert "alerts@acme.example" in words(screen)
    assert address(cast) is None
    screen.button(key="confirm-alert-submit").click().run()
    assert address(cast) == "alerts@acme.example"
    assert "will now be sent to" in words(screen)


def test_an_owner_confirms_as_well(show: Show, cast: Cast, token: str) -> None:
    show("confirm_alert", cast.olga).button(key="confirm-alert-submit").click().run()
    assert address(cast) == "alerts@acme.example"


def test_a_used_link_and_an_unknown_one_get_the_same_refusal(
    show: Show, cast: Cast, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    db.run(alert_address.confirm_alert_email, cast.olga, token)
    used = words(show("confirm_alert"))
    assert "This link was already used, has expired or is incomplete" in used
    monkeypatch.setattr(browser, "read_fragment", lambda known: "x" * 43)
    assert words(show("confirm_alert")) == used

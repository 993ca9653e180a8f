"""Alerts on the Settings tab: the address and the choice of alerts."""

import pytest

from core.database import db
from core.models import Alert, Organization
from core.notifications import alerts
from tests.pages.conftest import Show, words
from tests.support.cast import Cast

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


def set_address(org: Organization, **values: str | None) -> None:
    with db.Session(db.writing_engine()) as session, session.begin():
        row = session.get_one(Organization, org.id)
        for field, value in values.items():
            setattr(row, field, value)


def test_owners_choose_alerts(show: Show, cast: Cast):
    screen = show("profile", cast.olga, org=cast.acme.public_id, tab="settings")
    switches = {alert: screen.toggle(key=f"alerts.{alert.name.lower()}") for alert in Alert}
    assert all(switch.value for switch in switches.values())
    switches[Alert.STAGE].set_value(False)
    screen.button(key="alerts-submit").click().run()
    with db.read() as session:
        org = session.get_one(Organization, cast.acme.id)
    assert set(alerts.list_enabled(org)) == set(Alert) - {Alert.STAGE}
    assert not next(t for t in screen.toggle if t.label == alerts.LABELS[Alert.STAGE]).value


def test_the_address_has_its_state(show: Show, cast: Cast):
    assert "Add an address under Organization Info" in words(
        show("profile", cast.olga, org=cast.acme.public_id, tab="settings")
    )
    set_address(cast.acme, alert_email="old@acme.example", alert_email_new="new@acme.example")
    screen = show("profile", cast.olga, org=cast.acme.public_id)
    assert screen.text_input(key="profile.alert_email").value == "new@acme.example"
    assert "Confirmation link expired" in words(screen)
    settings = words(show("profile", cast.olga, org=cast.acme.public_id, tab="settings"))
    assert "old@acme.example" in settings
    set_address(cast.acme, alert_email_new=None)
    assert "Confirmed. Alerts go here." in words(
        show("profile", cast.olga, org=cast.acme.public_id)
    )


def test_others_see_the_choice_and_whom_to_ask(show: Show, cast: Cast):
    screen = show("profile", cast.mia, org=cast.acme.public_id, tab="settings")
    assert "Only owners can change this" in words(screen)
    assert not [t for t in screen.toggle if (t.key or "").startswith("alerts")]

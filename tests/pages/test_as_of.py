"""The pages of an organization as it was on a date in the address."""

from datetime import UTC, date, datetime, timedelta
from unittest import mock

import pytest
from streamlit.testing.v1 import AppTest

from core.base import clock
from core.database import db
from core.members import members
from core.models import Role
from core.onboarding import onboarding
from core.onboarding.onboarding import Plan
from core.profile import profile
from tests.pages.conftest import Show, unescaped
from tests.pages.test_quick_search import labels
from tests.pages.test_sidebar import sidebar
from tests.support.cast import Cast
from tests.support.tables import find_table, find_timeline

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

PAGES = ("overview", "profile", "members", "onboarding")
FIRST = datetime(2026, 10, 1, 12, tzinfo=UTC)


@pytest.fixture
def acme(cast: Cast) -> str:
    """Return the ID of Acme, which changed on 1 October and on the 10th of it."""
    for days, phone in ((0, "+1 212 555 0100"), (9, "+1 212 555 0199")):
        with mock.patch.object(clock, "now", lambda days=days: FIRST + timedelta(days=days)):
            shown = {"phone": profile.form_texts(_stored(cast))["phone"]}
            db.run(profile.save, cast.olga, cast.acme.id, shown, {"phone": phone})
            if days:
                db.run(members.change_role, cast.olga, cast.acme.id, cast.mia.user_id, Role.ADMIN)
                db.run(onboarding.flag_one, cast.sam, cast.acme.id, Plan(cast.sam.user_id))
    return cast.acme.public_id


def _stored(cast: Cast):
    with db.read() as session:
        return session.get_one(type(cast.acme), cast.acme.id)


def drawn(screen: AppTest) -> str:
    """Return what is written on the page, with what browsers get to draw."""
    sent = [each.proto.json for each in screen.get("bidi_component")]
    return "\n".join([unescaped(screen), *sent])


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_as_it_was(show: Show, cast: Cast, acme: str, page: str) -> None:
    screen = show(page, cast.olga, org=acme, as_of="2026-10-05")
    assert "**As it was on 5 October 2026**" in unescaped(screen)
    assert [link.label for link in screen.get("page_link")][-1:] == ["What changed since (3)"]
    assert [button.label for button in screen.button] == ["Today"]
    assert ("+1 212-555-0100" in drawn(screen)) is (page in {"overview", "profile"})
    assert "0199" not in drawn(screen)


def test_roles_and_stage_are_as_they_were(show: Show, cast: Cast, acme: str) -> None:
    def shown(as_of: str) -> tuple[list[str], str]:
        screen = show("members", cast.olga, org=acme, as_of=as_of)
        roles = find_table(screen, "Users").column("role")
        return roles, drawn(show("onboarding", cast.olga, org=acme, as_of=as_of))

    roles, plan = shown("2026-10-09")
    assert (roles, "Unassigned" in plan, '"Free"' in plan) == (
        ["owner", "admin", "member"],
        True,
        True,
    )
    roles, plan = shown("2026-10-10")
    assert (roles, "Sam" in plan, '"Onboarding"' in plan) == (
        ["owner", "admin", "admin"],
        True,
        True,
    )


@pytest.mark.parametrize(
    ("as_of", "sentence"),
    [
        ("2025-12-31", "This organization hadn't been created yet. Choose a later date."),
        ("1900-01-01", "This organization hadn't been created yet. Choose a later date."),
        ("2199-12-31", "This date is in the future. Choose an earlier one."),
        ("2026-02-30", "The address has no valid date. Choose one here."),
        ("yesterday", "The address has no valid date. Choose one here."),
        ("0000-00-00", "The address has no valid date. Choose one here."),
        ("\u0662\u0660\u0662\u0666-10-01", "The address has no valid date. Choose one here."),
        ("", "The address has no valid date. Choose one here."),
    ],
)
def test_other_dates_get_a_sentence(
    show: Show, cast: Cast, acme: str, as_of: str, sentence: str
) -> None:
    screen = show("profile", cast.olga, org=acme, as_of=as_of)
    assert sentence in unescaped(screen)
    assert "0199" not in drawn(screen)
    screen.button(key="as-of-today").click().run()
    assert "as_of" not in screen.query_params
    assert "profile.phone" in [field.key for field in screen.text_input]


def test_it_takes_the_right_to_view_history(show: Show, cast: Cast, acme: str) -> None:
    for person in (cast.adam, cast.mia):
        screen = show("profile", person, org=acme, as_of="2026-10-05")
        assert "You can't see what this page was like before. Ask an owner." in unescaped(screen)
        assert "0100" not in drawn(screen)
        assert not screen.date_input
    screen = show("profile", cast.oda, org=acme, as_of="2026-10-05")
    assert "+1 212-555-0100" in drawn(screen)
    screen = show("profile", cast.otto, org=acme, as_of="2026-10-05")
    assert "Organization not found" in unescaped(screen)


def test_another_date_is_chosen_and_the_sidebar_keeps_it(show: Show, cast: Cast, acme: str) -> None:
    screen = show("profile", cast.olga, org=acme, as_of="2026-10-05")
    screen.date_input[0].set_value(date(2026, 10, 11)).run()
    assert screen.query_params["as_of"] == "2026-10-11"
    assert "**As it was on 11 October 2026**" in unescaped(screen)
    assert "+1 212-555-0199" in drawn(screen)
    assert "Nothing changed since" in unescaped(screen)
    (about, *_) = sidebar(screen)["sections"]
    assert all("as_of=2026-10-11" in each["href"] for each in about["links"][:4])


def test_history_and_the_search_box_lead_there(show: Show, cast: Cast, acme: str) -> None:
    screen = show("history", cast.olga, org=acme)
    assert find_timeline(screen, "Changes").sent["asOf"] == f"/overview?org={acme}&as_of="
    assert find_timeline(show("activity", cast.oda), "Changes").sent["asOf"] == ""
    for person, offered in ((cast.olga, True), (cast.mia, False)):
        commands = labels(show("overview", person, org=acme), "commands")
        assert ("Show as of a date" in commands) is offered

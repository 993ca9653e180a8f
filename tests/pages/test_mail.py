"""The page Mail: what waits, what failed, one mail with its link, and who may see any of it."""

import pytest
from sqlalchemy import select
from streamlit.testing.v1 import AppTest

from core.access.permissions import ANONYMOUS
from core.accounts import password_reset
from core.base import crypto, settings
from core.database import db
from core.mail import outbox
from core.models import Mail
from pages.parts.staff import outbox as outbox_part
from tests.pages.conftest import Show, words
from tests.support.cast import PASSWORD, Cast
from tests.support.tables import find_table, find_timeline

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

LINK = {"page": "invitation", "kind": "invitation", "nonce": "0f" * 16}


def enqueue(recipient: str, **values: object) -> int:
    def use_case(session) -> int:
        row = outbox.enqueue(session, "alert_test", recipient, organization="Acme", link=LINK)
        for field, value in values.items():
            setattr(row, field, value)
        return row.id

    return db.run(use_case)


def opened(screen: AppTest, mail_id: int) -> AppTest:
    """Open a mail's dialog, because AppTest cannot click in a table."""
    screen.session_state["dialog"] = ("mail", mail_id)
    return screen.run()


def now(mail_id: int) -> Mail:
    with db.read() as session:
        return session.get_one(Mail, mail_id)


def test_it_is_for_administrators(show: Show, cast: Cast):
    for person in (cast.olga, cast.sam, cast.oda):
        assert "This page is for staff" in words(show("mail", person))


def test_an_empty_outbox_says_what_will_appear(show: Show, cast: Cast):
    screen = show("mail", cast.ada)
    assert find_table(screen, "Emails").sent["empty"][0] == "No emails yet"
    assert "No mail server is configured" in words(screen)


def test_mails_are_listed_newest_first(show: Show, cast: Cast):
    enqueue("first@example.com")
    enqueue("second@example.com", error="450 Later")
    table = find_table(show("mail", cast.ada), "Emails")
    assert table.column("recipient") == ["second@example.com", "first@example.com"]
    assert table.column("subject") == ["Test alert for Acme"] * 2
    assert table.column("state") == ["retrying", "waiting"]
    assert table.sent["range"] == "2 emails, page 1"


def test_columns_without_a_value_are_left_out(show: Show, cast: Cast):
    mail_id = enqueue("first@example.com")
    table = find_table(show("mail", cast.ada), "Emails")
    assert "error" not in table.columns
    seen = words(table.ask("open", mail_id))
    assert "**Test alert for Acme**" in seen
    assert "An owner of Acme sent this test" in seen


def test_search_narrows_and_says_when_nothing_is_found(show: Show, cast: Cast):
    enqueue("first@example.com")
    enqueue("second@example.com")
    screen = show("mail", cast.ada)
    screen.text_input(key="q").set_value("SECOND").run()
    assert find_table(screen, "Emails").column("recipient") == ["second@example.com"]
    screen.text_input(key="q").set_value("nobody").run()
    assert find_table(screen, "Emails").sent["empty"][0] == "No matching emails"


def test_a_link_opens_after_the_own_password_and_a_reason(show: Show, cast: Cast):
    db.run(password_reset.request_link, ANONYMOUS, "mia@example.com", origin="203.0.113.9")
    with db.read() as session:
        (mail,) = session.scalars(select(Mail))
    token = crypto.token("reset", mail.context["link"]["nonce"])
    screen = opened(show("mail", cast.ada), mail.id)
    assert "shown in the email itself" in words(screen)

    def try_to_open(password: str, reason: str) -> str:
        screen.text_input(key="mail-link.password").set_value(password)
        screen.text_input(key="mail-link.reason").set_value(reason)
        return words(screen.button(key="mail-link-submit").click().run())

    assert "That password" in try_to_open("not it", "Mia called")
    refused = try_to_open(PASSWORD, " ")
    assert token not in words(screen) + refused
    assert token in try_to_open(PASSWORD, "Mia called")

    latest = find_timeline(show("account", cast.mia), "Account activity").sentences[0]
    assert latest == "Ada opened a link that was emailed to Mia “Mia called”"


def test_with_a_server_only_the_recipient_sees_the_link(
    show: Show, cast: Cast, monkeypatch: pytest.MonkeyPatch
):
    mail_id = enqueue("olga@example.com", error="550 Nobody here", due_at=None)
    monkeypatch.setenv("SMTP_URL", "smtp://mail.example.com")
    settings.settings.cache_clear()
    screen = opened(show("mail", cast.ada), mail_id)
    seen = words(screen)
    assert not [each for each in screen.text_input if each.key.startswith("mail-link")]
    assert "550 Nobody here" in seen
    assert "No mail server is configured" not in seen


def test_a_mail_can_be_cancelled_and_retried(show: Show, cast: Cast):
    mail_id = enqueue("olga@example.com")
    screen = opened(show("mail", cast.ada), mail_id)
    screen.button(key="mail-cancel").click().run()
    assert not screen.exception
    assert now(mail_id).due_at is None

    opened(screen, mail_id)
    screen.button(key="mail-retry").click().run()
    assert now(mail_id).due_at is not None


def test_one_click_retries_all_failed_mails(show: Show, cast: Cast):
    ids = [enqueue(f"{n}@example.com", error="550 No", due_at=None) for n in range(2)]
    screen = show("mail", cast.ada)
    screen.button(key="mail-retry-failed").click().run()
    assert not screen.exception
    assert all(now(mail_id).due_at is not None for mail_id in ids)
    assert not [button for button in screen.button if button.key == "mail-retry-failed"]


def test_a_new_search_returns_to_the_first_page(
    show: Show, cast: Cast, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(outbox_part, "PER_PAGE", 1)
    enqueue("first@example.com")
    enqueue("second@example.com")
    turns = find_table(show("mail", cast.ada), "Emails").sent["turns"]
    assert [(turn["isOn"], turn["change"]) for turn in turns] == [
        (False, {}),
        (True, {"page": "2"}),
    ]
    screen = show("mail", cast.ada)
    screen.query_params["page"] = "2"
    screen.run()
    assert find_table(screen, "Emails").ids == []
    screen.text_input(key="q").set_value("second").run()
    assert find_table(screen, "Emails").column("recipient") == ["second@example.com"]

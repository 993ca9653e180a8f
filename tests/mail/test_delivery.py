import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from core.accounts import accounts
from core.base import crypto, settings
from core.base.errors import InvalidInput
from core.database import db
from core.mail import delivery, messages, outbox, smtp
from core.members import invitations
from core.models import Mail, Organization, User
from core.organizations import organizations
from tests.conftest import Clock
from tests.support.cast import Cast
from tests.support.mailbox import HOST, Mailbox, make_certificate, receive

HEADERS = {
    *("Subject", "From", "To", "Date", "Message-ID", "Auto-Submitted"),
    *("MIME-Version", "Content-Type"),
}
LINK = {"page": "invitation", "kind": "invitation", "nonce": "0f" * 16}


def set_up(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("SMTP_URL", url)
    settings.settings.cache_clear()


@pytest.fixture
def server(engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    with receive() as server:
        set_up(monkeypatch, server.url)
        yield server


@pytest.fixture
def queued(engine, clock: Clock) -> Mail:
    return enqueue()


def enqueue(recipient: str = "olga@example.com", **context) -> Mail:
    return db.run(outbox.enqueue, "alert_test", recipient, **{"organization": "Acme", **context})


def now(queued: Mail) -> Mail:
    with db.read() as session:
        return session.get_one(Mail, queued.id)


class TestSend:
    def test_a_due_mail_reaches_its_recipient_once(self, queued, server):
        assert delivery.run_due() == 1
        assert delivery.run_due() == 0
        assert server.recipients == ["olga@example.com"]
        sent = now(queued)
        assert sent.sent_at is not None
        assert (sent.due_at, sent.claimed_until, sent.error) == (None, None, None)

    def test_a_mail_has_text_and_html_and_headers_that_stay(self, queued, server):
        delivery.run_due()
        (message,) = server.messages
        assert message["Subject"] == "Test alert for Acme"
        assert message["To"] == "olga@example.com"
        assert message["From"] == "Orgdesk <orgdesk@localhost>"
        assert message["Message-ID"].startswith(queued.message_id.partition("@")[0])
        parts = [part.get_content_type() for part in message.iter_parts()]
        assert parts == ["text/plain", "text/html"]

    def test_an_invitation_to_an_organization_deleted_meanwhile_is_not_sent(
        self, cast: Cast, server
    ):
        (invited,) = db.run(invitations.invite, cast.olga, cast.acme.id, "new@example.com")
        db.run(organizations.delete, cast.olga, cast.acme.id, name=cast.acme.name)
        delivery.run_due()
        assert "new@example.com" not in server.recipients
        db.run(organizations.restore, cast.ada, cast.acme.id)
        with db.read() as session:
            found = invitations.table(session, cast.olga, cast.acme.id)
        assert found["delivery"].tolist() == ["not sent"]
        db.run(invitations.resend, cast.olga, cast.acme.id, invited.id)
        delivery.run_due()
        assert "new@example.com" in server.recipients

    def test_without_a_server_mails_wait(self, queued):
        assert delivery.run_due() == 0
        assert now(queued).attempts == 0

    def test_one_connection_takes_many(self, server):
        for number in range(5):
            enqueue(f"person{number}@example.com")
        assert delivery.run_due() == 5
        assert len(server.messages) == 5

    def test_it_stops_when_asked(self, queued, server):
        assert delivery.run_due(lambda: True) == 0

    def test_several_senders_send_each_mail_once(self, server):
        for number in range(12):
            enqueue(f"person{number}@example.com")
        with ThreadPoolExecutor(4) as pool:
            sent = [pool.submit(delivery.run_due) for _ in range(4)]
        assert sum(each.result() for each in sent) == 12
        assert sorted(server.recipients) == sorted(set(server.recipients))

    def test_addresses_in_other_scripts_arrive(self, server):
        enqueue("ölga@bücher.example")
        delivery.run_due()
        assert server.recipients == ["ölga@xn--bcher-kva.example"]

    def test_the_link_is_made_when_it_is_sent(self, engine):
        queued = enqueue(link=LINK)
        token = crypto.token("invitation", LINK["nonce"])
        assert token not in str(queued.context)
        message = messages.build(queued).as_string().replace("=\n", "")
        assert f"/invitation#{token}" in message

    def test_a_name_cannot_add_a_header_or_markup(self, server):
        enqueue(organization="Acme\r\nBcc: eve@example.com\u202e <img src=x>" + "x" * 500)
        delivery.run_due()
        (message,) = server.messages
        assert message["Bcc"] is None
        assert len(message["Subject"]) <= messages.MAX_SUBJECT
        assert "\u202e" not in message["Subject"]
        assert "<img" not in message.get_body(("html",)).get_content()
        assert server.recipients == ["olga@example.com"]


class TestFailures:
    def test_a_permanent_failure_stores_the_servers_reply(self, queued, server):
        server.responses["RCPT"] = "550 5.1.1 Nobody of that name here"
        assert delivery.run_due() == 0
        given_up = now(queued)
        assert given_up.error == "550 5.1.1 Nobody of that name here"
        assert given_up.due_at is None

    def test_a_refusal_of_one_mail_does_not_stop_the_others(self, server):
        server.responses["RCPT"] = "550 No"
        enqueue("nobody@example.com")
        enqueue("nobody.else@example.com")
        delivery.run_due()
        with db.read() as session:
            assert session.scalars(select(Mail.error)).all() == ["550 No", "550 No"]

    def test_an_address_that_the_server_cannot_take_does_not_stop_the_others(
        self, engine, monkeypatch: pytest.MonkeyPatch
    ):
        with receive(takes_utf8=False) as server:
            set_up(monkeypatch, server.url)
            enqueue("ölga@example.com")
            enqueue("mia@example.com")
            assert delivery.run_due() == 1
            assert server.recipients == ["mia@example.com"]
        with db.read() as session:
            errors = session.scalars(select(Mail.error).order_by(Mail.id)).all()
        assert "SMTPUTF8" in errors[0]
        assert errors[1] is None

    def test_a_mail_that_cannot_be_written_does_not_stop_the_others(self, server):
        db.run(outbox.enqueue, "no such template", "olga@example.com")
        enqueue("mia@example.com")
        assert delivery.run_due() == 1
        assert server.recipients == ["mia@example.com"]

    @pytest.mark.parametrize("command", ["RCPT", "DATA"])
    def test_a_temporary_failure_is_retried(self, queued, server, clock: Clock, command):
        server.responses[command] = "451 Try later"
        delivery.run_due()
        assert now(queued).due_at == clock.now() + timedelta(minutes=1)
        assert delivery.run_due() == 0

        server.responses.clear()
        clock.turn(timedelta(minutes=1))
        assert delivery.run_due() == 1
        assert now(queued).attempts == 2

    def test_a_missing_login_is_a_temporary_failure(self, queued, server):
        server.responses["RCPT"] = "530 5.7.0 Authentication required"
        delivery.run_due()
        assert now(queued).due_at is not None

    def test_retries_end_after_three_days(self, queued, server, clock: Clock):
        server.responses["RCPT"] = "451 Try later"
        start, waits = clock.now(), []
        while (due_at := now(queued).due_at) is not None:
            waits.append((due_at - clock.now()).total_seconds() / 60)
            clock.turn(due_at - clock.now())
            delivery.run_due()
        assert waits[:6] == [0, 1, 5, 15, 60, 60]
        assert timedelta(hours=71) < clock.now() - start <= timedelta(hours=72)

    def test_an_unreachable_server_is_tried_once_per_run(
        self, queued, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ):
        with socket.socket() as nobody_listens:
            nobody_listens.bind((HOST, 0))
            port = nobody_listens.getsockname()[1]
            set_up(monkeypatch, f"smtp://{HOST}:{port}")
            other = enqueue()
            delivery.run_due()
        assert "refused" in (now(queued).error or "")
        assert now(other).attempts == 0

    def test_a_server_that_never_replies_times_out(
        self, queued, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(smtp, "TIMEOUT", 0.1)
        with socket.create_server((HOST, 0)) as silent:
            set_up(monkeypatch, f"smtp://{HOST}:{silent.getsockname()[1]}")
            delivery.run_due()
        assert "timed out" in (now(queued).error or "")

    def test_a_retry_after_a_lost_connection_has_the_same_message_id(
        self, queued, server, clock: Clock
    ):
        server.disconnects_after_data = True
        assert delivery.run_due() == 0
        server.disconnects_after_data = False
        clock.turn(timedelta(minutes=1))
        assert delivery.run_due() == 1
        first, second = server.messages
        assert first["Message-ID"] == second["Message-ID"]

    def test_the_claim_of_a_crashed_sender_expires(self, queued, server, clock: Clock):
        assert db.run(delivery._claim) is not None
        assert delivery.run_due() == 0
        clock.turn(delivery.CLAIM_TTL)
        assert delivery.run_due() == 1

    def test_a_missing_template_is_recorded_as_an_error(self, server, caplog):
        broken = db.run(outbox.enqueue, "no_such_template", "olga@example.com")
        assert delivery.run_due() == 0
        assert "could not be rendered" in (now(broken).error or "")


class TestSafety:
    @pytest.fixture
    def certificate(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        made = make_certificate(tmp_path / "certificate.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(made))
        return made

    def test_encryption_is_used_where_it_is_offered(self, queued, certificate, monkeypatch):
        with receive(certificate, signs_in=True) as server:
            set_up(monkeypatch, f"smtp://orgdesk:se%40cret@localhost:{server.port}")
            assert delivery.run_due() == 1
        assert server.was_encrypted
        assert server.logins == [(b"orgdesk", b"se@cret")]

    def test_an_untrusted_certificate_is_rejected(self, queued, tmp_path, monkeypatch):
        stranger = make_certificate(tmp_path / "stranger.pem")
        with receive(stranger, signs_in=True) as server:
            set_up(monkeypatch, f"smtp://orgdesk:secret@localhost:{server.port}")
            assert delivery.run_due() == 0
        assert (server.messages, server.logins) == ([], [])
        assert "certificate" in (now(queued).error or "").lower()

    def test_a_rejected_login_is_retried(self, queued, monkeypatch):
        with receive(signs_in=True) as server:
            server.responses["AUTH"] = "no"
            set_up(monkeypatch, f"smtp://orgdesk:wrong@localhost:{server.port}")
            delivery.run_due()
        assert now(queued).due_at is not None

    def test_a_password_is_not_sent_in_the_clear(self):
        with receive(signs_in=True) as server:
            far = smtp.Server("smtp", "127.0.0.1", server.port, "orgdesk", "secret")
            assert far.is_local
            elsewhere = type("Elsewhere", (smtp.Server,), {"is_local": False})
            with pytest.raises(smtp.TemporaryFailure, match="no encryption"):
                smtp.Connection(
                    elsewhere("smtp", "127.0.0.1", server.port, "orgdesk", "secret")
                ).open()
        assert server.logins == []

    def test_nothing_goes_to_another_machine_in_the_clear_unless_a_setting_says_so(
        self, monkeypatch: pytest.MonkeyPatch
    ):
        elsewhere = type("Elsewhere", (smtp.Server,), {"is_local": False})
        with receive() as server:
            far = elsewhere("smtp", "127.0.0.1", server.port, "", "")
            with pytest.raises(smtp.TemporaryFailure, match="SMTP_UNENCRYPTED"):
                smtp.Connection(far).open()
            monkeypatch.setenv("SMTP_UNENCRYPTED", "true")
            settings.settings.cache_clear()
            with smtp.Connection(far) as connection:
                connection.open()
                assert not connection.has_failed
            settings.settings.cache_clear()

    @pytest.mark.parametrize("url", ["mail.example.com", "http://mail.example.com", "smtp://"])
    def test_an_invalid_url_raises_an_error(self, url):
        with pytest.raises(ValueError, match="SMTP_URL"):
            smtp.Server.from_url(url)


HOSTILE = (
    "=?utf-8?q?x=0AReply-To=3A_m=40evil=2Eexample=0A=0ACall_us?=",
    "=?utf-8?q?Visit_https=3A//evil=2Eexample?=",
    "Acme\r\nBcc: m@evil.example\r\n\r\nCall us",
    "Visit https://evil.example now",
)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_nothing_hostile_in_a_name_reaches_the_server(cast: Cast, mailbox: Mailbox, monkeypatch):
    """No name like these can be saved; even if one were, no header and no word comes of it."""
    set_up(monkeypatch, mailbox.url)
    for number, name in enumerate(HOSTILE):
        with pytest.raises(InvalidInput):
            db.run(accounts.rename, cast.olga, name)
        with pytest.raises(InvalidInput):
            db.run(organizations.create, cast.olga, name)
        with db.engine().begin() as connection:
            connection.execute(update(Organization).values(name=name))
            connection.execute(update(User).values(name=name))
        stranger = f"stranger{number}@example.com"
        db.run(invitations.invite, cast.olga, cast.acme.id, stranger)
        delivery.run_due()
        message = mailbox.wait_for(stranger)
        assert message["From"] == "Orgdesk <orgdesk@localhost>"
        assert {*message.keys()} <= HEADERS, name
        if name.startswith("=?"):
            assert "https://" not in message["Subject"]
            assert "Call us" not in message["Subject"]

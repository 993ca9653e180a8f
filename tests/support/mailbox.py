"""A real SMTP server that keeps all messages, or refuses, disconnects, encrypts, logs in."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from threading import Condition
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support import ports

HOST = "127.0.0.1"
TIMEOUT = 20.0
"""Seconds that a test waits for a mail."""


class Mailbox:
    """The messages that arrived, in order; `responses` replaces the answer to a command."""

    def __init__(self) -> None:
        self.port = ports.find_free()
        self.messages: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.responses: dict[str, str] = {}
        self.disconnects_after_data = False
        self.logins: list[tuple[bytes, bytes]] = []
        self.was_encrypted = False
        self._arrived = Condition()

    @property
    def url(self) -> str:
        return f"smtp://{HOST}:{self.port}"

    def wait_for(self, recipient: str, *, count: int = 1) -> EmailMessage:
        """Return the newest message to an address once at least `count` of them have arrived."""
        with self._arrived:
            arrived = self._arrived.wait_for(
                lambda: len(self.to(recipient)) >= count, timeout=TIMEOUT
            )
        assert arrived, f"no mail to {recipient}, only to {[m['To'] for m in self.messages]}"
        return self.to(recipient)[-1]

    def to(self, recipient: str) -> list[EmailMessage]:
        """Return the messages to an address, the oldest first."""
        return [message for message in self.messages if recipient in message["To"]]

    def clear(self) -> None:
        """Delete all messages."""
        self.messages.clear()

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        if "RCPT" in self.responses:
            return self.responses["RCPT"]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if "DATA" in self.responses:
            return self.responses["DATA"]
        message = cast(EmailMessage, message_from_bytes(envelope.content or b"", policy=default))
        self.was_encrypted = session.ssl is not None
        with self._arrived:
            self.messages.append(message)
            self.recipients.extend(envelope.rcpt_tos)
            self._arrived.notify_all()
        if self.disconnects_after_data:
            server.transport.abort()
        return "250 OK"

    def authenticate(
        self,
        _server: SMTP,
        _session: Session,
        _envelope: Envelope,
        _mechanism: str,
        login: LoginPassword,
    ) -> AuthResult:
        self.logins.append((login.login, login.password))
        return AuthResult(success="AUTH" not in self.responses, handled=False)


@contextmanager
def receive(
    certificate: Path | None = None, *, signs_in: bool = False, takes_utf8: bool = True
) -> Iterator[Mailbox]:
    """Run a server on a free port of this machine; with a certificate it supports STARTTLS."""
    mailbox = Mailbox()
    context = None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    controller = Controller(
        mailbox,
        hostname=HOST,
        port=mailbox.port,
        tls_context=context,
        authenticator=mailbox.authenticate if signs_in else None,
        auth_require_tls=False,
        enable_SMTPUTF8=takes_utf8,
    )
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()


def text_of(message: EmailMessage) -> str:
    """Return the plain text of a message."""
    part = message.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def link_in(message: EmailMessage) -> str:
    """Return the one link with a token in a message."""
    (link,) = {word for word in text_of(message).split() if "://" in word and "#" in word}
    return link


def make_certificate(path: Path) -> Path:
    """Write a certificate for this machine and its key into one file, and return the file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path

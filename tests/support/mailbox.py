"""A real SMTP server that keeps all messages."""

from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from threading import Condition
from typing import cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.support import ports

TIMEOUT = 20.0
"""Seconds that a test waits for a mail."""


class Mailbox:
    """The messages that arrived, in order."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.url = ""
        self._arrived = Condition()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Handle a message."""
        message = cast(EmailMessage, message_from_bytes(envelope.content or b"", policy=default))
        with self._arrived:
            self.messages.append(message)
            self._arrived.notify_all()
        return "250 OK"

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


def text_of(message: EmailMessage) -> str:
    """Return the plain text of a message."""
    part = message.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def link_in(message: EmailMessage) -> str:
    """Return the one link with a token in a message."""
    (link,) = {word for word in text_of(message).split() if "://" in word and "#" in word}
    return link


@contextmanager
def receive() -> Iterator[Mailbox]:
    """Run the server on a free port of this machine."""
    mailbox = Mailbox()
    controller = Controller(mailbox, hostname="127.0.0.1", port=ports.find_free())
    controller.start()
    mailbox.url = f"smtp://127.0.0.1:{controller.port}"
    yield mailbox
    controller.stop()

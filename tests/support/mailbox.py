"""A real SMTP server that keeps what it is sent."""

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

PATIENCE = 20.0
"""How many seconds a test waits for a mail that should come."""


class Mailbox:
    """Every message that arrived, in order."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.answer = "250 OK"
        """What the server says to a message; one that does not begin with 250 is not kept."""
        self.url = ""
        self._arrived = Condition()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take one message, as the server calls it."""
        if self.answer.startswith("250"):
            message = cast(
                EmailMessage, message_from_bytes(envelope.content or b"", policy=default)
            )
            with self._arrived:
                self.messages.append(message)
                self._arrived.notify_all()
        return self.answer

    def wait_for(self, recipient: str, *, count: int = 1) -> EmailMessage:
        """Return the newest message to an address once at least `count` of them have arrived."""
        with self._arrived:
            arrived = self._arrived.wait_for(
                lambda: len(self.to(recipient)) >= count, timeout=PATIENCE
            )
        assert arrived, f"no mail to {recipient}, only to {[m['To'] for m in self.messages]}"
        return self.to(recipient)[-1]

    def to(self, recipient: str) -> list[EmailMessage]:
        """Return the messages to an address, the oldest first."""
        return [message for message in self.messages if recipient in message["To"]]

    def empty(self) -> None:
        """Throw away what has come and take messages again."""
        self.messages.clear()
        self.answer = "250 OK"


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

"""The way to the mail server: one connection for many messages, TLS wherever there is any."""

import ipaddress
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from types import TracebackType
from typing import Self
from urllib.parse import SplitResult, unquote, urlsplit

from core.base.settings import settings

TIMEOUT = 20.0
"""Seconds that the server may take for each of its answers."""

_PORTS = {"smtp": 587, "smtps": 465}
_NOT_ABOUT_THE_MAIL = {421, 530, 534, 535, 538}
"""Answers about the connection or our signing in: another mail would get the same."""


class Refused(Exception):
    """The server will never take this mail; the sentence is the server's own."""


class NotNow(Exception):
    """It did not work this time: the server is away, busy, or set up wrongly."""


@dataclass(frozen=True)
class Server:
    """Where mails go, as `SMTP_URL` says it."""

    scheme: str
    host: str
    port: int
    user: str
    password: str

    @classmethod
    def at(cls, url: str) -> Self:
        """Return what `smtp://user:password@host:587` or `smtps://…` means; raises `ValueError`."""
        parts: SplitResult = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError("SMTP_URL must look like smtp://user:password@host:587 or smtps://…")
        return cls(
            parts.scheme,
            parts.hostname,
            parts.port or _PORTS[parts.scheme],
            unquote(parts.username or ""),
            unquote(parts.password or ""),
        )

    @property
    def is_here(self) -> bool:
        """Whether the server runs on this machine, so that nobody can listen in between."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


class Connection:
    """A connection that is opened by the first message and opened again after it broke."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._smtp: smtplib.SMTP | None = None
        self.has_failed = False
        """Whether the server was away or broke off, so that another mail would fare no better."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def open(self) -> None:
        """Greet the server, encrypt, sign in; raises `NotNow`."""
        try:
            self._smtp = _greeted(self.server)
        except (OSError, smtplib.SMTPException) as error:
            self.has_failed = True
            raise NotNow(_words(error)) from error

    def send(self, message: EmailMessage, sender: str, recipient: str) -> None:
        """Hand over one message; returns when the server took it, raises `Refused` or `NotNow`."""
        if self._smtp is None:
            self.open()
        assert self._smtp is not None
        try:
            self._smtp.send_message(message, sender, [recipient])
        except (OSError, smtplib.SMTPException) as error:
            self._after(error)

    def close(self) -> None:
        """Say goodbye, if there is still somebody to say it to."""
        if self._smtp is not None:
            try:
                self._smtp.quit()
            except (OSError, smtplib.SMTPException):
                self._smtp.close()
            self._smtp = None

    def _after(self, error: Exception) -> None:
        """Raise what it means; the connection stays if the answer was about this one mail."""
        if isinstance(error, smtplib.SMTPNotSupportedError):
            raise Refused(_words(error)) from error
        code = _code(error)
        if code is None or code in _NOT_ABOUT_THE_MAIL:
            self.has_failed = True
            self.close()
        if code is not None and code >= 500 and code not in _NOT_ABOUT_THE_MAIL:
            raise Refused(_words(error)) from error
        raise NotNow(_words(error)) from error


def _greeted(server: Server) -> smtplib.SMTP:
    smtp: smtplib.SMTP
    if server.scheme == "smtps":
        context = ssl.create_default_context()
        smtp = smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT, context=context)
    else:
        smtp = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT)
    try:
        _make_safe(smtp, server)
    except BaseException:
        smtp.close()
        raise
    return smtp


def _make_safe(smtp: smtplib.SMTP, server: Server) -> None:
    """Encrypt where the server can, and send a password only where nobody can listen."""
    smtp.ehlo_or_helo_if_needed()
    encrypted = server.scheme == "smtps"
    if not encrypted and smtp.has_extn("starttls"):
        smtp.starttls(context=ssl.create_default_context())
        smtp.ehlo()
        encrypted = True
    if not encrypted and not server.is_here and not settings().smtp_unencrypted:
        raise smtplib.SMTPException(
            "The mail server offers no encryption, so nothing was sent to it. Use smtps://, or set "
            "SMTP_UNENCRYPTED=true if nobody can listen in between."
        )
    if server.user:
        if not encrypted and not server.is_here:
            raise smtplib.SMTPException(
                "The mail server offers no encryption, so the password was not sent to it."
            )
        smtp.login(server.user, server.password)


def _answer(error: Exception) -> tuple[int, bytes | str] | None:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return next(iter(error.recipients.values()))
    if isinstance(error, smtplib.SMTPResponseException):
        return error.smtp_code, error.smtp_error
    return None


def _code(error: Exception) -> int | None:
    """Return the number that the server answered; None where it said nothing that counts."""
    answer = _answer(error)
    return answer[0] if answer and 400 <= answer[0] < 600 else None


def _words(error: Exception) -> str:
    """Return what the server said, on one line: `550 No such user here`."""
    answer = _answer(error)
    if answer is None:
        return " ".join((str(error) or type(error).__name__).split())[:500]
    code, said = answer
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return " ".join(f"{code} {text}".split())[:500]

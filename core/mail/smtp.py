"""SMTP: send many messages over one connection, with TLS wherever the server offers it."""

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
"""Seconds to wait for each reply of the server."""

_PORTS = {"smtp": 587, "smtps": 465}
_CONNECTION_CODES = {421, 530, 534, 535, 538}
"""Reply codes about the connection or authentication rather than about one mail."""


class PermanentFailure(Exception):
    """The server rejected this mail for good; the message is the server's reply."""


class TemporaryFailure(Exception):
    """The mail could not be sent now: the server is unreachable, busy or misconfigured."""


@dataclass(frozen=True)
class Server:
    """The mail server that `SMTP_URL` names."""

    scheme: str
    host: str
    port: int
    user: str
    password: str

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Parse `smtp://user:password@host:587` or `smtps://…`; raises `ValueError`."""
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
    def is_local(self) -> bool:
        """Whether the server runs on this machine, so that the connection can't be intercepted."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


class Connection:
    """A connection that opens with the first message and reopens after an error."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._smtp: smtplib.SMTP | None = None
        self.has_failed = False
        """Whether the connection failed, so that sending another mail would fail as well."""

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
        """Connect, start TLS and authenticate; raises `TemporaryFailure`."""
        try:
            self._smtp = _connect(self.server)
        except (OSError, smtplib.SMTPException) as error:
            self.has_failed = True
            raise TemporaryFailure(_describe(error)) from error

    def send(self, message: EmailMessage, sender: str, recipient: str) -> None:
        """Send one message; raises `PermanentFailure`, `TemporaryFailure`."""
        if self._smtp is None:
            self.open()
        assert self._smtp is not None
        try:
            self._smtp.send_message(message, sender, [recipient])
        except (OSError, smtplib.SMTPException) as error:
            self._raise_failure(error)

    def close(self) -> None:
        """Quit and close the connection, if it is open."""
        if self._smtp is not None:
            try:
                self._smtp.quit()
            except (OSError, smtplib.SMTPException):
                self._smtp.close()
            self._smtp = None

    def _raise_failure(self, error: Exception) -> None:
        """Raise the matching failure; close the connection unless the reply was about one mail."""
        if isinstance(error, smtplib.SMTPNotSupportedError):
            raise PermanentFailure(_describe(error)) from error
        code = _code(error)
        if code is None or code in _CONNECTION_CODES:
            self.has_failed = True
            self.close()
        if code is not None and code >= 500 and code not in _CONNECTION_CODES:
            raise PermanentFailure(_describe(error)) from error
        raise TemporaryFailure(_describe(error)) from error


def _connect(server: Server) -> smtplib.SMTP:
    smtp: smtplib.SMTP
    if server.scheme == "smtps":
        context = ssl.create_default_context()
        smtp = smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT, context=context)
    else:
        smtp = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT)
    try:
        _authenticate(smtp, server)
    except BaseException:
        smtp.close()
        raise
    return smtp


def _authenticate(smtp: smtplib.SMTP, server: Server) -> None:
    """Start TLS if offered, and log in unless the password could be intercepted."""
    smtp.ehlo_or_helo_if_needed()
    encrypted = server.scheme == "smtps"
    if not encrypted and smtp.has_extn("starttls"):
        smtp.starttls(context=ssl.create_default_context())
        smtp.ehlo()
        encrypted = True
    if not encrypted and not server.is_local and not settings().smtp_unencrypted:
        raise smtplib.SMTPException(
            "The mail server offers no encryption, so nothing was sent. Use smtps://, or set "
            "SMTP_UNENCRYPTED=true if the network is trusted."
        )
    if server.user:
        if not encrypted and not server.is_local:
            raise smtplib.SMTPException(
                "The mail server offers no encryption, so the password was not sent."
            )
        smtp.login(server.user, server.password)


def _reply(error: Exception) -> tuple[int, bytes | str] | None:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return next(iter(error.recipients.values()))
    if isinstance(error, smtplib.SMTPResponseException):
        return error.smtp_code, error.smtp_error
    return None


def _code(error: Exception) -> int | None:
    """Return the error code of the server's reply, or None."""
    reply = _reply(error)
    return reply[0] if reply and 400 <= reply[0] < 600 else None


def _describe(error: Exception) -> str:
    """Return the server's reply on one line: `550 No such user here`."""
    reply = _reply(error)
    if reply is None:
        return " ".join((str(error) or type(error).__name__).split())[:500]
    code, said = reply
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return " ".join(f"{code} {text}".split())[:500]

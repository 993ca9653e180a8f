"""The log: times in UTC, text or JSON, and a logger of security events.

`orgdesk.security` says who did or tried what, from where: logins, refusals, throttling and weighty
acts, by ids and fingerprints. No address, name, password or token of a person is ever in it.
"""

import json
import logging
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Final

from core.base.errors import DomainError
from core.base.settings import settings

SECURITY: Final = "orgdesk.security"
_security_log = logging.getLogger(SECURITY)
_Condition = Callable[[logging.LogRecord], bool]
_caller: ContextVar[tuple[int | None, str]] = ContextVar("caller", default=(None, ""))
"""The user id and the IP address of the current thread or request."""


def configure(*, replaces: bool = True, hidden: _Condition | None = None) -> None:
    """Log to standard error, by the settings `LOG_LEVEL` and `LOG_FORMAT`.

    Without `replaces`, handlers that are there already stay alone. `hidden` records are left out.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(_Json() if settings().log_format == "json" else _Text())
    if hidden is not None:
        handler.addFilter(lambda record: not hidden(record))
    logging.basicConfig(level=settings().log_level, handlers=[handler], force=replaces)
    _security_log.setLevel(logging.INFO)


def identify_caller(user_id: int | None, origin: str) -> None:
    """Set the user and the IP address of this thread or request for the security log."""
    _caller.set((user_id, origin))


def security(event: str, **facts: object) -> None:
    """Log a security event such as `login.failed` with its facts; the caller's are added."""
    user_id, origin = _caller.get()
    known = {"actor": user_id, "origin": origin or None} | facts
    found = {name: fact for name, fact in known.items() if fact is not None}
    _security_log.info(event, extra={"facts": found})


def refused(error: DomainError) -> None:
    """Log a refusal once, if it may be a sign of an attack."""
    if error.is_watched and not error.is_logged:
        error.is_logged = True
        security("refused", why=type(error).__name__)


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """Return one line: time, level, logger, message and facts; a traceback below it."""
        facts = "".join(f" {k}={v}" for k, v in getattr(record, "facts", {}).items())
        line = f"{_time(record)} {record.levelname} {record.name} {record.getMessage()}{facts}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """Return one JSON object on one line."""
        line: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)

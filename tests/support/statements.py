"""What is sent to the database: statements, without their values."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event

_NUMBERED = re.compile(r"(sa_savepoint_|__)\d+")


@contextmanager
def recorded(engine: Engine) -> Iterator[list[str]]:
    """Fill a list with the statements of the `with` block, each transaction with `BEGIN`."""
    sent: list[str] = []

    def add(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(_NUMBERED.sub(r"\1n", statement))

    def begin(_connection: Any) -> None:
        sent.append("BEGIN")

    event.listen(engine, "before_cursor_execute", add)
    event.listen(engine, "begin", begin)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", add)
        event.remove(engine, "begin", begin)

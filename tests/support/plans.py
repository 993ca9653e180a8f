"""What the database does for each query of some work: its plans."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session


def explain(session: Session, work: Callable[[], object], prefix: str) -> list[tuple[str, Any]]:
    """Return each query that `work` executes, with the rows of its plan."""
    executed: list[tuple[str, Any]] = []

    def listen(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        executed.append((statement, parameters))

    connection = session.connection()
    event.listen(connection, "before_cursor_execute", listen)
    work()
    event.remove(connection, "before_cursor_execute", listen)
    return [
        (query, connection.exec_driver_sql(prefix + query, values).all())
        for query, values in executed
        if query.lstrip().startswith(("SELECT", "WITH"))
    ]

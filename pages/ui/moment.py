"""What is known for the length of one run of a page, or of a part of it, and forgotten after."""

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from core import db, metrics

T = TypeVar("T")

_run = threading.local()
"""Each session's script runs in a thread of its own."""


@contextmanager
def one_look(page: str = "part of a page") -> Iterator[None]:
    """Ask everything at most once from here on, and in one look at the database.

    For one run of a page, or of a part of it.
    """
    if hasattr(_run, "known"):
        yield
        return
    _run.known = {}
    try:
        with metrics.rerun(page), db.one_look():
            yield
    finally:
        del _run.known


def once(find: Callable[..., T], *args: Hashable) -> T:
    """Return what `find(*args)` finds, asked at most once within `one_look`."""
    known: dict[Hashable, T] = getattr(_run, "known", {})
    if (find, args) not in known:
        known[find, args] = find(*args)
    return known[find, args]

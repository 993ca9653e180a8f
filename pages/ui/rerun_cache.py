"""What is known for the length of one run of a page, or of a part of it, and forgotten after."""

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from core.base import metrics
from core.database import db

T = TypeVar("T")

_AT_ONCE: Final = 3
"""Runs that this process works on at the same time."""
_WAITS: Final = 1.0
"""Seconds after which a run goes on beside them all the same: one may be held up by a lock."""
_turns = threading.BoundedSemaphore(_AT_ONCE)

_run = threading.local()
"""Each session's script runs in a thread of its own."""


@contextmanager
def one_look(page: str = "part of a page") -> Iterator[None]:
    """Ask everything at most once from here on, and in one look at the database.

    For one run of a page, or of a part of it. Runs take turns: two hundred at once would each wait
    for all others at every step, and take forty times as long as one after the other.
    """
    if hasattr(_run, "known"):
        yield
        return
    _run.known = {}
    try:
        with metrics.rerun(page), _turn(), db.one_look():
            yield
    finally:
        del _run.known


@contextmanager
def _turn() -> Iterator[None]:
    is_ours = _turns.acquire(timeout=_WAITS)
    try:
        yield
    finally:
        if is_ours:
            _turns.release()


def once(find: Callable[..., T], *args: Hashable) -> T:
    """Return what `find(*args)` finds, asked at most once within `one_look`."""
    known: dict[Hashable, T] = getattr(_run, "known", {})
    if (find, args) not in known:
        known[find, args] = find(*args)
    return known[find, args]

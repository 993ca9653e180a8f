"""A cache that lasts for one rerun of a page or fragment, and the limit of concurrent reruns."""

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from core.base import metrics
from core.database import db

T = TypeVar("T")

_MAX_RERUNS: Final = 3
"""Reruns that one process works on at the same time."""
_SLOT_TIMEOUT: Final = 1.0
"""Seconds after which a rerun starts without a slot: those that hold one may wait for a lock."""
_slots = threading.BoundedSemaphore(_MAX_RERUNS)

_local = threading.local()
"""Streamlit runs the script of each session in a thread of its own."""


@contextmanager
def rerun_scope(page: str = "part of a page") -> Iterator[None]:
    """Run a page or fragment with its own cache and one database snapshot; nested scopes join it.

    Reruns queue for a few slots: two hundred at the same time would slow each other down at every
    step, and take forty times as long as one after another.
    """
    if hasattr(_local, "cache"):
        yield
        return
    _local.cache = {}
    try:
        with metrics.rerun(page), _slot(), db.shared_session():
            yield
    finally:
        del _local.cache


@contextmanager
def _slot() -> Iterator[None]:
    is_acquired = _slots.acquire(timeout=_SLOT_TIMEOUT)
    try:
        yield
    finally:
        if is_acquired:
            _slots.release()


def cached(find: Callable[..., T], *args: Hashable) -> T:
    """Return `find(*args)`, called at most once within `rerun_scope`."""
    cache: dict[Hashable, T] = getattr(_local, "cache", {})
    if (find, args) not in cache:
        cache[find, args] = find(*args)
    return cache[find, args]

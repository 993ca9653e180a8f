"""Reruns queue for a few slots, and do not wait long for those that are blocked."""

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from pages.ui import rerun_cache

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


class Reruns:
    """Reruns in threads of their own, which last until they are released."""

    def __init__(self) -> None:
        self.started = threading.Semaphore(0)
        self.release = threading.Event()
        self.threads: list[threading.Thread] = []

    def start(self, number: int) -> None:
        new = [threading.Thread(target=self._run) for _ in range(number)]
        self.threads += new
        for thread in new:
            thread.start()

    def _run(self) -> None:
        with rerun_cache.rerun_scope():
            self.started.release()
            self.release.wait()

    def count_started(self, *, within: float) -> int:
        number = 0
        while self.started.acquire(timeout=within):
            number += 1
        return number


@pytest.fixture
def reruns(engine: Engine) -> Iterator[Reruns]:
    reruns = Reruns()
    yield reruns
    reruns.release.set()
    for thread in reruns.threads:
        thread.join()


def test_no_more_reruns_at_the_same_time_than_slots(
    reruns: Reruns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rerun_cache, "_SLOT_TIMEOUT", 60.0)
    reruns.start(8)
    assert reruns.count_started(within=0.3) == 3
    reruns.release.set()
    assert reruns.count_started(within=0.3) == 5


def test_a_rerun_starts_without_a_slot_after_the_timeout(
    reruns: Reruns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rerun_cache, "_SLOT_TIMEOUT", 0.05)
    reruns.start(5)
    assert reruns.count_started(within=0.5) == 5

"""Runs of pages take turns, and none waits for one that is held up."""

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from pages.ui import rerun_cache

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


class Runs:
    """Runs that begin in threads of their own and go on until they are let go."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Event()
        self.threads: list[threading.Thread] = []

    def start(self, number: int) -> None:
        new = [threading.Thread(target=self._run) for _ in range(number)]
        self.threads += new
        for thread in new:
            thread.start()

    def _run(self) -> None:
        with rerun_cache.rerun_scope():
            self.begun.release()
            self.go_on.wait()

    def count_begun(self, *, within: float) -> int:
        number = 0
        while self.begun.acquire(timeout=within):
            number += 1
        return number


@pytest.fixture
def runs(engine: Engine) -> Iterator[Runs]:
    runs = Runs()
    yield runs
    runs.go_on.set()
    for thread in runs.threads:
        thread.join()


def test_no_more_work_at_once_than_there_are_turns(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rerun_cache, "_SLOT_TIMEOUT", 60.0)
    runs.start(8)
    assert runs.count_begun(within=0.3) == 3
    runs.go_on.set()
    assert runs.count_begun(within=0.3) == 5


def test_who_has_waited_goes_on_beside_those_that_are_held_up(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rerun_cache, "_SLOT_TIMEOUT", 0.05)
    runs.start(5)
    assert runs.count_begun(within=0.5) == 5

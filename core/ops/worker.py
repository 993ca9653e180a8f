"""The background worker: dispatches notifications, sends mail, advances bulk jobs, cleans up."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from core.audit import checkpoints, search_texts
from core.base.errors import Unavailable
from core.database import db
from core.duplicates import matching
from core.mail import delivery, outbox
from core.members import reminders
from core.notifications import dispatch, onboarding_alerts
from core.ops import cleanup
from core.ops.run_types import RUN_TYPES
from core.runs import advance, runs
from core.staff import impersonation

POLL_INTERVAL: Final = timedelta(seconds=1)
HOUSEKEEPING_INTERVAL: Final = timedelta(minutes=1)
"""How often this process checks whether cleanup, morning alerts, reminders and the like are due."""
MAX_FAILURE_PAUSE: Final = timedelta(seconds=30)
"""The longest pause after failures; the first takes `POLL_INTERVAL`, each next is doubled."""
STOP_TIMEOUT: Final = timedelta(seconds=5)

log = logging.getLogger(__name__)


class Worker:
    """Threads that run all background jobs; processes share the work through the database.

    Email has a thread of its own, so that nothing else waits for a mail server that is silent.
    """

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._is_database_up: bool | None = None
        self._housekeeping_at = 0.0
        self._loops = (
            _Loop("worker", self._run_due, self._stopping, runs.started),
            _Loop("mail", self._send_mail, self._stopping, outbox.queued),
        )

    def start(self) -> None:
        """Start the threads."""
        for loop in self._loops:
            loop.thread.start()

    def wake(self) -> None:
        """Run due jobs now instead of at the next interval."""
        for loop in self._loops:
            loop.wake_up.set()

    def stop(self) -> None:
        """Stop after the current step; wait for it up to `STOP_TIMEOUT`."""
        self._stopping.set()
        self.wake()
        ends_at = time.monotonic() + STOP_TIMEOUT.total_seconds()
        for loop in self._loops:
            loop.thread.join(max(ends_at - time.monotonic(), 0))

    def is_running(self) -> bool:
        """Return whether a thread has not ended."""
        return any(loop.thread.is_alive() for loop in self._loops)

    def _send_mail(self) -> bool:
        if self._is_database_up:
            delivery.run_due(self._stopping.is_set)
        return False

    def _run_due(self) -> bool:
        """Run all other jobs that are due, and return whether there is more to do at once."""
        if not self._check_database():
            return False
        dispatch.run_due(self._stopping.is_set)
        search_texts.run_due()
        matching.run_due()
        has_more = advance.run_due(RUN_TYPES, self._stopping.is_set)
        if time.monotonic() >= self._housekeeping_at:
            impersonation.run_due(self._stopping.is_set)
            cleanup.run_due(self._stopping.is_set)
            onboarding_alerts.run_due(self._stopping.is_set)
            reminders.run_due(self._stopping.is_set)
            checkpoints.run_due()
            self._housekeeping_at = time.monotonic() + HOUSEKEEPING_INTERVAL.total_seconds()
        return has_more

    def _check_database(self) -> bool:
        """Return whether the database is available; log when that changes."""
        try:
            with db.engine().connect() as connection:
                connection.exec_driver_sql("SELECT 1")
        except SQLAlchemyError as error:
            if self._is_database_up is not False:
                log.error("the worker is waiting for the database: %s", error)
            self._is_database_up = False
        else:
            if self._is_database_up is False:
                log.warning("the database is available again")
            self._is_database_up = True
        return self._is_database_up


class _Loop:
    """A thread that calls a job again and again, with pauses; a job returns whether it has more.

    `wake_up` ends a pause.
    """

    def __init__(
        self,
        name: str,
        job: Callable[[], bool],
        stopping: threading.Event,
        wake_up: threading.Event,
    ) -> None:
        self._job, self._stopping, self.wake_up = job, stopping, wake_up
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)

    def _run(self) -> None:
        pause = POLL_INTERVAL
        with db.in_background():
            while not self._stopping.is_set():
                self.wake_up.clear()
                went_well, has_more = self._call()
                if not (has_more or self._stopping.is_set()):
                    self.wake_up.wait(pause.total_seconds())
                pause = POLL_INTERVAL if went_well else min(2 * pause, MAX_FAILURE_PAUSE)

    def _call(self) -> tuple[bool, bool]:
        """Return whether the job went well, and whether it has more to do."""
        try:
            return True, self._job()
        except Unavailable:
            return False, False  # already logged
        except Exception:  # a bug must not end the thread
            log.exception("a background job failed; the worker continues")
            return False, False


def start() -> Worker:
    """Start a worker in the background; the caller must stop it."""
    worker = Worker()
    worker.start()
    return worker

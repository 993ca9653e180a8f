"""The background worker: dispatches notifications, sends mail, advances bulk jobs, cleans up."""

import logging
import threading
import time
from datetime import timedelta
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from core.audit import checkpoints, search_texts
from core.base.errors import Unavailable
from core.database import db
from core.mail import delivery
from core.members import reminders
from core.notifications import dispatch, onboarding_alerts
from core.ops import cleanup
from core.ops.run_types import RUN_TYPES
from core.runs import advance
from core.staff import impersonation

POLL_INTERVAL: Final = timedelta(seconds=1)
HOUSEKEEPING_INTERVAL: Final = timedelta(minutes=1)
"""How often this process checks whether cleanup, morning alerts, reminders and the like are due."""
MAX_FAILURE_PAUSE: Final = timedelta(seconds=30)
"""The longest pause after failures; the first takes `POLL_INTERVAL`, each next is doubled."""
STOP_TIMEOUT: Final = timedelta(seconds=5)

log = logging.getLogger(__name__)


class Worker:
    """A thread that runs all background jobs; processes share the work through the database."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._wake_up = threading.Event()
        self._is_database_up = True
        self._housekeeping_at = 0.0
        self._has_more = False
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self) -> None:
        """Run due jobs now instead of at the next interval."""
        self._wake_up.set()

    def stop(self) -> None:
        """Stop after the current step; wait for it up to `STOP_TIMEOUT`."""
        self._stopping.set()
        self._wake_up.set()
        self._thread.join(STOP_TIMEOUT.total_seconds())

    def _run(self) -> None:
        pause = POLL_INTERVAL
        while not self._stopping.is_set():
            went_well = not self._check_database() or self._run_due()
            if not (went_well and self._has_more):
                self._wake_up.wait(pause.total_seconds())
            self._wake_up.clear()
            pause = POLL_INTERVAL if went_well else min(2 * pause, MAX_FAILURE_PAUSE)

    def _run_due(self) -> bool:
        """Run all jobs that are due; return whether they went well."""
        try:
            dispatch.run_due(self._stopping.is_set)
            delivery.run_due(self._stopping.is_set)
            search_texts.run_due()
            self._has_more = advance.run_due(RUN_TYPES, self._stopping.is_set)
            if time.monotonic() >= self._housekeeping_at:
                impersonation.run_due(self._stopping.is_set)
                cleanup.run_due(self._stopping.is_set)
                onboarding_alerts.run_due(self._stopping.is_set)
                reminders.run_due(self._stopping.is_set)
                checkpoints.run_due()
                self._housekeeping_at = time.monotonic() + HOUSEKEEPING_INTERVAL.total_seconds()
        except Unavailable:
            return False  # already logged
        except Exception:  # a bug must not end the thread that sends all mail
            log.exception("a background job failed; the worker continues")
            return False
        return True

    def _check_database(self) -> bool:
        """Return whether the database is available; log when that changes."""
        try:
            with db.engine().connect() as connection:
                connection.exec_driver_sql("SELECT 1")
        except SQLAlchemyError as error:
            if self._is_database_up:
                log.error("the worker is waiting for the database: %s", error)
            self._is_database_up = False
        else:
            if not self._is_database_up:
                log.warning("the database is available again")
            self._is_database_up = True
        return self._is_database_up


def start() -> Worker:
    """Start a worker in the background; the caller must stop it."""
    worker = Worker()
    worker.start()
    return worker

"""What goes on in the background while the app is served: news is told, mails go out.

Runs over many organizations go on, and the house is kept, there, too.
"""

import logging
import threading
import time
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from core.base.errors import Unavailable
from core.database import db
from core.mail import delivery
from core.members import reminders
from core.notifications import dispatch, onboarding_alerts
from core.onboarding import bulk_flag
from core.ops import cleanup

LOOKS_EVERY = timedelta(seconds=1)
KEEPS_HOUSE_EVERY = timedelta(minutes=1)
"""How often this process asks whether it is its turn."""
RESTS_AFTER_FAILURE = timedelta(seconds=30)
STOPS_WITHIN = timedelta(seconds=5)

log = logging.getLogger(__name__)


class Worker:
    """One thread; several processes may each have theirs: the database says whose turn it is."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._told = threading.Event()
        self._database_is_there = True
        self._keeps_house_at = 0.0
        self._has_more = False
        self._thread = threading.Thread(target=self._work, name="worker", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def wake(self) -> None:
        """Look at once, instead of at the next second."""
        self._told.set()

    def stop(self) -> None:
        """End after what is being done just now; what takes longer is left to who comes next."""
        self._stopping.set()
        self._told.set()
        self._thread.join(STOPS_WITHIN.total_seconds())

    def _work(self) -> None:
        while not self._stopping.is_set():
            went_well = not self._finds_database() or self._look()
            rest = LOOKS_EVERY if went_well else RESTS_AFTER_FAILURE
            if not (went_well and self._has_more):
                self._told.wait(rest.total_seconds())
            self._told.clear()

    def _look(self) -> bool:
        """Do what is due and return whether it went well; if not, the next look comes anyway."""
        try:
            dispatch.run_due(self._stopping.is_set)
            delivery.run_due(self._stopping.is_set)
            self._has_more = bulk_flag.run_due(self._stopping.is_set)
            if time.monotonic() >= self._keeps_house_at:
                cleanup.keep(self._stopping.is_set)
                onboarding_alerts.run_due(self._stopping.is_set)
                reminders.send_due(self._stopping.is_set)
                self._keeps_house_at = time.monotonic() + KEEPS_HOUSE_EVERY.total_seconds()
        except Unavailable:
            return False  # the log has it
        except Exception:  # a bug must not end the thread that sends everybody's mails
            log.exception("the worker failed and goes on")
            return False
        return True

    def _finds_database(self) -> bool:
        """Return whether the database answers; say so in the log when that changes."""
        try:
            with db.engine().connect() as connection:
                connection.exec_driver_sql("SELECT 1")
        except SQLAlchemyError as error:
            if self._database_is_there:
                log.error("the worker waits for the database: %s", error)
            self._database_is_there = False
        else:
            if not self._database_is_there:
                log.warning("the database is back")
            self._database_is_there = True
        return self._database_is_there


def start() -> Worker:
    """Start working in the background; the caller stops it at the end."""
    worker = Worker()
    worker.start()
    return worker

"""What tests stand on: both engines, a write transaction, the cast, and a clock to turn."""

import gc
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from core.base import clock as core_clock
from core.database import db
from tests.support.cast import Cast
from tests.support.depth import list_left_out, rounds
from tests.support.engines import ENGINES, Postgresql, Sqlite, use, without_disk
from tests.support.mailbox import Mailbox, receive

settings.register_profile(  # a loaded machine is no failure; fixtures hold for all examples
    "orgdesk",
    max_examples=rounds(25, 200),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("orgdesk")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of another run, and begin with the browser's.

    They take longest, and no worker shall wait for one.
    """
    if left_out := set(list_left_out(items)):
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]
    items.sort(key=lambda item: "browser" not in item.path.parts)


def pytest_collection_finish() -> None:
    """Keep the garbage collector away from all that lives as long as the tests do."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Sqlite | Postgresql]]:
    """What starts each engine when it is first asked for, and stops it at the end."""
    with ExitStack() as at_the_end:

        class Started(dict[str, Sqlite | Postgresql]):
            def __missing__(self, name: str) -> Sqlite | Postgresql:
                directory = tmp_path_factory.mktemp(name)
                if name == "sqlite":
                    directory = at_the_end.enter_context(without_disk(directory))
                started = ENGINES[name](directory)
                at_the_end.callback(started.stop)
                return self.setdefault(name, started)

        yield Started()


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(
    request: pytest.FixtureRequest, engines: dict[str, Sqlite | Postgresql]
) -> Iterator[Engine]:
    """A migrated, empty database of the test's own, which the code under test works on.

    `@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)` asks for one engine only.
    """
    databases = engines[request.param]
    url = databases.borrow(with_cast="cast" in request.fixturenames)
    with use(url, keeps_connections=request.param == "postgresql") as engine:
        yield engine
    databases.give_back()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A write transaction as `db.run` opens it; at the end all that it changed must be recorded."""
    with db.transaction() as session:
        yield session


@pytest.fixture
def cast(engine: Engine, engines: dict[str, Sqlite | Postgresql]) -> Cast:
    """Everybody, already there."""
    return engines[engine.dialect.name].cast()


class Clock:
    """A clock that stands still until it is turned."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def turn(self, by: timedelta) -> None:
        self.moment += by


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The one clock, standing at noon on 23 November 2026: `clock.turn(timedelta(hours=1))`."""
    standing = Clock()
    monkeypatch.setattr(core_clock, "now", standing.now)
    return standing


@pytest.fixture(scope="session")
def smtp() -> Iterator[Mailbox]:
    """The SMTP server behind `mailbox`."""
    with receive() as mailbox:
        yield mailbox


@pytest.fixture
def mailbox(smtp: Mailbox) -> Mailbox:
    """A real SMTP server at `mailbox.url`, empty."""
    smtp.clear()
    return smtp

"""One Orgdesk and one Chromium per test process; each test starts with an empty database."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from sqlalchemy import Engine, make_url

from tests.browser import chromium
from tests.browser.server import Server, serve
from tests.engines import Postgresql, Sqlite, use
from tests.mailbox import Mailbox

DESKTOP = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}

expect.set_options(timeout=10_000)


@pytest.fixture(scope="package")
def server(
    engines: dict[str, Sqlite | Postgresql],
    smtp: Mailbox,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """Orgdesk, on SQLite, sending its mail to `mailbox`."""
    url = engines["sqlite"].make("served")
    with serve(url, tmp_path_factory.mktemp("server"), SMTP_URL=smtp.url) as server:
        yield server
    engines["sqlite"].drop("served")


@pytest.fixture
def engine(server: Server, engines: dict[str, Sqlite | Postgresql]) -> Iterator[Engine]:
    """The database of the server, emptied; `cast`, `session` and `db` work on it too."""
    served = make_url(server.database_url).database
    template = make_url(engines["sqlite"].make("empty")).database
    with closing(sqlite3.connect(template)) as empty, closing(sqlite3.connect(served)) as live:
        empty.backup(live)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PUBLIC_URL", server.url)
        with use(server.database_url) as engine:
            yield engine


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium.find(), args=list(chromium.ARGUMENTS)
        )
        yield browser
        browser.close()


@pytest.fixture
def new_page(browser: Browser, server: Server, engine: Engine) -> Iterator[Callable[..., Page]]:
    """What opens a page in a browser of its own: `new_page()`, `new_page(PHONE)`.

    At the end nothing may have broken in any of them, and nobody else have been asked for anything.
    """
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    def open_page(screen: dict[str, object] = DESKTOP, **options: object) -> Page:
        context = browser.new_context(base_url=server.url, locale="en-US", **screen, **options)
        contexts.append(context)
        context.on("weberror", lambda error: problems.append(str(error.error)))
        context.on("request", lambda request: problems.extend(_foreign(request.url, server.url)))
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


def _foreign(url: str, ours: str) -> list[str]:
    return [] if url.startswith((ours, "data:", "blob:")) else [f"asked for {url}"]


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    """A page on a desktop, 1280 by 800."""
    return new_page()


@pytest.fixture
def phone(new_page: Callable[..., Page]) -> Page:
    """A page on a phone, 390 by 844."""
    return new_page(PHONE)

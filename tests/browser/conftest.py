"""One Orgdesk and one Chromium per test process; each test starts with an empty database."""

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    WebError,
    expect,
    sync_playwright,
)
from sqlalchemy import Engine, make_url

from tests.browser import chromium
from tests.browser.server import Server, serve
from tests.support.engines import Postgresql, Sqlite, use
from tests.support.mailbox import Mailbox

STILL = {"reduced_motion": "reduce"}
DESKTOP = {"viewport": {"width": 1280, "height": 800}, **STILL}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, **STILL}

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
def engine(
    request: pytest.FixtureRequest, server: Server, engines: dict[str, Sqlite | Postgresql]
) -> Iterator[Engine]:
    """The database of the server, emptied; `cast`, `session` and `db` work on it too."""
    served = make_url(server.database_url).database
    template = engines["sqlite"].template(with_cast="cast" in request.fixturenames)
    with closing(sqlite3.connect(template)) as empty, closing(sqlite3.connect(served)) as live:
        empty.backup(live)
    Path(f"{served}.checkpoints").unlink(missing_ok=True)
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


class ContextPool:
    """Contexts of the browser, used by one test after another: compiled code stays in them."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.idle: defaultdict[str, list[BrowserContext]] = defaultdict(list)

    @contextmanager
    def borrow(self, url: str, screen: dict[str, object]) -> Iterator[BrowserContext]:
        """Give a context without cookies and storage, and take it back."""
        idle = self.idle[f"{url} {screen}"]
        context = (
            idle.pop() if idle else self.browser.new_context(base_url=url, locale="en-US", **screen)
        )
        yield context
        self._forget(context, url)
        idle.append(context)

    def _forget(self, context: BrowserContext, url: str) -> None:
        """Leave nothing of whoever was there; only the code of pages stays."""
        inside = context.new_cdp_session(context.pages[0])
        storage = "local_storage,indexeddb,cache_storage,service_workers"
        inside.send("Storage.clearDataForOrigin", {"origin": url, "storageTypes": storage})
        for page in context.pages[1:]:
            page.close()
        context.pages[0].emulate_media(color_scheme="null")
        context.pages[0].goto(f"{url}/healthz")  # not elsewhere: its process would end
        context.clear_cookies()


@pytest.fixture(scope="package")
def contexts(browser: Browser) -> ContextPool:
    """The contexts of this test process."""
    return ContextPool(browser)


@pytest.fixture
def new_page(
    contexts: ContextPool, server: Server, engine: Engine
) -> Iterator[Callable[..., Page]]:
    """What opens a page in a context of its own: `new_page()`, `new_page(PHONE)`.

    At the end nothing may have broken in any of them, and nobody else have been asked for anything.
    """
    problems: list[str] = []

    def note_error(error: WebError) -> None:
        problems.append(str(error.error))

    def note_message(message: ConsoleMessage) -> None:
        if message.type == "error" and "Component Error" in message.text:
            problems.append(message.text)

    def note_failure(request: Request) -> None:
        problems.extend(_foreign(request.url, server.url))

    with ExitStack() as borrowed:

        def open_page(screen: dict[str, object] = DESKTOP) -> Page:
            context = borrowed.enter_context(contexts.borrow(server.url, screen))
            for event, note in (
                ("weberror", note_error),
                ("requestfailed", note_failure),  # as all do that leave this machine
                ("console", note_message),
            ):
                context.on(event, note)
                borrowed.callback(context.remove_listener, event, note)
            return context.pages[0] if context.pages else context.new_page()

        yield open_page
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

"""Pages without a browser, for people logged in by a session and a patched cookie."""

import sys
from collections.abc import Iterator
from functools import cache
from typing import Protocol

import pytest
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest, local_script_runner
from streamlit.util import calc_hash

from core.access.permissions import Actor
from core.base.settings import PROJECT
from core.database import db
from pages.ui import authentication
from tests.support import logins
from tests.support.tables import code_blocks


class Show(Protocol):
    """Open a page for a person, or without a login, with these query parameters."""

    def __call__(self, page: str, actor: Actor | None = None, /, **query: str) -> AppTest: ...


@pytest.fixture(scope="package", autouse=True)
def _scan_for_components_once() -> Iterator[None]:
    """Keep what Streamlit finds in the installed packages; every AppTest would read all of them."""
    with pytest.MonkeyPatch.context() as patch:
        scan = cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", scan)
        yield


@pytest.fixture(scope="package", autouse=True)
def _wait_without_polling() -> Iterator[None]:
    """Wait for the thread of a page: AppTest looks every millisecond, which slows the page."""
    wait = local_script_runner.require_widgets_deltas

    def join(runner: local_script_runner.LocalScriptRunner, timeout: float = 3) -> None:
        assert runner._script_thread is not None
        runner._script_thread.join(timeout)
        wait(runner, timeout)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local_script_runner, "require_widgets_deltas", join)
        yield


@pytest.fixture(autouse=True)
def _main_module() -> Iterator[None]:
    """Put the main module back, which AppTest replaces by the page: a new process would run it."""
    before = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = before


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> Show:
    def show(page: str, actor: Actor | None = None, /, **query: str) -> AppTest:
        token = sign_in(actor) if actor is not None else None
        monkeypatch.setattr(authentication, "connection_cookie", lambda: token)
        screen = AppTest.from_file(str(PROJECT / "pages" / "frame.py"), default_timeout=20)
        screen._page_hash = calc_hash(page)  # before its first rerun it knows no pages
        screen.query_params.update({name: [value] for name, value in query.items()})
        return screen.run()

    return show


def sign_in(person: Actor) -> str:
    """Start a session of a person, and return the token of its cookie."""
    token: str = db.run(logins.log_in, person).token
    return token


def words(screen: AppTest) -> str:
    """Return what is written on the page, a line for each element, as it was sent."""
    assert not screen.exception
    groups = (
        *(screen.title, screen.header, screen.subheader, screen.markdown, screen.text),
        *(screen.info, screen.toast),
    )
    written = [element.value for group in groups for element in group]
    return "\n".join([*written, *code_blocks(screen)])


def unescaped(screen: AppTest) -> str:
    """Return what is written on the page without what `ui.esc` adds, as people read it."""
    return words(screen).replace("\\", "").replace(":small[]", "")

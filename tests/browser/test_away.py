"""When the database goes away altogether: told with an id, and right again with the next click."""

import re
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from core.database import db
from core.models import Invitation, Mail
from tests.browser.acts import give_password, log_in, visit
from tests.browser.conftest import DESKTOP
from tests.browser.server import Server, serve
from tests.browser.steps import field, fill, press
from tests.support import cast as the_cast
from tests.support.cast import Cast
from tests.support.engines import Postgresql, Sqlite, use

FORMS = (
    ("members", "Invite user", "invite", "emails", "new@example.com", "Invite"),
    ("account", "", "rename", "name", "Olga Okonkwo", "Save name"),
    ("profile", "", "profile", "overview", "Connects clinics.", "Submit"),
)
"""A form in a dialog, one on a page, and one in a part that reruns on its own."""
_NO_ANSWER = re.compile(r"We couldn't save that\. .* error id (\w{8})")


@pytest.fixture
def silent_mail_server() -> Iterator[str]:
    """The address of a mail server that takes calls and never says a word."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        yield f"smtp://127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture
def far_server(
    engines: dict[str, Sqlite | Postgresql],
    tmp_path_factory: pytest.TempPathFactory,
    silent_mail_server: str,
) -> Iterator[Server]:
    """Orgdesk on PostgreSQL, which can go away, with a mail server that keeps silent."""
    url = engines["postgresql"].make("away")
    with (
        serve(url, tmp_path_factory.mktemp("away"), SMTP_URL=silent_mail_server) as server,
        pytest.MonkeyPatch.context() as environment,
    ):
        environment.setenv("PUBLIC_URL", server.url)
        with use(url):
            yield server
    engines["postgresql"].drop("away")


def go_away(postgresql: Postgresql) -> None:
    """Let nobody in any more, and turn out who is there."""
    postgresql.connection.execute("ALTER DATABASE away ALLOW_CONNECTIONS false")
    postgresql.connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'away'"
    )


def come_back(postgresql: Postgresql) -> None:
    postgresql.connection.execute("ALTER DATABASE away ALLOW_CONNECTIONS true")


@pytest.fixture
def cast(far_server: Server) -> Cast:
    """Everybody, on the server that is far away."""
    with db.Session(db.writing_engine(), expire_on_commit=False) as session, session.begin():
        return the_cast.make(session)


@pytest.fixture
def far_page(browser: Browser, far_server: Server) -> Iterator[Page]:
    """A page of the server that is far away."""
    with browser.new_context(base_url=far_server.url, locale="en-US", **DESKTOP) as context:
        yield context.new_page()


@pytest.fixture
def postgresql(engines: dict[str, Sqlite | Postgresql]) -> Postgresql:
    started = engines["postgresql"]
    assert isinstance(started, Postgresql)
    return started


def told_id(page: Page) -> str:
    """Return the id in the one sentence about the database."""
    sentence = page.get_by_text("We couldn't save that. Nothing was changed.")
    expect(sentence).to_be_visible()
    told = _NO_ANSWER.search(sentence.inner_text())
    assert told, sentence.inner_text()
    return told[1]


def test_it_is_told_and_nothing_is_lost(
    far_page: Page, far_server: Server, cast: Cast, postgresql: Postgresql
) -> None:
    visit(far_page)
    go_away(postgresql)
    give_password(far_page, cast.olga)
    assert told_id(far_page) in far_server.said()
    come_back(postgresql)
    press(far_page, "Try again")
    log_in(far_page, cast.olga)
    expect(far_page.locator(".st-key-user-menu")).to_be_visible()

    for page, open_form, form, name, typed, send in FORMS:
        visit(far_page, f"/{page}?org={cast.acme.public_id}")
        if open_form:
            press(far_page, open_form)
        fill(far_page, form, **{name: typed})
        go_away(postgresql)
        press(far_page, send)
        assert told_id(far_page) in far_server.said()
        come_back(postgresql)
        press(far_page, "Try again")
        expect(field(far_page, form, name)).to_have_value(typed)
        press(far_page, send)
        expect(far_page.get_by_test_id("stToast").first).to_be_visible()

    with db.read() as session:
        assert session.scalar(select(Invitation.email)) == "new@example.com"
        assert set(session.scalars(select(Mail.sent_at))) == {None}

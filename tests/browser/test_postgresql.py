"""Orgdesk on PostgreSQL, and what people see when the database is unreachable."""

import re
import socket
from collections.abc import Iterator
from contextlib import closing, suppress

import psycopg
import pytest
from playwright.sync_api import Browser, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout
from sqlalchemy import make_url, select

from core.database import db
from core.models import Invitation, Mail
from tests.browser import steps
from tests.browser.acts import become, give_password, go, log_in, user_menu, visit
from tests.browser.conftest import DESKTOP
from tests.browser.server import Server, serve
from tests.browser.steps import field, fill, press
from tests.support import cast as the_cast
from tests.support.cast import Cast
from tests.support.engines import Postgresql, Sqlite, use
from tests.support.streamlit_client import open_app

FORMS = (
    ("members", "Invite user", "invite", "emails", "new@example.com", "Invite"),
    ("account", "", "rename", "name", "Olga Okonkwo", "Save name"),
    ("profile", "", "profile", "overview", "Connects clinics.", "Submit"),
)
"""A form in a dialog, one on a page, and one in a fragment."""
_NO_ANSWER = re.compile(r"We couldn't save that\. .* error id (\w{8})")


@pytest.fixture(scope="module")
def silent_mail_server() -> Iterator[socket.socket]:
    """A mail server that accepts connections and never responds."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        yield listening


@pytest.fixture(scope="module")
def server(
    engines: dict[str, Sqlite | Postgresql],
    tmp_path_factory: pytest.TempPathFactory,
    silent_mail_server: socket.socket,
) -> Iterator[Server]:
    """A server on a PostgreSQL that can be disconnected; its mail server never responds."""
    url = engines["postgresql"].make("outage")
    smtp_url = f"smtp://127.0.0.1:{silent_mail_server.getsockname()[1]}"
    with (
        serve(url, tmp_path_factory.mktemp("outage"), SMTP_URL=smtp_url) as server,
        pytest.MonkeyPatch.context() as environment,
    ):
        environment.setenv("PUBLIC_URL", server.url)
        with use(url):
            yield server
        silent_mail_server.close()  # else the end of the server waits for it
    engines["postgresql"].drop("outage")


def disconnect(postgresql: Postgresql) -> None:
    """Refuse new connections, and terminate the existing ones."""
    postgresql.connection.execute("ALTER DATABASE outage ALLOW_CONNECTIONS false")
    postgresql.connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'outage'"
    )


def reconnect(postgresql: Postgresql) -> None:
    postgresql.connection.execute("ALTER DATABASE outage ALLOW_CONNECTIONS true")


def make_cast() -> Cast:
    """Put the cast into the database of this server."""
    with db.Session(db.writing_engine(), expire_on_commit=False) as session, session.begin():
        return the_cast.make(session)


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    """A browser page of this server."""
    with browser.new_context(base_url=server.url, locale="en-US", **DESKTOP) as context:
        yield context.new_page()


@pytest.fixture(scope="module")
def postgresql(engines: dict[str, Sqlite | Postgresql]) -> Postgresql:
    started = engines["postgresql"]
    assert isinstance(started, Postgresql)
    return started


def error_id_on(page: Page) -> str:
    """Return the error id on the page."""
    sentence = page.get_by_text("We couldn't save that. Nothing was changed.")
    expect(sentence).to_be_visible()
    found = _NO_ANSWER.search(sentence.inner_text())
    assert found, sentence.inner_text()
    return found[1]


def try_again(page: Page) -> None:
    """Press the button, unless a field that was reported late has drawn the page already."""
    with suppress(PlaywrightTimeout):
        page.get_by_role("button", name=re.compile("Try again$")).click(timeout=3_000)


def test_people_set_it_up_see_an_error_id_and_lose_no_input(
    page: Page, server: Server, postgresql: Postgresql
) -> None:
    see_the_set_up_of_an_empty_server(page, server)
    cast = make_cast()
    visit(page)
    disconnect(postgresql)
    give_password(page, cast.olga)
    assert error_id_on(page) in server.read_log()
    reconnect(postgresql)
    try_again(page)
    log_in(page, cast.olga)
    expect(user_menu(page)).to_be_visible()

    for address, open_form, form, name, typed, send in FORMS:
        go(page, f"/{address}?org={cast.acme.public_id}")
        if open_form:
            press(page, open_form)
        fill(page, form, **{name: typed})
        disconnect(postgresql)
        press(page, send)
        assert error_id_on(page) in server.read_log()
        reconnect(postgresql)
        try_again(page)
        expect(field(page, form, name)).to_have_value(typed)
        press(page, send)
        expect(page.get_by_test_id("stToast").first).to_be_visible()

    become(page, cast.sam)
    visit(page, "/organizations?q=acme")
    steps.flag_for_onboarding(page)
    see_rows(server, cast)


def see_the_set_up_of_an_empty_server(page: Page, server: Server) -> None:
    """See no page before the first administrator is set up, not even in the very first rerun."""
    page.goto("/members")
    expect(page.get_by_role("heading", name="Set up Orgdesk")).to_be_visible()
    expect(page.get_by_test_id("stSidebarNav")).to_have_count(0)
    for address in ("mail", "", "sign_up"):
        with open_app(server.url) as stranger:
            sent = b"".join(message.SerializeToString() for message in stranger.rerun(address))
        assert b"Set up Orgdesk" in sent, address


def see_rows(server: Server, cast: Cast) -> None:
    """Find what was saved, also without any of Orgdesk's own code, and no mail sent."""
    url = make_url(server.database_url).set(drivername="postgresql")
    with psycopg.connect(url.render_as_string(hide_password=False)) as connection:
        stored = connection.execute(
            "SELECT overview, stage, next_step FROM organizations WHERE public_id = %s",
            [cast.acme.public_id],
        ).fetchall()
    assert stored == [("Connects clinics.", "onboarding", "Call about the interface list")]
    with db.read() as session:
        assert session.scalar(select(Invitation.email)) == "new@example.com"
        assert set(session.scalars(select(Mail.sent_at))) == {None}

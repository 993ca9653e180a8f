"""Several processes on one PostgreSQL behind nginx, as the README configures it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from urllib.request import urlopen

import pytest
from httpx2 import Client
from playwright.sync_api import Browser, Page, expect

from core.accounts import sessions
from core.database import db
from tests.browser import nginx, steps
from tests.browser.acts import become, log_in, user_menu, visit
from tests.browser.conftest import DESKTOP
from tests.browser.server import Server, serve
from tests.support import cast as the_cast
from tests.support import ports
from tests.support.cast import Cast
from tests.support.engines import Postgresql, Sqlite, use
from tests.support.mailbox import Mailbox

pytestmark = pytest.mark.skipif(nginx.find() is None, reason=nginx.MISSING)


class Site:
    """An address and the processes behind it, each of which can be stopped and restarted."""

    def __init__(self, database_url: str, directory: Path, mail: str) -> None:
        self.port, self.behind = ports.find_free(), [ports.find_free() for _ in range(2)]
        self.url = f"http://127.0.0.1:{self.port}"
        self.database_url, self.directory, self.mail = database_url, directory, mail
        self.running: dict[int, tuple[ExitStack, Server]] = {}

    def start(self, port: int) -> None:
        """Start the process on this port, and wait until it is ready."""
        stack = ExitStack()
        server = stack.enter_context(
            serve(
                self.database_url,
                self.directory,
                port=port,
                PUBLIC_URL=self.url,
                SMTP_URL=self.mail,
                TRUSTED_PROXIES='["127.0.0.1"]',
            )
        )
        self.running[port] = (stack, server)

    def stop(self, port: int) -> None:
        """Stop the process on this port."""
        self.running.pop(port)[0].close()

    def has_open_pages(self, port: int) -> bool:
        """Return whether this process has open websockets."""
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as response:
            return "orgdesk_websockets 0.0" not in response.read().decode()


@pytest.fixture
def site(engines: dict[str, Sqlite | Postgresql], smtp: Mailbox, tmp_path: Path) -> Iterator[Site]:
    """Two processes behind nginx, on a database with the cast in it."""
    site = Site(engines["postgresql"].make("several_processes"), tmp_path, smtp.url)
    with ExitStack() as stack, pytest.MonkeyPatch.context() as environment:
        environment.setenv("PUBLIC_URL", site.url)
        stack.enter_context(use(site.database_url))
        stack.enter_context(nginx.before(tmp_path, site.port, site.behind))
        with ThreadPoolExecutor() as together:
            list(together.map(site.start, site.behind))
        yield site
        for port in list(site.running):
            site.stop(port)
    engines["postgresql"].drop("several_processes")


@pytest.fixture
def people(site: Site) -> Cast:
    with db.Session(db.writing_engine(), expire_on_commit=False) as session, session.begin():
        return the_cast.make(session)


def test_sessions_survive_the_restart_of_a_process(
    site: Site, people: Cast, browser: Browser, mailbox: Mailbox
) -> None:
    page = browser.new_context(base_url=site.url, **DESKTOP).new_page()
    visit(page, f"/profile?org={people.acme.public_id}")
    log_in(page, people.olga)
    steps.upload_logo(page, steps.photograph())
    steps.invite(page, "Nele")
    mailbox.wait_for(steps.address("Nele"))

    (first,) = [port for port in site.behind if site.has_open_pages(port)]
    site.stop(first)
    see_members(page, site)
    site.start(first)
    site.stop(next(port for port in site.behind if port != first))
    see_members(page, site)
    assert len(mailbox.to(steps.address("Nele"))) == 1
    download(browser, site, people)
    see_forged_headers_change_nothing(site, people)
    page.context.close()


def see_forged_headers_change_nothing(site: Site, people: Cast) -> None:
    """Sign in through the proxy with headers that only it may set, and post from elsewhere."""
    forged = {"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https"}
    ticket = sessions.new_token()
    db.run(sessions.start, people.mia.user_id, ticket, device="x", ip_address="127.0.0.1")
    with Client(base_url=site.url, headers=forged) as client:
        for header in ({"host": "evil.example"}, {"host": "evil.example:443"}):
            assert client.get("/", headers=header).status_code == 421
        for origin in ("https://evil.example", site.url.replace("http:", "https:"), "null"):
            answer = client.post(
                "/auth/cookie", json={"ticket": ticket}, headers={"origin": origin}
            )
            assert answer.status_code == 403
        answer = client.post("/auth/cookie", json={"ticket": ticket}, headers={"origin": site.url})
        assert answer.status_code == 204
        assert "strict-transport-security" not in answer.headers


def see_members(page: Page, site: Site) -> None:
    """Open the members of Acme by links, once the browser is connected to another process."""
    (port,) = site.running
    for _ in range(200):
        if site.has_open_pages(port):
            break
        page.wait_for_timeout(100)
    pages = page.get_by_role("navigation", name="Pages")
    pages.get_by_role("link", name="Overview").click()
    expect(page.get_by_role("heading", name="People")).to_be_visible(timeout=20_000)
    pages.get_by_role("link", name="Access Control").click()
    expect(page.get_by_role("link", name="Users", exact=True)).to_be_visible(timeout=20_000)
    expect(user_menu(page)).to_contain_text("Olga")


def download(browser: Browser, site: Site, people: Cast) -> None:
    """Download all organizations through the proxy, which does not serve the metrics."""
    page = browser.new_context(base_url=site.url, **DESKTOP).new_page()
    become(page, people.ada)
    response = page.context.request.get("/download/organizations.csv")
    assert response.status == 200
    assert "Acme" in response.text()
    assert page.context.request.get("/metrics").status == 404
    page.context.close()

"""What strangers get: a form to log in, or words."""

import httpx2
import pytest
from playwright.sync_api import Page, expect

from pages.ui.navigation import PAGES
from tests.browser.acts import cookie_of, visit
from tests.browser.server import Server
from tests.support.cast import Cast
from tests.support.depth import sample
from tests.support.streamlit_client import open_app

FOR_STRANGERS = {page.address: page.title for page in PAGES if page.section == "public"}
UNKNOWN = ["no_such_page", "frame", "members_active", "ui/gate", "pages/members"]
ADDRESSES = [
    "/",
    "/members",
    "/organizations",
    "/sign_up",
    *(f"/{address}" for address in UNKNOWN),
    "/organizations/ORG-7K3M9QX",
    "/members/%2e%2e/mail?org=ORG-7K3M9QX",
]
SECRETS = ("Acme", "Otto", "Olga", "olga@example.com")
"""What belongs to somebody; none of it is on any page for strangers."""


class TestAStranger:
    def test_signs_in_before_any_page_is_shown(self, page: Page, cast: Cast) -> None:
        for address in sample(ADDRESSES, 3):
            name = address.strip("/").split("/")[0]
            visit(page, address)
            title = FOR_STRANGERS.get(name, "Log in")
            expect(page.get_by_role("heading", name=title)).to_be_visible()
            text = page.locator("body").inner_text()
            assert not [secret for secret in SECRETS if secret in text], address

    def test_is_sent_a_form_and_nothing_else_from_every_page(
        self, server: Server, cast: Cast
    ) -> None:
        org = f"org={cast.acme.public_id}"
        for address in (*(page.address for page in PAGES), *UNKNOWN):
            with open_app(server.url) as stranger:
                sent = b"".join(m.SerializeToString() for m in stranger.rerun(address, org))
            assert FOR_STRANGERS.get(address, "Log in").encode() in sent, address
            assert not [secret for secret in SECRETS if secret.encode() in sent], address

    @pytest.mark.parametrize(
        "address",
        [
            "/media/" + "0" * 56 + ".png",
            "/component/orgdesk_cookie/index.js",
            "/logos/" + "0" * 64 + ".png",
            "/logos/" + "0" * 64 + "-thumb.png",
        ],
    )
    def test_gets_no_file(self, server: Server, cast: Cast, address: str) -> None:
        assert httpx2.get(server.url + address).status_code == 401

    @pytest.mark.parametrize(
        "address",
        [
            "/_stcore/agent/x",
            "/_stcore/metrics",
            "/_stcore/upload_file/x/y",
            "/_stcore/bidi-components/x",
            "/app/static/x",
            "/auth/login",
        ],
    )
    def test_finds_nothing_behind_the_pages(self, server: Server, cast: Cast, address: str) -> None:
        assert httpx2.get(server.url + address).status_code == 404

    @pytest.mark.parametrize(
        "address", ["/app.py", "/core/db.py", "/static/%2e%2e/%2e%2e/app.py", "/data/orgdesk.db"]
    )
    def test_reads_no_file_of_the_server(self, server: Server, cast: Cast, address: str) -> None:
        text = httpx2.get(server.url + address, follow_redirects=True).text
        assert "import" not in text.split("<script")[0]
        assert "SQLite format" not in text


class TestAMember:
    @pytest.mark.parametrize("page_name", [p.address for p in PAGES if p.section == "staff desk"])
    def test_gets_words_for_the_pages_of_staff(
        self, server: Server, cast: Cast, page_name: str
    ) -> None:
        with open_app(server.url, cookie="=".join(cookie_of(cast.mia))) as client:
            sent = b"".join(m.SerializeToString() for m in client.rerun(page_name))
        assert (b"This page is for staff" in sent) is (page_name != "organizations")
        for other in (b"Otto", b"otto@example.com", b"ada@example.com"):
            assert other not in sent

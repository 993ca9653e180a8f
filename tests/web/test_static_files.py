"""Streamlit's files as our routes send them: compressed, kept, and nothing but them."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient
from streamlit import file_util

from core.base import assets
from core.web.endpoints import ROUTES
from core.web.static_files import StaticFiles

STATIC = Path(file_util.get_static_dir()) / "static"
SCRIPT = next((STATIC / "js").glob("index.*.js"))


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    app = Starlette(routes=ROUTES, middleware=[Middleware(StaticFiles)])
    with TestClient(app, base_url="https://orgdesk.example") as client:
        yield client


def test_a_script_comes_as_the_browser_can_read_it_and_is_kept(client: TestClient) -> None:
    sizes = {}
    for accepted, sent in (("gzip, br", "br"), ("gzip;q=1.0", "gzip"), ("identity", None)):
        response = client.get(f"/static/js/{SCRIPT.name}", headers={"accept-encoding": accepted})
        assert response.headers.get("content-encoding") == sent
        assert response.headers["vary"] == "accept-encoding"
        assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert response.headers["content-type"] == "text/javascript; charset=utf-8"
        sizes[sent] = int(response.headers["content-length"])
        if sent != "br":  # the client of the tests cannot read it
            assert response.content == SCRIPT.read_bytes()
    assert sizes["br"] < sizes["gzip"] < sizes[None] / 3


def test_a_font_is_not_compressed_again(client: TestClient) -> None:
    font = next((STATIC / "media").glob("SourceSansVF-Upright.*.woff2"))
    response = client.get(f"/static/media/{font.name}")
    assert "content-encoding" not in response.headers
    assert response.headers["content-type"] == "font/woff2"
    assert response.content == font.read_bytes()


def test_the_style_has_our_font_of_icons_at_an_address_that_changes_with_it(
    client: TestClient,
) -> None:
    font = assets.get(assets.ICONS)
    [style] = re.findall(r'"\.(/static/css/[^"]+)"', client.get("/").text)
    assert style.endswith(f".css?{font.path.split('.')[1]}")
    assert re.findall(r"Material Symbols[^}]+url\(([^)]+)\)", client.get(style).text) == [font.path]
    response = client.get(font.path)
    assert response.headers["content-type"] == "font/woff2"
    assert "content-encoding" not in response.headers
    assert response.content == (assets.FOLDER / assets.ICONS).read_bytes()


@pytest.mark.parametrize("path", ["%2e%2e/index.html", "js", "js/nothing.js"])
def test_nothing_but_these_files_is_sent(client: TestClient, path: str) -> None:
    assert client.get(f"/static/{path}").status_code == 404


@pytest.mark.parametrize("path", ["/", "/organizations", "/no-such-page"])
def test_each_page_names_its_scripts_at_the_beginning(client: TestClient, path: str) -> None:
    response = client.get(path, headers={"accept-encoding": "gzip"})
    assert response.headers["cache-control"] == "no-cache"
    html = response.text
    assert html.count("<title>") == 1
    assert "<title>Orgdesk</title>" in html
    assert "agent" not in html
    assert "Orgdesk needs JavaScript" in html
    assert "<script>" not in html, "our policy forbids inline scripts"
    names = re.findall(r'(?:href|src)="(?:\./static|/assets)/([^"]+)"', html)
    for name in ("js/BidiComponent", "components", "icons"):
        assert any(each.startswith(f"{name}.") for each in names), name
    assert any(each.startswith("js/TextInput.") for each in names) == (path == "/organizations")
    assert len(names) == len(set(names))
    own = re.findall(r'"(/assets/[^"]+)"', html)
    assert {client.get(each).status_code for each in own} == {200}
    theirs = re.findall(r'"\./static/([^"]+)"', html)
    assert [name for name in theirs if not (STATIC / name.partition("?")[0]).is_file()] == []
    ours, _, _ = html.partition('src="./static/js/index.')
    assert "/assets/components." in ours, "Streamlit's scripts read it when they start"

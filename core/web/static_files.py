"""Streamlit's HTML, scripts and styles, compressed.

Streamlit itself sends them uncompressed, and its scripts request each other one after another; here
the HTML names those that every page needs, so that browsers request them together.
"""

import gzip
import re
from functools import cache
from pathlib import Path
from typing import Final

import brotli
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import file_util

from core.base import assets

_FILES: Final = "/static/"
_ROOT: Final = Path(file_util.get_static_dir())
_MEDIA_TYPES: Final = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
_COMPRESSED: Final = (".js", ".css", ".json", ".svg")
_BROTLI_QUALITY: Final = 9
"""Half a second for all files of a page; the best quality, 11, takes ten, for a tenth less."""
_NOT_OURS: Final = re.compile(
    r'<title>.*?</title>|<link rel="service-desc".*?>|<!--.*?-->|<p>.*</p>|<script>.*?</script>',
    re.DOTALL,
)
"""Streamlit's title, comments, inline script, and texts for agents and without JavaScript."""
_NO_SCRIPT: Final = "<p>Orgdesk needs JavaScript. Turn it on, then reload the page.</p>"
_EVERYWHERE: Final = ("BidiComponent", "sidebar")
"""The scripts that every page needs: Streamlit's by the start of their names, and our own."""
_IN_LISTS: Final = ("TextInput", "table")
_LISTS: Final = ("organizations", "members", "people", "mail")
"""The pages with a table and a search field, which need the scripts in `_IN_LISTS` as well."""
_IMPORTED: Final = re.compile(r'from ?"\./([^"]+)"')
_CONNECTION: Final = "connection.js"
_FORMS: Final = "forms.js"
"""Runs before anything is drawn, so that it misses nothing that is typed."""
_STYLE: Final = "style.css"
"""Our own style; at the end of the page it comes after Streamlit's, which grows in its head."""


class StaticFiles:
    """ASGI middleware that sends the files in place of Streamlit, which reserves their path."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send a file; pass all other requests on."""
        if scope["type"] == "http" and scope["path"].startswith(_FILES):
            response = await run_in_threadpool(_send_file, Request(scope))
            await response(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def send_page(request: Request) -> Response:
    """Send the HTML in which Streamlit draws every page."""
    encoding = _choose_encoding(request)
    is_list = request.url.path.strip("/") in _LISTS
    content = _page(encoding, is_list=is_list)
    return _respond(content, encoding, "text/html; charset=utf-8", {"cache-control": "no-cache"})


def _send_file(request: Request) -> Response:
    """Send a script, style or font; its name has a hash, so browsers keep it."""
    path = _files().get(request.url.path.removeprefix(_FILES))
    if path is None:
        return PlainTextResponse("File not found.", 404)
    encoding = _choose_encoding(request) if path.suffix in _COMPRESSED else ""
    headers = {"cache-control": "public, max-age=31536000, immutable"}
    return _respond(_read(path, encoding), encoding, _MEDIA_TYPES[path.suffix], headers)


def _respond(content: bytes, encoding: str, media_type: str, headers: dict[str, str]) -> Response:
    headers["vary"] = "accept-encoding"
    if encoding:
        headers["content-encoding"] = encoding
    return Response(content, media_type=media_type, headers=headers)


def _choose_encoding(request: Request) -> str:
    accepted = request.headers.get("accept-encoding", "")
    offered = {choice.partition(";")[0].strip() for choice in accepted.split(",")}
    return next((each for each in ("br", "gzip") if each in offered), "")


@cache
def _files() -> dict[str, Path]:
    """Return Streamlit's files by their path below `/static/`; nothing else is ever read."""
    folder = _ROOT / "static"
    return {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.suffix in _MEDIA_TYPES
    }


@cache
def _read(path: Path, encoding: str) -> bytes:
    """Return the content of a file; the few that pages use stay in memory, a few megabytes."""
    return _compress(path.read_bytes(), encoding)


@cache
def _page(encoding: str, *, is_list: bool) -> bytes:
    html = _NOT_OURS.sub("", (_ROOT / "index.html").read_text())
    needed = _list_scripts((*_EVERYWHERE, *_IN_LISTS) if is_list else _EVERYWHERE)
    links = "".join(
        f'<link rel="modulepreload" crossorigin href="{path}">'
        for path in needed
        if path not in html
    )
    connection = f'<script src="{assets.get(_CONNECTION).path}"></script>'
    forms = f'<script type="module" src="{assets.get(_FORMS).path}"></script>'
    style = f'<link rel="stylesheet" href="{assets.get(_STYLE).path}">'
    for tag, replacement in (
        ("<head>", f"<head><title>Orgdesk</title>{connection}{forms}"),
        ("</head>", f"{links}</head>"),
        ("<noscript>", f"<noscript>{_NO_SCRIPT}"),
        ("</body>", f"{style}</body>"),
    ):
        html = html.replace(tag, replacement, 1)
    return _compress(html.encode(), encoding)


def _list_scripts(names: tuple[str, ...]) -> list[str]:
    """Return the addresses of scripts and of all that they import, as the HTML spells them."""
    found: dict[str, None] = {}
    for name in names:
        ours = assets.find(f"{name}.js")
        if ours is not None:
            _add_imports(found, "/assets/", ours.path.rpartition("/")[2])
            continue
        for path in _files():
            if path.startswith(f"js/{name}."):
                _add_imports(found, "./static/js/", path.removeprefix("js/"))
    return list(found)


def _add_imports(found: dict[str, None], folder: str, name: str) -> None:
    if f"{folder}{name}" in found:
        return
    found[f"{folder}{name}"] = None
    for imported in _IMPORTED.findall(_read_script(folder, name)):
        _add_imports(found, folder, imported)


def _read_script(folder: str, name: str) -> str:
    if folder == "/assets/":
        stem, *_ = name.split(".")
        return assets.get(f"{stem}.js").content.decode()
    return _files()[f"js/{name}"].read_text()


def _compress(content: bytes, encoding: str) -> bytes:
    if encoding == "br":
        return bytes(brotli.compress(content, quality=_BROTLI_QUALITY))
    return gzip.compress(content, mtime=0) if encoding == "gzip" else content

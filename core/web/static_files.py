"""Streamlit's HTML, scripts and styles, compressed.

Streamlit itself sends them uncompressed, and its scripts request each other one after another; here
the HTML names those that every page needs, so that browsers request them together. Its font of all
icons, a quarter of the bytes of a first visit, is replaced by one with the icons that pages show.
"""

import re
from functools import cache
from pathlib import Path
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import file_util

from core.base import assets
from core.web.assets import FOREVER
from core.web.compression import choose_encoding, compress, respond

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
_NOT_OURS: Final = re.compile(
    r'<title>.*?</title>|<link rel="service-desc".*?>|<!--.*?-->|<p>.*</p>|<script>.*?</script>',
    re.DOTALL,
)
"""Streamlit's title, comments, inline script, and texts for agents and without JavaScript."""
_NO_SCRIPT: Final = "<p>Orgdesk needs JavaScript. Turn it on, then reload the page.</p>"
_EVERYWHERE: Final = ("BidiComponent",)
"""Streamlit's scripts that every page needs, by the start of their names."""
_IN_LISTS: Final = ("TextInput",)
_LISTS: Final = ("organizations", "members", "people", "mail")
"""The pages with a search field, which need the scripts in `_IN_LISTS` as well."""
_ICON_FONT: Final = re.compile(r"\.\./media/MaterialSymbols-[^)]+")
_IMPORTED: Final = re.compile(r'from ?"\./([^"]+)"')


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
    encoding = choose_encoding(request)
    is_list = request.url.path.strip("/") in _LISTS
    content = _page(encoding, is_list=is_list)
    return respond(content, encoding, "text/html; charset=utf-8", "no-cache")


def _send_file(request: Request) -> Response:
    """Send a script, style or font; its name has a hash, so browsers keep it."""
    path = _files().get(request.url.path.removeprefix(_FILES))
    if path is None:
        return PlainTextResponse("File not found.", 404)
    encoding = choose_encoding(request) if path.suffix in _COMPRESSED else ""
    return respond(_read(path, encoding), encoding, _MEDIA_TYPES[path.suffix], FOREVER)


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
    content = path.read_bytes()
    if path.suffix == ".css":
        content = _ICON_FONT.sub(assets.get(assets.ICONS).path, content.decode()).encode()
    return compress(content, encoding)


@cache
def _page(encoding: str, *, is_list: bool) -> bytes:
    """Return the HTML with our scripts first: they tell Streamlit's where the server is."""
    html = _NOT_OURS.sub("", (_ROOT / "index.html").read_text())
    needed = _list_scripts((*_EVERYWHERE, *_IN_LISTS) if is_list else _EVERYWHERE)
    links = "".join(
        f'<link rel="modulepreload" crossorigin href="{path}">'
        for path in needed
        if path not in html
    )
    script = f'<script type="module" src="{assets.get(assets.COMPONENTS).path}"></script>'
    icons = assets.get(assets.ICONS)
    font = f'<link rel="preload" as="font" type="font/woff2" crossorigin href="{icons.path}">'
    version = icons.path.split(".")[-2]  # the name of Streamlit's style knows nothing of our font
    for tag, replacement in (
        ('.css">', f'.css?{version}">'),
        ("<head>", f"<head><title>Orgdesk</title>{script}"),
        ("</head>", f"{font}{links}</head>"),
        ("<noscript>", f"<noscript>{_NO_SCRIPT}"),
    ):
        html = html.replace(tag, replacement, 1)
    return compress(html.encode(), encoding)


def _list_scripts(names: tuple[str, ...]) -> list[str]:
    """Return the addresses of scripts and of all that they import, as the HTML spells them."""
    found: dict[str, None] = {}
    for path in _files():
        if path.startswith(tuple(f"js/{name}." for name in names)):
            _add_imports(found, path.removeprefix("js/"))
    return [f"./static/js/{name}" for name in found]


def _add_imports(found: dict[str, None], name: str) -> None:
    if name in found:
        return
    found[name] = None
    for imported in _IMPORTED.findall(_files()[f"js/{name}"].read_text()):
        _add_imports(found, imported)

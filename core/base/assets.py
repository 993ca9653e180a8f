"""The scripts and styles of our components: what browsers load, and at which address.

The address contains a hash of the content, so browsers keep a file until it changes.
"""

import gzip
import re
from functools import cache
from hashlib import sha256
from typing import Final, NamedTuple

from core.base.settings import PROJECT

FOLDER: Final = PROJECT / "pages" / "ui" / "assets"
_MEDIA_TYPES: Final = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8"}
_NAME: Final = re.compile(r"[a-z_]+\.(js|css)")
_IMPORT: Final = re.compile(r'(?<=from "\./)[a-z_]+\.js(?=")')
"""The name of another script that a script imports, `import { … } from "./name.js"`."""
_STYLE_IMPORT: Final = re.compile(r'@import "\./([a-z_]+\.css)";\n')


class Asset(NamedTuple):
    """A file as it is sent: its address, its content, the same compressed, and its media type."""

    path: str
    content: bytes
    compressed: bytes
    media_type: str


@cache
def find(name: str) -> Asset | None:
    """Return a script or style of the folder by its file name, such as `table.js`, or None.

    Scripts import each other by file name; the name is replaced by the address with the hash.
    A style contains those that it imports, as browsers ignore `@import` in a `CSSStyleSheet`.
    """
    match = _NAME.fullmatch(name)
    if match is None or not (FOLDER / name).is_file():
        return None
    text = (FOLDER / name).read_text()
    text = _IMPORT.sub(lambda found: _file_name(found[0]), text)
    text = _STYLE_IMPORT.sub(lambda found: get(found[1]).content.decode(), text)
    content = text.encode()
    stem, kind = name.split(".")
    path = f"/assets/{stem}.{sha256(content).hexdigest()[:16]}.{kind}"
    return Asset(path, content, gzip.compress(content, mtime=0), _MEDIA_TYPES[kind])


def get(name: str) -> Asset:
    """Return a script or style that is known to exist."""
    asset = find(name)
    if asset is None:
        raise FileNotFoundError(FOLDER / name)
    return asset


def _file_name(name: str) -> str:
    return get(name).path.rpartition("/")[2]

"""The scripts, styles and icons of our components: what browsers load, and at which address.

The address contains a hash of the content, so browsers keep a file until it changes. All scripts
are sent as one, `components.js`, with all styles in it: thirty small files would each be one more
request of the first page.
"""

import json
import re
from functools import cache
from graphlib import TopologicalSorter
from hashlib import sha256
from typing import Final, NamedTuple

from core.base.settings import PROJECT

FOLDER: Final = PROJECT / "pages" / "ui" / "assets"
COMPONENTS: Final = "components.js"
ICONS: Final = "icons.woff2"
_MEDIA_TYPES: Final = {COMPONENTS: "text/javascript; charset=utf-8", ICONS: "font/woff2"}
_IMPORT: Final = re.compile(r'^import (\{ [\w, ]+ \}) from "\./([a-z_]+)\.js"$', re.MULTILINE)
_EXPORT: Final = re.compile(r"^export (?=(?:async )?(?:function|class) (\w+))", re.MULTILINE)
_DEFAULT: Final = re.compile(r"^export default (?=function \()", re.MULTILINE)
_ADOPT_STYLE: Final = """
const sheet = new CSSStyleSheet()
sheet.replaceSync(styles.style)
document.adoptedStyleSheets.push(sheet)
"""
"""Makes `style.css` the last style of the page, so that it comes after all of Streamlit's; every
other style belongs to the component of the same name."""
_STYLE_IMPORT: Final = re.compile(r'@import "\./([a-z_]+\.css)";\n')


class Asset(NamedTuple):
    """A file as it is sent: its address, its content and its media type."""

    path: str
    content: bytes
    media_type: str


@cache
def find(name: str) -> Asset | None:
    """Return `components.js` or `icons.woff2`, or None for every other name."""
    if name not in _MEDIA_TYPES:
        return None
    content = _join_scripts() if name == COMPONENTS else (FOLDER / name).read_bytes()
    stem, kind = name.split(".")
    path = f"/assets/{stem}.{sha256(content).hexdigest()[:16]}.{kind}"
    return Asset(path, content, _MEDIA_TYPES[name])


def get(name: str) -> Asset:
    """Return one of these files, which are known to exist."""
    asset = find(name)
    if asset is None:
        raise FileNotFoundError(FOLDER / name)
    return asset


def _join_scripts() -> bytes:
    """Return a script that exports every script of the folder by its name, and their `styles`.

    Each becomes a function that runs once, after those that it imports.
    """
    texts = {path.stem: path.read_text() for path in sorted(FOLDER.glob("*.js"))}
    imports = {name: [found[2] for found in _IMPORT.finditer(texts[name])] for name in texts}
    order = list(TopologicalSorter(imports).static_order())
    styles = {path.stem: _join_styles(path.name) for path in sorted(FOLDER.glob("*.css"))}
    parts = [_as_function(name, texts[name]) for name in order]
    parts += [f"export const styles = {json.dumps(styles)}", _ADOPT_STYLE]
    return "\n".join([*parts, f"export {{ {', '.join(order)} }}"]).encode()


def _as_function(name: str, text: str) -> str:
    exported = _EXPORT.findall(text)
    text, has_default = _DEFAULT.subn("const drawComponent = ", text)
    text = _EXPORT.sub("", _IMPORT.sub(r"const \1 = \2", text))
    returned = ", ".join(["draw: drawComponent"] * has_default + exported)
    return f"const {name} = (() => {{\n{text}\nreturn {{ {returned} }}\n}})()"


def _join_styles(name: str) -> str:
    """Return a style with those that it imports, as a `CSSStyleSheet` ignores `@import`."""
    text = (FOLDER / name).read_text()
    return _STYLE_IMPORT.sub(lambda found: _join_styles(found[1]), text)

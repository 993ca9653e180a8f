"""The font of the icons, with those that appear on our pages: `python -m data.icons`.

Streamlit brings all 4,000 of Material Symbols (Apache License 2.0), a third of all that a first
visit loads. Every word in quotes in `pages`, and every icon in Streamlit's, may name one.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from fontTools import subset
from fontTools.ttLib import TTFont
from streamlit import file_util

from core.base import assets
from core.base.settings import PROJECT

_STATIC: Final = Path(file_util.get_static_dir()) / "static"
_QUOTED: Final = re.compile(r'(?<=["/:])[a-z0-9_]+(?=[":])')
_OF_STREAMLIT: Final = re.compile(r"(?<=:material/)[a-z0-9_]+(?=:)")


def main() -> None:
    """Write the font into the folder of our components."""
    font = all_icons()
    glyphs, characters = list_icons(font), font.getBestCmap()
    used = {name: glyphs[name] for name in _list_words() if name in glyphs}
    letters = {characters[ord(letter)] for name in used for letter in name}
    options = subset.Options(layout_closure=False, layout_features=["*"], flavor="woff2")
    subsetter = subset.Subsetter(options)
    subsetter.populate(glyphs={*used.values(), *letters})
    subsetter.subset(font)
    subset.save_font(font, str(assets.FOLDER / assets.ICONS), options)


def all_icons() -> Any:
    """Return the font that Streamlit brings."""
    return TTFont(next((_STATIC / "media").glob("MaterialSymbols-Rounded.*.woff2")))


def list_icons(font: Any) -> dict[str, str]:
    """Return the glyph of each icon by its name: a ligature of the letters of the name."""
    letters = {glyph: chr(code) for code, glyph in font.getBestCmap().items()}
    return {
        "".join(letters.get(part, " ") for part in (first, *ligature.Component)): ligature.LigGlyph
        for table in _list_ligatures(font)
        for first, ligatures in table.items()
        for ligature in ligatures
    }


def find_missing() -> set[str]:
    """Return the icons on our pages that are not in our font yet."""
    ours = list_icons(TTFont(assets.FOLDER / assets.ICONS))
    known = list_icons(all_icons())
    return {name for name in _list_words() if name in known} - ours.keys()


def _list_ligatures(font: Any) -> Iterator[dict[str, Any]]:
    for lookup in font["GSUB"].table.LookupList.Lookup:
        for table in lookup.SubTable:
            yield getattr(table, "ExtSubTable", table).ligatures


def _list_words() -> set[str]:
    """Return every word that may be the name of an icon."""
    ours = [*(PROJECT / "pages").rglob("*.py"), *assets.FOLDER.glob("*.js")]
    words = {word for path in ours for word in _QUOTED.findall(path.read_text())}
    for path in (_STATIC / "js").glob("*.js"):
        words.update(_OF_STREAMLIT.findall(path.read_text()))
    return words


if __name__ == "__main__":
    main()

"""Faces: the initials of a name on a colour, as the address of a picture that holds itself."""

import re
import unicodedata
import zlib
from functools import lru_cache
from urllib.parse import quote

COLORS = (
    "#4f6bd8", "#8a5a44", "#c0447a", "#7a55c7", "#a3640f",
    "#2a7f4f", "#0f766e", "#b4443c", "#687819", "#566377",
)  # fmt: skip
"""Each with a contrast of at least 4.5 under white."""

_WORD = re.compile(r"[^\s\-–—/&+.,;:|·]+")
_JOINERS = "\u200c\u200d"
_VIRAMA = 9
_UNSEEN = "?"


@lru_cache(maxsize=10_000)
def face(name: str, seed: str, *, round: bool = False) -> str:
    """Return an SVG data address of about 400 bytes; round for people, a square for organizations.

    The color follows from `seed`, the ID, so that it stays when the name changes.
    """
    color = COLORS[zlib.crc32(seed.encode("utf-8", "surrogatepass")) % len(COLORS)]
    svg = (
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 96 96'>"
        f"<rect width='96' height='96' rx='{48 if round else 21}' fill='{color}'/>"
        "<text x='48' y='62' text-anchor='middle' fill='#fff' font-size='40' font-weight='600'"
        f" font-family='system-ui,sans-serif'>{initials(name, ends=round)}</text></svg>"
    )
    return "data:image/svg+xml," + quote(svg, safe="/:=,'")


def initials(name: str, *, ends: bool = False) -> str:
    """Return one or two letters, whole as its script writes them: `NC` for Northwind Cardiology.

    `ends` takes them from the first and the last word, as with people.
    """
    words = [word for word in _WORD.findall(unicodedata.normalize("NFC", name)) if _start(word)]
    names = [word for word in words if not _start(word).islower()] or words
    if not names:
        return _UNSEEN
    second = names[-1] if ends else names[min(1, len(names) - 1)]
    chosen = names[:1] if len(names) == 1 or _is_broad(names[0]) else [names[0], second]
    return "".join(_large(_start(word)) for word in chosen)


def _start(word: str) -> str:
    """Return the first letter or digit with the marks and joined letters that belong to it."""
    place = next((i for i, character in enumerate(word) if character.isalnum()), None)
    if place is None:
        return ""
    end = place + 1
    while end < len(word) and _belongs(word[end], to=word[end - 1]):
        end += 1
    return word[place:end]


def _belongs(character: str, *, to: str) -> bool:
    is_mark = unicodedata.category(character).startswith("M") or character in _JOINERS
    return is_mark or (unicodedata.combining(to) == _VIRAMA and character.isalpha())


def _large(letter: str) -> str:
    """Return a capital where fonts have one and it stays one letter."""
    is_european = letter < "\u0590" or "\u1e00" <= letter < "\u2000"
    return letter.upper() if is_european and len(letter.upper()) == len(letter) else letter


def _is_broad(word: str) -> bool:
    """Return whether one letter says enough and fills the face, as of Chinese or Hangul."""
    return unicodedata.east_asian_width(_start(word)[0]) in {"W", "F"}

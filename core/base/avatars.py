"""Avatars: the initials of a name on a color, as an SVG data URL."""

import re
import unicodedata
import zlib
from functools import lru_cache
from urllib.parse import quote

COLORS = (
    "#4f6bd8", "#8a5a44", "#c0447a", "#7a55c7", "#a3640f",
    "#2a7f4f", "#0f766e", "#b4443c", "#687819", "#566377",
)  # fmt: skip
"""Each has a contrast of at least 4.5 to white."""

_WORD = re.compile(r"[^\s\-–—/&+.,;:|·]+")
_JOINERS = "\u200c\u200d"
_VIRAMA = 9
_NO_INITIALS = "?"


@lru_cache(maxsize=10_000)
def initials_url(name: str, seed: str, *, round: bool = False) -> str:
    """Return a data URL of about 400 bytes: a circle for people, a square for organizations.

    The color depends only on `seed`, the ID, so that it stays the same when the name changes.
    """
    color = _color(seed)
    svg = (
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 96 96'>"
        f"<rect width='96' height='96' rx='{48 if round else 21}' fill='{color}'/>"
        "<text x='48' y='62' text-anchor='middle' fill='#fff' font-size='40' font-weight='600'"
        f" font-family='system-ui,sans-serif'>{initials(name, ends=round)}</text></svg>"
    )
    return "data:image/svg+xml," + quote(svg, safe="/:=,'")


@lru_cache(maxsize=10_000)
def describe(name: str, seed: str | int) -> tuple[str, str, bool]:
    """Return the initials, their color, and whether it is a circle, for browsers to draw."""
    is_round = isinstance(seed, int)
    return initials(name, ends=is_round), _color(str(seed)), is_round


def _color(seed: str) -> str:
    return COLORS[zlib.crc32(seed.encode("utf-8", "surrogatepass")) % len(COLORS)]


def initials(name: str, *, ends: bool = False) -> str:
    """Return one or two initials with their diacritics: `NC` for Northwind Cardiology.

    `ends` takes them from the first and the last word, as is usual for people.
    """
    words = [word for word in _WORD.findall(unicodedata.normalize("NFC", name)) if _start(word)]
    names = [word for word in words if not _start(word).islower()] or words
    if not names:
        return _NO_INITIALS
    second = names[-1] if ends else names[min(1, len(names) - 1)]
    chosen = names[:1] if len(names) == 1 or _is_wide(names[0]) else [names[0], second]
    return "".join(_capital(_start(word)) for word in chosen)


def _start(word: str) -> str:
    """Return the first letter or digit of a word, with its combining marks and ligatures."""
    start = next((i for i, character in enumerate(word) if character.isalnum()), None)
    if start is None:
        return ""
    end = start + 1
    while end < len(word) and _combines(word[end], word[end - 1]):
        end += 1
    return word[start:end]


def _combines(character: str, previous: str) -> bool:
    is_mark = unicodedata.category(character).startswith("M") or character in _JOINERS
    return is_mark or (unicodedata.combining(previous) == _VIRAMA and character.isalpha())


def _capital(letter: str) -> str:
    """Return the capital of a letter if fonts have it and it is a single letter."""
    is_european = letter < "\u0590" or "\u1e00" <= letter < "\u2000"
    return letter.upper() if is_european and len(letter.upper()) == len(letter) else letter


def _is_wide(word: str) -> bool:
    """Return whether one letter fills the avatar, as in Chinese or Korean."""
    return unicodedata.east_asian_width(_start(word)[0]) in {"W", "F"}

"""Which characters a reader can see, and which only a machine does."""

import re
import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Control, format and bidi, surrogate, private, unassigned, line and paragraph separators."""
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufffc")
"""Letters, marks and symbols by their category, yet nothing is drawn."""
_JOINERS = frozenset("\u200c\u200d\u180e")
_JOINED = re.compile(
    r"[\u0600-\u109f\u1700-\u1aff\ua840-\ua9ff\uaa00-\uabff\U00010a00-\U00011fff"  # scripts
    r"\u2190-\u2bff\ufe0f\U0001f000-\U0001faff]"  # pictures
)
_VARIANTS = re.compile(r"[\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_VARIED = frozenset({"Lo", "So", "Sm", "Nd", "No", "Po"})
_VIRAMA = 9


def find_hidden(text: str, *, apart_from: str = "") -> int | None:
    """Return where the first character stands that no reader sees, counted from 0."""
    if text.isascii() and text.isprintable():
        return None
    around = f" {text} "
    for place, character in enumerate(text):
        if character not in apart_from and _is_hidden(around[place], character, around[place + 2]):
            return place
    return None


def _is_hidden(before: str, character: str, after: str) -> bool:
    if character in _JOINERS:  # belongs to words of many scripts, and to some pictures
        at_end = unicodedata.combining(before) == _VIRAMA
        return not (_JOINED.match(before) and (at_end or _JOINED.match(after)))
    if _VARIANTS.match(character):
        return unicodedata.category(before) not in _VARIED
    return unicodedata.category(character) in _HIDDEN or character in _BLANK

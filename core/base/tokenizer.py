"""Search: text to tokens, the same for what is kept and for what is asked, on both engines."""

import re
import unicodedata
from collections.abc import Iterable

from rapidfuzz import fuzz, process

_WORD = re.compile(r"[^\W_]+")
_LONGEST_TOKEN = 64
_LONGEST_QUERY = 400
_MOST_WORDS = 12
_NEAR = 4
_LONGEST_KEY = 400
_ALIKE = 80.0
_ENOUGH_WORDS = 2
_LEGAL_FORMS = frozenset(
    """ab ag as asa bv co company corp corporation gmbh inc incorporated kft kg kk limited llc llp
    ltd mbh nv oy plc pty sa sarl sas se spa srl the""".split()
)


def tokens(text: str) -> list[str]:
    """Return the words of a text without case, accents and variants, in their order."""
    return [word[:_LONGEST_TOKEN] for word in _WORD.findall(_folded(text))]


def search_text(*parts: str | None) -> str:
    """Return what is kept to be searched: each token of the parts once, joined by spaces."""
    return " ".join(dict.fromkeys(token for part in parts if part for token in tokens(part)))


def fts5_query(text: str, *, near: bool = False) -> str | None:
    """Return a query for SQLite: rows with words that begin with these, all of them.

    With `near`, the candidates for look-alikes: any word that begins nearly so. None without words.
    """
    prefixes = _prefixes(text, near=near)
    return (" OR " if near else " AND ").join(f'"{prefix}"*' for prefix in prefixes) or None


def tsquery(text: str, *, near: bool = False) -> str | None:
    """Return the same query for PostgreSQL, to be cast to `tsquery`."""
    prefixes = _prefixes(text, near=near)
    return (" | " if near else " & ").join(f"'{prefix}':*" for prefix in prefixes) or None


def name_key(name: str) -> str:
    """Return by what names are sorted and compared: at most 400 characters."""
    return " ".join(tokens(name))[:_LONGEST_KEY] or name.casefold()[:_LONGEST_KEY]


def look_alike(name: str, candidates: Iterable[str], *, most: int = 3) -> list[str]:
    """Return the candidates that a reader may take for this name, the most alike first."""
    choices = list(dict.fromkeys(candidates))
    found = process.extract(
        _meaning(name_key(name)),
        [_meaning(name_key(choice)) for choice in choices],
        scorer=_likeness,
        score_cutoff=_ALIKE,
        limit=most,
    )
    return [choices[place] for _, _, place in found]


def _folded(text: str) -> str:
    """Return the text decomposed and casefolded; marks are dropped, the signs of vowels too."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(c for c in plain if not unicodedata.category(c).startswith("M"))


def _prefixes(text: str, *, near: bool) -> list[str]:
    words = list(dict.fromkeys(tokens(text[:_LONGEST_QUERY])))
    if near:
        words = [w[:_NEAR] for w in words if w not in _LEGAL_FORMS] or words
    return words[:_MOST_WORDS]


def _meaning(key: str) -> str:
    """Return a name key without `the`, `Ltd` and their like, unless nothing else is there."""
    return " ".join(word for word in key.split() if word not in _LEGAL_FORMS) or key


def _likeness(one: str, other: str, *, score_cutoff: float | None = None) -> float:
    """Return how alike two names read, 0–100: as they stand, with words swapped, run together."""
    alike = max(
        fuzz.token_sort_ratio(one, other), fuzz.ratio(one.replace(" ", ""), other.replace(" ", ""))
    )
    if min(len(one.split()), len(other.split())) >= _ENOUGH_WORDS:
        alike = max(alike, fuzz.token_set_ratio(one, other) - 1)
    return alike if score_cutoff is None or alike >= score_cutoff else 0.0

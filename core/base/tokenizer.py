"""Tokenization for full-text search: the same tokens for stored text and for queries."""

import re
import unicodedata
from collections.abc import Iterable

from rapidfuzz import fuzz, process

_WORD = re.compile(r"[^\W_]+")
_MAX_TOKEN_LENGTH = 64
_MAX_QUERY_LENGTH = 400
_MAX_WORDS = 12
_NEAR_LETTERS = 4
_MAX_KEY_LENGTH = 400
_MIN_SIMILARITY = 80.0
_MIN_WORDS_OF_SET = 2
_LEGAL_FORMS = frozenset(
    """ab ag as asa bv co company corp corporation gmbh inc incorporated kft kg kk limited llc llp
    ltd mbh nv oy plc pty sa sarl sas se spa srl the""".split()
)


def tokens(text: str) -> list[str]:
    """Return the words of a text in order, without case and accents."""
    return [word[:_MAX_TOKEN_LENGTH] for word in _WORD.findall(_folded(text))]


def search_text(*parts: str | None) -> str:
    """Return the text to store for search: each token of the parts once, joined by spaces."""
    return " ".join(dict.fromkeys(token for part in parts if part for token in tokens(part)))


def fts5_query(text: str, *, near: bool = False) -> str | None:
    """Return an FTS5 query for rows that match all words by prefix; None without words.

    With `near`, it is for rows that match any word by its first letters: candidates for
    `similar_names`.
    """
    prefixes = _prefixes(text, near=near)
    return (" OR " if near else " AND ").join(f'"{prefix}"*' for prefix in prefixes) or None


def tsquery(text: str, *, near: bool = False) -> str | None:
    """Return the query of `fts5_query` for PostgreSQL, to be cast to `tsquery`."""
    prefixes = _prefixes(text, near=near)
    return (" | " if near else " & ").join(f"'{prefix}':*" for prefix in prefixes) or None


def name_key(name: str) -> str:
    """Return the key by which names are sorted and compared, at most 400 characters."""
    return " ".join(tokens(name))[:_MAX_KEY_LENGTH] or name.casefold()[:_MAX_KEY_LENGTH]


def similar_names(name: str, candidates: Iterable[str], *, limit: int = 3) -> list[str]:
    """Return the candidates that could be mistaken for a name, the most similar first."""
    choices = list(dict.fromkeys(candidates))
    found = process.extract(
        _significant_words(name_key(name)),
        [_significant_words(name_key(choice)) for choice in choices],
        scorer=_similarity,
        score_cutoff=_MIN_SIMILARITY,
        limit=limit,
    )
    return [choices[index] for _, _, index in found]


def _folded(text: str) -> str:
    """Return the text casefolded and without marks, vowel signs included."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(c for c in plain if not unicodedata.category(c).startswith("M"))


def _prefixes(text: str, *, near: bool) -> list[str]:
    words = list(dict.fromkeys(tokens(text[:_MAX_QUERY_LENGTH])))
    if near:
        words = [w[:_NEAR_LETTERS] for w in words if w not in _LEGAL_FORMS] or words
    return words[:_MAX_WORDS]


def _significant_words(key: str) -> str:
    """Return a name key without articles and legal forms, unless nothing else is left."""
    return " ".join(word for word in key.split() if word not in _LEGAL_FORMS) or key


def _similarity(one: str, other: str, *, score_cutoff: float | None = None) -> float:
    """Return the similarity of two names, 0–100, also with words reordered or run together."""
    score = max(
        fuzz.token_sort_ratio(one, other), fuzz.ratio(one.replace(" ", ""), other.replace(" ", ""))
    )
    if min(len(one.split()), len(other.split())) >= _MIN_WORDS_OF_SET:
        score = max(score, fuzz.token_set_ratio(one, other) - 1)
    return score if score_cutoff is None or score >= score_cutoff else 0.0

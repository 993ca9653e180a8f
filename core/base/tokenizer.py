"""Tokenization for full-text search: the same tokens for stored text and for queries."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from typing import NamedTuple

from confusable_homoglyphs import confusables
from rapidfuzz import fuzz, process

_WORD = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"\d+")
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u11ff\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3100-\u31ff"
    "\u3400-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff]+"
)
"""Runs of scripts without spaces between words: Thai, Lao, Burmese, Khmer, Chinese, Korean …"""
_UNDECOMPOSED = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "ı": "i", "ŋ": "n"}
    | {"æ": "ae", "œ": "oe", "þ": "th"}
    | dict.fromkeys("\u02b9\u02bb\u02bc\u02bd\u02c8\ua78c", "'")
)
"""Letters with a stroke or of two letters, and apostrophes that count as letters."""
_MAX_TOKEN_LENGTH = 64
_MAX_QUERY_LENGTH = 400
_MAX_WORDS = 12
_MIN_LETTERS = 5
_NEAR_LETTERS = 4
_MAX_KEY_LENGTH = 400
_MIN_SIMILARITY = 80.0
_MIN_WORDS_OF_SET = 2
_LEGAL_FORMS = frozenset(
    """ab ag as asa bv co company corp corporation gmbh inc incorporated kft kg kk limited llc llp
    ltd mbh nv oy plc pty sa sarl sas se spa srl the""".split()
)


def words(text: str) -> list[str]:
    """Return the words of a text in order, without case, accents and punctuation.

    Punctuation inside a word is left out: `McDonald's` is `mcdonalds`, `E.ON` is `eon`. An address
    is the words between its punctuation.
    """
    return [part for word in _split(text) for part in word.spoken()]


def tokens(text: str) -> list[str]:
    """Return what a text is found by: its words, and their parts between punctuation.

    In scripts without spaces the tokens are bigrams, and the last character alone. A word in
    letters of another script that look Latin is also found by the Latin letters.
    """
    found = dict.fromkeys(token for word in _split(text) for token in word.tokens())
    if not text.isascii():
        alike = (word for word in _split(_latin(text)) if "".join(word.parts).isascii())
        found |= dict.fromkeys(token for word in alike for token in word.tokens())
    return list(found)


def search_text(name: str, *others: str | None) -> str:
    """Return the text to store for search: the tokens of all parts, joined by spaces.

    The words of the name come first, so that rows sorted by this text are sorted by name. The
    others are addresses and ids: what they have between punctuation is found, but not run together.
    """
    found = dict.fromkeys([*words(name), *tokens(name)])
    for other in filter(None, others):
        found |= dict.fromkeys(t for part in _WORD.findall(_folded(other)) for t in _cut(part))
    return " ".join(found)


def fts5_query(text: str, *, near: bool = False) -> str | None:
    """Return an FTS5 query for rows that match all words by prefix; None without words.

    With `near`, it is for rows that match any word by its first letters: candidates for
    `similar_names`.
    """
    if near:
        return " OR ".join(f'"{prefix}"*' for prefix in _first_letters(text)) or None
    return _query(text, '"{}"*', " AND ", " OR ")


def tsquery(text: str, *, near: bool = False) -> str | None:
    """Return the query of `fts5_query` for PostgreSQL, to be cast to `tsquery`."""
    if near:
        return " | ".join(f"'{prefix}':*" for prefix in _first_letters(text)) or None
    return _query(text, "'{}':*", " & ", " | ")


def alternatives(text: str) -> list[list[list[str]]]:
    """Return the words of a query, at most 12, each as alternatives of which one must match.

    An alternative is a list of prefixes of tokens that must all be there.
    """
    split = dict.fromkeys(_split(text[:_MAX_QUERY_LENGTH]))
    return [word.alternatives() for word in list(split)[:_MAX_WORDS]]


def matches(query: str, name: str, *others: str | None) -> bool:
    """Return whether a query finds what `search_text` would store, as full-text search does.

    An empty query finds everything, and one of punctuation alone nothing.
    """
    stored, asked = search_text(name, *others).split(), alternatives(query)
    is_possible = bool(asked) or not query.strip()
    return is_possible and all(
        any(all(any(s.startswith(p) for s in stored) for p in prefixes) for prefixes in word)
        for word in asked
    )


def name_key(name: str) -> str:
    """Return the key by which names are sorted and compared, at most 400 characters."""
    return " ".join(words(name))[:_MAX_KEY_LENGTH] or name.casefold()[:_MAX_KEY_LENGTH]


def run_together(name: str) -> str:
    """Return the letters of a name as they look; equal for names that differ in spaces alone."""
    return "".join(_comparable(name).split())


def sorted_words(name: str) -> str:
    """Return the words of a name as they look, in the order of the alphabet."""
    return " ".join(sorted(_comparable(name).split()))


def similarity(one: str, other: str) -> float:
    """Return how similar two names are, 80–100, or 0 for those that nobody mistakes."""
    if _numbers(one) != _numbers(other):
        return 0.0
    return _similarity(_comparable(one), _comparable(other), score_cutoff=_MIN_SIMILARITY)


def similar_names(name: str, candidates: Iterable[str], *, limit: int = 3) -> list[str]:
    """Return the candidates that could be mistaken for a name, the most similar first.

    Names with different numbers are different.
    """
    numbers = _numbers(name)
    choices = [each for each in dict.fromkeys(candidates) if _numbers(each) == numbers]
    found = process.extract(
        _comparable(name),
        [_comparable(choice) for choice in choices],
        scorer=_similarity,
        score_cutoff=_MIN_SIMILARITY,
        limit=limit,
    )
    return [choices[index] for _, _, index in found]


class _Word(NamedTuple):
    """A word between spaces, folded, as its parts between punctuation."""

    parts: tuple[str, ...]
    is_address: bool

    def spoken(self) -> Sequence[str]:
        """Return the word run together, but an address by its parts."""
        spoken = self.parts if self.is_address else ["".join(self.parts)]
        return [part[:_MAX_TOKEN_LENGTH] for part in spoken]

    def tokens(self) -> list[str]:
        """Return what the word is found by; an address only by its parts."""
        is_one = self.is_address or len(self.parts) == 1
        forms = self.parts if is_one else ("".join(self.parts), *self.parts)
        return [token for form in forms for token in _cut(form)]

    def alternatives(self) -> list[list[str]]:
        """Return the prefixes to look for: of the word run together, or of all its parts."""
        parts = self._prefixes(self.parts)
        if self.is_address:
            return [parts]
        together = self._prefixes(["".join(self.parts)])
        return [together, parts] if self._is_selective() and parts != together else [together]

    def _is_selective(self) -> bool:
        """Return whether the parts alone select little: not the E and the ON of E.ON."""
        *parts, last = self.parts
        is_long = len(last) > 1 or sum(map(len, self.parts)) >= _MIN_LETTERS
        return is_long and all(len(part) > 1 or part.isdigit() for part in parts)

    def _prefixes(self, parts: Iterable[str]) -> list[str]:
        found = dict.fromkeys(prefix for part in parts for prefix in _cut(part, is_query=True))
        return list(found)[:_MAX_WORDS]


def _folded(text: str) -> str:
    """Return the text casefolded and without marks, vowel signs included."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    plain = "".join(c for c in plain if not unicodedata.category(c).startswith("M"))
    return unicodedata.normalize("NFC", plain.translate(_UNDECOMPOSED))


def _split(text: str) -> list[_Word]:
    return [
        _Word(tuple(parts), "@" in word or "://" in word)
        for word in _folded(text).split()
        if (parts := [word] if word.isalnum() else _WORD.findall(word))
    ]


def _cut(part: str, *, is_query: bool = False) -> list[str]:
    """Return the tokens of a part: itself, or the bigrams of its unspaced scripts."""
    if part.isascii():
        return [part[:_MAX_TOKEN_LENGTH]]
    found, end = [], 0
    for run in _UNSPACED.finditer(part):
        text = run.group()
        last = 1 if is_query and len(text) > 1 else 0  # the last bigram implies the last character
        found.append(part[end : run.start()])
        found += (text[i : i + 2] for i in range(len(text) - last))
        end = run.end()
    return [each[:_MAX_TOKEN_LENGTH] for each in (*found, part[end:]) if each]


def _query(text: str, prefix: str, and_: str, or_: str) -> str | None:
    """Return the query of `alternatives` in the syntax of an engine."""

    def joined(operator: str, terms: list[str]) -> str:
        return terms[0] if len(terms) == 1 else f"({operator.join(terms)})"

    found = [
        joined(or_, [joined(and_, [prefix.format(each) for each in some]) for some in word])
        for word in alternatives(text)
    ]
    return and_.join(found) or None


def _first_letters(text: str) -> list[str]:
    text = text[:_MAX_QUERY_LENGTH]
    found = dict.fromkeys([*words(text), *words(_latin(text))])
    kept = (word[:_NEAR_LETTERS] for word in found if word not in _LEGAL_FORMS)
    return list(dict.fromkeys(kept) or found)[:_MAX_WORDS]


@cache
def _latin_look_alikes() -> dict[int, str]:
    """Return the Latin letter that each letter of another script is taken for."""
    found = {}
    for letter, glyphs in confusables.confusables_data.items():
        latin = [g["c"] for g in glyphs if g["c"].isascii() and g["c"].isalpha()]
        if len(letter) == 1 and not letter.isascii() and letter.isalpha() and latin:
            found[ord(letter)] = latin[0].lower()
    return found


def _latin(text: str) -> str:
    """Return a text with the letters of other scripts that look Latin as Latin letters."""
    return text if text.isascii() else text.translate(_latin_look_alikes())


def _numbers(name: str) -> list[str]:
    return sorted(_NUMBER.findall(name_key(name)))


def _comparable(name: str) -> str:
    """Return a name's words as they look, without articles and legal forms where more is left."""
    key = name_key(_latin(name))
    return " ".join(word for word in key.split() if word not in _LEGAL_FORMS) or key


def _similarity(one: str, other: str, *, score_cutoff: float | None = None) -> float:
    """Return the similarity of two names, 0–100, also with words reordered or run together."""
    score = max(
        fuzz.token_sort_ratio(one, other), fuzz.ratio(one.replace(" ", ""), other.replace(" ", ""))
    )
    if min(len(one.split()), len(other.split())) >= _MIN_WORDS_OF_SET:
        score = max(score, fuzz.token_set_ratio(one, other) - 1)
    return score if score_cutoff is None or score >= score_cutoff else 0.0

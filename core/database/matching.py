"""Text within text: the condition that a column has what somebody typed in it."""

from typing import Final

from sqlalchemy import ColumnElement, or_
from sqlalchemy.orm import InstrumentedAttribute

_MOST_WORDS: Final = 12


def contains(column: InstrumentedAttribute[str], typed: str) -> ColumnElement[bool]:
    """Return the condition, whatever the case; what cannot be seen is left out.

    Databases fold the case of ASCII alone, so that the usual spellings of a name are all tried.
    """
    return or_(*(column.icontains(each, autoescape=True) for each in _spellings(_seen(typed))))


def has_words(column: InstrumentedAttribute[str], typed: str) -> list[ColumnElement[bool]]:
    """Return the conditions that every typed word occurs in a column kept in small letters."""
    return [
        or_(*(column.contains(each, autoescape=True) for each in _spellings(word)))
        for word in _seen(typed).split()[:_MOST_WORDS]
    ]


def _seen(typed: str) -> str:
    return "".join(sign for sign in typed if sign.isprintable()).strip()


def _spellings(text: str) -> list[str]:
    if text.isascii():
        return [text.lower()]
    return sorted({text, text.lower(), text.upper(), text.title()})

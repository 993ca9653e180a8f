"""Numbers and dates in web addresses, which anyone can write: one spelling each, within bounds."""

import re
from datetime import date
from typing import Final

MAX_ID: Final = 2**31 - 1
"""The largest id that both engines can store."""
MAX_PAGE: Final = 1_000_000
_ID = re.compile(r"[1-9][0-9]{0,9}")
_DATE = re.compile(r"(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}")


def row_id(text: str) -> int:
    """Return the id of a row; raises `ValueError` for other spellings and sizes."""
    if not _ID.fullmatch(text) or int(text) > MAX_ID:
        raise ValueError("not an id")
    return int(text)


def find_row_id(text: str) -> int | None:
    """Return the id of a row, or None if the text is none."""
    try:
        return row_id(text)
    except ValueError:
        return None


def page_number(page: int) -> int:
    """Return the number of a page as databases can skip to it, from 1 on."""
    return min(max(1, page), MAX_PAGE)


def day(text: str) -> date:
    """Return a date written as `2026-11-23`, from 1900 to 2199; raises `ValueError` for others."""
    if not _DATE.fullmatch(text):
        raise ValueError("not a date")
    return date.fromisoformat(text)

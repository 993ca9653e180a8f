"""Formatting of text, dates and numbers; what people typed is escaped for Markdown."""

import re
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|:<>$~&^=\"'])")
_REPLACED = re.compile(r"(?<=:)(?=\S)|(?<=www)(?=\.)|(?=@)|(?<=[<>~-])(?=[>=-])", re.IGNORECASE)
"""Where Streamlit finds icons, emoji, arrows and addresses, also in escaped text."""
_NOTHING = ":small[]"
"""Markdown for an empty element, which keeps Streamlit from seeing what is on both sides of it."""


def esc(text: str) -> str:
    """Return Markdown that shows a text letter by letter, on one line, and adds no character."""
    parts = _REPLACED.split(" ".join(text.split()))
    return _NOTHING.join(_MARKDOWN.sub(r"\\\1", part) for part in parts)


def quiet(text: str) -> str:
    """Return Markdown for small gray text; what people typed must be escaped before."""
    return f":small[:gray[{text}]]"


def refusal(sentence: str) -> str:
    """Return Markdown for an error message, such as of a refusal."""
    return f":small[:red[:material/error: {esc(sentence)}]]"


def local(moment: datetime) -> datetime:
    """Return a moment in the time zone of the reader's browser."""
    try:
        return moment.astimezone(ZoneInfo(st.context.timezone or "UTC"))
    except (ZoneInfoNotFoundError, ValueError):
        return moment


def start_of(day: date) -> datetime:
    """Return the moment when a day begins for the reader."""
    noon = local(datetime.combine(day, time(12), tzinfo=UTC))
    return datetime.combine(day, time(), tzinfo=noon.tzinfo)


def day(moment: datetime) -> str:
    """Return the date of a moment in the reader's time zone: `23 Nov 2026`."""
    return f"{local(moment):%-d %b %Y}"


def exact(moment: datetime) -> str:
    """Return date and time of a moment in the reader's time zone: `23 Nov 2026, 14:05`."""
    return f"{local(moment):%-d %b %Y, %H:%M}"


def ago(moment: datetime, now: datetime) -> str:
    """Return how long ago something was, in the largest unit that fits: `3 days ago`."""
    seconds = max(0, int((now - moment).total_seconds()))
    for size, unit in (
        (31_536_000, "year"),
        (2_592_000, "month"),
        (86_400, "day"),
        (3_600, "hour"),
        (60, "minute"),
    ):
        if seconds >= size:
            return f"{count(seconds // size, unit)} ago"
    return "just now"


def count(number: int, noun: str, plural: str = "", *, limit: int = 0) -> str:
    """Return a number with its noun: `1 member`, `1,284 members`; with a limit `1,000+ members`."""
    shown = capped(number, limit) if limit else f"{number:,}"
    return f"{shown} {noun if number == 1 else plural or f'{noun}s'}"


def capped(number: int, limit: int) -> str:
    """Return a number that was counted up to a limit: `12`, or `1,000+` if there are more."""
    return f"{limit:,}+" if number > limit else f"{number:,}"

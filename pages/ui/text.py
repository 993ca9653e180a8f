"""Text on its way to the screen: what people typed is never read as Markdown."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|:<>$~&^=\"'])")

_WEB_ADDRESS = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)", re.IGNORECASE)
_JOINER = "\u2060"
"""Cannot be seen, and keeps Markdown from making a link of an address whatever is escaped."""


def esc(text: str) -> str:
    """Return text so that Markdown shows it letter by letter, on one line."""
    joined = _WEB_ADDRESS.sub(_JOINER, " ".join(text.split()))
    return _MARKDOWN.sub(r"\\\1", joined)


def quiet(text: str) -> str:
    """Return Markdown for small grey words; escape what people typed before."""
    return f":small[:gray[{text}]]"


def refusal(sentence: str) -> str:
    """Return Markdown for why something was not taken."""
    return f":small[:red[:material/error: {esc(unlinked(sentence))}]]"


def unlinked(text: str) -> str:
    """Return text whose mail addresses Markdown makes no links of."""
    return text.replace("@", f"{_JOINER}@{_JOINER}")


def local(moment: datetime) -> datetime:
    """Return a moment in the reader's own zone."""
    try:
        return moment.astimezone(ZoneInfo(st.context.timezone or "UTC"))
    except (ZoneInfoNotFoundError, ValueError):
        return moment


def day(moment: datetime) -> str:
    """Return the reader's date of a moment: `23 Nov 2026`."""
    return f"{local(moment):%-d %b %Y}"


def exact(moment: datetime) -> str:
    """Return the reader's date and time of a moment: `23 Nov 2026, 14:05`."""
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
            many = seconds // size
            return f"{many} {unit}{'s' if many > 1 else ''} ago"
    return "just now"


def count(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: `1 member`, `1,284 members`."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"

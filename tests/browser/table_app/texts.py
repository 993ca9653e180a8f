"""What people call themselves in the tables of the tests: plain, hostile, from right to left."""

from typing import Final

HOSTILE: Final = (
    "<img src=x onerror=document.title='broken'>",
    '=HYPERLINK("https://evil.example","x")',
    "  +1+1",
    "\uff1dcmd|' /C calc'!A0",
    "@SUM(1)",
    "\u2013 2",
    "-2+3",
    "a\tb\nc",
)
_PHONES: Final = ("+4943197990", "+4943197990x5", "+x5")
FORMULAS: Final = (*HOSTILE, *_PHONES, "plain", '"=1', "\tx", "\u00a0=1", "1=2", "'=1", "")
RIGHT_TO_LEFT: Final = "مستشفى النور التخصصي"
_NAMES: Final = ("Ada Whitfield", RIGHT_TO_LEFT, *HOSTILE)


def name_of(at: int) -> str:
    """Return the name of a row by its number from 0 on."""
    return _NAMES[at] if at < len(_NAMES) else f"Person {at + 1}"

"""Phone numbers as people and programs write them."""

import re
import unicodedata
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat

MAX_LENGTH: Final = 20
"""Characters of a stored number: E.164, and an extension after `x`."""
_LABEL = re.compile(r"(?:tele?(?:phone|fon)?|phone|fon|mobile|cell|[tmp])\s*[.:]\s*", re.IGNORECASE)
_DOTS = re.compile(r"[\u00b7\u2022\u2219\u22c5\u2024\u2027\u30fb]")
_SPACED = re.compile(r"[-+/.() \d\u2010-\u2015\u2212]+")
_EXTENSION = re.compile(
    r"(?P<number>.*?)[\s,;.]*(?:;ext=|,+|#|x|ext(?:ension|n)?\.?:?|доб\.?|durchwahl|int\.?|anexo)"
    r"\s*(?P<extension>\d{1,9})#?",
    re.IGNORECASE,
)
_VANITY = re.compile(r"\+?[-/.() \d]*\d[-/.() \d]*[A-Za-z]{3,}[-/.() A-Za-z\d]*")


def parse(text: str, region: str | None = None) -> PhoneNumber | None:
    """Return the number that a text is, or None; without `+` it is parsed for `region`.

    Reads `00` for `+`, `Tel:` and `tel:` in front, letters for digits (`+1 800 FLOWERS`), and
    extensions: `ext. 5`, `x5`, `,5`, `#5`, `;ext=5`.
    """
    text = _DOTS.sub(" ", unicodedata.normalize("NFKC", text)).strip()
    text = _LABEL.sub("", text, count=1) if _LABEL.match(text) else text
    parts = _EXTENSION.fullmatch(text)
    number, extension = (parts["number"].strip(), parts["extension"]) if parts else (text, None)
    number = "+" + number[2:] if number.startswith("00") else number
    if not (_SPACED.fullmatch(number) or _VANITY.fullmatch(number)):
        return None
    try:
        parsed = phonenumbers.parse(number, region)
    except NumberParseException:
        return None
    parsed.extension = extension and phonenumbers.normalize_digits_only(extension)
    return parsed


def to_e164(number: PhoneNumber) -> str:
    """Return a number as it is stored: E.164, and the extension as in `+442079460958x5`."""
    plain = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return f"{plain}x{number.extension}" if number.extension else plain


def format_international(stored: str) -> str:
    """Return a stored number in the international format: `+44 20 7946 0958 ext. 5`."""
    plain, _, extension = stored.partition("x")
    try:
        number = phonenumbers.parse(plain)
    except NumberParseException:
        return stored
    shown = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    return f"{shown} ext. {extension}" if extension else shown

"""Validation and normalization of what people type: one cleaner for each type of field.

A cleaner takes a text and returns the clean value, or raises `InvalidValue`; it raises nothing else
on any text. Cleaners are idempotent: cleaning a clean value changes nothing.
"""

import re
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from functools import update_wrapper
from typing import Concatenate, ParamSpec, TypeVar, cast
from urllib.parse import unquote

import idna
import phonenumbers
from email_validator import EmailNotValidError, validate_email

from core.base import hosts, phones
from core.base.errors import InvalidInput

_SPACES = re.compile(r"[\t \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")
_WEB_ADDRESS = re.compile(r"://|\bwww\.")
_NUMBER_TO_CALL = re.compile(r"\+\s?\d(?:[-/.() ]{0,2}\d){6,}")
_MAX_MARKS = 4
_BRACKETED = re.compile(r"(?:\"[^\"]*\"|[^<>\"])*+<([^<>]*)>")
_COMMENTED = re.compile(r"([^\s@]+@[^\s@]+)\s+\([^()]*\)")
_WEBSITE = re.compile(
    r"(?:(?P<scheme>https?)://)?(?P<host>[^/?#@:\[\]]+)(?::(?P<port>\d{1,5}))?(?P<rest>[/?#].*)?",
    re.IGNORECASE | re.ASCII,
)
_QUOTED = {ord(character): f"%{ord(character):02X}" for character in '"<>`{}|^'}
_TWITTER = re.compile(
    r"(?:https?://)?(?:(?:www|mobile|m)\.)?(?:twitter|x)\.com/(?:#!/)?@?(?P<from_address>\w{1,15})"
    r"(?:[/?#].*)?|@?(?P<handle>\w{1,15})",
    re.IGNORECASE | re.ASCII,
)
_NO_EMAIL = "Enter an email address like ana@example.com."
_NOT_HANDLES = frozenset(
    """about account compose download explore hashtag help home i intent jobs login logout messages
    notifications oauth privacy search settings share signup tos who_to_follow""".split()
)

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Control, format and bidi, surrogate, private, unassigned, line and paragraph separators."""
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufffc")
"""Letters, marks and symbols by category that render as nothing."""
_JOINERS = frozenset("\u200c\u200d\u180e")
_JOINED = re.compile(
    r"[\u0600-\u109f\u1700-\u1aff\ua840-\ua9ff\uaa00-\uabff\U00010a00-\U00011fff"  # scripts
    r"\u2190-\u2bff\ufe0f\U0001f000-\U0001faff]"  # pictures
)
_VARIANTS = re.compile(r"[\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_VARIED = frozenset({"Lo", "So", "Sm", "Nd", "No", "Po"})
_VIRAMA = 9

MAX_OVERVIEW_LENGTH = 2000
"""Maximum length of a profile's overview, in characters."""

P = ParamSpec("P")
Raw = TypeVar("Raw")
Clean = TypeVar("Clean")


class InvalidValue(ValueError):
    """A value is invalid; `str(error)` is a sentence that says how to correct it."""


class Check:
    """Clean several fields and refuse all invalid ones at once.

    Use the returned values only after `done()`: the value of an invalid field is None.
    """

    def __init__(self) -> None:
        self.errors: dict[str, str] = {}

    def __call__(
        self,
        field: str,
        cleaner: Callable[Concatenate[Raw, P], Clean],
        raw: Raw,
        *args: P.args,
        **options: P.kwargs,
    ) -> Clean:
        """Return the clean value of a field, or None and keep the error."""
        try:
            return cleaner(raw, *args, **options)
        except InvalidValue as why:
            self.refuse(field, str(why))
            return cast(Clean, None)

    def refuse(self, field: str, sentence: str) -> None:
        """Keep a sentence about a field, unless it already has one."""
        self.errors.setdefault(field, sentence)

    def done(self) -> None:
        """Raise `InvalidInput` with the errors of all fields, if there are any."""
        if self.errors:
            raise InvalidInput(self.errors)


def optional(
    cleaner: Callable[Concatenate[str, P], Clean],
) -> Callable[Concatenate[str | None, P], Clean | None]:
    """Return a cleaner that turns an empty text into None: `optional(validation.email)`."""

    def clean(text: str | None, /, *args: P.args, **options: P.kwargs) -> Clean | None:
        if text is None or not text.strip():
            return None
        return cleaner(text, *args, **options)

    update_wrapper(clean, cleaner)
    return clean


def organization_name(text: str, *, domain: str = "") -> str:
    """Return an organization's name: 1–80 visible characters, without a web address.

    A name may contain the `domain` of the person's own email address: `Booking.com`.
    """
    return _name(text, if_empty="Enter the name of the organization.", domain=domain)


def person_name(text: str) -> str:
    """Return a person's name, by the same rules as an organization's."""
    return _name(text, if_empty="Enter a name.")


def email(text: str) -> str:
    """Return a normalized email address; only its syntax is checked, not whether it exists."""
    text = _bare_address(_trimmed(text, max_length=254, if_empty=_NO_EMAIL))
    try:
        address = validate_email(text, test_environment=True, strict=True).normalized
    except EmailNotValidError as why:
        raise InvalidValue(_NO_EMAIL) from why
    _ensure_visible(address)
    return address


def email_key(address: str) -> str:
    """Return a key that is equal for all spellings of an address; never raises."""
    local, _, domain = unicodedata.normalize("NFKC", address).strip().rpartition("@")
    with suppress(UnicodeError):
        domain = idna.encode(domain, uts46=True).decode()
    return unicodedata.normalize("NFKC", f"{local}@{domain}".casefold()).strip()


@optional
def overview(text: str) -> str:
    """Return a text of several lines, at most `MAX_OVERVIEW_LENGTH` characters."""
    return _multiline(text, max_length=MAX_OVERVIEW_LENGTH)


@optional
def note(text: str) -> str:
    """Return a text of several lines, at most 2,000 characters."""
    return _multiline(text, max_length=2000)


def reason(text: str) -> str:
    """Return a reason: a text of several lines, 1–500 characters."""
    return _multiline(text, max_length=500)


@optional
def phone(text: str, *, region: str | None = None) -> str:
    """Return a phone number in E.164, with its extension after `x`; see `core.base.phones`."""
    number = phones.parse(_trimmed(text, max_length=60), region)
    if number is None:
        raise InvalidValue(
            "Enter the full number with + and the country code, like +1 212 555 0100."
        )
    if not phonenumbers.is_valid_number(number):
        raise InvalidValue("This phone number isn't valid. Check the country code and every digit.")
    stored = phones.to_e164(number)
    if len(stored) > phones.MAX_LENGTH:
        raise InvalidValue("Shorten the extension.")
    return stored


def code(text: str) -> str:
    """Return a code as it was issued: without spaces and hyphens, any digits as ASCII ones."""
    return "".join(
        str(unicodedata.decimal(sign, sign))
        for sign in unicodedata.normalize("NFKC", text[:100]).upper()
        if sign.isalnum()
    )


@optional
def website(text: str) -> str:
    """Return an http(s) URL; `example.com` becomes `https://example.com`."""
    text = _trimmed(text, max_length=500)
    _ensure_visible(_no_longer(text, 500))
    if re.search(r"\s", text) or "\\" in text:
        raise InvalidValue("Remove spaces and backslashes from the web address.")
    parts = _WEBSITE.fullmatch(text)
    if not parts or int(parts["port"] or 80) not in range(1, 65536):
        raise InvalidValue(
            "Enter a web address that starts with https://, like https://example.com."
        )
    scheme = (parts["scheme"] or "https").lower()
    port = f":{parts['port']}" if parts["port"] else ""
    rest = (parts["rest"] or "").translate(_QUOTED)
    try:
        host = hosts.normalize(parts["host"])
    except ValueError as why:
        raise InvalidValue("Enter the full domain of the website, like example.com.") from why
    return _no_longer(f"{scheme}://{host}{port}{rest}", 500)


def shown_website(website: str) -> str:
    """Return a website as it is shown: short, with the real host behind letters that deceive."""
    short = website.removeprefix("https://").rstrip("/")
    parts = _WEBSITE.fullmatch(website)
    if parts is None or not hosts.is_deceptive(parts["host"]):
        return short
    return f"{short} ({hosts.to_ascii(parts['host'])})"


@optional
def twitter_handle(text: str) -> str:
    """Return a handle without `@`, from a handle or from a URL at x.com or twitter.com."""
    text = _trimmed(text, max_length=300)
    parts = _TWITTER.fullmatch(unicodedata.normalize("NFKC", text))
    handle = parts["from_address"] or parts["handle"] if parts else None
    if handle is None or (parts and parts["from_address"] and handle.lower() in _NOT_HANDLES):
        raise InvalidValue(
            "Enter only the handle, like @example: at most 15 letters, digits and underscores."
        )
    return handle


def _name(text: str, *, if_empty: str, domain: str = "") -> str:
    text = _SPACES.sub(" ", _trimmed(text, max_length=80, if_empty=if_empty))
    text = _no_longer(unicodedata.normalize("NFC", text), 80)
    _ensure_visible(text)
    if not any(unicodedata.category(character)[0] in "LN" for character in text):
        raise InvalidValue("Use at least one letter or digit.")
    if "=?" in unicodedata.normalize("NFKC", text):
        raise InvalidValue("Leave out =? (email programs read it as an encoded word).")
    if any(len(run) > _MAX_MARKS for run in _runs_of_marks(text)):
        raise InvalidValue("Remove some of the marks above and below the letters.")
    _ensure_no_address(text, domain)
    return text


def _runs_of_marks(text: str) -> list[str]:
    kinds = "".join("M" if unicodedata.category(sign)[0] == "M" else " " for sign in text)
    return kinds.split()


def _ensure_no_address(text: str, domain: str) -> None:
    """Refuse web addresses and phone numbers, which a name would carry into emails."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    if _WEB_ADDRESS.search(folded):
        raise InvalidValue("Leave out the web address.")
    if _NUMBER_TO_CALL.search(folded):
        raise InvalidValue("Leave out the phone number.")
    for word in text.split():
        found = hosts.find_domain(word)
        if found is not None and not f".{domain}".endswith(f".{found}"):
            apart = " ".join(re.split(r"[.\u3002\uff0e\uff61]", word)).strip()
            raise InvalidValue(
                f"This reads as a web address. Write {text.replace(word, apart)}, for example."
            )


def _bare_address(text: str) -> str:
    """Return the address in what mail programs copy: `Mia <mia@example.com>`, `mailto:mia@…`."""
    if found := _BRACKETED.fullmatch(text) or _COMMENTED.fullmatch(text):
        text = found[1].strip()
    if text[:7].lower() == "mailto:":
        text = unquote(text[7:].partition("?")[0])
    return text


def _multiline(text: str, *, max_length: int) -> str:
    text = _trimmed(text, max_length=max_length)
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    text = _no_longer(unicodedata.normalize("NFC", text), max_length)
    _ensure_visible(text, apart_from="\n")
    return text


def _trimmed(text: str, *, max_length: int, if_empty: str = "Write a few words.") -> str:
    """Return the text without surrounding white space; refuse what is far too long to process."""
    if len(text) > 8 * max_length:
        raise InvalidValue(f"Shorten it to {max_length} characters.")
    text = text.strip()
    if not text:
        raise InvalidValue(if_empty)
    return text


def _no_longer(text: str, max_length: int) -> str:
    if len(text) > max_length:
        raise InvalidValue(
            f"Use at most {max_length:,} characters ({len(text) - max_length:,} too many)."
        )
    return text


def _ensure_visible(text: str, *, apart_from: str = "") -> None:
    position = _find_hidden(text, apart_from=apart_from)
    if position is not None:
        raise InvalidValue(
            f"Character {position + 1} is invisible (U+{ord(text[position]):04X}). "
            "Delete it, or retype the words around it."
        )


def _find_hidden(text: str, *, apart_from: str = "") -> int | None:
    """Return the index of the first invisible character, or None."""
    if text.isascii() and text.isprintable():
        return None
    around = f" {text} "
    for i, character in enumerate(text):
        if character not in apart_from and _is_hidden(around[i], character, around[i + 2]):
            return i
    return None


def _is_hidden(before: str, character: str, after: str) -> bool:
    if character in _JOINERS:  # legitimate in words of many scripts, and in some emoji
        at_end = unicodedata.combining(before) == _VIRAMA
        return not (_JOINED.match(before) and (at_end or _JOINED.match(after)))
    if _VARIANTS.match(character):
        return unicodedata.category(before) not in _VARIED
    return unicodedata.category(character) in _HIDDEN or character in _BLANK

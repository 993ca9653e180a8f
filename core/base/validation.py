"""What a person types, made fit to keep: one cleaner for each kind of field.

A cleaner takes the text and returns the clean value, or raises `Unfit` with a sentence that says
what to do. It raises nothing else, on any text; cleaning a clean value changes nothing.
"""

import re
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from functools import update_wrapper
from typing import Concatenate, ParamSpec, TypeVar, cast

import idna
import phonenumbers
from email_validator import EmailNotValidError, validate_email

from core.base.errors import InvalidInput

_SPACES = re.compile(r"[\t \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")
_WEB_ADDRESS = re.compile(r"://|\bwww\.|\w(?:\.[^\W\d_]|。[a-z])[^\W\d_]")
_PHONE = re.compile(r"[-+/.() \d\u2010-\u2015\u2212]+")
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
_NOT_HANDLES = frozenset("home i intent search share hashtag explore settings login about".split())

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Control, format and bidi, surrogate, private, unassigned, line and paragraph separators."""
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufffc")
"""Letters, marks and symbols by their category, yet nothing is drawn."""
_JOINERS = frozenset("\u200c\u200d\u180e")
_JOINED = re.compile(
    r"[\u0600-\u109f\u1700-\u1aff\ua840-\ua9ff\uaa00-\uabff\U00010a00-\U00011fff"  # scripts
    r"\u2190-\u2bff\ufe0f\U0001f000-\U0001faff]"  # pictures
)
_VARIANTS = re.compile(r"[\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_VARIED = frozenset({"Lo", "So", "Sm", "Nd", "No", "Po"})
_VIRAMA = 9

OVERVIEW_LONGEST = 2000
"""In characters."""

P = ParamSpec("P")
Raw = TypeVar("Raw")
Clean = TypeVar("Clean")


class Unfit(ValueError):
    """The text cannot be taken as it is; `str(error)` says what to do about it."""


class Check:
    """Clean several fields and refuse them all at once.

    What a call returned may be used after `done()` only: an unfit field has no value.
    """

    def __init__(self) -> None:
        self.unfit: dict[str, str] = {}

    def __call__(
        self,
        field: str,
        cleaner: Callable[Concatenate[Raw, P], Clean],
        raw: Raw,
        *args: P.args,
        **options: P.kwargs,
    ) -> Clean:
        """Return the clean value of one field, or remember why there is none."""
        try:
            return cleaner(raw, *args, **options)
        except Unfit as why:
            self.refuse(field, str(why))
            return cast(Clean, None)

    def refuse(self, field: str, sentence: str) -> None:
        """Remember what is wrong with a field; the first sentence about it stays."""
        self.unfit.setdefault(field, sentence)

    def done(self) -> None:
        """Raise `InvalidInput` with every field that was unfit."""
        if self.unfit:
            raise InvalidInput(self.unfit)


def optional(
    cleaner: Callable[Concatenate[str, P], Clean],
) -> Callable[Concatenate[str | None, P], Clean | None]:
    """Return a cleaner that gives None for a field left empty: `optional(fields.email)`."""

    def clean(text: str | None, /, *args: P.args, **options: P.kwargs) -> Clean | None:
        if text is None or not text.strip():
            return None
        return cleaner(text, *args, **options)

    update_wrapper(clean, cleaner)
    return clean


def organization_name(text: str) -> str:
    """Return the name of an organization: 1–80 visible characters and no web address."""
    return _name(text, what="the name of the organization")


def person_name(text: str) -> str:
    """Return the name of a person, by the same rules as that of an organization."""
    return _name(text, what="a name")


def email(text: str) -> str:
    """Return a normalised address, by its form alone: nobody is asked whether it exists."""
    text = _trimmed(text, longest=254, what="an email address such as ana@example.com")
    try:
        address = validate_email(text, test_environment=True, strict=True).normalized
    except EmailNotValidError as why:
        raise Unfit("That is no email address. Write one such as ana@example.com.") from why
    _ensure_visible(address)
    return address


def email_key(address: str) -> str:
    """Return what all spellings of an address have in common; it never fails."""
    local, _, domain = unicodedata.normalize("NFKC", address).strip().rpartition("@")
    with suppress(UnicodeError):
        domain = idna.encode(domain, uts46=True).decode()
    return unicodedata.normalize("NFKC", f"{local}@{domain}".casefold()).strip()


@optional
def overview(text: str) -> str:
    """Return at most `OVERVIEW_LONGEST` characters in lines."""
    return _lines(text, longest=OVERVIEW_LONGEST)


@optional
def note(text: str) -> str:
    """Return at most 2,000 characters in lines."""
    return _lines(text, longest=2000)


def reason(text: str) -> str:
    """Return why something is done: 1–500 characters in lines."""
    return _lines(text, longest=500)


@optional
def phone(text: str, *, region: str | None = None) -> str:
    """Return a phone number in E.164; without `+` it is read as one of `region` (`US`, `DE` …)."""
    text = unicodedata.normalize("NFKC", _trimmed(text, longest=60, what="a phone number"))
    sentence = "Write the whole number with + and the country code, such as +1 212 555 0100."
    if not _PHONE.fullmatch(text):
        raise Unfit(sentence)
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException as why:
        raise Unfit(sentence) from why
    if not phonenumbers.is_valid_number(number):
        raise Unfit("No phone has that number. Compare the country code and every digit.")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def show_phone(e164: str) -> str:
    """Return a kept phone number as people write it: `+1 212-555-0100`."""
    try:
        number = phonenumbers.parse(e164)
    except phonenumbers.NumberParseException:
        return e164
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


@optional
def website(text: str) -> str:
    """Return an http(s) address; `example.com` becomes `https://example.com`."""
    text = _trimmed(text, longest=500, what="a web address such as https://example.com")
    _ensure_visible(_no_longer(text, 500))
    if re.search(r"\s", text) or "\\" in text:
        raise Unfit("Take the spaces and backslashes out of the web address.")
    parts = _WEBSITE.fullmatch(text)
    if not parts or int(parts["port"] or 80) not in range(1, 65536):
        raise Unfit("Write a web address that starts with https://, such as https://example.com.")
    scheme = (parts["scheme"] or "https").lower()
    port = f":{parts['port']}" if parts["port"] else ""
    rest = (parts["rest"] or "").translate(_QUOTED)
    return _no_longer(f"{scheme}://{_host(parts['host'])}{port}{rest}", 500)


@optional
def twitter_handle(text: str) -> str:
    """Return a handle without `@`, from a handle or from an address at x.com or twitter.com."""
    text = _trimmed(text, longest=300, what="a handle such as @example")
    parts = _TWITTER.fullmatch(unicodedata.normalize("NFKC", text))
    handle = parts["from_address"] or parts["handle"] if parts else None
    if handle is None or (parts and parts["from_address"] and handle.lower() in _NOT_HANDLES):
        raise Unfit("Write the handle alone, such as @example: at most 15 letters, digits and _.")
    return handle


def _name(text: str, *, what: str) -> str:
    text = _SPACES.sub(" ", _trimmed(text, longest=80, what=what))
    text = _no_longer(unicodedata.normalize("NFC", text), 80)
    _ensure_visible(text)
    if not any(unicodedata.category(character)[0] in "LN" for character in text):
        raise Unfit("Use at least one letter or digit.")
    if "=?" in unicodedata.normalize("NFKC", text):
        raise Unfit("Leave out =? (email programs take it for an encoded word).")
    if _WEB_ADDRESS.search(unicodedata.normalize("NFKC", text).casefold()):
        raise Unfit("Leave out the web address, or put a space after the dot.")
    return text


def _lines(text: str, *, longest: int) -> str:
    text = _trimmed(text, longest=longest, what="a few words")
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    text = _no_longer(unicodedata.normalize("NFC", text), longest)
    _ensure_visible(text, apart_from="\n")
    return text


def _trimmed(text: str, *, longest: int, what: str) -> str:
    """Return the text without white space around it; what is far too long is not looked at."""
    if len(text) > 8 * longest:
        raise Unfit(f"Shorten it to {longest} characters.")
    text = text.strip()
    if not text:
        raise Unfit(f"Write {what}.")
    return text


def _no_longer(text: str, longest: int) -> str:
    if len(text) > longest:
        raise Unfit(f"Use at most {longest:,} characters; it is {len(text) - longest:,} too long.")
    return text


def _ensure_visible(text: str, *, apart_from: str = "") -> None:
    place = _find_hidden(text, apart_from=apart_from)
    if place is not None:
        raise Unfit(
            f"Character {place + 1} is one that nobody can see (U+{ord(text[place]):04X}). "
            "Delete it, or type the words around it again."
        )


def _host(host: str) -> str:
    """Return a public host name in small letters, in the script it was typed in."""
    sentence = "Write the name of the website with its ending, such as example.com."
    try:
        idna.encode(host, uts46=True, std3_rules=True)
        name = idna.uts46_remap(host)
    except UnicodeError as why:
        raise Unfit(sentence) from why
    ending = name.rpartition(".")[2]
    if ending == name or not ending or ending[0].isdigit():
        raise Unfit(sentence)
    return name


def _find_hidden(text: str, *, apart_from: str = "") -> int | None:
    """Return where the first character stands that no reader sees, counted from 0."""
    if text.isascii() and text.isprintable():
        return None
    around = f" {text} "
    for place, character in enumerate(text):
        if character not in apart_from and _is_hidden(around[place], character, around[place + 2]):
            return place
    return None


def _is_hidden(before: str, character: str, after: str) -> bool:
    if character in _JOINERS:  # belongs to words of many scripts, and to some pictures
        at_end = unicodedata.combining(before) == _VIRAMA
        return not (_JOINED.match(before) and (at_end or _JOINED.match(after)))
    if _VARIANTS.match(character):
        return unicodedata.category(before) not in _VARIED
    return unicodedata.category(character) in _HIDDEN or character in _BLANK

"""Host names as browsers read them, and the endings that domains really have."""

import re
import unicodedata
from contextlib import suppress
from functools import cache
from typing import Final
from urllib.parse import urlsplit

import idna
from confusable_homoglyphs import categories, confusables
from publicsuffixlist import PublicSuffixList

_LABEL = re.compile(r"[a-z0-9_-]{1,63}")
_MAX_LENGTH: Final = 253
_DOTS = str.maketrans({"\u3002": ".", "\uff0e": ".", "\uff61": "."})
_IP_ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){3}")
_JOINERS = "\u200c\u200d"
_COMMON = frozenset({"COMMON", "INHERITED"})
_TOGETHER = (
    frozenset({"LATIN", "HAN", "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", "HAN", "HANGUL"}),
    frozenset({"LATIN", "HAN", "BOPOMOFO"}),
)
"""Scripts that one word has side by side."""
_LEGAL_FORMS = frozenset({"co.kg"})
"""Legal forms that would be domains."""


def normalize(host: str) -> str:
    """Return a public host name in lower case, in the script in which it was typed.

    Accepts what browsers do (URL Standard): symbols, underscores, hyphens anywhere. Raises
    `ValueError` for anything else, and for hosts without an ending such as `.com`.
    """
    name = idna.uts46_remap(host, std3_rules=False).removesuffix(".")
    labels = name.split(".")
    ascii_labels = [_to_ascii(label) for label in labels]
    is_public = len(labels) > 1 and not labels[-1][0].isdigit()
    if not is_public or len(".".join(ascii_labels)) > _MAX_LENGTH:
        raise ValueError("not a public host name")
    return name


def to_ascii(host: str) -> str:
    """Return a normalized host name as it is looked up, in ASCII (`xn--…`)."""
    return ".".join(map(_to_ascii, host.split(".")))


def of_address(address: str) -> str:
    """Return the host of a web address, with or without `https://`, as it is looked up.

    It is without `www`, and empty if the address has none.
    """
    try:
        host = urlsplit(address if "://" in address else f"https://{address}").hostname or ""
    except ValueError:
        return ""
    if not host.isascii():
        with suppress(ValueError):
            host = to_ascii(host)
    return host.removeprefix("www.")


def is_deceptive(host: str) -> bool:
    """Return whether letters of other scripts in a host name can be taken for Latin ones."""
    return any(not label.isascii() and _is_deceptive(label) for label in host.split("."))


def find_domain(word: str) -> str | None:
    """Return the domain or IP address that a word is, such as `booking.com`; None for `E.ON`.

    Only endings under which domains are registered count (Public Suffix List, ICANN part).
    """
    folded = unicodedata.normalize("NFKC", word.translate(_DOTS)).casefold()
    for part in re.split(r"[/?#:@,;()\[\]<>\"'“”‘’]", folded):
        host = part.strip(".!*_-+=&|~")
        if _IP_ADDRESS.fullmatch(host):
            return host
        if ".." not in host and host not in _LEGAL_FORMS and _suffixes().privatesuffix(host):
            return host
    return None


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList(only_icann=True, accept_unknown=False)


def _to_ascii(label: str) -> str:
    """Return a label in ASCII; raises `ValueError` if it has none or is not what it decodes to."""
    if label.isascii():
        if label.startswith("xn--"):
            _ensure_punycode(label)
        encoded = label
    else:
        idna.check_bidi(label)
        encoded = "xn--" + label.encode("punycode").decode()
    hidden = any(_is_hidden(label, position) for position in range(len(label)))
    if not _LABEL.fullmatch(encoded) or hidden or unicodedata.category(label[0])[0] == "M":
        raise ValueError("not a label of a host name")
    return encoded


def _ensure_punycode(label: str) -> None:
    decoded = label.removeprefix("xn--").encode().decode("punycode")
    if decoded.isascii() or idna.uts46_remap(decoded, std3_rules=False) != decoded:
        raise ValueError("not the punycode of a label")


def _is_hidden(label: str, position: int) -> bool:
    """Return whether a sign cannot be seen; joiners count where a script needs them (CONTEXTJ)."""
    sign = label[position]
    if sign in _JOINERS:
        return not idna.valid_contextj(label, position)
    return unicodedata.category(sign)[0] in "CZ"


def _is_deceptive(label: str) -> bool:
    """Return whether a label mixes scripts, or looks Latin throughout without being it."""
    scripts = {categories.alias(sign) for sign in label} - _COMMON
    if len(scripts) > 1 and not any(scripts <= together for together in _TOGETHER):
        return True
    return "LATIN" not in scripts and all(map(_looks_latin, label))


def _looks_latin(sign: str) -> bool:
    glyphs = confusables.confusables_data.get(sign, [])
    return sign.isascii() or any(g["c"].isascii() and g["c"].isalpha() for g in glyphs)

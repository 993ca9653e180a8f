"""Mails as people read them: subject, text and HTML from a pair of files in `core/mails/`.

`<template>.txt` begins with `Subject: …` and an empty line; `<template>.html` extends
`layout.html`. Both know the context that the mail was queued with, `public_url`, and `link`: the
whole address that the mail leads to, or None.
"""

import unicodedata
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import idna
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from core.base import clock, crypto
from core.base.settings import settings
from core.models import Mail

SUBJECT_LONGEST = 150
"""In characters."""
TEMPLATES = Path(__file__).parent / "templates"

_NOT_IN_A_LINE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_HIDDEN = "(the link is only shown in the mail itself)"


class Letter(NamedTuple):
    """What a mail says."""

    subject: str
    text: str
    html: str


def render(mail: Mail, *, with_link: bool = True) -> Letter:
    """Return what the mail says; `with_link` makes its token, else a remark stands in its place."""
    link = mail.context.get("link")
    shown = address(link) if link and with_link else _HIDDEN if link else None
    context = {**mail.context, "link": shown, "public_url": settings().public_url}
    text = _environment().get_template(f"{mail.template}.txt").render(context)
    html = _environment().get_template(f"{mail.template}.html").render(context)
    return Letter(subject(mail.template, mail.context), text.partition("\n\n")[2], html)


def subject(template: str, context: dict[str, Any]) -> str:
    """Return the subject of a mail: one line of characters that can be seen."""
    known = {**context, "link": None, "public_url": settings().public_url}
    written = _environment().get_template(f"{template}.txt").render(known)
    line = _one_line(written.partition("\n\n")[0].removeprefix("Subject:"))
    return line if len(line) <= SUBJECT_LONGEST else f"{line[: SUBJECT_LONGEST - 1]}…"


def message(mail: Mail) -> EmailMessage:
    """Return the mail as it goes over the wire; every time with the same Message-ID."""
    letter = render(mail)
    name, sender = parseaddr(settings().mail_from)
    made = EmailMessage()
    made["Subject"] = letter.subject
    made["From"] = Address(_one_line(name), addr_spec=sender)
    made["To"] = Address("", *_parts(mail.recipient))
    made["Date"] = format_datetime(clock.now())
    made["Message-ID"] = _message_id(mail)
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(letter.text)
    made.add_alternative(letter.html, subtype="html")
    return made


def envelope(recipient: str) -> str:
    """Return an address as mail servers of any age understand it: its domain in ASCII."""
    return "@".join(_parts(recipient))


def address(link: dict[str, str]) -> str:
    """Return the whole address of a link, which is kept as `{"page", "kind", "nonce"}`.

    A link to a page that needs no token has `page` alone.
    """
    page = f"{settings().public_url}/{link['page']}"
    return f"{page}#{crypto.token(link['kind'], link['nonce'])}" if "nonce" in link else page


def _parts(recipient: str) -> tuple[str, str]:
    local, _, domain = recipient.rpartition("@")
    return local, domain if domain.isascii() else idna.encode(domain, uts46=True).decode()


def _message_id(mail: Mail) -> str:
    local = mail.message_id.strip("<>").partition("@")[0]
    return f"<{local}@{urlsplit(settings().public_url).hostname}>"


def _one_line(text: str) -> str:
    seen = (" " if unicodedata.category(sign) in _NOT_IN_A_LINE else sign for sign in text)
    return " ".join("".join(seen).split())


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )

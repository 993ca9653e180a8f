"""Mails as people read them: subject, text and HTML from a pair of files in `core/mails/`.

`<template>.txt` begins with `Subject: …` and an empty line; `<template>.html` extends
`layout.html`. Both know the context that the mail was queued with, `public_url`, and `link`: the
whole address that the mail leads to, or None.
"""

import unicodedata
from functools import cache
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from core import keys
from core.models import Mail
from core.settings import settings

SUBJECT_LONGEST = 150
"""In characters."""
TEMPLATES = Path(__file__).parent / "mails"

_NOT_IN_A_LINE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_HIDDEN = "(the link is only shown in the mail itself)"


class Letter(NamedTuple):
    """What a mail says."""

    subject: str
    text: str
    html: str


def render(mail: Mail, *, with_link: bool = True) -> Letter:
    """Return what the mail says; `with_link` makes its token, else a remark stands in its place."""
    link = _link(mail) if with_link or "link" not in mail.context else _HIDDEN
    context = {**mail.context, "link": link, "public_url": settings().public_url}
    written = _environment().get_template(f"{mail.template}.txt").render(context)
    subject, _, text = written.partition("\n\n")
    html = _environment().get_template(f"{mail.template}.html").render(context)
    return Letter(_one_line(subject.removeprefix("Subject:")), text, html)


def address(link: dict[str, str]) -> str:
    """Return the whole address of a link, which is kept as `{"page", "kind", "nonce"}`."""
    token = keys.token(link["kind"], link["nonce"])
    return f"{settings().public_url}/{link['page']}#{token}"


def _link(mail: Mail) -> str | None:
    link = mail.context.get("link")
    return address(link) if link else None


def _one_line(subject: str) -> str:
    seen = (" " if unicodedata.category(sign) in _NOT_IN_A_LINE else sign for sign in subject)
    line = " ".join("".join(seen).split())
    return line if len(line) <= SUBJECT_LONGEST else f"{line[: SUBJECT_LONGEST - 1]}…"


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )

"""Messages: render the subject, text and HTML of a mail from one template.

`templates/<name>.jinja` fills the blocks `subject`, `body` (paragraphs between empty lines), `why`
and, for mails with a link, `action`. It is rendered within `layout.txt` without escaping and within
`layout.html` with it. Templates know the context that the mail was queued with, `public_url`,
`link` (the full address, or None) and the functions in `_TEXT` and `_HTML`.
"""

import re
import unicodedata
from email import message_from_bytes
from email.errors import MessageError
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime, parseaddr
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import idna
from jinja2 import Environment, FunctionLoader, StrictUndefined, Template, select_autoescape
from markupsafe import Markup

from core.base import clock, crypto
from core.base.settings import settings
from core.models import Mail

MAX_SUBJECT: Final = 150
"""In characters."""
TEMPLATES: Final = Path(__file__).parent / "templates"


def _with_article(noun: str) -> str:
    return f"{'an' if noun[:1] in 'aeiou' else 'a'} {noun}"


_TEXT: Final[dict[str, Any]] = {
    "with_article": _with_article,
    "layout": "layout.txt",
    "strong": "{}".format,
    "entry": "- {}\n  {}".format,
    "linked_entry": "- {}\n  {}\n  {}".format,
}
_HTML: Final[dict[str, Any]] = {
    "with_article": _with_article,
    "layout": "layout.html",
    "strong": Markup("<strong>{}</strong>").format,
    "entry": Markup("<strong>{}</strong><br>{}").format,
    "linked_entry": Markup('<a href="{2}"><strong>{0}</strong></a><br>{1}').format,
}

_ENCODED_WORD: Final = re.compile(r"=(?=\?)")
_NOT_PRINTABLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_HIDDEN = "(the link is only shown in the email itself)"


class _Policy(EmailPolicy):
    """Writes a subject either as it is or as a whole in encoded words.

    `email` encodes it word by word, and loses the space where a line ends between two of them.
    """

    def fold(self, name: str, value: Any) -> str:
        """Return a header on its lines, as text."""
        if name.lower() != "subject":
            return str(super().fold(name, value))
        lines = Header(str(value), header_name=name).encode(linesep=self.linesep)
        return f"{name}: {lines}{self.linesep}"

    def fold_binary(self, name: str, value: Any) -> bytes:
        """Return a header on its lines, as bytes."""
        return self.fold(name, value).encode("utf-8" if self.utf8 else "ascii", "surrogateescape")


_POLICY: Final = _Policy(linesep=SMTP.linesep)


class Message(NamedTuple):
    """The content of a mail."""

    subject: str
    text: str
    html: str


def render(mail: Mail, *, with_link: bool = True) -> Message:
    """Return the content of a mail, with its link or a placeholder for it."""
    link = mail.context.get("link")
    address = link_address(link) if link and with_link else _HIDDEN if link else None
    context = {**mail.context, "link": address, "public_url": settings().public_url}
    text, html = (_template(mail.template, ending).render(context) for ending in ("txt", "html"))
    return Message(render_subject(mail.template, mail.context), text, html)


def render_subject(template: str, context: dict[str, Any]) -> str:
    """Return the subject of a mail: one line of printable characters."""
    source = _template(template, "txt")
    subject = _one_line("".join(source.blocks["subject"](source.new_context(context))))
    return subject if len(subject) <= MAX_SUBJECT else f"{subject[: MAX_SUBJECT - 1]}…"


def build(mail: Mail) -> EmailMessage:
    """Return a mail as it is sent; its Message-ID is the same on every attempt.

    Raises `MessageError` if the finished message has another header or word than it was given.
    """
    content = render(mail)
    name, sender = parseaddr(settings().mail_from)
    message = EmailMessage(policy=_POLICY)
    message["Subject"] = content.subject
    message["From"] = Address(_one_line(name), addr_spec=sender)
    message["To"] = Address("", *_parts(mail.recipient))
    message["Date"] = format_datetime(clock.now())
    message["Message-ID"] = _message_id(mail)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(content.text)
    message.add_alternative(content.html, subtype="html")
    _ensure_as_built(message, content)
    return message


def ascii_address(recipient: str) -> str:
    """Return an address with its domain in ASCII, as every mail server understands it."""
    return "@".join(_parts(recipient))


def link_address(link: dict[str, str]) -> str:
    """Return the full address of a link, given as `{"page", "kind", "nonce"}`.

    A link to a page that needs no token has only `page`.
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
    """Return printable characters on one line, with no encoded word (RFC 2047) among them.

    `email` decodes `=?utf-8?q?…?=` in a header it is given, and versions before 3.11.10 and 3.12.5
    wrote a line break from inside of it as it is, so that text became headers.
    """
    seen = (" " if unicodedata.category(sign) in _NOT_PRINTABLE else sign for sign in text)
    return _ENCODED_WORD.sub("= ", " ".join("".join(seen).split()))


def _ensure_as_built(message: EmailMessage, content: Message) -> None:
    """Parse the finished message and raise `MessageError` unless it says what was meant."""
    policy = _POLICY.clone(utf8=not str(message["To"]).isascii())
    parsed = message_from_bytes(message.as_bytes(policy=policy), policy=SMTP)
    addresses = [str(message["From"]), str(message["To"])]
    meant = [*sorted(message.keys()), *addresses, *content]
    addresses = [str(parsed["From"]), str(parsed["To"])]
    parts = [parsed.get_body((kind,)) for kind in ("plain", "html")]
    bodies = [str(part.get_content()) if part is not None else "" for part in parts]
    read = [*sorted(parsed.keys()), *addresses, str(parsed["Subject"]), *bodies]
    if [_unix_lines(text) for text in read] != [_unix_lines(text) for text in meant]:
        raise MessageError("the finished message does not say what was meant")


def _unix_lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _template(name: str, ending: str) -> Template:
    functions = _HTML if ending == "html" else _TEXT
    return _environment().get_template(f"{name}.{ending}", globals=functions)


def _read(name: str) -> str | None:
    """Return the source of a layout, or of a template by either of its names in `_template`."""
    path = TEMPLATES / name
    source = path if path.stem == "layout" else path.with_suffix(".jinja")
    return source.read_text() if source.exists() else None


@cache
def _environment() -> Environment:
    return Environment(
        loader=FunctionLoader(_read),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )

"""Messages: every template renders, and names in it are never markup or headers."""

import ast
import re
from collections.abc import Iterator
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header, make_header
from email.policy import default
from html import unescape
from random import Random
from typing import Any

import pytest
from jinja2 import Environment, meta

from core.base import crypto
from core.mail import messages
from core.models import Mail
from tests.support.depth import rounds
from tests.support.engines import use
from tests.test_house import CORE, parsed

LINK = {"page": "prove", "kind": "prove", "nonce": "0f" * 16}
ALL = sorted(path.stem for path in messages.TEMPLATES.glob("*.jinja"))


@pytest.fixture(autouse=True)
def settings(tmp_path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PUBLIC_URL", "https://orgdesk.example.com")
    with use(f"sqlite:///{tmp_path}/orgdesk.db"):
        yield


def enqueued() -> Iterator[str]:
    """Yield every template that the code names in a call of `enqueue`."""
    for file in CORE:
        for call in ast.walk(parsed(file)):
            name = getattr(getattr(call, "func", None), "attr", "")
            if isinstance(call, ast.Call) and name == "enqueue":
                yield from (arg.value for arg in call.args[1:2] if isinstance(arg, ast.Constant))


def source_of(template: str) -> str:
    return (messages.TEMPLATES / f"{template}.jinja").read_text()


def names_in(template: str) -> set[str]:
    """Return the context that a template needs, besides what every template knows."""
    found = meta.find_undeclared_variables(Environment(autoescape=True).parse(source_of(template)))
    return found - {"public_url", "link", *messages._TEXT}


def paragraphs_of(text: str) -> list[str]:
    """Return the paragraphs of the plain text, each on one line, without marks of lists."""
    parts = (" ".join(part.removeprefix("- ").split()) for part in text.split("\n\n"))
    return [part for part in parts if part]


def sentences_of(html: str) -> list[str]:
    """Return the paragraphs of the HTML as a reader of the plain text would see them."""
    sheet = html[html.index("</h1>") :].replace("<br>", " ")
    sheet = re.sub(r"<p>If the button.*?</p>", "", sheet, flags=re.DOTALL)
    sheet = re.sub(r'<a class="button" href="(.*?)">(.*?)</a>', r"\2: \1", sheet, flags=re.DOTALL)
    sheet = re.sub(r'<p><a href="(.*?)">(.*?)</p>', r"<p>\2 \1</p>", sheet, flags=re.DOTALL)
    parts = (unescape(re.sub(r"<[^>]+>", "", part)) for part in sheet.split("</p>"))
    return [" ".join(part.split()) for part in parts if part.strip()]


def made(template: str, value: str = "Acme", **context: Any) -> Mail:
    names: dict[str, Any] = dict.fromkeys(names_in(template), value)
    if "lines" in names:
        names["lines"] = [{"title": value, "detail": value, "page": "history?org=ORG-1"}]
    return Mail(
        template=template,
        message_id="<abc@orgdesk>",
        recipient="olga@example.com",
        context={**names, "link": LINK, **context},
    )


@pytest.mark.parametrize("template", ALL)
class TestEvery:
    def test_it_has_subject_text_and_html(self, template):
        subject, body, html = messages.render(made(template))
        assert subject
        assert "Subject:" not in subject
        assert body.strip()
        assert html.startswith("<!doctype html>")
        assert "</html>" in html

    def test_its_link_is_in_text_and_html(self, template):
        link = f"https://orgdesk.example.com/prove#{crypto.token('prove', LINK['nonce'])}"
        message = messages.render(made(template))
        assert message.text.count(link) == 1
        assert f'href="{link}"' in message.html

    def test_without_a_link_there_is_none(self, template):
        message = messages.render(made(template, link=None))
        assert "#" not in message.text
        assert 'class="button"' not in message.html

    def test_text_and_html_say_the_same(self, template):
        message = messages.render(made(template, "A & <b>B</b>"))
        assert paragraphs_of(message.text) == sentences_of(message.html)
        (heading,) = re.findall("<h1>(.*?)</h1>", message.html)
        assert unescape(heading) == message.subject

    def test_text_is_not_escaped(self, template):
        message = messages.render(made(template, "Smith & Sons' <x>"))
        assert not re.search(r"&(amp|lt|gt|#39|#34);", message.subject + message.text)

    def test_a_name_is_text_and_nothing_else(self, template):
        hostile = "<script>alert(1)</script>\r\nBcc: eve@example.com\u202e{{ 7*7 }}"
        message = messages.render(made(template, hostile))
        assert "<script" not in message.html
        assert not re.search(r"[\r\n\u202e]", message.subject)
        assert "49" not in message.subject + message.text

    def test_nothing_is_fetched_when_it_is_read(self, template):
        html = messages.render(made(template)).html
        assert not re.search(r"<(img|link|script|iframe)\b|url\(|@import", html)


@pytest.mark.parametrize("template", sorted(set(enqueued())))
def test_what_is_queued_has_a_template(template):
    assert template in ALL


def test_a_role_gets_its_article():
    text = messages.render(made("invitation_accepted", role="admin")).text
    assert "an admin" in text
    assert "a member" in messages.render(made("invitation_accepted", role="member")).text


class TestMessage:
    def test_it_is_addressed_by_header_objects(self):
        message = messages.build(made("alert_test"))
        assert message["To"].addresses[0].addr_spec == "olga@example.com"
        assert message["Message-ID"] == "<abc@orgdesk.example.com>"
        assert message["Auto-Submitted"] == "auto-generated"

    def test_a_long_subject_is_cut(self):
        message = messages.build(made("alert_test", "x" * 1000))
        assert len(message["Subject"]) == messages.MAX_SUBJECT
        assert message["Subject"].endswith("…")

    @pytest.mark.parametrize(
        "recipient", ["a@bücher.example", "ölga@example.com", "o'x+y@a.example"]
    )
    def test_every_address_can_be_written(self, recipient):
        mail = made("alert_test")
        mail.recipient = recipient
        assert messages.build(mail).as_bytes()
        assert messages.ascii_address(recipient).rpartition("@")[2].isascii()

    @pytest.mark.parametrize(
        "name",
        [
            "株式会社 銀行 Inc. Straße & Health, Ärzte-Haus of",
            "Universitätsklinikum Schleswig-Holstein, Straße des 17. Juni, Łódź (Köln)",
            "Ärzte-Haus Straße (Berlin) Health, 株式会社 Söhne Straße (Berlin) Straße",
            "Acme " * 16,
        ],
    )
    def test_a_name_in_any_script_arrives_with_its_spaces(self, name: str):
        """Also where the subject is folded, which Python does wrong between encoded words."""
        for template in ALL:
            mail = made(template, name)
            parsed = message_from_bytes(messages.build(mail).as_bytes(), policy=default)
            assert parsed["Subject"] == messages.render(mail).subject

    def test_a_link_without_a_token_is_an_address(self):
        assert messages.link_address({"page": "overview?org=ORG-1"}).endswith("/overview?org=ORG-1")


HOSTILE = (
    "=?utf-8?q?x=0AReply-To=3A_m=40evil=2Eexample=0A=0ACall_us?=",
    "=?utf-8?q?Visit_https=3A//evil=2Eexample?=",
    "=?utf-8?b?QmNjOiBldmlsQGV2aWwuZXhhbXBsZQ==?=",
    "Acme\r\nBcc: m@evil.example\r\n\r\nCall us",
    "Acme\u2028Reply-To: m@evil.example",
    "=\u200b?utf-8?q?=0AX=3A_1?=",
    "＝？utf-8？q？=0AX=3A_1？＝",
)
PARTS = (
    *("=?", "?=", "=?utf-8?q?", "=?utf-8?b?", "=?iso-8859-1*en?Q?", "=0A", "=0D=0A", "=3D?", "_"),
    *("\r\n", "\r", "\n", "\x85", "\u2028", "\x0b", "\0", "\t", "\u200b", "\u202e"),
    *("Bcc: m@evil.example", "Reply-To=3A_", "https=3A//evil=2Eexample", "QmNjOiBlQGUu", "Call us"),
    *("Acme", "Müller", "三菱", "🏥", "＝？", '"', "<", ">", ",", ";", "=", "?", "(", ")", " "),
)


def made_of(random: Random) -> str:
    """Return a text of parts that might become a header or an encoded word."""
    return "".join(random.choices(PARTS, k=random.randint(1, 12)))


HEADERS = {
    "Subject",
    "From",
    "To",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
}


@pytest.mark.parametrize("template", ALL)
def test_no_text_of_a_person_becomes_a_header_or_a_decoded_word(template: str):
    """Read by an old parser from the raw bytes, as any mail program would."""
    random = Random(template)
    made_up = [made_of(random) for _ in range(rounds(3, 10_000 // len(ALL)))]
    for hostile in (*HOSTILE, *made_up):
        mail = made(template, hostile)
        raw = messages.build(mail).as_bytes()
        parsed = message_from_bytes(raw)
        assert {*parsed.keys()} == HEADERS, hostile
        subject = " ".join(str(make_header(decode_header(parsed["Subject"]))).split())
        assert subject == messages.render(mail).subject
        assert "https://" not in subject


def test_a_message_that_says_something_else_is_not_handed_on(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(messages, "_one_line", lambda text: text)
    with pytest.raises(MessageError, match=r"what was meant|embedded header"):
        messages.build(made("invitation", HOSTILE[0]))

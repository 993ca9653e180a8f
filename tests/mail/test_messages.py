"""Every mail that Orgdesk can send, rendered; and what no name in it may do."""

import ast
import re
from collections.abc import Iterator
from typing import Any

import pytest
from jinja2 import Environment, meta

from core.base import crypto
from core.mail import messages
from core.models import Mail
from tests.support.engines import use
from tests.test_house import CORE, parsed

LINK = {"page": "prove", "kind": "prove", "nonce": "0f" * 16}
ALL = sorted(path.stem for path in messages.TEMPLATES.glob("*.txt"))


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


def names_in(template: str) -> set[str]:
    """Return what the pair of files wants to know, besides what it is always told."""
    found: set[str] = set()
    for ending in ("txt", "html"):
        source = (messages.TEMPLATES / f"{template}.{ending}").read_text()
        found |= meta.find_undeclared_variables(Environment(autoescape=True).parse(source))
    return found - {"public_url", "link"}


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

    def test_its_link_is_in_text_and_html_or_in_neither(self, template):
        source = (messages.TEMPLATES / f"{template}.txt").read_text()
        link = f"https://orgdesk.example.com/prove#{crypto.token('prove', LINK['nonce'])}"
        letter = messages.render(made(template))
        assert ("{{ link }}" in source) == (link in letter.text)
        if "{{ link }}" in source:
            assert link in letter.html

    def test_a_name_is_text_and_nothing_else(self, template):
        hostile = "<script>alert(1)</script>\r\nBcc: eve@example.com\u202e{{ 7*7 }}"
        letter = messages.render(made(template, hostile))
        assert "<script" not in letter.html
        assert not re.search(r"[\r\n\u202e]", letter.subject)
        assert "49" not in letter.subject + letter.text

    def test_nothing_is_fetched_when_it_is_read(self, template):
        html = messages.render(made(template)).html
        assert not re.search(r"<(img|link|script|iframe)\b|url\(|@import", html)


@pytest.mark.parametrize("template", sorted(set(enqueued())))
def test_what_is_queued_has_both_files(template):
    assert (messages.TEMPLATES / f"{template}.txt").exists()
    assert (messages.TEMPLATES / f"{template}.html").exists()


class TestMessage:
    def test_it_is_addressed_by_header_objects(self):
        message = messages.message(made("alert_test"))
        assert message["To"].addresses[0].addr_spec == "olga@example.com"
        assert message["Message-ID"] == "<abc@orgdesk.example.com>"
        assert message["Auto-Submitted"] == "auto-generated"

    def test_a_long_subject_is_cut(self):
        message = messages.message(made("alert_test", "x" * 1000))
        assert len(message["Subject"]) == messages.SUBJECT_LONGEST
        assert message["Subject"].endswith("…")

    @pytest.mark.parametrize(
        "recipient", ["a@bücher.example", "ölga@example.com", "o'x+y@a.example"]
    )
    def test_every_address_can_be_written(self, recipient):
        mail = made("alert_test")
        mail.recipient = recipient
        assert messages.message(mail).as_bytes()
        assert messages.envelope(recipient).rpartition("@")[2].isascii()

    def test_a_link_without_a_token_is_an_address(self):
        assert messages.address({"page": "overview?org=ORG-1"}).endswith("/overview?org=ORG-1")

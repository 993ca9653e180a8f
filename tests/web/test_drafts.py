"""The draft route: for the person who typed, from our own pages, and never after a save."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from core.access import throttling
from core.access.permissions import Actor
from core.accounts import drafts
from core.database import db
from tests.support.cast import Cast
from tests.web.test_web import BASE, serving, sign_in

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


@pytest.fixture
def client(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    with serving(monkeypatch, BASE) as client:
        yield client


def typed(who: Actor, **changes: object) -> bytes:
    about = {"person": who.user_id, "form": "note ORG-1", "field": "text"}
    return json.dumps({**about, "text": "Call back", "original": "", **changes}).encode()


def send(client: TestClient, content: bytes, *, by: Actor | None, origin: str = BASE) -> int:
    headers = {"origin": origin} | ({"cookie": sign_in(by)} if by is not None else {})
    return client.post("/drafts", content=content, headers=headers).status_code


def kept(person: Actor) -> dict[str, dict[str, str]]:
    with db.read() as session:
        found = drafts.list_drafts(session, person)
    return {form: draft.texts for form, draft in found.items()}


def test_what_is_typed_is_kept(client: TestClient, cast: Cast) -> None:
    assert send(client, typed(cast.olga), by=cast.olga) == 204
    assert kept(cast.olga) == {"note ORG-1": {"text": "Call back"}}


def test_it_is_not_kept_for_anyone_else(client: TestClient, cast: Cast) -> None:
    assert send(client, typed(cast.olga), by=cast.mia) == 401
    assert send(client, typed(cast.olga), by=None) == 401
    assert send(client, typed(cast.olga), by=cast.olga, origin="https://evil.example") == 403
    assert kept(cast.olga) == kept(cast.mia) == {}


def test_secrets_and_nonsense_are_refused(client: TestClient, cast: Cast) -> None:
    assert send(client, typed(cast.olga, field="new_password"), by=cast.olga) == 422
    assert send(client, typed(cast.olga, text="x" * 300_000), by=cast.olga) == 413
    for nonsense in (b"", b"[]", b"\xff", b'{"person": "Olga"}', typed(cast.olga, person=None)):
        assert send(client, nonsense, by=cast.olga) == 400
    assert kept(cast.olga) == {}


def test_a_program_cannot_write_drafts_without_end(
    client: TestClient, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttling, "DRAFTS", ((2, timedelta(hours=1)),))
    sent = [send(client, typed(cast.olga, text=text), by=cast.olga) for text in "abc"]
    assert sent == [204, 204, 429]
    assert kept(cast.olga) == {"note ORG-1": {"text": "b"}}
    assert send(client, typed(cast.mia), by=cast.mia) == 204


def test_right_after_a_save_the_browser_is_to_look_again(client: TestClient, cast: Cast) -> None:
    assert send(client, typed(cast.olga), by=cast.olga) == 204
    db.run(drafts.discard, cast.olga, "note ORG-1")
    assert send(client, typed(cast.olga), by=cast.olga) == 409
    assert kept(cast.olga) == {}

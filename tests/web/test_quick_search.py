"""The route of quick search: what is sent to whom, and where its results lead."""

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from core.access.permissions import Actor
from core.accounts import accounts
from core.database import db
from tests.support.cast import Cast
from tests.web.test_web import BASE, serving, sign_in

PATH = "/quick-search"

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


@pytest.fixture
def client(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    with serving(monkeypatch, BASE) as client:
        yield client


def search(client: TestClient, person: Actor, **query: str) -> dict[str, Any]:
    found = client.get(PATH, params=query, headers={"cookie": sign_in(person)})
    assert found.status_code == 200
    assert found.headers["cache-control"] == "no-store"
    results: dict[str, Any] = found.json()
    return results


def test_an_organization_is_sent_with_its_link_and_face(client: TestClient, cast: Cast) -> None:
    (acme,) = search(client, cast.mia, q="acme")["organizations"]
    assert acme.pop("avatar")[0] == "A"
    assert acme == {
        "name": "Acme",
        "note": cast.acme.public_id,
        "stage": "free",
        "href": f"/overview?org={cast.acme.public_id}",
    }


def test_people_lead_to_their_account_or_to_access_control(client: TestClient, cast: Cast) -> None:
    hrefs = {
        person.name: search(client, person, q="mia@example.com")["people"][0]["href"]
        for person in (cast.ada, cast.sam, cast.olga)
    }
    members = f"/members?org={cast.acme.public_id}&members-search-active=mia%40example.com"
    assert hrefs == {"Ada": "/people?q=mia%40example.com", "Sam": members, "Olga": members}


def test_names_are_sent_as_they_are(client: TestClient, cast: Cast) -> None:
    name = "<b onclick=x> :material/home: -> [x](y)"
    db.run(accounts.rename, cast.mia, name)
    assert search(client, cast.olga, q="onclick")["people"][0]["name"] == name


def test_opened_organizations_are_sent_only_to_those_who_see_them(
    client: TestClient, cast: Cast
) -> None:
    ids = f"{cast.otto_ltd.public_id},{cast.acme.public_id},<script>"
    sent = {
        person.name: [each["name"] for each in search(client, person, opened=ids)["organizations"]]
        for person in (cast.oda, cast.olga)
    }
    assert sent == {"Oda": ["Otto Ltd", "Acme"], "Olga": ["Acme"]}
    assert search(client, cast.oda)["organizations"] == []


def test_nobody_else_gets_any(client: TestClient) -> None:
    found = client.get(PATH, params={"q": "acme"})
    assert (found.status_code, found.text) == (401, "Log in first.")

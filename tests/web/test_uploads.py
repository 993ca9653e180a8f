"""Files that people send: for who is signed in, from our own pages, within limits."""

from collections.abc import Iterator

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from core.access import throttling
from core.accounts import uploads
from core.database import db
from core.models import Upload
from tests.support.cast import Cast
from tests.web.test_web import BASE, serving, sign_in

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


@pytest.fixture
def client(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    with serving(monkeypatch, BASE) as client:
        yield client


def kept() -> list[tuple[int, str, bytes]]:
    with db.read() as session:
        rows = session.execute(select(Upload.user_id, Upload.name, Upload.content))
        return [tuple(row) for row in rows]


def test_it_is_kept_for_who_sends_it(client: TestClient, cast: Cast) -> None:
    headers = {"origin": BASE, "cookie": sign_in(cast.mia), "x-file-name": "H%C3%A4fen.jpg"}
    response = client.post("/uploads", content=b"bytes", headers=headers)
    assert response.json()["name"] == "Häfen.jpg"
    assert kept() == [(cast.mia.user_id, "Häfen.jpg", b"bytes")]


def test_strangers_and_other_sites_keep_nothing(client: TestClient, cast: Cast) -> None:
    cookie = sign_in(cast.mia)
    refused = [
        client.post("/uploads", content=b"x", headers=headers).status_code
        for headers in (
            {"origin": BASE},
            {"origin": BASE, "cookie": "__Host-orgdesk=made-up"},
            {"cookie": cookie},
            {"origin": "https://evil.example", "cookie": cookie},
        )
    ]
    assert refused == [401, 401, 403, 403]
    assert kept() == []


def test_what_is_too_large_is_cut_off_whatever_it_says_of_itself(
    client: TestClient, cast: Cast
) -> None:
    headers = {"origin": BASE, "cookie": sign_in(cast.mia)}
    piece = b"x" * 2**20
    for content in (b"x" * (uploads.MAX_BYTES + 1), iter([piece] * 40)):
        response = client.post("/uploads", content=content, headers=headers)
        assert (response.status_code, response.text) == (413, "Choose a file of at most 3 MB.")
    assert client.post("/uploads", content=b"", headers=headers).status_code == 422
    assert kept() == []


def test_only_those_who_may_import_send_larger_files_and_only_for_imports(
    client: TestClient, cast: Cast
) -> None:
    content = b"x" * (uploads.MAX_BYTES + 1)
    for person, route, code in (
        (cast.oda, "/uploads?for=import", 200),
        (cast.oda, "/uploads", 413),
        (cast.sam, "/uploads?for=import", 413),
        (cast.mia, "/uploads?for=import", 413),
    ):
        headers = {"origin": BASE, "cookie": sign_in(person)}
        assert client.post(route, content=content, headers=headers).status_code == code
    headers = {"origin": BASE, "cookie": sign_in(cast.oda)}
    pieces = iter([b"x" * 2**20] * 40)
    response = client.post("/uploads?for=import", content=pieces, headers=headers)
    assert (response.status_code, response.text) == (413, "Choose a file of at most 20 MB.")


def test_nobody_sends_without_end(
    client: TestClient, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    [(_, hour)] = throttling.UPLOADS
    monkeypatch.setattr(throttling, "UPLOADS", ((2, hour),))
    headers = {"origin": BASE, "cookie": sign_in(cast.mia)}
    codes = [client.post("/uploads", content=b"x", headers=headers).status_code for _ in range(3)]
    assert codes == [200, 200, 429]
    headers["cookie"] = sign_in(cast.otto)
    assert client.post("/uploads", content=b"x", headers=headers).status_code == 200


def test_streamlits_own_uploads_are_closed(client: TestClient, cast: Cast) -> None:
    headers = {"origin": BASE, "cookie": sign_in(cast.mia)}
    assert client.put("/_stcore/upload_file/a/b", headers=headers).status_code == 404

"""The route of downloads: access, content, cancellation and the limit."""

import asyncio
import csv
import io
import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psutil
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient
from starlette.types import Message, Scope

from core import web
from core.audit import activity
from core.audit.queries import Filters as HistoryFilters
from core.base.settings import settings
from core.database import db
from core.members import members
from core.organizations import downloads, export_process
from core.web import downloads as web_downloads
from tests.conftest import Clock
from tests.organizations.test_table import make_organizations
from tests.support.cast import Cast
from tests.web.test_web import BASE, sign_in

PATH = "/download/organizations.csv"
COUNTS = "/counts/organizations"


@pytest.fixture(autouse=True)
def _public_url(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_URL", BASE)
    settings.cache_clear()


@pytest.fixture
def client(cast: Cast) -> Iterator[TestClient]:
    app = Starlette(routes=web.ROUTES, middleware=web.MIDDLEWARE)
    with TestClient(app, base_url=BASE, follow_redirects=False) as client:
        yield client


MORE_THAN_IS_BUFFERED = 3_000
"""Long rows that neither the pipe nor its reader holds: the process ends only if it is killed."""


def add_many(number: int, *, website: str = "there") -> None:
    with db.Session(db.writing_engine()) as session, session.begin():
        make_organizations(session, number, website=website)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
class TestCounts:
    def test_staff_get_those_of_each_stage(self, client: TestClient, cast: Cast) -> None:
        add_many(20)
        found = client.get(f"{COUNTS}?q=clinic&stage=free", headers={"cookie": sign_in(cast.oda)})
        by_stage = {"free": 5, "onboarding": 5, "preproduction": 5, "production": 5}
        assert (found.status_code, found.json()) == (200, by_stage)
        assert found.headers["cache-control"] == "no-store"

    def test_others_get_none(self, client: TestClient, cast: Cast) -> None:
        assert client.get(COUNTS, headers={"cookie": sign_in(cast.olga)}).status_code == 403
        assert client.get(COUNTS).status_code == 401
        deleted = client.get(f"{COUNTS}?deleted=true", headers={"cookie": sign_in(cast.oda)})
        assert deleted.status_code == 403

    def test_an_unknown_filter_is_refused_as_by_the_page(
        self, client: TestClient, cast: Cast
    ) -> None:
        cookie = {"cookie": sign_in(cast.oda)}
        for query in ("stage=gone", "members=7", "rep=x"):
            assert client.get(f"{COUNTS}?{query}", headers=cookie).status_code == 400
        found = client.get(f"{COUNTS}?view=memberships&columns=gone", headers=cookie)
        assert found.json()["free"] == 2


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
class TestChanges:
    def test_people_learn_that_others_have_changed_a_list(
        self, client: TestClient, cast: Cast, clock: Clock
    ) -> None:
        since = int(clock.now().timestamp())
        path = f"/changes?since={since}&org={cast.acme.id}&org={cast.otto_ltd.id}"
        cookies = {who: {"cookie": sign_in(getattr(cast, who))} for who in ("oda", "olga")}
        clock.turn(timedelta(seconds=30))
        assert client.get(path, headers=cookies["oda"]).json() == {"changed": False}
        db.run(members.remove, cast.olga, cast.acme.id, cast.mia.user_id)
        assert client.get(path, headers=cookies["oda"]).json() == {"changed": True}
        assert client.get(path, headers=cookies["olga"]).json() == {"changed": False}
        adam = {"cookie": sign_in(cast.adam)}
        assert client.get(path, headers=adam).json() == {"changed": True}
        assert client.get(path).status_code == 401
        for query in ("", "since=x&org=1", f"since={since}&org=x"):
            assert client.get(f"/changes?{query}", headers=cookies["oda"]).status_code == 400


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
class TestHistory:
    def test_owners_and_staff_download_what_matches_and_it_is_recorded(
        self, client: TestClient, cast: Cast
    ) -> None:
        db.run(members.remove, cast.olga, cast.acme.id, cast.mia.user_id)
        path = f"/download/history/{cast.acme.public_id}.csv?kind=member"
        for actor, address in ((cast.olga, path), (cast.oda, "/download/history.csv?kind=member")):
            found = client.get(address, headers={"cookie": sign_in(actor)})
            assert found.status_code == 200
            rows = list(csv.DictReader(io.StringIO(found.content.decode("utf-8-sig"), newline="")))
            assert [(row["Who"], row["What"]) for row in rows] == [("Olga", "removed Mia")]
            assert found.headers["cache-control"] == "no-store"
        with db.read() as session:
            recorded = activity.table(session, cast.ada, HistoryFilters(kind="history"))
        assert set(recorded["who"]) == {"Olga", "Oda"}
        assert set(recorded["reason"]) == {"CSV: kind=member"}

    def test_others_get_nothing(self, client: TestClient, cast: Cast) -> None:
        path = f"/download/history/{cast.acme.public_id}.csv"
        assert client.get(path).status_code == 401
        for actor in (cast.adam, cast.otto):
            for address in (path, "/download/history.csv"):
                assert client.get(address, headers={"cookie": sign_in(actor)}).status_code == 403
        cookie = {"cookie": sign_in(cast.olga)}
        assert client.get(f"{path}?field=id", headers=cookie).status_code == 400
        elsewhere = cookie | {"sec-fetch-site": "same-site"}
        assert client.get(path, headers=elsewhere).status_code == 403
        assert client.head(path, headers=cookie).status_code == 200
        with db.read() as session:
            assert activity.table(session, cast.ada, HistoryFilters(kind="history")).empty


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
class TestReceipt:
    def path(self, cast: Cast) -> str:
        return f"/download/history/{cast.acme.public_id}.json"

    def test_owners_and_staff_get_it(self, client: TestClient, cast: Cast) -> None:
        for number, actor in enumerate((cast.olga, cast.oda), start=1):
            found = client.get(self.path(cast), headers={"cookie": sign_in(actor)})
            assert found.status_code == 200
            assert len(found.json()["entries"]) == number
            assert found.headers["cache-control"] == "no-store"
            expected = f'attachment; filename="{cast.acme.public_id}-history-'
            assert found.headers["content-disposition"].startswith(expected)

    def test_others_do_not(self, client: TestClient, cast: Cast) -> None:
        for actor in (cast.adam, cast.mia, cast.otto):
            found = client.get(self.path(cast), headers={"cookie": sign_in(actor)})
            assert found.status_code == 403
        assert client.get(self.path(cast)).status_code == 401
        elsewhere = {"cookie": sign_in(cast.olga), "sec-fetch-site": "same-site"}
        assert client.get(self.path(cast), headers=elsewhere).status_code == 403

    def test_a_look_at_it_records_nothing(self, client: TestClient, cast: Cast) -> None:
        headers = {"cookie": sign_in(cast.olga)}
        assert client.head(self.path(cast), headers=headers).status_code == 200
        assert len(client.get(self.path(cast), headers=headers).json()["entries"]) == 1


def export_processes() -> list[psutil.Process]:
    """Return the export processes started by this one."""
    return [
        child
        for child in psutil.Process().children()
        if any(export_process.__name__ in part for part in child.cmdline())
    ]


class TestAccess:
    @pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
    @pytest.mark.parametrize(
        ("person", "query", "status"),
        [
            ("oda", "", 200),
            ("sam", "", 200),
            ("olga", "", 403),
            ("otto", "", 403),
            ("oda", "deleted=true", 403),
            ("ada", "deleted=true", 200),
            ("oda", "stage=gone", 400),
            ("oda", "columns=stage&columns=rep", 200),
            ("oda", "columns=password_hash", 400),
        ],
    )
    def test_it_needs_the_same_rights_as_the_page(
        self, client: TestClient, cast: Cast, person: str, query: str, status: int
    ) -> None:
        cookie = sign_in(getattr(cast, person))
        response = client.head(f"{PATH}?{query}", headers={"cookie": cookie})
        assert response.status_code == status
        assert response.headers["cache-control"] == "no-store"

    @pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
    def test_login_is_required(self, client: TestClient) -> None:
        for headers in ({}, {"cookie": "__Host-orgdesk=made-up"}):
            assert client.get(PATH, headers=headers).status_code == 401

    @pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
    def test_other_sites_cannot_start_one(self, client: TestClient, cast: Cast) -> None:
        for site in ("cross-site", "same-site"):
            headers = {"cookie": sign_in(cast.oda), "sec-fetch-site": site}
            assert client.get(PATH, headers=headers).status_code == 403

    @pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
    def test_there_are_three_formats(self, client: TestClient, cast: Cast) -> None:
        headers = {"cookie": sign_in(cast.oda)}
        assert client.get("/download/organizations.exe", headers=headers).status_code == 404
        assert client.get("/download/users.csv", headers=headers).status_code == 404


class TestFile:
    def test_it_has_what_matches_the_query(
        self, client: TestClient, cast: Cast, caplog: pytest.LogCaptureFixture
    ) -> None:
        add_many(40)
        caplog.set_level(logging.INFO, web_downloads.__name__)
        query = "q=clinic&stage=free&stage=production&sort=oldest"
        response = client.get(f"{PATH}?{query}", headers={"cookie": sign_in(cast.oda)})

        rows = list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"), newline="")))
        ids = [f"ORG-{index:07d}" for index in range(40) if index % 4 in {0, 3} and index != 77]
        assert [row["Organization ID"] for row in rows] == ids
        assert response.headers["content-type"] == "text/csv; charset=utf-8"
        assert response.headers["content-disposition"].startswith('attachment; filename="organ')
        assert response.headers["x-content-type-options"] == "nosniff"
        with db.read() as session:
            entries = activity.table(session, cast.ada, HistoryFilters(person="Oda"))
        assert entries["what"].tolist() == ["downloaded organizations"]
        assert entries["reason"].tolist() == [
            "CSV: q=clinic&stage=free&stage=production&sort=oldest"
        ]
        ours = [record for record in caplog.records if record.name == web_downloads.__name__]
        (line,) = [record.message for record in ours if "downloaded" in record.message]
        assert f"user {cast.oda.user_id} downloaded organizations as csv ({query})" in line
        assert f"rows {len(ids)}, {len(response.content)} bytes" in line

    @pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
    @pytest.mark.parametrize(("form", "begins"), [("xlsx", b"PK"), ("parquet", b"PAR1")])
    def test_other_formats(self, client: TestClient, cast: Cast, form: str, begins: bytes) -> None:
        path = f"/download/organizations.{form}"
        response = client.get(path, headers={"cookie": sign_in(cast.oda)})
        assert response.content.startswith(begins)

    @pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
    def test_a_failed_export_does_not_look_complete(
        self, client: TestClient, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cookie = sign_in(cast.oda)
        monkeypatch.setenv("LOG_LEVEL", "")
        monkeypatch.setenv("PASSWORD_MINIMUM", "nonsense")  # only for the export process
        with pytest.raises(ExceptionGroup):
            client.get(PATH, headers={"cookie": cookie})


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
class TestCancellation:
    """A slow or vanished reader must not pile up memory or work."""

    def test_closing_the_connection_ends_the_process(self, cast: Cast) -> None:
        add_many(MORE_THAN_IS_BUFFERED, website="x" * 500)
        asyncio.run(self._read_and_leave(sign_in(cast.oda)))
        assert export_processes() == []

    async def _read_and_leave(self, cookie: str) -> None:
        app = Starlette(routes=web.ROUTES, middleware=web.MIDDLEWARE)
        reads, left = asyncio.Event(), asyncio.Event()

        async def receive() -> Message:
            if not reads.is_set():
                await reads.wait()
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            if message.get("body"):
                reads.set()
                await asyncio.Event().wait()  # never reads the next piece

        responding = asyncio.create_task(app(scope(cookie), receive, send))
        await asyncio.wait_for(reads.wait(), 20)
        assert [child.is_running() for child in export_processes()] == [True], (
            "it waits for the reader"
        )
        left.set()
        await asyncio.wait_for(responding, 20)

    def test_cancelling_on_the_page_ends_the_process(self, cast: Cast) -> None:
        add_many(MORE_THAN_IS_BUFFERED, website="x" * 500)
        asyncio.run(self._read_and_stop(cast, sign_in(cast.oda)))
        assert export_processes() == []
        assert downloads.list_in_progress(cast.oda) == []

    async def _read_and_stop(self, cast: Cast, cookie: str) -> None:
        app = Starlette(routes=web.ROUTES, middleware=web.MIDDLEWARE)
        sent: list[Message] = []

        async def receive() -> Message:
            return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

        async def send(message: Message) -> None:
            sent.append(message)
            if message.get("body"):
                (download,) = downloads.list_in_progress(cast.oda)
                assert download.form == "csv"
                download.cancel()
                await asyncio.Event().wait()

        await asyncio.wait_for(app(scope(cookie), receive, send), 20)
        assert sent[-1].get("more_body"), "it must not look complete"

    def test_their_number_is_limited(
        self, client: TestClient, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(web_downloads, "MAX_DOWNLOADS", 0)
        response = client.get(PATH, headers={"cookie": sign_in(cast.oda)})
        assert response.status_code == 503
        assert "Try again in a minute" in response.text


def scope(cookie: str) -> Scope:
    headers: list[tuple[bytes, bytes]] = [
        (b"host", b"orgdesk.example"),
        (b"cookie", cookie.encode()),
    ]
    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": PATH, "query_string": b""}
    return {**scope, "scheme": "https", "server": ("orgdesk.example", 443), "headers": headers}

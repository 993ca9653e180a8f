"""Endpoints for monitoring: health checks and metrics."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, text
from starlette.applications import Starlette
from starlette.testclient import TestClient

from core import web
from core.accounts import sessions
from core.base import metrics
from core.base.settings import PROJECT, settings
from core.database import db
from core.mail import outbox
from tests.support.cast import Cast

TOKEN = "only monitors know this"
HERE, ELSEWHERE = ("127.0.0.1", 5_000), ("192.0.2.7", 5_000)


def get(
    path: str, peer: tuple[str, int] = HERE, **headers: str
) -> tuple[int, dict[str, float], str]:
    """Return the status, every number by its name and labels, and the whole text."""
    app = Starlette(routes=web.ROUTES, middleware=web.MIDDLEWARE)
    with TestClient(app, base_url=settings().public_url, client=peer) as client:
        response = client.get(path, headers={k.replace("_", "-"): v for k, v in headers.items()})
    numbers: dict[str, float] = {}
    if response.status_code == 200 and path == "/metrics":
        for family in text_string_to_metric_families(response.text):
            for sample in family.samples:
                labels = ",".join(value for name, value in sorted(sample.labels.items()))
                numbers[f"{sample.name} {labels}".strip()] = sample.value
    return response.status_code, numbers, response.text


def value_of(name: str) -> float:
    return get("/metrics")[1].get(name, 0.0)


class TestReady:
    def test_a_migrated_database_is_ready(self, engine: Engine):
        assert get("/readyz")[0] == 200

    def test_the_schema_of_another_version_is_not(self, engine: Engine):
        with engine.begin() as connection:
            before = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        try:
            assert get("/readyz")[0] == 503
            assert get("/healthz")[0] == 200
        finally:
            with engine.begin() as connection:
                back = text("UPDATE alembic_version SET version_num = :before")
                connection.execute(back, {"before": before})


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
class TestAccess:
    @pytest.fixture(autouse=True)
    def _token(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        monkeypatch.setenv("METRICS_TOKEN", TOKEN)
        settings.cache_clear()
        yield
        settings.cache_clear()

    def test_this_machine_may_read_them(self):
        assert get("/metrics")[0] == 200

    def test_the_token_gives_access(self):
        assert get("/metrics", ELSEWHERE, authorization=f"Bearer {TOKEN}")[0] == 200

    @pytest.mark.parametrize("authorization", ["", "Bearer ", "Bearer wrong", "Bearer ünknown"])
    def test_others_may_not_read_them(self, authorization: str):
        given = authorization.encode()
        assert get("/metrics", ELSEWHERE, authorization=given)[0] == 404

    def test_requests_by_a_proxy_need_the_token(self):
        assert get("/metrics", x_forwarded_for="192.0.2.7")[0] == 404

    def test_nobody_under_another_name(self):
        """A page elsewhere may have bound its own name to this machine."""
        assert get("/metrics", host="evil.example")[0] == 404
        assert get("/metrics", host="10.0.0.7", authorization=f"Bearer {TOKEN}")[0] == 200

    def test_without_a_token_setting_none_is_accepted(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.delenv("METRICS_TOKEN")
        settings.cache_clear()
        assert get("/metrics", ELSEWHERE, authorization="Bearer ")[0] == 404


def test_nothing_is_collected_before_the_database_is_migrated(tmp_path: Path):
    environment = os.environ | {"DATABASE_URL": f"sqlite:///{tmp_path}/none.db"}
    done = subprocess.run(
        [sys.executable, "-c", "import core.web"], env=environment, cwd=PROJECT, capture_output=True
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert not list(tmp_path.iterdir())


class TestValues:
    def test_requests_by_endpoint(self, engine: Engine):
        before = value_of("orgdesk_request_seconds_count healthz,200")
        get("/healthz")
        get("/any/thing.php")
        get("/assets/none.js")
        assert value_of("orgdesk_request_seconds_count healthz,200") == before + 1
        assert value_of("orgdesk_request_seconds_count other,307") > 0
        assert value_of("orgdesk_request_seconds_count assets,404") > 0

    def test_database_statements_and_their_time(self, engine: Engine):
        before = value_of("orgdesk_database_seconds_count")
        with db.read() as session:
            session.execute(text("SELECT 1"))
        assert value_of("orgdesk_database_seconds_count") > before

    def test_reruns_of_a_page(self, engine: Engine):
        before = value_of("orgdesk_rerun_seconds_count overview")
        with metrics.rerun("overview"):
            pass
        assert value_of("orgdesk_rerun_seconds_count overview") == before + 1

    def test_waiting_emails_and_sessions(self, engine: Engine, cast: Cast):
        def use_case(session: db.Session) -> None:
            outbox.enqueue(session, "password_changed", "mia@example.com", place="", device="")

        db.run(use_case)
        ticket = sessions.new_token()
        mia = cast.mia.user_id or 0
        db.run(sessions.start, mia, ticket, device="a", ip_address="b", second_factor=False)
        _, numbers, _ = get("/metrics")
        assert numbers["orgdesk_mails_waiting"] == 1
        assert numbers["orgdesk_sessions"] == 1
        assert numbers["orgdesk_database_up"] == 1

    def test_no_personal_data(self, engine: Engine, cast: Cast):
        *_, text_ = get("/metrics")
        assert "@" not in text_
        assert "Acme" not in text_

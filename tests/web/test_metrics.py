"""What a monitor asks: is it alive, is it ready, what has it counted."""

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


def ask(
    path: str, peer: tuple[str, int] = HERE, **headers: str
) -> tuple[int, dict[str, float], str]:
    """Return the status, every number by its name and labels, and the whole text."""
    app = Starlette(routes=web.ROUTES, middleware=web.MIDDLEWARE)
    with TestClient(app, base_url=settings().public_url, client=peer) as client:
        answer = client.get(path, headers={k.replace("_", "-"): v for k, v in headers.items()})
    numbers: dict[str, float] = {}
    if answer.status_code == 200 and path == "/metrics":
        for family in text_string_to_metric_families(answer.text):
            for sample in family.samples:
                labels = ",".join(value for name, value in sorted(sample.labels.items()))
                numbers[f"{sample.name} {labels}".strip()] = sample.value
    return answer.status_code, numbers, answer.text


def counted(name: str) -> float:
    return ask("/metrics")[1].get(name, 0.0)


class TestReady:
    def test_a_migrated_database_is_ready(self, engine: Engine):
        assert ask("/readyz")[0] == 200

    def test_the_schema_of_another_version_is_not(self, engine: Engine):
        with engine.begin() as connection:
            before = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        try:
            assert ask("/readyz")[0] == 503
            assert ask("/healthz")[0] == 200
        finally:
            with engine.begin() as connection:
                back = text("UPDATE alembic_version SET version_num = :before")
                connection.execute(back, {"before": before})


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
class TestWhoMaySee:
    @pytest.fixture(autouse=True)
    def _token(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        monkeypatch.setenv("METRICS_TOKEN", TOKEN)
        settings.cache_clear()
        yield
        settings.cache_clear()

    def test_who_asks_from_this_machine(self):
        assert ask("/metrics")[0] == 200

    def test_who_knows_the_token(self):
        assert ask("/metrics", ELSEWHERE, authorization=f"Bearer {TOKEN}")[0] == 200

    @pytest.mark.parametrize("authorization", ["", "Bearer ", "Bearer wrong", "Bearer ünknown"])
    def test_nobody_else(self, authorization: str):
        given = authorization.encode()
        assert ask("/metrics", ELSEWHERE, authorization=given)[0] == 404

    def test_nobody_by_a_proxy_on_this_machine(self):
        assert ask("/metrics", x_forwarded_for="192.0.2.7")[0] == 404

    def test_nobody_under_another_name(self):
        """A page elsewhere may have bound its own name to this machine."""
        assert ask("/metrics", host="evil.example")[0] == 404
        assert ask("/metrics", host="10.0.0.7", authorization=f"Bearer {TOKEN}")[0] == 200

    def test_without_a_token_there_is_none_to_guess(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.delenv("METRICS_TOKEN")
        settings.cache_clear()
        assert ask("/metrics", ELSEWHERE, authorization="Bearer ")[0] == 404


def test_the_database_is_not_asked_before_it_is_migrated(tmp_path: Path):
    environment = os.environ | {"DATABASE_URL": f"sqlite:///{tmp_path}/none.db"}
    done = subprocess.run(
        [sys.executable, "-c", "import core.web"], env=environment, cwd=PROJECT, capture_output=True
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert not list(tmp_path.iterdir())


class TestCounted:
    def test_requests_by_kind(self, engine: Engine):
        before = counted("orgdesk_request_seconds_count healthz,200")
        ask("/healthz")
        ask("/any/thing.php")
        assert counted("orgdesk_request_seconds_count healthz,200") == before + 1
        assert counted("orgdesk_request_seconds_count other,307") > 0

    def test_statements_and_the_time_they_took(self, engine: Engine):
        before = counted("orgdesk_database_seconds_count")
        with db.read() as session:
            session.execute(text("SELECT 1"))
        assert counted("orgdesk_database_seconds_count") > before

    def test_runs_of_a_page(self, engine: Engine):
        before = counted("orgdesk_rerun_seconds_count overview")
        with metrics.rerun("overview"):
            pass
        assert counted("orgdesk_rerun_seconds_count overview") == before + 1

    def test_mails_that_wait_and_people_who_are_signed_in(self, engine: Engine, cast: Cast):
        def use_case(session: db.Session) -> None:
            outbox.enqueue(session, "password_changed", "mia@example.com", place="", device="")

        db.run(use_case)
        ticket = sessions.new_token()
        mia = cast.mia.user_id or 0
        db.run(sessions.start, mia, ticket, device="a", place="b", second_factor=False)
        _, numbers, _ = ask("/metrics")
        assert numbers["orgdesk_mails_waiting"] == 1
        assert numbers["orgdesk_sessions"] == 1
        assert numbers["orgdesk_database_up"] == 1

    def test_nothing_about_a_person(self, engine: Engine, cast: Cast):
        *_, told = ask("/metrics")
        assert "@" not in told
        assert "Acme" not in told

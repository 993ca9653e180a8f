"""Sample data: reproducible, distributed as in reality, and consistent on both engines."""

import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, func, select

from core.access.permissions import Actor
from core.audit import verification
from core.audit.verification import Broken
from core.base import clock
from core.base.settings import PROJECT
from core.database import counters, db
from core.models import Membership, Organization, Role, Stage
from core.organizations import organizations
from data.seed import loading
from data.seed.generator import COLUMNS, MIN_REQUESTS, SampleData
from tests.database.test_schema import read
from tests.support.engines import SECRET_KEY, clear_caches

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A secret key, without a database."""
    monkeypatch.setenv("SECRET_KEY", SECRET_KEY)
    clear_caches()
    yield
    monkeypatch.undo()
    clear_caches()


def rows_of(organizations: int) -> list[dict[str, list[tuple[object, ...]]]]:
    """Return the rows without those that are encrypted, which are never the same twice."""
    batches = list(SampleData(organizations, NOW).batches(50))
    for batch in batches:
        del batch["second_factors"]
    return batches


def load(organizations: int) -> list[int]:
    sample = SampleData(organizations, clock.now())
    with loading.begin(db.engine(), sample) as connection:
        return list(loading.load(connection, sample))


@pytest.mark.usefixtures("key")
class TestSampleData:
    def test_the_same_size_gives_the_same_rows(self):
        assert rows_of(120) == rows_of(120)

    def test_most_are_small_and_free_and_a_few_are_large(self):
        batches = list(SampleData(3_000, NOW).batches())
        sizes = Counter(row[1] for batch in batches for row in batch["memberships"])
        ordered = sorted(sizes.values())
        assert ordered[len(ordered) // 2] <= 2
        assert ordered[-1] > 50
        assert 2.5 < sum(ordered) / len(ordered) < 3.5

    def test_some_free_organizations_request_onboarding_with_a_note(self):
        [batch] = SampleData(60, NOW).batches()
        rows = [
            dict(zip(COLUMNS["organizations"].split(), row, strict=True))
            for row in batch["organizations"]
        ]
        requesting = [row for row in rows if row["requested_at"]]
        assert MIN_REQUESTS <= len(requesting) < 2 * MIN_REQUESTS
        for row in requesting:
            assert row["stage"] is Stage.FREE
            assert row["request_note"]
            assert row["created_at"] < row["requested_at"] <= NOW

    def test_ids_are_in_the_order_of_time(self):
        [batch] = SampleData(60, NOW).batches()
        for table, at in (("history", 3), ("notes", -1)):
            assert [row[0] for row in sorted(batch[table], key=lambda row: row[at])] == [
                row[0] for row in batch[table]
            ]

    def test_the_entries_of_a_history_are_in_the_order_of_time(self):
        [batch] = SampleData(60, NOW).batches()
        positions = defaultdict(list)
        for _, chain, position, *_ in batch["history"]:
            positions[chain].append(position)
        for found in positions.values():
            assert found == [*range(1, len(found) + 1)]


class TestLoading:
    def test_indexes_and_triggers_are_recreated(self, engine: Engine):
        before = read(engine)
        load(30)
        assert read(engine) == before

    def test_the_data_is_consistent(self, engine: Engine):
        load(40)
        with db.read() as session:
            assert not [
                found for found in verification.verify(session) if isinstance(found, Broken)
            ]
            owned = select(Membership.org_id).where(Membership.role == Role.OWNER)
            assert session.scalar(select(func.count(Organization.id))) == 40
            assert not session.scalars(
                select(Organization.id).where(Organization.id.not_in(owned))
            ).all()
            assert counters.count_miscounted(session) == 0

    def test_organizations_can_be_added_afterwards(self, engine: Engine):
        load(20)
        made = db.run(organizations.create, Actor(1, "Ada Whitfield"), "The next one")
        assert made.id == 21

    def test_two_processes_generate_the_same_rows_as_one(
        self, engine: Engine, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(loading, "LARGE", 1)
        assert load(25) == [25]
        with db.read() as session:
            names = session.scalars(select(Organization.name).order_by(Organization.id)).all()
        batch = next(SampleData(25, clock.now()).batches())
        assert names == [row[2] for row in batch["organizations"]]
        if engine.dialect.name == "sqlite":
            with engine.connect() as connection:
                assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_the_command_fills_a_database_and_prints_the_login_details(tmp_path):
    environment = os.environ | {"DATABASE_URL": f"sqlite:///{tmp_path}/seeded.db"}
    command = [sys.executable, "-m", "data.seed", "--organizations", "5"]
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "5 of 5 organizations" in done.stdout
    assert "Log in with the password" in done.stdout

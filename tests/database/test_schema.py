"""Migrations and models agree, and triggers enforce the rules of the domain."""

import multiprocessing
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from alembic import command
from sqlalchemy import Engine, insert, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.base import clock, tokenizer
from core.database import db, schema
from core.database.upgrade import MIGRATIONS, NewerSchema, configuration, upgrade
from core.models import DigestItem, Run, RunItem
from tests.support.cast import Cast
from tests.support.depth import sample
from tests.support.engines import Postgresql, Sqlite, use

Engines = dict[str, Sqlite | Postgresql]
NEWEST = max(file.name for file in (MIGRATIONS / "versions").glob("*.py")).partition("_")[0]

EVERYTHING = {
    "sqlite": [
        "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE '%alembic%'"
    ],
    "postgresql": [
        """SELECT attrelid::regclass::text, attname, format_type(atttypid, atttypmod), attnotnull,
            attgenerated, attstattarget, pg_get_expr(adbin, adrelid),
            attcollation::regcollation::text
            FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
            LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
            WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND attnum > 0""",
        """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
            FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'""",
        "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
        "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
        """SELECT pg_get_functiondef(oid) FROM pg_proc
            WHERE pronamespace = 'public'::regnamespace""",
    ],
}


_INLINE_KEY = re.compile(r"((\w+) [A-Z]+) (CONSTRAINT \w+) (REFERENCES)")
"""A foreign key in the definition of an added column; SQLite can't add it as others have it."""


def read(engine: Engine) -> set[tuple[object, ...]]:
    """Return the schema as the database describes it, in no particular order."""
    with engine.connect() as connection:
        return {
            tuple(_sorted_parts(value) for value in row)
            for query in EVERYTHING[engine.dialect.name]
            for row in connection.exec_driver_sql(query)
            if "alembic" not in str(row[0])
        }


def _sorted_parts(value: object) -> object:
    """Return a table's definition as sorted parts, as added columns follow the constraints."""
    if str(value).startswith("CREATE TABLE"):
        plain = str(value).replace('"', "").removesuffix(")")  # rebuilt tables have quoted names
        plain = _INLINE_KEY.sub(r"\1\n\3 FOREIGN KEY(\2) \4", plain)
        parts = re.split(r"[,\n]", plain)
        return tuple(sorted(part.strip() for part in parts if part.strip()))
    return value


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, engines: Engines) -> Iterator[str]:
    """The URL of a database without tables."""
    yield engines[request.param].make("unmigrated", migrated=False)
    engines[request.param].drop("unmigrated")


of_the_past = pytest.mark.parametrize("empty", sample(["sqlite", "postgresql"], 2), indirect=True)
"""For migrations that never change again: `make prove` runs them on both engines."""


class TestMigrations:
    def test_migrations_create_the_schema_of_the_models(self, engines: Engines, empty: str) -> None:
        with use(empty) as engine:
            with engine.begin() as connection:
                schema.create(connection)
            modelled = read(engine)
        name = engine.dialect.name
        with use(engines[name].make("migrated")) as engine:
            assert read(engine) == modelled
        engines[name].drop("migrated")

    def test_several_processes_can_migrate_at_the_same_time(self, empty: str) -> None:
        context = multiprocessing.get_context("fork")  # nothing is connected yet
        with use(empty) as engine:
            together = [context.Process(target=upgrade) for _ in range(4)]
            for process in together:
                process.start()
            for process in together:
                process.join()
            assert [process.exitcode for process in together] == [0, 0, 0, 0]
            assert _version(engine) == NEWEST

    def test_a_newer_schema_is_refused_and_not_changed(self, empty: str) -> None:
        with use(empty) as engine:
            upgrade()
            before = read(engine)
            with engine.begin() as connection:
                connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
            with pytest.raises(NewerSchema, match="Start the newer version, or restore a backup"):
                upgrade()
            assert _version(engine) == "9999"
            assert read(engine) == before

    def test_a_failed_migration_is_rolled_back(
        self, empty: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(schema, "install_triggers", _fail)
        with use(empty) as engine:
            with pytest.raises(ZeroDivisionError):
                upgrade()
            assert read(engine) == set()


def _fail(_connection: object) -> None:
    raise ZeroDivisionError


def _version(engine: Engine) -> str:
    with engine.connect() as connection:
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()


@pytest.mark.usefixtures("cast")
class TestTriggers:
    """Statements that violate a rule without going through a use case."""

    @pytest.mark.parametrize(
        "statement",
        [
            "DELETE FROM memberships WHERE role = 'owner'",
            "UPDATE memberships SET role = 'admin' WHERE role = 'owner'",
            "UPDATE users SET staff = 'ops' WHERE staff = 'administrator'",
            "UPDATE users SET disabled_at = created_at WHERE staff = 'administrator'",
            "UPDATE users SET deleted_at = created_at WHERE staff = 'administrator'",
            "DELETE FROM users WHERE staff = 'administrator'",
            "UPDATE organizations SET public_id = public_id || 'X'",
            "UPDATE organizations SET id = id + 100",
        ],
    )
    def test_is_refused(self, engine: Engine, statement: str) -> None:
        with (
            pytest.raises(IntegrityError, match=r"always|never|foreign key"),
            engine.begin() as connection,
        ):
            connection.execute(text(statement))

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE organizations SET name = 'Acme again' WHERE id = :org",
            "UPDATE organizations SET deleted_at = created_at WHERE id = :org",
            "UPDATE memberships SET role = 'admin' WHERE org_id = :org AND role = 'member'",
            """INSERT INTO memberships (org_id, user_id, role, joined_at)
                SELECT :org, id, 'member', created_at FROM users WHERE name = 'Otto'""",
        ],
    )
    def test_is_refused_for_a_deleted_organization(
        self, engine: Engine, cast: Cast, statement: str
    ) -> None:
        _delete_acme(engine, cast)
        with pytest.raises(IntegrityError, match="only be restored or purged"):
            _execute(engine, cast, statement)

    def test_a_deleted_organization_can_be_restored_or_purged(
        self, engine: Engine, cast: Cast
    ) -> None:
        _delete_acme(engine, cast)
        _execute(engine, cast, "UPDATE organizations SET version = version + 1 WHERE id = :org")
        _execute(engine, cast, "UPDATE organizations SET deleted_at = NULL WHERE id = :org")
        _delete_acme(engine, cast)
        _execute(engine, cast, "DELETE FROM organizations WHERE id = :org")
        with engine.connect() as connection:
            left = connection.execute(text("SELECT count(*) FROM memberships")).scalar_one()
        assert left == 1

    def test_an_organization_cannot_be_restored_without_an_owner(
        self, engine: Engine, cast: Cast
    ) -> None:
        _delete_acme(engine, cast)
        _execute(engine, cast, "DELETE FROM memberships WHERE org_id = :org AND role = 'owner'")
        with pytest.raises(IntegrityError, match="always has an owner"):
            _execute(engine, cast, "UPDATE organizations SET deleted_at = NULL WHERE id = :org")

    @pytest.mark.parametrize(
        "statement", ["UPDATE history SET reason = 'x'", "DELETE FROM history"]
    )
    def test_history_cannot_be_altered(self, engine: Engine, cast: Cast, statement: str) -> None:
        _execute(
            engine,
            cast,
            """INSERT INTO history
                (chain, position, at, org_id, event, subject, changes, reason, mac)
                SELECT 'org:1', 1, created_at, :org, 'e', 's', '[]', '', '' FROM users LIMIT 1""",
        )
        with pytest.raises(IntegrityError, match="only ever added to"):
            _execute(engine, cast, statement)

    @pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
    def test_history_cannot_be_truncated(self, engine: Engine, cast: Cast) -> None:
        with pytest.raises(IntegrityError, match="only ever added to"):
            _execute(engine, cast, "TRUNCATE history")


def _delete_acme(engine: Engine, cast: Cast) -> None:
    _execute(engine, cast, "UPDATE organizations SET deleted_at = created_at WHERE id = :org")


def _execute(engine: Engine, cast: Cast, statement: str) -> None:
    bound = {"org": cast.acme.id} if ":org" in statement else {}
    with engine.begin() as connection:
        connection.execute(text(statement), bound)


class TestSearchIndex:
    def test_triggers_keep_it_up_to_date(self, engine: Engine, cast: Cast) -> None:
        found = {
            "sqlite": "SELECT rowid FROM organizations_search('acm*')",
            "postgresql": "SELECT id FROM organizations WHERE search_tokens @@ 'acm:*'::tsquery",
        }[engine.dialect.name]
        with Session(engine) as session:
            assert session.scalars(text(found)).all() == [cast.acme.id]
        _execute(engine, cast, "UPDATE organizations SET search_text = 'zeta' WHERE id = :org")
        with Session(engine) as session:
            assert session.scalars(text(found)).all() == []


class TestTransactions:
    def test_ids_are_never_reused(self, engine: Engine, cast: Cast) -> None:
        newest = cast.otto_ltd.id
        for statement in (
            f"UPDATE organizations SET deleted_at = created_at WHERE id = {newest}",
            f"DELETE FROM organizations WHERE id = {newest}",
            """INSERT INTO organizations (public_id, name, name_key, search_text, is_listed, stage,
                stage_entered_at, created_at, member_count, version)
                SELECT 'ORG-NEW', name, name_key, search_text, is_listed, stage,
                stage_entered_at, created_at, member_count, version FROM organizations""",
        ):
            _execute(engine, cast, statement)
        with db.read() as session:
            assert session.scalar(text("SELECT max(id) FROM organizations")) > newest


def test_migration_0016_makes_existing_people_searchable(
    engines: Engines,
):
    url = engines["sqlite"].make("before_words", migrated=False)
    with use(url) as engine, engine.begin() as connection:
        command.upgrade(configuration(connection), "0015")
        connection.execute(
            text(
                "INSERT INTO users (email, email_key, name, password_epoch, created_at, version)"
                " VALUES ('zoe@example.com', 'zoe@example.com', 'Zoë Müller', 0, '2026-01-01', 0)"
            )
        )
        command.upgrade(configuration(connection), "0016")
        [words] = connection.scalars(text("SELECT search_text FROM users"))
    assert words == tokenizer.search_text("Zoë Müller", "zoe@example.com")


BEFORE_THE_FOLD = "0025"
NAMED_ROWS = (
    "INSERT INTO users (id, email, email_key, name, password_epoch, created_at, version,"
    " search_text) VALUES (:id, :name, :name, :name, 0, '2026-01-01', 0, 'old')",
    "INSERT INTO organizations (id, public_id, name, name_key, search_text, is_listed, stage,"
    " stage_entered_at, created_at, member_count, version) VALUES (:id, :public_id, :name,"
    " :key, 'old', false, 'free', '2026-01-01', '2026-01-01', 0, 0)",
    "INSERT INTO memberships (id, org_id, user_id, role, joined_at)"
    " VALUES (:id, :id, :id, 'owner', '2026-01-01')",
    "INSERT INTO saved_views (id, owner_id, page, name, name_key, query, is_shared, created_at)"
    " VALUES (:id, 1, 'organizations', :name, :key, '', false, '2026-01-01')",
    "INSERT INTO notes (id, org_id, author_id, text, search_text, is_shared, created_at)"
    " VALUES (:id, :id, :id, :name, 'old', false, '2026-01-01')",
    "INSERT INTO invitations (id, org_id, email, email_key, role, status, invited_by, nonce,"
    " token_hash, created_at, sent_at, expires_at) VALUES (:id, :id, :name, :name, 'member',"
    " 'revoked', :id, '', :name, '2026-01-01', '2026-01-01', '2026-01-01')",
    "INSERT INTO mails (id, message_id, template, context, recipient, created_at, attempts)"
    " VALUES (:id, :name, '', '{}', :name, '2026-01-01', 0)",
)
RE_INDEXED = {
    "SELECT search_text, name, email FROM users": tokenizer.search_text,
    "SELECT search_text, text FROM notes": tokenizer.search_text,
    "SELECT search_text, email FROM invitations": tokenizer.search_text,
    "SELECT search_text, recipient FROM mails": tokenizer.search_text,
    "SELECT search_text, name, public_id FROM organizations": tokenizer.search_text,
    "SELECT name_key, name FROM organizations": tokenizer.name_key,
    "SELECT found_by, name, email FROM memberships JOIN users ON users.id = user_id": (
        tokenizer.search_text
    ),
}


@of_the_past
def test_the_migration_of_the_fold_indexes_what_is_there_as_the_code_does(
    engines: Engines, empty: str
) -> None:
    names = [
        "McDonald's",
        "E.ON",
        "EON",
        "三菱UFJ銀行",
        "H.B. Fuller",
        "Acm\u0435",
        "Zo\u0065\u0308",
    ]
    with use(empty) as engine, engine.begin() as connection:
        command.upgrade(configuration(connection), BEFORE_THE_FOLD)
        for number, name in enumerate(names, start=1):
            row = {"id": number, "name": name, "key": name.lower(), "public_id": f"ORG-{number}"}
            for statement in NAMED_ROWS:
                connection.execute(text(statement), row)
        command.upgrade(configuration(connection), "head")
        for query, fold in RE_INDEXED.items():
            for stored, *parts in connection.execute(text(query)):
                assert stored == fold(*parts), query
        keys = connection.scalars(text("SELECT name_key FROM saved_views ORDER BY id")).all()
        assert keys[:4] == ["mcdonalds", "e.on", "eon", "三菱ufj銀行"]  # one of two keeps its own


OLD_ROWS = (
    "INSERT INTO users (id, email, email_key, name, password_epoch, created_at, version)"
    " VALUES (1, 'ada@example.com', 'ada@example.com', 'Ada', 0, '2026-01-01', 0)",
    "INSERT INTO organizations (id, public_id, name, name_key, search_text, is_listed, stage,"
    " stage_entered_at, created_at, member_count, version)"
    " VALUES (1, 'ORG-1', 'Acme', 'acme', 'acme', false, 'free', '2026-01-01', '2026-01-01', 0, 0)",
    "INSERT INTO saved_views (id, owner_id, page, name, name_key, query, is_shared, created_at)"
    " VALUES (1, 1, 'organizations', 'Mine', 'mine', '', false, '2026-01-01')",
    "INSERT INTO lines (reader, org_id, topic, title, detail, page, at)"
    " VALUES ('org:1', 1, 'stage', 'Moved', 'By Sam', 'onboarding', '2026-01-01')",
    "INSERT INTO told (org_id, topic, value) VALUES (1, 'checks', 'phone')",
    "INSERT INTO stand_ins (org_id, user_id, reason, started_at, ends_at)"
    " VALUES (1, 1, 'Ticket 7', '2026-01-01', '2026-01-02')",
    "INSERT INTO view_looks (user_id, view_id, at, last_org_id) VALUES (1, 1, '2026-01-01', 1)",
    "INSERT INTO digests (reader, told_at, is_off) VALUES ('org:1', '2026-01-01', false)",
    "INSERT INTO sessions (user_id, password_epoch, device, place, created_at, last_seen_at,"
    " expires_at) VALUES (1, 0, 'Chrome', '::1', '2026-01-01', '2026-01-01', '2026-01-02')",
)
NEW_VALUES = {
    "SELECT id, title FROM digest_items": (1, "Moved"),
    "SELECT topic, value FROM last_notifications": ("checks", "phone"),
    "SELECT id, reason FROM impersonations": (1, "Ticket 7"),
    "SELECT user_id, last_org_id FROM view_visits": (1, 1),
    "SELECT count(*) FROM digests WHERE sent_at IS NOT NULL": (1,),
    "SELECT ip_address FROM sessions": ("::1",),
}


@of_the_past
def test_migration_0021_keeps_the_rows_of_renamed_tables(engines: Engines, empty: str) -> None:
    with use(empty) as engine:
        with engine.begin() as connection:
            command.upgrade(configuration(connection), "0020")
            for statement in OLD_ROWS:
                connection.execute(text(statement))
            command.upgrade(configuration(connection), "0021")
            for query, row in NEW_VALUES.items():
                assert tuple(connection.execute(text(query)).one()) == row
        with engine.begin() as connection:
            new = dict.fromkeys(("reader", "topic", "title", "detail", "page"), "")
            table = DigestItem.__table__.insert().values(**new, at=clock.now())
            assert connection.scalar(table.returning(DigestItem.id)) == 2


(RUNS,) = [file.name.partition("_")[0] for file in (MIGRATIONS / "versions").glob("*_run_items.py")]
OLD_RUN = """INSERT INTO runs (id, actor_id, view, options, total, last_id, cursor, done, refused,
    created_at, ended_at, ended_because) VALUES ({}, 6, 'stage=free', '{}', 9, 9, 4, 3, 1,
    '2026-11-23 12:00:00', {}, '')"""


@of_the_past
def test_the_migration_of_runs_keeps_bulk_jobs_and_ends_those_under_way(
    engines: Engines, empty: str
) -> None:
    options = '{"rep_id": 6, "target_on": null, "note": "As agreed"}'
    with use(empty) as engine, engine.begin() as connection:
        command.upgrade(configuration(connection), f"{RUNS}-1")
        for number, ended_at in ((4, "'2026-11-23 12:05:00'"), (7, "NULL")):
            connection.exec_driver_sql(OLD_RUN.format(number, options, ended_at))
        for refusal in ("(4, 30, 'Acme', 'In production')", "(4, 10, 'B', '')"):
            connection.exec_driver_sql(f"INSERT INTO run_refusals VALUES {refusal}")
        command.upgrade(configuration(connection), RUNS)
        over, cut = connection.execute(select(Run.__table__).order_by(Run.id)).all()
        items = connection.execute(select(RunItem.__table__).order_by(RunItem.n)).all()
        assert connection.scalar(insert(Run).values(**AN_EMPTY_RUN).returning(Run.id)) == 8
    assert (over.kind, over.status, over.reason) == ("flag", "ended", "As agreed")
    assert over.params == {"rep_id": 6, "target_on": None}
    assert (over.total, over.done, over.refused, over.skipped) == (9, 3, 1, 0)
    assert (cut.status, cut.ended_at is not None) == ("cancelled", True)
    assert cut.ended_because.startswith("Orgdesk was updated")
    assert [(item.n, item.org_id, item.why) for item in items] == [
        (1, 10, ""),
        (2, 30, "In production"),
    ]


AN_EMPTY_RUN = {
    "actor_id": 6,
    "kind": "flag",
    "params": {},
    "total": 0,
    "created_at": datetime(2026, 11, 23, tzinfo=UTC),
}

"""Exports of organizations: the rows of the table in its order, as CSV, XLSX and Parquet."""

import csv
import io
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qs
from zipfile import ZipFile

import pyarrow.parquet
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from core.base.errors import NotPermitted
from core.base.settings import PROJECT
from core.database import db
from core.models import Organization, Stage, User
from core.organizations import csv_export, export_process, table
from core.organizations.csv_export import COLUMNS, Format, Progress
from core.organizations.filters import Filters, Members, Profile, Sort
from tests.organizations.test_table import LONG_AGO, REP, make_organizations
from tests.support.cast import Cast

EXAMPLES = [
    Filters(),
    Filters(sort=Sort.NAME),
    Filters(sort=Sort.MEMBERS, stages=(Stage.FREE, Stage.PRODUCTION)),
    Filters(words="clinic 3", sort=Sort.STAGE_TIME),
    Filters(rep_id=REP, profile=Profile.INCOMPLETE, created_from=date(2024, 1, 2)),
    Filters(members=Members.ONE, created_to=date(2024, 1, 3), sort=Sort.OLDEST),
]


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """A session that is rolled back at the end and records no history."""
    with db.Session(db.writing_engine(), expire_on_commit=False) as session:
        yield session


def read(
    session: Session, cast: Cast, filters: Filters, *, formula_safe: bool = True
) -> list[list[str]]:
    progress = Progress()
    pieces = csv_export.stream(
        session, cast.ada, filters, formula_safe=formula_safe, progress=progress
    )
    rows = list(csv.reader(io.StringIO(b"".join(pieces).decode(), newline="")))
    assert rows[0] == list(COLUMNS)
    assert progress.rows == len(rows) - 1
    return rows[1:]


def write(session: Session, cast: Cast, form: Format, filters: Filters | None = None) -> io.BytesIO:
    file = io.BytesIO()
    export_process.write(session, cast.ada, filters or Filters(), form, file)
    file.seek(0)
    return file


class TestCsv:
    def test_members_have_no_access(self, session: Session, cast: Cast) -> None:
        with pytest.raises(NotPermitted):
            list(
                csv_export.stream(
                    session, cast.olga, Filters(), formula_safe=True, progress=Progress()
                )
            )

    def test_only_administrators_export_deleted_ones(self, session: Session, cast: Cast) -> None:
        filters = Filters(is_deleted=True)
        with pytest.raises(NotPermitted):
            list(
                csv_export.stream(
                    session, cast.oda, filters, formula_safe=True, progress=Progress()
                )
            )

    @pytest.mark.parametrize("filters", EXAMPLES)
    @pytest.mark.parametrize("few", [1_000, 20])
    def test_it_has_the_rows_of_the_table(
        self,
        session: Session,
        cast: Cast,
        filters: Filters,
        few: int,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        for module in (table, csv_export, csv_export.queries):
            monkeypatch.setattr(module, "MAX_COUNTED", few)
        monkeypatch.setattr(csv_export, "BATCH", 30)
        make_organizations(session, 90)
        listed = table.table(session, cast.ada, Filters(**(vars(filters) | {"size": 100}))).rows
        rows = read(session, cast, filters)
        assert [row[0] for row in rows] == listed["public_id"].tolist()
        for index, column in ((2, "stage"), (3, "member_count"), (4, "owners"), (5, "pending")):
            assert [row[index] for row in rows] == [str(value) for value in listed[column]]
        assert [row[6] for row in rows] == [str(value) for value in listed["profile"]]

    @pytest.mark.parametrize(
        ("name", "cell"), [("=1+1", "'=1+1"), ('a "quoted", name', 'a "quoted", name')]
    )
    def test_no_cell_is_a_formula(self, session: Session, cast: Cast, name: str, cell: str) -> None:
        acme = session.get_one(Organization, cast.acme.id)
        acme.name, acme.website, acme.sales_email = name, name, name
        acme.phone = "+12125550100"
        session.get_one(User, cast.sam.user_id).name, acme.rep_id = name, cast.sam.user_id
        session.flush()
        row = read(session, cast, Filters(sort=Sort.OLDEST))[0]
        assert [row[1], row[7], row[8], row[9]] == [cell] * 4
        assert row[10] == "+12125550100", "a phone number is as it was"
        assert read(session, cast, Filters(sort=Sort.OLDEST), formula_safe=False)[0][1] == name

    def test_times_are_in_utc(self, session: Session, cast: Cast) -> None:
        make_organizations(session, 1)
        assert read(session, cast, Filters())[0][-1] == f"{LONG_AGO:%Y-%m-%d %H:%M:%S}"

    def test_the_file_is_what_excel_reads(self, session: Session, cast: Cast) -> None:
        session.get_one(Organization, cast.acme.id).name = "Müller\n& Söhne"
        session.flush()
        content = write(session, cast, Format.CSV, Filters(sort=Sort.OLDEST)).read()
        assert content.startswith(b"\xef\xbb\xbf")
        text = content.decode("utf-8-sig")
        assert text.replace("Müller\n& Söhne", "").count("\n") == text.count("\r\n") == 3
        assert list(csv.reader(io.StringIO(text, newline="")))[1][1] == "Müller\n& Söhne"

    @pytest.mark.parametrize("form", Format)
    def test_a_file_has_the_chosen_columns(
        self, session: Session, cast: Cast, form: Format
    ) -> None:
        file = io.BytesIO()
        columns = csv_export.choose_columns(["created_at", "rep"])
        export_process.write(session, cast.ada, Filters(), form, file, columns=columns)
        titles = ["Organization ID", "Name", "Sales rep", "Created (UTC)"]
        if form is Format.CSV:
            rows = list(csv.reader(io.StringIO(file.getvalue().decode("utf-8-sig"), newline="")))
            assert rows[0] == titles
            assert [row[1] for row in rows[1:]] == ["Otto Ltd", "Acme"]
        elif form is Format.PARQUET:
            assert pyarrow.parquet.read_table(file).column_names == titles
        else:
            with ZipFile(file) as book:
                sheet = book.read("xl/worksheets/sheet1.xml").decode()
            assert re.findall(r'r="[A-Z]1"[^>]*><is><t>([^<]*)', sheet) == titles

    def test_an_unknown_column_is_refused(self) -> None:
        assert csv_export.choose_columns([]) == tuple(csv_export.TITLES)
        with pytest.raises(ValueError, match="unknown column"):
            csv_export.choose_columns(["password_hash"])

    def test_it_is_sent_in_pieces(self, session: Session, cast: Cast) -> None:
        make_organizations(session, 3_000)
        pieces = csv_export.stream(
            session, cast.ada, Filters(), formula_safe=True, progress=Progress()
        )
        assert max(map(len, pieces)) < 600_000


class TestFormats:
    def test_parquet_has_types_and_nulls(self, session: Session, cast: Cast) -> None:
        session.get_one(Organization, cast.acme.id).name = "=NA"
        make_organizations(session, 30)
        frame = pyarrow.parquet.read_table(write(session, cast, Format.PARQUET))
        rows = frame.to_pylist()
        assert frame.column_names == list(COLUMNS)
        assert len(rows) == 32
        assert rows[-1]["Name"] == "=NA"
        assert rows[-1]["Members"] == 3
        assert rows[-1]["Phone"] is None
        assert rows[0]["Created (UTC)"] == datetime(2024, 1, 2, 5, tzinfo=UTC)
        assert frame.schema.field("Created (UTC)").type.tz == "UTC"

    def test_a_file_may_have_no_rows(self, session: Session, cast: Cast) -> None:
        nothing = Filters(words="no such name")
        frame = pyarrow.parquet.read_table(write(session, cast, Format.PARQUET, nothing))
        assert (frame.num_rows, frame.column_names) == (0, list(COLUMNS))
        assert write(session, cast, Format.CSV, nothing).read().count(b"\n") == 1

    def test_xlsx_has_texts_and_numbers(self, session: Session, cast: Cast) -> None:
        session.get_one(Organization, cast.acme.id).name = '=HYPERLINK("http://x")'
        session.flush()
        with ZipFile(write(session, cast, Format.XLSX, Filters(sort=Sort.OLDEST))) as book:
            sheet = book.read("xl/worksheets/sheet1.xml").decode()
        assert "<f>" not in sheet
        assert '<c r="B2" t="inlineStr"><is><t>=HYPERLINK("http://x")</t></is></c>' in sheet
        assert '<c r="D2"><v>3</v></c>' in sheet

    def test_xlsx_has_dates_that_sort_and_columns_that_show_them(
        self, session: Session, cast: Cast
    ) -> None:
        make_organizations(session, 1)
        with ZipFile(write(session, cast, Format.XLSX)) as book:
            sheet = book.read("xl/worksheets/sheet1.xml").decode()
            styles = book.read("xl/styles.xml").decode()
        days = (LONG_AGO - datetime(1899, 12, 30, tzinfo=UTC)) / timedelta(days=1)
        [(style, value)] = re.findall(r'<c r="M2" s="(\d)"><v>([\d.]+)</v>', sheet)
        assert abs(float(value) - days) < 1e-5
        assert style != "0"
        assert 'formatCode="yyyy-mm-dd hh:mm:ss"' in styles
        assert sheet.count("<col ") >= 3
        assert '<autoFilter ref="A1:M4"/>' in sheet

    def test_xlsx_says_if_rows_are_left_out(
        self, session: Session, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(export_process, "MAX_XLSX_ROWS", 5)
        make_organizations(session, 10)
        with ZipFile(write(session, cast, Format.XLSX)) as book:
            assert book.read("xl/worksheets/sheet1.xml").count(b"<row ") == 6
            assert b"A sheet has room for 5" in book.read("xl/worksheets/sheet2.xml")

    @pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
    def test_an_export_does_not_release_the_locks_of_sqlite(
        self, engine: Engine, cast: Cast
    ) -> None:
        """SQLite's locks are lost when a second library opens the same file in one process."""
        command = [
            sys.executable,
            "-m",
            "core.organizations.export_process",
            "csv",
            str(cast.oda.user_id),
            "",
        ]
        with engine.begin() as writing:
            writing.execute(text("UPDATE organizations SET overview = 'before'"))
            with db.read() as session:
                before = write(session, cast, Format.PARQUET)
        first = subprocess.run(command, cwd=PROJECT, capture_output=True, check=True)
        with engine.begin() as writing:
            writing.execute(text("UPDATE organizations SET name = 'Written after'"))
        second = subprocess.run(command, cwd=PROJECT, capture_output=True, check=True)
        assert pyarrow.parquet.read_table(before).num_rows == 2
        assert (first.stdout.count(b"Acme"), second.stdout.count(b"Written after")) == (1, 2)
        assert second.stderr.endswith(b"rows 2\n")


class TestQuery:
    @pytest.mark.parametrize(
        "filters",
        [*EXAMPLES, Filters(words="o'b &=100% ü", is_deleted=True, rep_id=7, sort=Sort.MEMBERS)],
    )
    def test_filters_survive_a_round_trip(self, filters: Filters) -> None:
        query = filters.to_query()
        assert Filters.from_query(query) == filters
        assert "" not in parse_qs(query)

    @pytest.mark.parametrize(
        "query", ["stage=gone", "rep=x", "from=soon", "members=3", "sort=up", "profile=1"]
    )
    def test_invalid_values_are_refused(self, query: str) -> None:
        with pytest.raises(ValueError, match=r"."):
            Filters.from_query(query)

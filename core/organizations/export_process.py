"""Write a file of organizations to the standard output, in a process of its own.

`python -m core.organizations.export_process csv 7 "stage=free"` writes the organizations that match
this query for the person with id 7, and reports the rows read so far, then their total, on the
standard error. In the process that serves pages this work would hold the interpreter's lock, and
could not be killed when a person closes the connection.
"""

import csv
import fcntl
import io
import os
import sys
import tempfile
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, BinaryIO, Final
from urllib.parse import parse_qs

from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.database import db
from core.organizations import csv_export
from core.organizations.csv_export import COLUMNS, MOMENTS, NUMBERS, TITLES, Format, Progress
from core.organizations.filters import Filters

if TYPE_CHECKING:
    import pyarrow as pa
    from xlsxwriter.format import Format as CellFormat
    from xlsxwriter.worksheet import Worksheet

MAX_XLSX_ROWS: Final = 1_048_575
"""Rows of a sheet below its header."""
_ROW_GROUP: Final = 50_000
_NICENESS: Final = 10
_BLOCK: Final = 2**20
_REPORT_SECONDS: Final = 0.5
_EPOCH: Final = datetime(1899, 12, 30, tzinfo=UTC)
_WIDTH: Final = 20
_WIDTHS: Final = {"Name": 36, "Website": 36, "Sales email": 30} | dict.fromkeys(NUMBERS, 12)
"""Widths of columns in a sheet, in characters."""


def write(
    session: Session,
    actor: Actor,
    filters: Filters,
    form: Format,
    sink: BinaryIO,
    *,
    columns: Sequence[str] = tuple(TITLES),
    report: Callable[[int], None] | None = None,
) -> int:
    """Write the organizations that match to `sink`, and return how many there were.

    `report` is called about twice a second with the number of rows read so far.
    """
    progress = Progress()
    is_csv = form is Format.CSV
    pieces = csv_export.stream(
        session, actor, filters, columns=columns, formula_safe=is_csv, progress=progress
    )
    if report is not None:
        pieces = _reported(pieces, progress, report)
    if is_csv:
        sink.write(BOM_UTF8)  # Excel takes a file without it for another encoding
        sink.writelines(pieces)
    elif form is Format.PARQUET:
        _write_parquet(pieces, sink)
    else:
        _write_xlsx(pieces, sink)
    return progress.rows


def _reported(
    pieces: Iterator[bytes], progress: Progress, report: Callable[[int], None]
) -> Iterator[bytes]:
    """Yield the pieces, and report progress between them."""
    reported_at = monotonic()
    for piece in pieces:
        yield piece
        if monotonic() - reported_at > _REPORT_SECONDS:
            report(progress.rows)
            reported_at = monotonic()


class _PieceReader(io.RawIOBase):
    """An iterator of bytes as a file that can be read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.pieces = pieces
        self.rest = memoryview(b"")

    def readable(self) -> bool:
        """Return True, as `io.BufferedReader` requires."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer with the next bytes; return how many, 0 at the end."""
        while not self.rest:
            piece = next(self.pieces, None)
            if piece is None:
                return 0
            self.rest = memoryview(piece)
        size = min(len(buffer), len(self.rest))
        buffer[:size], self.rest = self.rest[:size], self.rest[size:]
        return size


def _write_parquet(pieces: Iterator[bytes], sink: BinaryIO) -> None:
    import pyarrow as pa  # slow to import: a CSV file starts twice as fast without it
    from pyarrow import csv as arrow_csv
    from pyarrow.parquet import ParquetWriter

    types = {title: pa.string() for title in COLUMNS} | {title: pa.int32() for title in NUMBERS}
    reader = arrow_csv.open_csv(
        io.BufferedReader(_PieceReader(pieces), _BLOCK),
        read_options=arrow_csv.ReadOptions(block_size=_BLOCK),
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
        convert_options=arrow_csv.ConvertOptions(
            column_types=types | dict.fromkeys(MOMENTS, pa.timestamp("s")),
            null_values=[""],
            strings_can_be_null=True,
        ),
    )
    in_utc = pa.timestamp("ms", tz="UTC")
    fields = [
        field.with_type(in_utc) if field.name in MOMENTS else field for field in reader.schema
    ]
    with ParquetWriter(sink, pa.schema(fields)) as parquet:
        for group in _row_groups(reader):
            parquet.write_table(pa.Table.from_batches(group).cast(pa.schema(fields)), _ROW_GROUP)


def _row_groups(batches: Iterator["pa.RecordBatch"]) -> Iterator[list["pa.RecordBatch"]]:
    """Gather batches into groups of at least `_ROW_GROUP` rows; the last one may be smaller."""
    group, rows = [], 0
    for batch in batches:
        group.append(batch)
        rows += batch.num_rows
        if rows >= _ROW_GROUP:
            yield group
            group, rows = [], 0
    if group:
        yield group


def _write_xlsx(pieces: Iterator[bytes], sink: BinaryIO) -> None:
    """Write a workbook; if there are more than `MAX_XLSX_ROWS`, a second sheet says so."""
    from xlsxwriter import Workbook  # slow to import, and the other formats do not need it

    with tempfile.TemporaryFile() as file:
        with Workbook(file, {"constant_memory": True, "tmpdir": tempfile.gettempdir()}) as book:
            sheet = book.add_worksheet("Organizations")
            sheet.freeze_panes(1, 0)
            date = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
            bold = book.add_format({"bold": True})
            text = io.TextIOWrapper(io.BufferedReader(_PieceReader(pieces), _BLOCK), newline="")
            for row, cells in enumerate(csv.reader(text)):
                if row > MAX_XLSX_ROWS:
                    _note_limit(book.add_worksheet("More"))
                    break
                if row == 0:
                    writers = _write_head(sheet, cells, date=date, bold=bold)
                else:
                    for column, cell in enumerate(cells):
                        if cell:
                            writers[column](row, column, cell)
            sheet.autofilter(0, 0, min(row, MAX_XLSX_ROWS), len(writers) - 1)
        file.seek(0)
        sink.writelines(iter(partial(file.read, _BLOCK), b""))


def _write_head(
    sheet: "Worksheet", titles: Sequence[str], *, date: "CellFormat", bold: "CellFormat"
) -> list[Callable[[int, int, str], object]]:
    """Write the titles and set the widths; return how to write a cell of each column."""
    writers: list[Callable[[int, int, str], object]] = []
    for column, title in enumerate(titles):
        sheet.set_column(column, column, _WIDTHS.get(title, _WIDTH))
        sheet.write_string(0, column, title, bold)
        if title in NUMBERS:
            writers.append(lambda row, column, cell: sheet.write_number(row, column, int(cell)))
        elif title in MOMENTS:
            writers.append(
                lambda row, column, cell: sheet.write_number(row, column, _serial(cell), date)
            )
        else:
            writers.append(sheet.write_string)
    return writers


def _serial(moment: str) -> float:
    """Return a moment as spreadsheets count: days since the end of 1899."""
    since = datetime.fromisoformat(f"{moment}+00:00") - _EPOCH
    return since.days + since.seconds / 86_400


def _note_limit(sheet: "Worksheet") -> None:
    sheet.write_string(0, 0, f"A sheet has room for {MAX_XLSX_ROWS:,} organizations; more matched.")
    sheet.write_string(1, 0, "Download CSV or Parquet to get all of them, or filter the table.")


def main(form: str, person: str, query: str) -> None:
    """Write the file that the command line asks for."""
    os.nice(_NICENESS)
    _enlarge_pipe(sys.stdout.fileno())
    with db.read() as session:
        filters, actor = Filters.from_query(query), Actor(int(person), "")
        rows = write(
            *(session, actor, filters, Format(form), sys.stdout.buffer),
            columns=csv_export.choose_columns(parse_qs(query).get("columns", ())),
            report=_report,
        )
    sys.stdout.buffer.flush()
    _report(rows)


def _enlarge_pipe(pipe: int) -> None:
    """Enlarge the buffer of the pipe, so that work continues while the reader serves others."""
    if sys.platform == "linux":
        with suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _BLOCK)


def _report(rows: int) -> None:
    sys.stderr.write(f"rows {rows}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])

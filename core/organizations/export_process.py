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
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, BinaryIO, Final

from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.database import db
from core.organizations import csv_export
from core.organizations.csv_export import COLUMNS, MOMENTS, NUMBERS, Format, Progress
from core.organizations.filters import Filters

if TYPE_CHECKING:
    import pyarrow as pa
    from xlsxwriter.worksheet import Worksheet

MAX_XLSX_ROWS: Final = 1_048_575
"""Rows of a sheet below its header."""
_ROW_GROUP: Final = 50_000
_NICENESS: Final = 10
_BLOCK: Final = 2**20
_REPORT_SECONDS: Final = 0.5


def write(
    session: Session,
    actor: Actor,
    filters: Filters,
    form: Format,
    sink: BinaryIO,
    *,
    report: Callable[[int], None] | None = None,
) -> int:
    """Write the organizations that match to `sink`, and return how many there were.

    `report` is called about twice a second with the number of rows read so far.
    """
    progress = Progress()
    is_csv = form is Format.CSV
    pieces = csv_export.stream(session, actor, filters, formula_safe=is_csv, progress=progress)
    if report is not None:
        pieces = _reported(pieces, progress, report)
    if is_csv:
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

    types = {name: pa.string() for name in COLUMNS} | {name: pa.int32() for name in NUMBERS}
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
    with ParquetWriter(sink, reader.schema) as parquet:
        for group in _row_groups(reader):
            parquet.write_table(pa.Table.from_batches(group), _ROW_GROUP)


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

    numbers = [index for index, name in enumerate(COLUMNS) if name in NUMBERS]
    with tempfile.TemporaryFile() as file:
        with Workbook(file, {"constant_memory": True, "tmpdir": tempfile.gettempdir()}) as book:
            sheet = book.add_worksheet("Organizations")
            sheet.freeze_panes(1, 0)
            text = io.TextIOWrapper(io.BufferedReader(_PieceReader(pieces), _BLOCK), newline="")
            for row, cells in enumerate(csv.reader(text)):
                if row > MAX_XLSX_ROWS:
                    _note_limit(book.add_worksheet("More"))
                    break
                for column, cell in enumerate(cells):
                    if row and column in numbers:
                        sheet.write_number(row, column, int(cell))
                    elif cell:
                        sheet.write_string(row, column, cell)
        file.seek(0)
        sink.writelines(iter(partial(file.read, _BLOCK), b""))


def _note_limit(sheet: "Worksheet") -> None:
    sheet.write_string(0, 0, f"A sheet has room for {MAX_XLSX_ROWS:,} organizations; more matched.")
    sheet.write_string(1, 0, "Download CSV or Parquet to get all of them, or filter the table.")


def main(form: str, person: str, query: str) -> None:
    """Write the file that the command line asks for."""
    os.nice(_NICENESS)
    _enlarge_pipe(sys.stdout.fileno())
    with db.read() as session:
        filters, actor = Filters.from_query(query), Actor(int(person), "")
        rows = write(session, actor, filters, Format(form), sys.stdout.buffer, report=_report)
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

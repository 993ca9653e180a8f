"""Write a file of organizations to the standard output, in a process of its own.

`python -m core.organizations.export_process csv 7 "stage=free"` writes, for person 7, what that
query asks for, and says how many rows there have been, at last how many in all. So much work beside
people's clicks would take their turns at the interpreter, and a person who leaves ends the process.
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
from core.organizations import csv_export, filters
from core.organizations.csv_export import COLUMNS, MOMENTS, NUMBERS, Format, Tally
from core.organizations.org_views import View

if TYPE_CHECKING:
    import pyarrow as pa
    from xlsxwriter.worksheet import Worksheet

XLSX_ROWS: Final = 1_048_575
"""Rows that a sheet has below its head."""
_ROW_GROUP: Final = 50_000
_NICENESS: Final = 10
_BLOCK: Final = 2**20
_TOLD_EVERY: Final = 0.5


def write(
    session: Session,
    actor: Actor,
    view: View,
    form: Format,
    sink: BinaryIO,
    *,
    tell: Callable[[int], None] | None = None,
) -> int:
    """Write all organizations of a view to `sink`, and return how many there were.

    `tell`, where there is one, hears now and then how many have been read so far.
    """
    tally = Tally()
    is_csv = form is Format.CSV
    pieces = csv_export.lines(session, actor, view, formula_safe=is_csv, tally=tally)
    if tell is not None:
        pieces = _told(pieces, tally, tell)
    if is_csv:
        sink.writelines(pieces)
    elif form is Format.PARQUET:
        _write_parquet(pieces, sink)
    else:
        _write_xlsx(pieces, sink)
    return tally.rows


def _told(pieces: Iterator[bytes], tally: Tally, tell: Callable[[int], None]) -> Iterator[bytes]:
    """Hand pieces on, and say about twice a second how many rows there have been."""
    told_at = monotonic()
    for piece in pieces:
        yield piece
        if monotonic() - told_at > _TOLD_EVERY:
            tell(tally.rows)
            told_at = monotonic()


class _Pieces(io.RawIOBase):
    """What is read piece by piece, as a file to read from."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.pieces = pieces
        self.rest = memoryview(b"")

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill the buffer with the next bytes; return how many, 0 at the end."""
        while not self.rest:
            piece = next(self.pieces, None)
            if piece is None:
                return 0
            self.rest = memoryview(piece)
        taken = min(len(buffer), len(self.rest))
        buffer[:taken], self.rest = self.rest[:taken], self.rest[taken:]
        return taken


def _write_parquet(pieces: Iterator[bytes], sink: BinaryIO) -> None:
    import pyarrow as pa  # not for CSV, which starts twice as fast without
    from pyarrow import csv as arrow_csv
    from pyarrow.parquet import ParquetWriter

    kinds = {name: pa.string() for name in COLUMNS} | {name: pa.int32() for name in NUMBERS}
    read = arrow_csv.open_csv(
        io.BufferedReader(_Pieces(pieces), _BLOCK),
        read_options=arrow_csv.ReadOptions(block_size=_BLOCK),
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
        convert_options=arrow_csv.ConvertOptions(
            column_types=kinds | dict.fromkeys(MOMENTS, pa.timestamp("s")),
            null_values=[""],
            strings_can_be_null=True,
        ),
    )
    with ParquetWriter(sink, read.schema) as parquet:
        for group in _grouped(read):
            parquet.write_table(pa.Table.from_batches(group), _ROW_GROUP)


def _grouped(batches: Iterator["pa.RecordBatch"]) -> Iterator[list["pa.RecordBatch"]]:
    """Gather batches until they are as many rows as a row group shall have."""
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
    """Write a workbook; Excel ends a sheet after `XLSX_ROWS`, and another sheet then says so."""
    from xlsxwriter import Workbook  # not for the others, which start sooner without

    numbers = [place for place, name in enumerate(COLUMNS) if name in NUMBERS]
    with tempfile.TemporaryFile() as file:
        with Workbook(file, {"constant_memory": True, "tmpdir": tempfile.gettempdir()}) as book:
            sheet = book.add_worksheet("Organizations")
            sheet.freeze_panes(1, 0)
            text = io.TextIOWrapper(io.BufferedReader(_Pieces(pieces), _BLOCK), newline="")
            for row, cells in enumerate(csv.reader(text)):
                if row > XLSX_ROWS:
                    _tell_end(book.add_worksheet("More"))
                    break
                for column, cell in enumerate(cells):
                    if row and column in numbers:
                        sheet.write_number(row, column, int(cell))
                    elif cell:
                        sheet.write_string(row, column, cell)
        file.seek(0)
        sink.writelines(iter(partial(file.read, _BLOCK), b""))


def _tell_end(sheet: "Worksheet") -> None:
    sheet.write_string(0, 0, f"A sheet ends after {XLSX_ROWS:,} organizations; there are more.")
    sheet.write_string(1, 0, "Download CSV or Parquet for all of them, or narrow the table.")


def main(form: str, person: str, query: str) -> None:
    """Write the file that the command line asks for."""
    os.nice(_NICENESS)
    _widen(sys.stdout.fileno())
    with db.read() as session:
        view, actor = filters.from_query(query), Actor(int(person), "")
        rows = write(session, actor, view, Format(form), sys.stdout.buffer, tell=_tell)
    sys.stdout.buffer.flush()
    _tell(rows)


def _widen(pipe: int) -> None:
    """Let a pipe hold so much that work goes on while the other end is busy with other people."""
    if sys.platform == "linux":
        with suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _BLOCK)


def _tell(rows: int) -> None:
    sys.stderr.write(f"rows {rows}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Read an untrusted CSV or XLSX file as rows of texts.

A file is never parsed in the process of the app: `sheet_decoder` is a program of its own, which
takes at most 20 seconds of processor time, 40 seconds in all and 1 GB of memory, whatever the file;
one runs at a time. A file that needs more is refused. `MAX_BYTES` (20 MB), 20,000 rows and 200
columns are the limits of a file.
"""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from core.base import child_processes
from core.base.errors import InvalidInput

MAX_BYTES: Final = 20 * 2**20
MAX_ROWS: Final = 20_000
TIMEOUT: Final = 40.0
"""Seconds of wall-clock time; the decoder limits its own processor time."""
ENCODINGS: Final = {"utf-8": "UTF-8", "utf-16": "UTF-16", "cp1252": "Windows-1252"}
"""The encodings of CSV files to choose from, with their names."""
DELIMITERS: Final = {",": "Comma", ";": "Semicolon", "\t": "Tab", "|": "Vertical bar"}
"""The delimiters of CSV files to choose from, with their names."""
TOO_LARGE: Final = "That file is {size} MB. Choose a file of at most 20 MB, or split it."
_REFUSALS: Final = {
    "unknown": "We can't read this file as CSV or XLSX. Save it as one of these and try again.",
    "encoding": "This file has another encoding. Choose a different one.",
    "damaged": "This file is damaged or needs too much memory. Save it again as CSV, then try.",
    "quotes": "The quotes in row {row} don't match. Check that every quoted cell is closed.",
    "long": "Row {row} has a cell that is too long. Check for a missing quote.",
    "control": "Row {row}, column {column} has a control character. Delete it and try again.",
    "rows": f"This file has more than {MAX_ROWS:,} rows. Split it.",
    "columns": "This file has more than 200 columns. Delete the ones you don't need.",
    "cells": "This file has too many cells. Delete empty rows and columns, or split it.",
    "empty": "This file has no rows. Add titles in the first row and data below.",
}
_PROGRAM: Final = Path(__file__).with_name("sheet_decoder.py")
_SLOT: Final = threading.BoundedSemaphore(1)


class Row(NamedTuple):
    """A row of a file: its number, as spreadsheets count, and its cells."""

    number: int
    cells: Sequence[str]


@dataclass(frozen=True)
class Sheet:
    """The titles and the rows of a file, and how they were read."""

    titles: Sequence[str]
    rows: Sequence[Row]
    encoding: str = ""
    """Of a CSV file; empty for XLSX."""
    delimiter: str = ""
    name: str = ""
    """Of the worksheet that was read: the first one that is visible."""
    sheets: int = 1
    """How many visible worksheets there are."""


def read(content: bytes, *, encoding: str = "", delimiter: str = "") -> Sheet:
    """Return the rows of a CSV or XLSX file that are not empty, as texts.

    The encoding and the delimiter of a CSV file are found out where they are not given. Raises
    `InvalidInput(file)`.
    """
    if len(content) > MAX_BYTES:
        raise _refusal(TOO_LARGE.format(size=f"{len(content) / 2**20:,.1f}"))
    if encoding not in {"", *ENCODINGS} or delimiter not in {"", *DELIMITERS}:
        raise _refusal(_REFUSALS["encoding"])
    found = _decode(content, encoding, delimiter)
    if "refused" in found:
        raise _refusal(_REFUSALS[found["refused"]].format(**found))
    rows = [Row(number, cells) for number, cells in found["rows"]]
    if len(rows) < 2:
        raise _refusal(_REFUSALS["empty"])
    return Sheet(
        titles=[title.strip() for title in rows[0].cells],
        rows=rows[1:],
        encoding={"utf-8-sig": "utf-8"}.get(found.get("encoding", ""), found.get("encoding", "")),
        delimiter=found.get("delimiter", ""),
        name=found.get("sheet", ""),
        sheets=found.get("sheets", 1),
    )


def _refusal(sentence: str) -> InvalidInput:
    return InvalidInput({"file": sentence})


def _decode(content: bytes, encoding: str, delimiter: str) -> dict[str, Any]:
    """Return the output of the decoder, or `damaged` where it fails."""
    with _SLOT:
        output = child_processes.decode(_PROGRAM, content, encoding, delimiter, timeout=TIMEOUT)
    found: dict[str, Any] = {"refused": "damaged"} if output is None else json.loads(output)
    return found

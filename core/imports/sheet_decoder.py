"""Decode an untrusted CSV or XLSX file into rows of texts: a program of its own, never imported.

`python -I core/imports/sheet_decoder.py [encoding] [delimiter]` reads a file from standard input.
It writes a JSON object: `rows`, each with its number in the file and its cells, and how they were
read (`encoding`, `delimiter`, `sheet`, `sheets`), or `refused`, a word, with `row` and `column`. It
limits its own memory and processor time before it reads; on a hostile file it may fail in any way.
"""

import csv
import io
import json
import re
import resource
import sys
import zipfile
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

MAX_ROWS = 20_000
"""Rows below the titles."""
MAX_COLUMNS = 200
MAX_CELLS = 1_000_000
MAX_UNPACKED_BYTES = 300 * 1024 * 1024
MEMORY_BYTES = 1024 * 1024 * 1024
CPU_SECONDS = 20
_BOMS = {BOM_UTF8: "utf-8-sig", BOM_UTF16_LE: "utf-16", BOM_UTF16_BE: "utf-16"}
_DELIMITERS = ",;\t|"
_QUOTED = re.compile(r'"[^"]*"')
_CONTROL = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_SHEET = "xl/workbook.xml"

Row = tuple[int, list[str]]


class Refused(Exception):
    """A file that cannot be imported: a word for the reason, and where in the file it is."""

    def __init__(self, why: str, *, row: int = 0, column: int = 0) -> None:
        super().__init__(why)
        self.facts = {"refused": why, "row": row, "column": column}


def main() -> None:
    """Decode the file on standard input and write the result to standard output."""
    limit_resources()
    encoding, delimiter = (*sys.argv[1:], "", "")[:2]
    try:
        result = decode(sys.stdin.buffer.read(), encoding, delimiter)
    except Refused as refusal:
        result = refusal.facts
    json.dump(result, sys.stdout)


def limit_resources() -> None:
    """Limit memory, processor time and files of this process."""
    for kind, limit in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (limit, limit))


def decode(content: bytes, encoding: str = "", delimiter: str = "") -> dict[str, Any]:
    """Return the rows of a file that are not empty, and how they were read."""
    if content.startswith(b"PK"):
        return _decode_xlsx(content)
    return _decode_csv(content, encoding, delimiter)


def _decode_csv(content: bytes, encoding: str, delimiter: str) -> dict[str, Any]:
    text, encoding = _decode_text(content, encoding)
    delimiter = delimiter or _find_delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows, number = [], 0
    try:
        for number, cells in enumerate(reader, 1):
            rows.append((number, cells))
            _ensure_few(rows)
    except csv.Error as error:
        why = "long" if "field limit" in str(error) else "quotes"
        raise Refused(why, row=number + 1) from error
    return {"rows": _cleaned(rows), "encoding": encoding, "delimiter": delimiter}


def _decode_text(content: bytes, encoding: str) -> tuple[str, str]:
    """Return the text and its encoding: the one asked for, else by its mark, UTF-8 or cp1252."""
    marked = [name for bom, name in _BOMS.items() if content.startswith(bom)]
    for each in (encoding,) if encoding else (*marked, "utf-8", "cp1252"):
        try:
            return content.decode(each).removeprefix("\ufeff"), each
        except UnicodeError:
            continue
    raise Refused("encoding" if encoding else "unknown")


def _find_delimiter(text: str) -> str:
    """Return the commonest delimiter of the first line, outside of quotes."""
    first = _QUOTED.sub("", text.lstrip("\r\n")[:100_000]).partition("\n")[0]
    return max(_DELIMITERS, key=first.count)


def _decode_xlsx(content: bytes) -> dict[str, Any]:
    from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

    _ensure_small(content)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        is_visible = SheetVisibleEnum.Visible
        names = [each.name for each in book.sheets_metadata if each.visible is is_visible]
        if not names:
            raise Refused("empty")
        sheet = book.get_sheet_by_name(names[0])
        _ensure_size(sheet.height, sheet.width)
        cells = enumerate(sheet.to_python(), 1 + (sheet.start or (0, 0))[0])
        found = [(number, [_as_text(cell) for cell in row]) for number, row in cells]
    except (CalamineError, ValueError, IndexError, KeyError, OverflowError) as error:
        raise Refused("damaged") from error
    _ensure_few(found)
    return {"rows": _cleaned(found), "sheet": names[0], "sheets": len(names)}


def _ensure_small(content: bytes) -> None:
    """Refuse an archive that is no workbook, or says that it unpacks to very much."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = {part.filename: part.file_size for part in archive.infolist()}
    except (zipfile.BadZipFile, ValueError, NotImplementedError, UnicodeError) as error:
        raise Refused("damaged") from error
    if _SHEET not in parts:
        raise Refused("unknown")
    if sum(parts.values()) > MAX_UNPACKED_BYTES:
        raise Refused("cells")


def _as_text(cell: Any) -> str:
    """Return a cell as people type it: whole numbers without a fraction, dates in ISO 8601."""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime):
        midnight = (cell.hour, cell.minute, cell.second) == (0, 0, 0)
        return cell.date().isoformat() if midnight else cell.isoformat(" ", "seconds")
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def _ensure_few(rows: list[Row]) -> None:
    _ensure_size(len(rows), len(rows[-1][1]) if rows else 0)


def _ensure_size(height: int, width: int) -> None:
    if height > MAX_ROWS + 1:
        raise Refused("rows")
    if width > MAX_COLUMNS:
        raise Refused("columns")
    if height * width > MAX_CELLS:
        raise Refused("cells")


def _cleaned(rows: Iterable[Row]) -> list[Row]:
    """Return the rows that are not empty, without empty cells at the end of each."""
    cleaned = []
    for number, cells in rows:
        for column, cell in enumerate(cells, 1):
            if _CONTROL.search(cell):
                raise Refused("control", row=number, column=column)
        while cells and not cells[-1].strip():
            cells.pop()
        if cells:
            cleaned.append((number, cells))
    return cleaned


if __name__ == "__main__":
    main()

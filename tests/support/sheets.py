"""Workbooks and CSV files for tests of imports, also such as no spreadsheet writes."""

import csv
import io
import zipfile
from collections.abc import Iterable, Sequence
from typing import Any

from xlsxwriter import Workbook

_TYPES = "http://schemas.openxmlformats.org"
_RELATIONSHIP = "officeDocument/2006/relationships"
_PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{_TYPES}/package/2006/content-types">'
    '<Default Extension="xml" ContentType="application/xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_TYPES}/package/2006/relationships"><Relationship'
    f' Id="r1" Type="{_TYPES}/{_RELATIONSHIP}/officeDocument" Target="xl/workbook.xml"/>'
    "</Relationships>",
    "xl/workbook.xml": f'<workbook xmlns="{_TYPES}/spreadsheetml/2006/main"'
    f' xmlns:r="{_TYPES}/{_RELATIONSHIP}"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets>'
    "</workbook>",
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_TYPES}/package/2006/relationships">'
    f'<Relationship Id="r1" Type="{_TYPES}/{_RELATIONSHIP}/worksheet"'
    ' Target="worksheets/sheet1.xml"/></Relationships>',
}
FAR_CELL = (
    '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>5</v></c></row>'
)
"""Rows with one cell at the far corner of a sheet, for which readers reserve all cells between."""


def raw_xlsx(rows: str, *, start: str = "") -> bytes:
    """Return a small workbook with these rows, in XML; `start` comes before them."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in _PARTS.items():
            archive.writestr(name, text)
        sheet = f'{start}<worksheet xmlns="{_TYPES}/spreadsheetml/2006/main"><sheetData>{rows}'
        archive.writestr("xl/worksheets/sheet1.xml", f"{sheet}</sheetData></worksheet>")
    return made.getvalue()


def xlsx(*rows: Sequence[Any]) -> bytes:
    """Return a workbook with these rows, whose texts are texts and never formulas."""
    made = io.BytesIO()
    with Workbook(
        made, {"in_memory": True, "remove_timezone": True, "default_date_format": "yyyy-mm-dd"}
    ) as book:
        sheet = book.add_worksheet()
        for number, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                write = sheet.write_string if isinstance(cell, str) else sheet.write
                write(number, column, cell)
    return made.getvalue()


def csv_file(rows: Iterable[Sequence[str]], *, delimiter: str = ",") -> bytes:
    """Return these rows as a CSV file in UTF-8."""
    made = io.StringIO()
    csv.writer(made, delimiter=delimiter).writerows(rows)
    return made.getvalue().encode()

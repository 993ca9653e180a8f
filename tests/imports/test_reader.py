"""Files are read as texts, or refused with a sentence, whatever they are."""

import datetime
import re

import pytest

from core.base.errors import InvalidInput
from core.imports import reader, sheet_decoder
from tests.support import hostile
from tests.support.depth import sample
from tests.support.sheets import FAR_CELL, csv_file, raw_xlsx, xlsx


def refusal(content: bytes) -> str:
    with pytest.raises(InvalidInput) as refused:
        reader.read(content)
    return refused.value.fields["file"]


def cells(content: bytes, **options: str) -> list[list[str]]:
    sheet = reader.read(content, **options)
    return [list(sheet.titles), *(list(row.cells) for row in sheet.rows)]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("Name,Phone\nBjörk,1\n".encode(), ("utf-8", ",")),
        ("\ufeffName;Phone\r\nBjörk;1\r\n".encode(), ("utf-8", ";")),
        ("Name\tPhone\nBjörk\t1".encode("utf-16"), ("utf-16", "\t")),
        ("Name|Phone\rBjörk|1\r".encode("cp1252"), ("cp1252", "|")),
        ('"Name";"Phone"\n"Björk";"1"\n'.encode(), ("utf-8", ";")),
    ],
)
def test_encoding_and_delimiter_are_found_out(content: bytes, found: tuple[str, str]) -> None:
    sheet = reader.read(content)
    assert (sheet.encoding, sheet.delimiter) == found
    assert cells(content) == [["Name", "Phone"], ["Björk", "1"]]


def test_encoding_and_delimiter_can_be_chosen() -> None:
    content = "Name,x;Phone,y\nä;1\n".encode("cp1252")
    assert cells(content, encoding="cp1252", delimiter=";") == [["Name,x", "Phone,y"], ["ä", "1"]]
    with pytest.raises(InvalidInput, match="another encoding"):
        reader.read(content, encoding="utf-8")


def test_ragged_and_empty_rows_keep_their_numbers() -> None:
    sheet = reader.read(b"\nName,Phone\nA\n,\nB,2,3\n")
    assert sheet.titles == ["Name", "Phone"]
    assert sheet.rows == [(3, ["A"]), (5, ["B", "2", "3"])]


def test_cells_of_a_workbook_become_texts_as_people_type_them() -> None:
    day = datetime.date(2026, 12, 1)
    moment = datetime.datetime(2026, 12, 1, 9, 30, tzinfo=datetime.UTC)
    content = xlsx(["A", "B", "C", "D", "E", "F"], ["007", 12, 1.5, True, day, moment])
    assert cells(content)[1] == ["007", "12", "1.5", "yes", "2026-12-01", "2026-12-01 09:30:00"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "no rows"),
        (b"Name\n", "no rows"),
        (b"Name,Phone\nA,\0\n", "Row 2, column 2 has a control character"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "can't read this file"),
        (b"PK\3\4 nothing", "damaged"),
        (b'Name,Phone\nA,"1\nB,2\n', "quotes in row 2"),
        (b'Name,Phone\n"A"b,1\n', "quotes in row 2"),
        (b"Name\n" + b"x" * 200_000, "Row 2 has a cell that is too long"),
        (b"Name\n" + b"x\n" * (reader.MAX_ROWS + 1), "more than 20,000 rows"),
        (b"," * 200 + b"x\n1\n", "more than 200 columns"),
        (b"x" * (reader.MAX_BYTES + 1), "is 20.0 MB"),
        (raw_xlsx(FAR_CELL), "damaged or needs too much memory"),
        (raw_xlsx("<row"), "damaged"),
        (raw_xlsx("<row><c t='s'><v>99</v></c></row>"), "damaged"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_cannot_be_read_is_refused_with_a_sentence(
    content: bytes, sentence: str
) -> None:
    assert sentence in refusal(content)


def test_a_cell_in_the_far_corner_fits_in_six_kilobytes() -> None:
    assert len(raw_xlsx(FAR_CELL)) < 6_000


def test_entities_of_a_workbook_are_not_expanded() -> None:
    bomb = '<!DOCTYPE w [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    row = '<row r="1"><c r="A1" t="str"><v>&b;</v></c></row>'
    try:
        found = cells(raw_xlsx(row * 2, start=bomb))
    except InvalidInput:
        return
    assert not re.search("aaa", str(found))


def test_a_program_that_fails_refuses_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "TIMEOUT", 0.001)
    assert "damaged" in refusal(b"Name\nA\n")


@pytest.mark.parametrize("kind", ["file", "cell", "image"])
def test_hostile_content_is_read_or_refused(kind: str) -> None:
    texts = sample(hostile.texts(), 25)
    contents = {
        "file": [text.encode("utf-8", "surrogateescape") for text in texts],
        "cell": [csv_file([["Name"], [text]]) for text in texts if text.isprintable()],
        "image": [path.read_bytes() for path in hostile.images()],
    }
    for content in contents[kind]:
        try:
            found = sheet_decoder.decode(content)
        except sheet_decoder.Refused as refused:
            word = refused.facts["refused"]
            assert word in reader._REFUSALS
        else:
            assert all(isinstance(cell, str) for _, row in found["rows"] for cell in row)


def test_a_printable_hostile_text_survives_the_way_through_both_formats() -> None:
    texts = [text for text in sample(hostile.texts("xss", "csv"), 3) if text.isprintable()]
    texts = [text.strip() for text in texts if text.strip()]
    rows = [["Name"], *([text] for text in texts)]
    assert cells(csv_file(rows)) == rows
    assert cells(xlsx(*rows)) == rows

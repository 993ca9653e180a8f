"""Protection against formulas in files: the rule in Python and in SQL."""

import re

import pytest
from sqlalchemy import Column, Engine, Integer, MetaData, Table, Text, select

from core.base import formulas
from tests.support import hostile
from tests.support.depth import sample

CELLS = {
    "=1+1": "'=1+1",
    "+cmd|' /C calc'!A0": "'+cmd|' /C calc'!A0",
    "-2+3": "'-2+3",
    "@SUM(A1)": "'@SUM(A1)",
    "\t=1": "'\t=1",
    "\r=1": "'\r=1",
    "\n=1": "'\n=1",
    "\tplain": "'\tplain",
    "  =1+1": "'  =1+1",
    "\u00a0\ufeff=1+1": "'\u00a0\ufeff=1+1",
    "\uff1d1+1": "'\uff1d1+1",
    "\u22121+1": "'\u22121+1",
    '"=1+1"': '\'"=1+1"',
    "+": "'+",
    "+1 212": "'+1 212",
    "+12125550100": "+12125550100",
    "+12125550100x5": "+12125550100x5",
    "+x5": "'+x5",
    'a "quoted", name': 'a "quoted", name',
    "two\nlines": "two\nlines",
    "Größe 東京 👩‍⚕️": "Größe 東京 👩‍⚕️",
    "5-HT = serotonin": "5-HT = serotonin",
    "": "",
}


@pytest.mark.parametrize(("text", "cell"), CELLS.items())
def test_formulas_get_an_apostrophe(text: str, cell: str) -> None:
    assert formulas.harmless(text) == cell


def test_other_values_are_kept() -> None:
    assert formulas.harmless(-1) == -1
    assert formulas.harmless(None) is None


def test_known_payloads_are_harmless() -> None:
    for payload in hostile.texts("csv"):
        cell = formulas.harmless(payload)
        assert cell in {payload, f"'{payload}"}
        assert not re.match(r"[\s\ufeff\u200b\"]*[=+\-@|%\uff1d\uff0b\uff0d\uff20]", cell)


def test_sql_and_python_agree(engine: Engine) -> None:
    hostile_texts = sample(hostile.texts("csv", "strings", "unicode"), 10)
    texts = [*CELLS, *filter(_is_storable, hostile_texts)]
    cells = Table(
        "cells", MetaData(), Column("n", Integer), Column("text", Text), prefixes=["TEMP"]
    )
    harmless = formulas.harmless_column(cells.c.text, dialect=engine.dialect.name)
    with engine.connect() as connection:
        cells.create(connection)
        rows = [{"n": n, "text": text} for n, text in enumerate(texts)]
        connection.execute(cells.insert(), rows)
        found = connection.scalars(select(harmless).order_by(cells.c.n)).all()
        connection.rollback()
    for text, cell in zip(texts, found, strict=True):
        assert cell == formulas.harmless(text)


def _is_storable(text: str) -> bool:
    return "\0" not in text and not re.search("[\ud800-\udfff]", text)

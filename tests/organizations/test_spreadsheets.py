"""Files open in a real spreadsheet with every letter, number and date as it is."""

import csv
import io
import shutil
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.base import formulas, validation
from core.base.validation import InvalidValue
from core.models import Organization
from core.organizations import export_process
from core.organizations.csv_export import MOMENTS, NUMBERS, Format
from core.organizations.filters import Filters
from tests.organizations.test_table import make_organizations
from tests.support import hostile
from tests.support.cast import Cast
from tests.support.depth import IS_DEEP

OFFICE = shutil.which("soffice")
TO_CSV = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,1"
"""Commas, quotes, UTF-8, and cells as they are shown."""

pytestmark = [
    pytest.mark.skipif(not IS_DEEP, reason="takes a minute: a part of make prove"),
    pytest.mark.skipif(OFFICE is None, reason="needs LibreOffice, Debian's libreoffice-calc-nogui"),
]


def names() -> list[str]:
    """Return names that are accepted, in all scripts, also those that look like formulas."""
    found = []
    for text in (*hostile.texts("strings", "unicode", "csv"), "=1+1", "+44 x5", "Müller", "00123"):
        try:
            found.append(validation.organization_name(text))
        except InvalidValue:
            continue
    return list(dict.fromkeys(found))[:1_200]


def opened(file: Path) -> list[list[str]]:
    """Return the cells of a file as LibreOffice shows them."""
    command = [str(OFFICE), "--headless", f"-env:UserInstallation=file://{file.parent}/profile"]
    if file.suffix == ".csv":  # quoted cells are text, also those such as 00123 and false
        command.append("--infilter=CSV:44,34,76,1,,0,true")
    subprocess.run(
        [*command, "--convert-to", TO_CSV, "--outdir", str(file.parent / "out"), str(file)],
        check=True,
        capture_output=True,
        timeout=180,
    )
    [made] = (file.parent / "out").glob("*.csv")
    text = made.read_text(encoding="utf-8")
    made.unlink()
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("form", [Format.CSV, Format.XLSX])
def test_a_spreadsheet_shows_every_cell_as_it_is(
    session: Session, cast: Cast, form: Format, tmp_path: Path
) -> None:
    expected = names()
    assert len(expected) > 1_000
    make_organizations(session, len(expected))
    live = select(Organization).where(Organization.deleted_at.is_(None))
    made = session.scalars(live.order_by(Organization.id.desc())).all()
    for org, name in zip(made, expected, strict=False):
        session.execute(
            update(Organization).where(Organization.id == org.id).values(name=name),
            execution_options={"unrecorded": True},
        )
    session.expire_all()
    file = tmp_path / f"organizations.{form}"
    with file.open("wb") as sink:
        export_process.write(session, cast.ada, Filters(), form, sink)
    titles, *rows = opened(file)
    shown = [dict(zip(titles, row, strict=True)) for row in rows]
    assert len(shown) == len(made) > 1_000
    for org, name, row in zip(made, expected, shown, strict=False):
        assert row["Organization ID"] == org.public_id
        assert row["Name"] == (formulas.harmless(name) if form is Format.CSV else name)
        assert [row[title] for title in NUMBERS[:1]] == [str(org.member_count)]
        assert row[MOMENTS[1]] == f"{org.created_at:%Y-%m-%d %H:%M:%S}"

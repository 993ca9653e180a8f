"""What a table sends to the browser: arrays, small enough for a page of fifty."""

import json

import pandas as pd

from core.base import clock
from core.models import Stage
from pages import ui
from pages.ui.column import Column

ROWS = 50
COLUMNS = {
    "name": ui.column.link("Name", href="href", seed="public_id", logo="logo"),
    "stage": ui.column.stage(),
    "members": ui.column.number("Members"),
    "profile": ui.column.meter("Profile"),
    "rep": ui.column.person("Sales rep", seed="rep_id"),
    "active": ui.column.moment("Active", empty="Never"),
    "created": ui.column.day("Created"),
    "public_id": ui.column.text("ID", is_code=True),
}


def organizations() -> pd.DataFrame:
    """Return a page of organizations with long names, every second one with a logo."""
    return pd.DataFrame(
        {
            "name": [f"Ärztehaus am Südpark, Zentrum für Innere Medizin {n}" for n in range(ROWS)],
            "public_id": [f"ORG-TAM{n:04}" for n in range(ROWS)],
            "href": [f"/overview?org=ORG-TAM{n:04}" for n in range(ROWS)],
            "logo": ["f" * 64 if n % 2 else None for n in range(ROWS)],
            "stage": [list(Stage)[n % 4] for n in range(ROWS)],
            "members": range(ROWS),
            "profile": [66] * ROWS,
            "rep": ["Priya Raman" if n % 3 else None for n in range(ROWS)],
            "rep_id": [7 if n % 3 else None for n in range(ROWS)],
            "active": [clock.now() if n % 5 else pd.NaT for n in range(ROWS)],
            "created": [clock.now()] * ROWS,
        }
    )


def cells(column: Column, name: str) -> list[object]:
    return column.cells(organizations(), name)


def test_a_page_of_fifty_rows_takes_at_most_25_kb() -> None:
    rows = list(zip(*(cells(column, name) for name, column in COLUMNS.items()), strict=True))
    sent = json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()
    assert len(sent) <= 25_000


def test_cells_without_a_value_are_empty() -> None:
    assert cells(COLUMNS["rep"], "rep")[0] is None
    assert cells(COLUMNS["active"], "active")[0] is None


def test_people_have_round_avatars_also_where_pandas_made_numbers_of_their_ids() -> None:
    assert organizations()["rep_id"].dtype == float
    assert cells(COLUMNS["rep"], "rep")[1] == [
        "Priya Raman",
        *ui.column.avatars.describe("Priya Raman", 7),
    ]
    assert cells(COLUMNS["name"], "name")[1][3:] == [f"/logos/{'f' * 64}-thumb.png"]

"""Tables: the table of organizations, menus in the rows of any table, columns for the browser."""

import unicodedata
import zlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import streamlit as st

from core.models import Role, Stage
from pages.ui import badges
from pages.ui.elements import avatar_url

ROW_HEIGHT: Final = 36
_MAX_HEIGHT: Final = 16 * ROW_HEIGHT
"""Longer tables scroll inside, so that the buttons below stay visible."""
_NAME_WIDTH: Final = 206
_MAX_NAME: Final = 30
"""Latin letters that fit into the column of names, which cuts off the rest without an ellipsis."""


def organizations(
    rows: pd.DataFrame,
    *,
    key: str,
    columns: Sequence[str],
    selectable: bool = False,
    opens: bool = True,
) -> list[int]:
    """Draw a table of organizations and return the ids of the selected rows.

    `rows` has the columns id, public_id, name and logo, and those named in `columns`. A click on a
    name opens that organization, unless `opens` is False. Clicks and selections made on other rows
    than these are ignored.
    """
    key = rows_key(key, rows)
    order = ["avatar", "opens" if opens else "name", *columns]
    selection: Any = st.dataframe(
        to_arrow(rows, ["id", *order], **_display_columns(rows)),
        key=key,
        hide_index=True,
        row_height=ROW_HEIGHT,
        height=min((len(rows) + 1) * ROW_HEIGHT + 2, _MAX_HEIGHT),
        column_order=order,
        column_config=_config(f"{key}-open"),
        on_select="rerun" if selectable else "ignore",
        selection_mode="multi-row",
        placeholder="",
        alt="Organizations",
    )
    click = st.session_state.get(f"{key}-open")
    if click is not None and 0 <= click["row"] < len(rows):
        query = {"org": rows["public_id"].iloc[click["row"]]}
        st.switch_page("overview.py", query_params=query)
    chosen = selection["selection"]["rows"] if selectable else []
    return [int(rows["id"].iloc[number]) for number in chosen if 0 <= number < len(rows)]


def rows_key(key: str, rows: pd.DataFrame) -> str:
    """Return a widget key for exactly these rows in this order."""
    return f"{key}-{zlib.crc32(repr(rows['id'].tolist()).encode()):08x}"


def truncate(text: str, width: int = 40) -> str:
    """Return text cut to `width` letters with an ellipsis; wide letters, as of Chinese, count 2."""
    left = width
    for number, character in enumerate(text):
        left -= 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1
        if left < 0:
            return f"{text[: number - 1].rstrip()}…"
    return text


def _as_label(text: str) -> str:
    """Return a button label that Streamlit does not take for an icon, such as `:home:`."""
    return f"\u2060{text}" if text.startswith(":") else text


def to_arrow(rows: pd.DataFrame, columns: Sequence[str], **extra: Sequence[Any]) -> pa.Table:
    """Return an Arrow table of these columns, taken from `extra` or else from `rows`.

    Streamlit would convert a whole data frame, which takes three times as long.
    """
    return pa.table(
        {name: pa.array(extra[name] if name in extra else rows[name]) for name in columns}
    )


def _display_columns(rows: pd.DataFrame) -> dict[str, list[Any]]:
    """Return the columns that are not shown as stored: avatar, name button, and tags."""
    names, ids = rows["name"].tolist(), rows["public_id"].tolist()
    logos = [logo if isinstance(logo, str) else None for logo in rows["logo"].tolist()]
    return {
        "avatar": [avatar_url(*who) for who in zip(names, ids, logos, strict=True)],
        "opens": [_as_label(truncate(name, _MAX_NAME)) for name in names],
        "stage": tags(rows.get("stage", ())),
        "role": tags(rows.get("role", ())),
    }


def tags(values: Iterable[Any]) -> list[list[str]]:
    """Return values as the cells of a column of tags."""
    return [[str(value)] for value in values]


def _config(open_key: str) -> dict[str, Any]:
    column = st.column_config
    return {
        "avatar": column.ImageColumn("", width=36),
        "opens": column.ButtonColumn(
            "Name", type="tertiary", alignment="left", width=_NAME_WIDTH, key=open_key
        ),
        "name": column.TextColumn("Name", width=_NAME_WIDTH),
        "public_id": column.TextColumn("Organization ID", width=106),
        "role": column.MultiselectColumn(
            "Role", options=list(Role), color=badges.ROLE_COLORS, width=80
        ),
        "stage": column.MultiselectColumn(
            "Stage", options=list(Stage), color=badges.STAGE_COLORS, width=104
        ),
        "member_count": column.NumberColumn("Members", width=66, format="localized"),
        "owners": column.NumberColumn("Owners", width=62),
        "pending": column.NumberColumn("Pending", width=64, help="Invitations not yet answered"),
        "profile": column.ProgressColumn(
            "Profile", width=96, format="%d%%", min_value=0, max_value=100
        ),
        "rep": column.TextColumn("Sales rep", width=108),
        "last_active_at": column.DatetimeColumn("Active", format="distance", width=96),
        "created_at": column.DatetimeColumn("Created", format="distance", width=92),
        "exact": column.DatetimeColumn("Created at", format="D MMM YYYY, HH:mm", width=150),
        "deleted_at": column.DatetimeColumn("Deleted", format="distance", width=110),
    }


class RowMenu:
    """The menu in the last column of a table; clicks made on other rows than these are ignored."""

    def __init__(self, name: str, table: pd.DataFrame, id_column: str) -> None:
        self._table = table
        digest = hash(tuple(table[id_column].tolist())) % 2**32
        self.key = f"{name}-{digest:x}"

    def column(self, width: int = 44) -> Any:
        """Return the configuration of the column whose cells hold the labels of each row.

        A cell with a single label shows it as a button, and needs more width.
        """
        return st.column_config.ButtonColumn("", type="tertiary", key=self.key, width=width)

    def chosen(self) -> tuple[str, dict[str, Any]] | None:
        """Return the label that was just chosen and its row; to be called after the table."""
        click = st.session_state.get(self.key)
        if click is None or not 0 <= click["row"] < len(self._table):
            return None
        row = {str(name): value for name, value in self._table.iloc[click["row"]].items()}
        return click["label"].rpartition(": ")[2], row


def menu_cells(labels: Sequence[Sequence[str]]) -> "pd.Series[Any]":
    """Return a column of menus, a list of labels for each row."""
    return pd.Series([list(each) for each in labels], dtype=object)

"""The table of organizations: a face, a name that opens, and whatever else a page shows of them."""

import unicodedata
import zlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import streamlit as st

from core.models import Role, Stage
from pages.ui import badges
from pages.ui.cards import face_url

ROW_HEIGHT: Final = 36
_MOST_PIXELS: Final = 16 * ROW_HEIGHT
"""What is longer scrolls inside, so that the buttons below stay in sight."""
_NAME_WIDTH: Final = 206
_LONGEST_NAME: Final = 30
"""Latin letters that fit the column of names; it would cut others without a sign."""


def organizations(
    rows: pd.DataFrame,
    *,
    key: str,
    columns: Sequence[str],
    selectable: bool = False,
    opens: bool = True,
) -> list[int]:
    """Draw organizations, open the one whose name is clicked, and return the ids of selected rows.

    `rows` has id, public_id, name, logo, and `columns`. A click or a selection belongs to the rows
    as they were shown: when others come into their place, it is not heard. Without `opens` a name
    is only read.
    """
    key = shown_key(key, rows)
    order = ["face", "opens" if opens else "name", *columns]
    selection: Any = st.dataframe(
        sent(rows, ["id", *order], **_dressed(rows)),
        key=key,
        hide_index=True,
        row_height=ROW_HEIGHT,
        height=min((len(rows) + 1) * ROW_HEIGHT + 2, _MOST_PIXELS),
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
    return [int(rows["id"].iloc[place]) for place in chosen if 0 <= place < len(rows)]


def shown_key(key: str, rows: pd.DataFrame) -> str:
    """Return the widget key of a table for just these rows in just this order."""
    return f"{key}-{zlib.crc32(repr(rows['id'].tolist()).encode()):08x}"


def shortened(name: str, width: int = _LONGEST_NAME) -> str:
    """Return a name that fits a column, cut with an ellipsis; broad letters count 2."""
    for place, character in enumerate(name):
        width -= 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1
        if width < 0:
            return f"{name[: place - 1].rstrip()}…"
    return name


def _as_label(text: str) -> str:
    """Return text that a button in a table shows as it is, not as an icon of that name."""
    return f"\u2060{text}" if text.startswith(":") else text


def sent(rows: pd.DataFrame, columns: Sequence[str], **made: Sequence[Any]) -> pa.Table:
    """Return the columns of a table as the browser gets them; `made` are those not in `rows`.

    Streamlit would make this of a whole frame, too, in three times the time.
    """
    return pa.table(
        {name: pa.array(made[name] if name in made else rows[name]) for name in columns}
    )


def _dressed(rows: pd.DataFrame) -> dict[str, list[Any]]:
    """Return a face, a name to click, and tags instead of words."""
    names, ids = rows["name"].tolist(), rows["public_id"].tolist()
    logos = [logo if isinstance(logo, str) else None for logo in rows["logo"].tolist()]
    return {
        "face": [face_url(*who) for who in zip(names, ids, logos, strict=True)],
        "opens": [_as_label(shortened(name)) for name in names],
        "stage": tags(rows.get("stage", ())),
        "role": tags(rows.get("role", ())),
    }


def tags(values: Iterable[Any]) -> list[list[str]]:
    """Return values as a column of tags has them."""
    return [[str(value)] for value in values]


def _config(open_key: str) -> dict[str, Any]:
    column = st.column_config
    return {
        "face": column.ImageColumn("", width=36),
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

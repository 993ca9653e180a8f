"""Menus at the end of a table's rows: a choice comes with its row, never by place alone."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st


class RowMenu:
    """The menu of a table as it is shown now: a click on an older state of it is not heard."""

    def __init__(self, name: str, table: pd.DataFrame, id_column: str) -> None:
        self._table = table
        shown = hash(tuple(table[id_column].tolist())) % 2**32
        self.key = f"{name}-{shown:x}"

    def column(self, width: int = 44) -> Any:
        """Return the configuration of the column whose cells hold each row's labels.

        A single label stands in the cell as it is, and needs more width.
        """
        return st.column_config.ButtonColumn("", type="tertiary", key=self.key, width=width)

    def chosen(self) -> tuple[str, dict[str, Any]] | None:
        """Return the label that was chosen just now and its row; to be asked after the table."""
        click = st.session_state.get(self.key)
        if click is None or not 0 <= click["row"] < len(self._table):
            return None
        row = {str(name): value for name, value in self._table.iloc[click["row"]].items()}
        return click["label"].rpartition(": ")[2], row


def cells(labels: Sequence[Sequence[str]]) -> "pd.Series[Any]":
    """Return a column of menus, a list of labels for each row."""
    return pd.Series([list(each) for each in labels], dtype=object)


def shortened(text: str, most: int = 40) -> str:
    """Return a text of at most so many characters; tables would cut it without a sign of it."""
    return text if len(text) <= most else f"{text[: most - 1]}…"

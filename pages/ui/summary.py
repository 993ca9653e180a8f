"""Summaries: small tables of numbers, with bars beside them and a recorded download."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import pandas as pd
import streamlit as st

from core.base import clock
from pages.ui import column
from pages.ui.column import Column
from pages.ui.table import DOWNLOAD, table

Save = Callable[[str, pd.DataFrame], bytes]
"""Returns a summary, by its title and its rows, as a CSV file, and records the download."""

TOTAL: Final = "total"
_ID: Final = "row id"
_BARS: Final = "bars"


def summary(
    frame: pd.DataFrame,
    title: str,
    columns: Mapping[str, Column] | None = None,
    *,
    bars: Mapping[str, str] | None = None,
    has_total: bool = False,
    save: Save | None = None,
) -> None:
    """Draw a table with its title, and a button that downloads what `save` returns.

    The index is a column if it has a name. Columns of the frame that `columns` lacks are numbers. A
    bar beside each row has a part for each column in `bars`, in the color given there; the longest
    fills its cell. With `has_total` a row of sums is added, unless the frame has one.
    """
    name = "" if frame.index.name is None else str(frame.index.name)
    rows = frame.rename(index=str, columns=str)
    if has_total and TOTAL not in rows.index:
        rows = pd.concat([rows, rows.sum().to_frame(TOTAL).T])
    key = title.lower().replace(" ", "-")
    shown = rows.assign(**{_BARS: _parts(rows, bars)}) if bars else rows
    labels = rows.index if name in (columns or {}) else rows.index.map(_words)
    asked = table(
        shown.assign(**{name: labels, _ID: rows.index}),
        _columns(rows, name, columns or {}, bars or {}),
        key=key,
        label=title,
        row_id=_ID,
        summary={
            "hasTotal": has_total,
            "isDownloadable": save is not None,
            "legend": [[_words(part), color] for part, color in (bars or {}).items()],
            "file": st.session_state.pop(f"{key} file", None),
        },
    )
    if save is not None and asked.action == DOWNLOAD:
        _hand_over(key, save(title, _numbers(rows, name, columns or {})))


def _numbers(rows: pd.DataFrame, name: str, columns: Mapping[str, Column]) -> pd.DataFrame:
    """Return the rows for a file, without what is only drawn."""
    drawn = [each for each, about in columns.items() if about.kind == "dots"]
    named = rows.drop(columns=drawn).rename_axis(name)
    return named.rename(index=_words, columns=_words)


def _hand_over(key: str, file: bytes) -> None:
    """Let the browser save a file: the next rerun sends it, once."""
    now = clock.now()
    name = f"{key}-{now:%Y-%m-%d}.csv"
    st.session_state[f"{key} file"] = {"id": now.timestamp(), "name": name, "text": file.decode()}
    st.rerun()


def _columns(
    rows: pd.DataFrame, name: str, columns: Mapping[str, Column], bars: Mapping[str, str]
) -> dict[str, Column]:
    """Return the column of the index, the given ones, numbers for the others, and the bars."""
    index = {name: column.text(_words(name), is_whole=True)} if name else {}
    shown = {**index, **columns}
    shown |= {each: column.number(_words(each)) for each in map(str, rows) if each not in shown}
    return shown | ({_BARS: column.bars("Chart", list(bars.values()))} if bars else {})


def _parts(rows: pd.DataFrame, bars: Mapping[str, str]) -> "pd.Series[Any]":
    """Return the parts of each row's bar in percent of the longest; none for the total."""
    parts = rows[[*bars]]
    sums = parts.drop(index=TOTAL, errors="ignore").sum(axis="columns")
    longest = int(sums.to_numpy().max(initial=0)) or 1
    shares = (parts * 100 / longest).round(2).to_numpy().tolist()
    return pd.Series(shares, index=rows.index, dtype=object).drop(TOTAL, errors="ignore")


def _words(name: Any) -> str:
    text = str(name)
    return text[:1].upper() + text[1:]

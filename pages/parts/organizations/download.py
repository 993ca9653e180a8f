"""The menu that downloads the organizations that match, and the progress of downloads."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode

import streamlit as st

from core.access.permissions import Actor
from core.base import clock
from core.organizations import downloads
from core.organizations.csv_export import TITLES, Format
from core.organizations.downloads import Download
from core.organizations.export_process import MAX_XLSX_ROWS
from core.organizations.filters import Filters
from core.organizations.queries import MAX_COUNTED
from pages import ui
from pages.ui import elements

_NAMES: Final = {Format.CSV: "CSV", Format.XLSX: "XLSX", Format.PARQUET: "Parquet"}
_XLSX_ROWS_A_SECOND: Final = 10_000
"""Measured on a slow machine."""
_REFRESH_SECONDS: Final = 1.0
_STARTS_WITHIN: Final = timedelta(seconds=5)
_STARTED_AT: Final = "download-begun"
_MEGABYTE: Final = 10**6


def draw_menu(filters: Filters, total: int, columns: Sequence[str]) -> None:
    """Draw the menu; `total` is the number of matches, possibly capped.

    Files have all columns, or the `columns` on the screen if the person chooses that.
    """
    menu = st.popover(
        "Download", icon=":material/download:", type="tertiary", key="download", on_change="rerun"
    )
    if menu.open:
        with menu:
            _draw_formats(filters, total, columns)


def _draw_formats(filters: Filters, total: int, columns: Sequence[str]) -> None:
    chosen = columns if columns and st.checkbox("Only the columns shown", key="shown") else ()
    named = urlencode([("columns", name) for name in chosen if name in TITLES])
    query = "&".join(filter(None, (filters.to_query(), named)))
    is_capped = total == MAX_COUNTED + 1
    matching = ui.count(total, "matching organization", limit=MAX_COUNTED)
    st.markdown(f"Download **{'all ' if total > 1 else ''}{matching}** (times in UTC)")
    for form, name in _NAMES.items():
        address = elements.absolute_url(f"/download/organizations.{form}?{query}".rstrip("?"))
        st.link_button(name, address, key=f"download-{form}", on_click=_note_start, width="stretch")
        st.markdown(ui.quiet(_describe(form, total, is_capped=is_capped)))


def draw_progress(actor: Actor, total: int) -> None:
    """Draw the progress of each download of this person, with a button to stop it."""
    if _is_starting() or downloads.list_in_progress(actor):
        _draw_downloads(actor, total)


def _draw_or_rerun(actor: Actor, total: int) -> None:
    running = downloads.list_in_progress(actor)
    for download in running:
        _draw_download(download, total)
    if running:
        st.session_state.pop(_STARTED_AT, None)
    elif not _is_starting():
        st.rerun(scope="app")  # the last one has ended


def _is_starting() -> bool:
    started_at: datetime | None = st.session_state.get(_STARTED_AT)
    return started_at is not None and clock.now() - started_at < _STARTS_WITHIN


def _note_start() -> None:
    st.session_state[_STARTED_AT] = clock.now()


def _draw_download(download: Download, total: int) -> None:
    rows = download.count_rows()
    is_counted = total != MAX_COUNTED + 1 and rows <= total
    of_all = f" of {total:,}" if is_counted else ""
    sent = f" · {download.sent / _MEGABYTE:,.0f} MB" if download.sent else ""
    words = f"**{_NAMES[download.form]}** · {rows:,}{of_all} organizations{sent}"
    with elements.row(wrap=False, key=f"transfer-{id(download)}"):
        st.progress(rows / total if is_counted and total else 0.0, words)
        st.button(
            "Stop",
            icon=":material/close:",
            type="tertiary",
            key=f"stop-{id(download)}",
            on_click=ui.callback(download.cancel),
        )


def _describe(form: Format, total: int, *, is_capped: bool) -> str:
    """Return a sentence about a format: what it is for, and how long it takes to start."""
    if form is not Format.XLSX:
        is_csv = form is Format.CSV
        return "Starts right away." if is_csv else "For pandas, DuckDB and similar tools."
    if is_capped or total > MAX_XLSX_ROWS:
        return f"For Excel, the first {MAX_XLSX_ROWS:,} rows. Takes up to two minutes to start."
    return f"For Excel. {_wait(total)}"


def _wait(total: int) -> str:
    seconds = total // _XLSX_ROWS_A_SECOND
    return "Starts right away." if seconds < 2 else f"Takes about {seconds:,} seconds to start."


_draw_downloads = ui.fragment(_draw_or_rerun, every=_REFRESH_SECONDS)

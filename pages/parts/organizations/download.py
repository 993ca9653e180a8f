"""The menu that downloads all organizations of a view, and how far such a download has come."""

from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

import streamlit as st

from core.access.permissions import Actor
from core.base import clock
from core.base.settings import settings
from core.organizations import filters, transfers
from core.organizations.csv_export import Format
from core.organizations.export_process import XLSX_ROWS
from core.organizations.org_views import FEW, View
from core.organizations.transfers import Transfer
from pages import ui
from pages.ui import elements

_NAMES: Final = {Format.CSV: "CSV", Format.XLSX: "XLSX", Format.PARQUET: "Parquet"}
_XLSX_ROWS_A_SECOND: Final = 10_000
"""What a slow machine manages."""
_LOOKS_EVERY: Final = 1.0
"""Seconds after which the page looks how far a download is."""
_BEGINS_WITHIN: Final = timedelta(seconds=5)
_BEGUN: Final = "download-begun"
_MEGABYTE: Final = 10**6


def offer(view: View, total: int) -> None:
    """Draw the menu; `total` is how many there are, as far as that has been counted."""
    menu = st.popover(
        "Download", icon=":material/download:", type="tertiary", key="download", on_change="rerun"
    )
    if menu.open:
        with menu:
            _draw_menu(view, total)


def _draw_menu(view: View, total: int) -> None:
    here = urlsplit(st.context.url or settings().public_url)
    start = f"{here.scheme}://{here.netloc}/download/organizations"
    query = filters.to_query(view)
    is_capped = total == FEW + 1
    many = f"more than {FEW:,} organizations" if is_capped else ui.count(total, "organization")
    st.markdown(f"All that fit: **{many}**. Times are in UTC.")
    for form, name in _NAMES.items():
        address = f"{start}.{form}?{query}".rstrip("?")
        st.link_button(name, address, key=f"download-{form}", on_click=_note_begin, width="stretch")
        st.markdown(ui.quiet(_expectation(form, total, is_capped=is_capped)))


def draw_progress(actor: Actor, total: int) -> None:
    """Draw how far each download of this person is, with a way to stop it; nothing without one."""
    if _is_beginning() or transfers.list_of(actor):
        _draw_transfers(actor, total)


def _look(actor: Actor, total: int) -> None:
    running = transfers.list_of(actor)
    for transfer in running:
        _draw_transfer(transfer, total)
    if running:
        st.session_state.pop(_BEGUN, None)
    elif not _is_beginning():
        st.rerun(scope="app")  # it is over: nothing is to be looked for any more


def _is_beginning() -> bool:
    begun: datetime | None = st.session_state.get(_BEGUN)
    return begun is not None and clock.now() - begun < _BEGINS_WITHIN


def _note_begin() -> None:
    st.session_state[_BEGUN] = clock.now()


def _draw_transfer(transfer: Transfer, total: int) -> None:
    rows = transfer.count_rows()
    is_counted = total != FEW + 1 and rows <= total
    of_all = f" of {total:,}" if is_counted else ""
    sent = f" · {transfer.sent / _MEGABYTE:,.0f} MB" if transfer.sent else ""
    words = f"**{_NAMES[transfer.form]}** · {rows:,}{of_all} organizations{sent}"
    with elements.row(wrap=False, key=f"transfer-{id(transfer)}"):
        st.progress(rows / total if is_counted and total else 0.0, words)
        st.button(
            "Stop",
            icon=":material/close:",
            type="tertiary",
            key=f"stop-{id(transfer)}",
            on_click=transfer.stop,
        )


def _expectation(form: Format, total: int, *, is_capped: bool) -> str:
    """Return what to expect of a download, in a sentence."""
    if form is not Format.XLSX:
        return "Begins at once." if form is Format.CSV else "For pandas, DuckDB and others."
    if is_capped or total > XLSX_ROWS:
        return f"For Excel, the first {XLSX_ROWS:,} rows; begins after two minutes for so many."
    return f"For Excel; begins {_wait(total)}."


def _wait(total: int) -> str:
    seconds = total // _XLSX_ROWS_A_SECOND
    return "at once" if seconds < 2 else f"after about {seconds:,} seconds"


_draw_transfers = ui.fragment(_look, every=_LOOKS_EVERY)

"""The menu that downloads all organizations of a view, not only the page of them."""

from typing import Final
from urllib.parse import urlsplit

import streamlit as st

from core import org_addresses
from core.export_files import XLSX_ROWS
from core.exports import Format
from core.org_views import FEW, View
from core.settings import settings
from pages import ui

_NAMES: Final = {Format.CSV: "CSV", Format.XLSX: "XLSX", Format.PARQUET: "Parquet"}
_XLSX_ROWS_A_SECOND: Final = 10_000
"""What a slow machine manages."""


def offer(view: View, total: int) -> None:
    """Draw the menu; `total` is how many there are, as far as that has been counted."""
    here = urlsplit(st.context.url or settings().public_url)
    start = f"{here.scheme}://{here.netloc}/download/organizations"
    query = org_addresses.to_query(view)
    is_capped = total == FEW + 1
    with st.popover("Download", icon=":material/download:", type="tertiary", key="download"):
        many = f"more than {FEW:,} organizations" if is_capped else ui.count(total, "organization")
        st.markdown(f"All that fit: **{many}**. Times are in UTC.")
        for form, name in _NAMES.items():
            address = f"{start}.{form}?{query}".rstrip("?")
            st.link_button(name, address, key=f"download-{form}", width="stretch")
            st.markdown(ui.quiet(_expectation(form, total, is_capped=is_capped)))


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

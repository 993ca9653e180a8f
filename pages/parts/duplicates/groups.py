"""What many organizations share: too many for their pairs to mean anything."""

from typing import Final
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from core.duplicates.matching import MAX_GROUP
from core.organizations.look_alikes import Reason
from pages import ui

_KINDS: Final = {
    Reason.WEBSITE: "Website",
    Reason.NAME: "Name",
    Reason.PHONE: "Phone",
    Reason.EMAIL: "Email domain",
}
_COLUMNS: Final = {
    "value": ui.column.link("Shared", href="href"),
    "kind": ui.column.text("What", width=120),
    "size": ui.column.number("Organizations", width=120, phone="end"),
}


def draw(shared: pd.DataFrame) -> None:
    """Draw the largest groups, each with a link to its organizations where search finds them."""
    if shared.empty:
        return
    links = [_href(*each) for each in zip(shared["reason"], shared["value"], strict=True)]
    kinds = [_KINDS[reason] for reason in shared["reason"]]
    with st.expander(f"Shared by more than {MAX_GROUP} organizations", key="duplicate-groups"):
        ui.table(
            shared.assign(kind=kinds, href=pd.Series(links, dtype=object)),
            _COLUMNS,
            key="duplicate-groups-table",
            label="Shared by many",
            row_id="key",
            paging=ui.Paging(len(shared), "The largest first"),
            fills_window=False,
        )


def _href(reason: Reason, value: str) -> str | None:
    """Return the list of the organizations; phones are not searched for."""
    return None if reason is Reason.PHONE else f"/organizations?{urlencode({'q': value})}"

"""What was merged into an organization: when, and the button that takes it apart again."""

from collections.abc import Sequence

import streamlit as st

from core.changes.undo_marks import Offer
from core.duplicates.merging import MergedIn
from pages import ui
from pages.parts.changes.undo import open_dialog
from pages.ui import elements


def draw_merges(merges: Sequence[MergedIn]) -> None:
    """Draw a line for each organization that was merged into the one of the page."""
    for merged in merges:
        with elements.row(key=f"merged-in-{merged.public_id}"):
            st.markdown(
                f":small[:material/info: {ui.esc(merged.name)} ({merged.public_id}) was merged "
                f"into this organization on {ui.day(merged.at)}]",
                width="content",
            )
            if merged.entry_id is not None:
                st.button(
                    "Undo",
                    key=f"undo-merge-{merged.public_id}",
                    type="tertiary",
                    on_click=open_dialog,
                    args=([merged.entry_id], Offer.UNDO),
                )

"""What administrators do with organizations in a dialog: restore a deleted one."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.access.permissions import Actor
from core.organizations import organizations
from pages import ui


def offer_restore(actor: Actor, rows: pd.DataFrame, org_ids: Sequence[int]) -> None:
    """Draw the action `Restore` for a deleted organization that is selected."""
    names = dict(zip(rows["id"], rows["name"], strict=True))
    pressed = st.button(
        "Restore",
        icon=":material/restore_from_trash:",
        key="restore-organization",
        disabled=len(org_ids) > 1,
        help="Everybody in it comes back, too." if len(org_ids) == 1 else "One at a time.",
    )
    if pressed:
        told = f"{names[org_ids[0]]} is restored."
        ui.save(told, organizations.restore, actor, org_ids[0])

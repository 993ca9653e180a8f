"""Who belonged here within 90 days: the table, and `Reinstate`."""

from typing import Final

import pandas as pd
import streamlit as st

from core.access.permissions import Actor
from core.database import db
from core.members import members
from core.models import Organization, Role
from pages import ui
from pages.parts.members.dialogs import Row
from pages.ui import badges, elements
from pages.ui.tables import RowMenu, menu_cells, truncate

REINSTATE: Final = "Reinstate"


def draw(actor: Actor, org: Organization, offered: list[Role], search: str) -> None:
    """Draw former members, and reinstate the one who was chosen."""
    with db.read() as session:
        former = members.former_table(session, actor, org.id, search=search)
    if former.empty:
        head = "Nobody found" if search else "Nobody left in the last 90 days"
        elements.empty_state("history", head, "Who is removed stands here and can be reinstated.")
        return
    menu = RowMenu("former-menu", former, "user_id")
    with st.container(key="former-table"):
        _draw_table(former, menu, offered)
    st.markdown(ui.quiet("With the role from before. Who left alone is invited again instead."))
    if chosen := menu.chosen():
        _reinstate(actor, org, chosen[1])


def _draw_table(former: pd.DataFrame, menu: RowMenu, offered: list[Role]) -> None:
    config = st.column_config
    rows: list[Row] = [{str(k): v for k, v in row.items()} for row in former.to_dict("records")]
    st.dataframe(
        former.assign(
            avatar=[elements.avatar_url(row["name"], row["user_id"]) for row in rows],
            name=former["name"].map(lambda name: truncate(name, 20)),
            email=former["email"].map(lambda email: truncate(email, 22)),
            role=menu_cells([[str(row["role"])] for row in rows]),
            how=[_how(row) for row in rows],
            menu=menu_cells([_labels(row, offered) for row in rows]),
        ),
        hide_index=True,
        height="content",
        column_order=["avatar", "name", "email", "role", "how", "removed_at", "joined_at", "menu"],
        column_config={
            "avatar": config.ImageColumn("", width=36),
            "name": config.TextColumn("Name", width=130),
            "email": config.TextColumn("Email", width=158),
            "role": badges.role_column(),
            "how": config.TextColumn("How", width=132),
            "removed_at": config.DatetimeColumn("When", format="distance", width=114),
            "joined_at": config.DatetimeColumn("Joined", format="D MMM YYYY", width=92),
            "menu": menu.column(96),
        },
        row_height=36,
    )


def _how(row: Row) -> str:
    if row["has_left"]:
        return "left"
    return f"removed by {truncate(row['removed_by'], 24)}" if row["removed_by"] else "removed"


def _labels(row: Row, offered: list[Role]) -> list[str]:
    """Return the menu of a row: nobody brings back a higher role, or who left alone."""
    is_within = row["role"] in offered and not row["has_left"]
    return [f":material/person_add: {REINSTATE}"] if is_within else []


def _reinstate(actor: Actor, org: Organization, row: Row) -> None:
    told = f"{row['name']} belongs to {org.name} again."
    ui.save(told, members.reinstate, actor, org.id, int(row["user_id"]))

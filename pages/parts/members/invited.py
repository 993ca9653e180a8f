"""Who was invited, and what became of it: the table and its menu."""

from typing import Final

import pandas as pd
import streamlit as st

from core.access.permissions import Actor
from core.base import clock
from core.database import db
from core.members import invitations
from core.members.invitations import State
from core.models import Organization, Role
from pages import ui
from pages.parts.members import dialogs
from pages.ui import badges, elements
from pages.ui.tables import RowMenu, menu_cells, truncate

MENU: Final = {
    "Resend": "forward_to_inbox",
    "Copy link": "link",
    dialogs.EDIT_ROLES: "manage_accounts",
    "Revoke": "block",
}
STATE_COLORS: Final = {
    State.PENDING: "blue",
    State.EXPIRED: "orange",
    State.ACCEPTED: "green",
    State.DECLINED: "gray",
    State.REVOKED: "gray",
}


def draw(actor: Actor, org: Organization, offered: list[Role], search: str) -> None:
    """Draw who is invited, and do what was chosen about one of them."""
    with db.read() as session:
        counts = invitations.counts(session, actor, org.id)
    states = _ask_states(counts)
    wanted = sum(counts[state] for state in states or State)
    place, page = st.container(key="invited-table"), _ask_page(wanted, f"{search}-{states}")
    with db.read() as session:
        found = invitations.table(session, actor, org.id, search=search, states=states, page=page)
    with place:
        if found.empty:
            is_narrowed = bool(search or sum(counts.values()))
            head = "Nobody found" if is_narrowed else "Nobody has been invited yet"
            elements.empty_state("mail", head, "Press Invite user to invite colleagues by mail.")
        else:
            menu = RowMenu("invited-menu", found, "id")
            _draw_table(found, menu, offered)
            if chosen := menu.chosen():
                _do(actor, org, *chosen)
    dialogs.draw(actor, org)
    ui.draw_dialog("copy-link", "Copy link", _draw_link, actor, org, icon=":material/link:")


def _ask_states(counts: dict[State, int]) -> list[State]:
    """Draw the states with their numbers, and return those that are chosen; all but accepted."""
    return st.pills(
        "State",
        list(State),
        selection_mode="multi",
        default=[state for state in State if state is not State.ACCEPTED],
        format_func=lambda state: f"{state} {counts[state]:,}",
        label_visibility="collapsed",
        key="invited-states",
    )


def _ask_page(count: int, shown: str) -> int:
    pages = -(-count // invitations.PER_PAGE)
    if pages < 2:
        return 1
    with elements.row(key="invited-pages"):
        st.markdown(ui.quiet(ui.count(count, "invitation")), width="stretch")
        return st.pagination(pages, key=f"invited-page-{count}-{shown}")


def _draw_table(invited: pd.DataFrame, menu: RowMenu, offered: list[Role]) -> None:
    config = st.column_config
    st.dataframe(
        _dressed(invited, offered),
        hide_index=True,
        height="content",
        column_order=[
            *("email", "role", "state", "invited_by", "sent_at", "expires_at"),
            *("delivery", "reminders", "menu"),
        ],
        column_config={
            "email": config.TextColumn("Email", width=190),
            "role": badges.role_column(),
            "state": config.MultiselectColumn(
                "State",
                width=84,
                options=[str(state) for state in STATE_COLORS],
                color=list(STATE_COLORS.values()),
            ),
            "invited_by": config.TextColumn("Invited by", width=94),
            "sent_at": config.DatetimeColumn("Sent", format="distance", width=114),
            "expires_at": config.DatetimeColumn("Expires", format="distance", width=78),
            "delivery": config.TextColumn("Delivery", width=72),
            "reminders": config.TextColumn("Reminders", width=76),
            "menu": menu.column(),
        },
        row_height=36,
    )


def _dressed(invited: pd.DataFrame, offered: list[Role]) -> pd.DataFrame:
    """Return invitations as the table shows them; only pending ones within reach have a menu."""
    facts = zip(invited["state"], invited["role"], strict=True)
    failed = "failed: " + invited["delivery_error"].fillna("").astype(str)
    now = clock.now()
    return invited.assign(
        email=invited["email"].map(lambda email: truncate(email, 28)),
        role=invited["role"].map(lambda role: [str(role)]),
        state=invited["state"].map(lambda state: [str(state)]),
        invited_by=invited["invited_by"].map(lambda name: truncate(name, 15)),
        delivery=invited["delivery"].where(invited["delivery"] != "failed", failed),
        reminders=[
            "none" if bool(pd.isna(at)) else f"1, {ui.ago(at, now)}"
            for at in invited["reminded_at"]
        ],
        menu=menu_cells([_labels(state) if role in offered else [] for state, role in facts]),
    )


def _labels(state: str) -> list[str]:
    """Return the menu of an invitation: what has expired has no link worth a copy."""
    if state not in {State.PENDING, State.EXPIRED}:
        return []
    left_out = {"Copy link"} if state == State.EXPIRED else set()
    return [f":material/{icon}: {each}" for each, icon in MENU.items() if each not in left_out]


def _do(actor: Actor, org: Organization, label: str, row: dialogs.Row) -> None:
    email, invitation_id = row["email"], int(row["id"])
    if label == "Resend":
        told = f"A new link is on its way to {email}."
        ui.save(told, invitations.resend, actor, org.id, invitation_id)
    elif label == "Revoke":
        told = f"The invitation of {email} is revoked."
        ui.save(told, invitations.revoke, actor, org.id, invitation_id)
    elif label == "Copy link":
        ui.open_dialog("copy-link", row)
    else:
        dialogs.open_roles(row)


def _draw_link(actor: Actor, org: Organization, row: dialogs.Row) -> None:
    with db.read() as session:
        link = invitations.link(session, actor, org.id, int(row["id"]))
    st.code(link, language=None, wrap_lines=True)
    st.markdown(
        ui.quiet(
            f"For {ui.esc(row['email'])} alone. Without an account one signs up first; "
            "only the mailed link does both in one go."
        )
    )

"""Who is invited and has not come yet: the table, its menu, and `Invite user`."""

from typing import Final

import pandas as pd
import streamlit as st

from core import db, invitations
from core.models import Organization, Role
from core.permissions import Actor
from pages import members_dialogs, ui
from pages.ui import badges, cards
from pages.ui.row_menus import RowMenu, cells, shortened

MENU: Final = {
    "Resend": "forward_to_inbox",
    "Copy link": "link",
    members_dialogs.EDIT_ROLES: "manage_accounts",
    "Revoke": "block",
}
STATE_COLORS: Final = {
    "pending": "blue",
    "expired": "orange",
    "accepted": "green",
    "declined": "gray",
    "revoked": "gray",
}


def draw(actor: Actor, org: Organization, offered: list[Role], search: str) -> None:
    """Draw who is invited, and do what was chosen about one of them."""
    with db.read() as session:
        invited = invitations.table(session, actor, org.id, search=search)
    if invited.empty:
        head = "Nobody found" if search else "Nobody is invited right now"
        cards.empty("mail", head, "Press Invite user to invite colleagues by mail.")
        return
    menu = RowMenu("invited-menu", invited, "id")
    with st.container(key="invited-table"):
        _draw_table(invited, menu, offered)
    if chosen := menu.chosen():
        _do(actor, org, *chosen)
    members_dialogs.draw(actor, org)
    ui.draw_dialog("copy-link", "Copy link", _draw_link, actor, org, icon=":material/link:")


def draw_invite(actor: Actor, org: Organization, offered: list[Role]) -> None:
    """Draw the form that invites people, several at once."""
    with ui.form("invite") as form:
        emails = form.field(
            st.text_area,
            "emails",
            "Email",
            hint="Several at once: separate them by commas, or write one on each line.",
            placeholder="",
            height=96,
        )
        role = form.field(
            st.segmented_control,
            "role",
            "Role",
            options=offered,
            default=Role.MEMBER,
            required=True,
            format_func=badges.label,
        )
        st.markdown(ui.quiet("Each gets a link that works for 72 hours."))
        pressed = form.submit("Invite")
    if pressed:
        told = "The invitations are on their way."
        form.save(told, invitations.invite, actor, org.id, emails, role=Role(role))


def _draw_table(invited: pd.DataFrame, menu: RowMenu, offered: list[Role]) -> None:
    config = st.column_config
    st.dataframe(
        _dressed(invited, offered),
        hide_index=True,
        height="content",
        column_order=[
            *("email", "role", "state", "invited_by", "sent_at", "expires_at", "delivery", "menu"),
        ],
        column_config={
            "email": config.TextColumn("Email", width=280),
            "role": badges.role_column(),
            "state": config.MultiselectColumn(
                "State", width=100, options=list(STATE_COLORS), color=list(STATE_COLORS.values())
            ),
            "invited_by": config.TextColumn("Invited by"),
            "sent_at": config.DatetimeColumn("Sent", format="distance", width=110),
            "expires_at": config.DatetimeColumn("Expires", format="distance", width=110),
            "delivery": config.TextColumn("Delivery"),
            "menu": menu.column(),
        },
        row_height=36,
    )


def _dressed(invited: pd.DataFrame, offered: list[Role]) -> pd.DataFrame:
    """Return invitations as the table shows them; only pending ones within reach have a menu."""
    menu = [f":material/{icon}: {label}" for label, icon in MENU.items()]
    is_open = invited["state"].isin(["pending", "expired"]) & invited["role"].isin(offered)
    failed = "failed: " + invited["delivery_error"].fillna("").astype(str)
    return invited.assign(
        email=invited["email"].map(shortened),
        role=invited["role"].map(lambda role: [str(role)]),
        state=invited["state"].map(lambda state: [str(state)]),
        invited_by=invited["invited_by"].map(shortened),
        delivery=invited["delivery"].where(invited["delivery"] != "failed", failed),
        menu=cells([menu if each else [] for each in is_open]),
    )


def _do(actor: Actor, org: Organization, label: str, row: members_dialogs.Row) -> None:
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
        ui.open_dialog("edit-roles", row)


def _draw_link(actor: Actor, org: Organization, row: members_dialogs.Row) -> None:
    with db.read() as session:
        link = invitations.link(session, actor, org.id, int(row["id"]))
    st.code(link, language=None, wrap_lines=True)
    st.markdown(
        ui.quiet(
            f"For {ui.esc(row['email'])} alone. Without an account one signs up first; "
            "only the mailed link does both in one go."
        )
    )

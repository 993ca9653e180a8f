"""The table Invited Users of Access Control, and the dialog Invite user."""

from typing import Final

import pandas as pd
import streamlit as st

from core.access.permissions import Actor
from core.base import clock
from core.base.errors import AddressesRefused
from core.database import db
from core.members import invitations
from core.members.invitations import State
from core.models import Organization, Role
from pages import ui
from pages.parts.members import dialogs
from pages.ui import authentication, badges, elements
from pages.ui.tables import RowMenu, menu_cells, truncate

_MENU: Final = {
    "Resend": "forward_to_inbox",
    "Copy link": "link",
    dialogs.EDIT_ROLES: "manage_accounts",
    "Revoke": "block",
}
_STATE_COLORS: Final = {
    State.PENDING: "blue",
    State.EXPIRED: "orange",
    State.ACCEPTED: "green",
    State.DECLINED: "gray",
    State.REVOKED: "gray",
}


def draw(actor: Actor, org: Organization, grantable: list[Role], search: str) -> None:
    """Draw one page of invitations, and run the action chosen from a row's menu."""
    with db.read() as session:
        counts = invitations.count_by_state(session, actor, org.id)
    states = _state_filter(counts)
    wanted = sum(counts[state] for state in states or State)
    table, page = st.container(key="invited-table"), _page_number(wanted, f"{search}-{states}")
    with db.read() as session:
        found = invitations.table(session, actor, org.id, search=search, states=states, page=page)
    with table:
        if found.empty:
            is_narrowed = bool(search or sum(counts.values()))
            head = "Nobody found" if is_narrowed else "Nobody has been invited yet"
            elements.empty_state("mail", head, "Press Invite user to invite colleagues by mail.")
        else:
            menu = RowMenu("invited-menu", found, "id")
            _draw_table(found, menu, grantable)
            if chosen := menu.chosen():
                _run_action(actor, org, *chosen)
    dialogs.draw(actor, org)
    ui.draw_dialog("copy-link", "Copy link", _draw_link, actor, org, icon=":material/link:")


def _state_filter(counts: dict[State, int]) -> list[State]:
    """Draw the filter by state with counts, and return the states chosen; not accepted at first."""
    return st.pills(
        "State",
        list(State),
        selection_mode="multi",
        default=[state for state in State if state is not State.ACCEPTED],
        format_func=lambda state: f"{state} {counts[state]:,}",
        label_visibility="collapsed",
        key="invited-states",
    )


def _page_number(count: int, filters: str) -> int:
    pages = -(-count // invitations.PER_PAGE)
    if pages < 2:
        return 1
    with elements.row(key="invited-pages"):
        st.markdown(ui.quiet(ui.count(count, "invitation")), width="stretch")
        return st.pagination(pages, key=f"invited-page-{count}-{filters}")


def _draw_table(invited: pd.DataFrame, menu: RowMenu, grantable: list[Role]) -> None:
    config = st.column_config
    st.dataframe(
        _display_columns(invited, grantable),
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
                options=[str(state) for state in _STATE_COLORS],
                color=list(_STATE_COLORS.values()),
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


def _display_columns(invited: pd.DataFrame, grantable: list[Role]) -> pd.DataFrame:
    """Return invitations as displayed; pending ones up to the grantable roles have a menu."""
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
        menu=menu_cells([_menu(state) if role in grantable else [] for state, role in facts]),
    )


def _menu(state: str) -> list[str]:
    """Return the menu of an invitation: an expired one has no link to copy."""
    if state not in {State.PENDING, State.EXPIRED}:
        return []
    left_out = {"Copy link"} if state == State.EXPIRED else set()
    return [f":material/{icon}: {each}" for each, icon in _MENU.items() if each not in left_out]


def _run_action(actor: Actor, org: Organization, label: str, row: dialogs.Row) -> None:
    email, invitation_id = row["email"], int(row["id"])
    if label == "Resend":
        notice = f"A new link is on its way to {email}."
        ui.save(notice, invitations.resend, actor, org.id, invitation_id)
    elif label == "Revoke":
        notice = f"The invitation of {email} is revoked."
        ui.save(notice, invitations.revoke, actor, org.id, invitation_id)
    elif label == "Copy link":
        ui.open_dialog("copy-link", row)
    else:
        dialogs.open_roles(row)


def _draw_link(actor: Actor, org: Organization, row: dialogs.Row) -> None:
    with db.read() as session:
        link = invitations.get_link(session, actor, org.id, int(row["id"]))
    st.code(link, language=None, wrap_lines=True)
    st.markdown(
        ui.quiet(
            f"For {ui.esc(row['email'])} alone. Without an account one signs up first; "
            "only the mailed link does both in one go."
        )
    )


def draw_invite_dialog(actor: Actor, org: Organization, grantable: list[Role]) -> None:
    """Draw the dialog Invite user if it is open."""
    icon = ":material/person_add:"
    ui.draw_dialog(
        "invite", "Invite user", _draw_invite_form, actor, org, grantable, width="medium", icon=icon
    )


def _draw_invite_form(actor: Actor, org: Organization, grantable: list[Role]) -> None:
    with ui.form("invite") as form:
        emails = form.field(
            st.text_area,
            "emails",
            "Email",
            hint="Several at once: separate them by commas, or write one on each line.",
            placeholder="",
            height=96,
        )
        refusals = st.container(key="invite-answers", gap="xxsmall")
        role = form.field(
            st.segmented_control,
            "role",
            "Role",
            options=grantable,
            default=Role.MEMBER,
            required=True,
            format_func=badges.label,
        )
        may_invite_owners = Role.OWNER in grantable
        hint = "Only needed to invite an owner."
        password = form.current_password(hint=hint) if may_invite_owners else ""
        st.markdown(ui.quiet("Each gets a link that works for 72 hours."))
        pressed = form.submit("Invite")
    if pressed and (
        role != Role.OWNER or form.prepare(authentication.verify_password, actor, password)
    ):
        notice = "The invitations are on their way."
        form.save(notice, invitations.invite, actor, org.id, emails, role=Role(role))
    if isinstance(form.error, AddressesRefused):
        with refusals:
            _draw_refusals(form, form.error)


def _draw_refusals(form: ui.Form, refused: AddressesRefused) -> None:
    """Draw the result for each address, and a button that drops the refused ones."""
    if not any(address for address, _ in refused.results):
        return
    form.set_error("emails", "Nobody is invited yet. Mend these addresses, or leave them out.")
    for address, why in refused.results:
        if why:
            notice = why if address in why else f"{address or 'An empty line'}: {why}"
            st.markdown(ui.refusal(notice))
        else:
            can = ui.esc(address)
            st.markdown(f":small[:green[:material/check: {can} can be invited.]]")
    if refused.valid:
        st.form_submit_button(
            "Leave the others out",
            key="invite-leave-out",
            type="tertiary",
            on_click=_keep_valid,
            args=(form.key("emails"), refused.valid),
        )


def _keep_valid(key: str, fine: list[str]) -> None:
    st.session_state[key] = "\n".join(fine)

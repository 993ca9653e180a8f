"""The table Invited Users of Access Control, and the dialog Invite user."""

from collections.abc import Sequence
from typing import Final

import pandas as pd
import streamlit as st

from core.access.permissions import Actor
from core.base import clock
from core.base.errors import AddressesRefused
from core.database import db
from core.members import invitations, invitees
from core.members.invitations import State
from core.models import Organization, Role
from pages import ui
from pages.parts.members import dialogs
from pages.ui import authentication, badges, elements
from pages.ui.column import Column, Style

_ACTIONS: Final = (
    ui.Action("resend", "Resend", "forward_to_inbox"),
    ui.Action("copy-link", "Copy link", "link"),
    ui.Action("edit-roles", dialogs.EDIT_ROLES, "manage_accounts"),
    ui.Action("revoke", "Revoke", "block"),
)
_LIMITS: Final = (
    f"Separate several by commas or lines, up to {invitees.MAX_LISTED}. We email "
    f"{invitees.MAX_PER_MINUTE} a minute and {invitees.MAX_PER_DAY} a day; the others wait under "
    "Invited Users."
)
_PAUSED: Final = (
    "Paused invitations are from organizations that were merged into this one. They work again if "
    "the merge is undone before they expire."
)
_MAX_REFUSALS: Final = 20
_STATES: Final = {
    State.PENDING: Style("Pending", "blue"),
    State.EXPIRED: Style("Expired", "orange"),
    State.ACCEPTED: Style("Accepted", "green"),
    State.DECLINED: Style("Declined", "gray"),
    State.REVOKED: Style("Revoked", "gray"),
    State.PAUSED: Style("Paused", "gray"),
}


def draw(actor: Actor, org: Organization, grantable: Sequence[Role], search: str) -> None:
    """Draw one page of invitations, and do what is asked for in a row."""
    with db.read() as session:
        counts = invitations.count_by_state(session, actor, org.id)
    states, page = _state_filter(counts), ui.page_number()
    with db.read() as session:
        found = invitations.table(session, actor, org.id, search=search, states=states, page=page)
    facts = zip(found["state"], found["role"], strict=True)
    actions = [_actions(state) if role in grantable else [] for state, role in facts]
    total = sum(counts[state] for state in states or State)
    asked = ui.table(
        _displayed(found, actions),
        _columns(grantable, has_paused=counts[State.PAUSED] > 0),
        key="invited",
        label="Invited users",
        actions=_ACTIONS,
        allowed=actions,
        paging=ui.numbered_pages(page, invitations.PER_PAGE, total, "invitation"),
        scope=(search, states),
        empty=_describe_nothing(
            is_narrowed=bool(search or sum(counts.values())), may_invite=bool(grantable)
        ),
    )
    if counts[State.PAUSED]:
        st.markdown(ui.quiet(_PAUSED))
    if asked:
        _do(actor, org, asked)
    ui.draw_dialog("copy-link", "Copy link", _draw_link, actor, org, icon=":material/link:")
    ui.draw_dialog("revoke", "Revoke invitation", _draw_revoke, actor, org)


def _columns(grantable: Sequence[Role], *, has_paused: bool) -> dict[str, Column]:
    """Return the columns of the table; paused ones are of another organization, which is named."""
    organization = {"organization": ui.column.text("Organization", width=150, phone="whole")}
    return {
        "email": ui.column.text("Email", is_whole=True),
        "role": dialogs.role_column(grantable, is_fixed="is_fixed"),
        "state": ui.column.badge("State", _STATES, width=104),
        **(organization if has_paused else {}),
        "invited_by": ui.column.text("Invited by", width=130, phone="hide"),
        "sent_at": ui.column.moment("Sent", width=112, phone="hide"),
        "expires_at": ui.column.moment("Expires", width=104, phone="hide"),
        "delivery": ui.column.text("Delivery", width=130, phone="hide"),
        "reminders": ui.column.text("Reminders", width=120, phone="hide"),
    }


def _describe_nothing(*, is_narrowed: bool, may_invite: bool) -> tuple[str, str]:
    """Return what an empty table says: why it is empty, and what to do next."""
    if is_narrowed:
        return "No one found", "Try part of an email address, or another state."
    press = "Press Invite user to invite colleagues by email."
    return "No one has been invited yet", press if may_invite else "Invitations appear here."


def _state_filter(counts: dict[State, int]) -> list[State]:
    """Draw the filter by state with counts, and return the states chosen; not accepted at first."""
    offered = [state for state in State if state is not State.PAUSED or counts[state]]
    return st.pills(
        "State",
        offered,
        selection_mode="multi",
        default=[state for state in offered if state is not State.ACCEPTED],
        format_func=lambda state: f"{state.capitalize()} {counts[state]:,}",
        label_visibility="collapsed",
        on_change=ui.first_page,
        key="invited-states",
    )


def _displayed(invited: pd.DataFrame, actions: Sequence[Sequence[str]]) -> pd.DataFrame:
    """Return invitations as displayed; the role of those without actions is fixed."""
    failed = "Failed: " + invited["delivery_error"].fillna("").astype(str)
    delivery = invited["delivery"].astype(str).str.capitalize()
    now = clock.now()
    return invited.assign(
        delivery=delivery.where(invited["delivery"] != "failed", failed),
        reminders=[
            "None" if bool(pd.isna(at)) else f"1, {ui.ago(at, now)}"
            for at in invited["reminded_at"]
        ],
        is_fixed=[not each for each in actions],
    )


def _actions(state: str) -> list[str]:
    """Return what can be done with an invitation: an expired one has no link to copy."""
    if state not in {State.PENDING, State.EXPIRED}:
        return []
    left_out = {"copy-link"} if state == State.EXPIRED else set()
    return [action.name for action in _ACTIONS if action.name not in left_out]


def _do(actor: Actor, org: Organization, asked: ui.Asked) -> None:
    """Do what was asked for with an invitation, or open the dialog that does it."""
    row = dict(asked.record)
    if asked.action == "resend":
        notice = f"New link sent to {row['email']}"
        ui.save(notice, invitations.resend, actor, org.id, asked.row)
    elif asked.action == "edit-roles":
        dialogs.open_roles(row, asked.value)
    else:
        ui.open_dialog(asked.action, row)


def _draw_revoke(actor: Actor, org: Organization, row: dialogs.Row) -> None:
    """Draw the question before an invitation is revoked."""
    email = ui.esc(row["email"])
    st.markdown(f"The link sent to **{email}** stops working, and they are notified by email.")
    form = ui.fields("revoke")
    if form.buttons("Revoke", key="revoke-submit"):
        notice = f"Invitation of {row['email']} revoked"
        form.save(notice, invitations.revoke, actor, org.id, int(row["id"]))


def _draw_link(actor: Actor, org: Organization, row: dialogs.Row) -> None:
    with db.read() as session:
        link = invitations.get_link(session, actor, org.id, int(row["id"]))
    elements.code_block(link, "Copy link", key="invitation-link")
    st.markdown(
        ui.quiet(
            f"Only for {ui.esc(row['email'])}. People without an account sign up first; only the "
            "emailed link does both in one step."
        )
    )


def draw_invite_dialog(actor: Actor, org: Organization, grantable: Sequence[Role]) -> None:
    """Draw the dialog Invite user if it is open."""
    icon = ":material/person_add:"
    ui.draw_dialog(
        "invite", "Invite user", _draw_invite_form, actor, org, grantable, width="medium", icon=icon
    )


def open_from_link() -> None:
    """Open the dialog for the address in the link of an email, once."""
    if address := st.query_params.get("invite"):
        del st.query_params["invite"]
        ui.open_dialog("invite", address)


def _draw_invite_form(
    actor: Actor, org: Organization, grantable: Sequence[Role], address: str = ""
) -> None:
    with ui.form("invite") as form:
        emails = form.field(
            st.text_area,
            "emails",
            "Email",
            hint=_LIMITS,
            value=address,
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
        st.markdown(ui.quiet("Each person gets a link that works for 72 hours."))
        pressed = form.submit("Invite")
    if pressed and (
        role != Role.OWNER or form.prepare(authentication.verify_password, actor, password)
    ):
        _invite(form, actor, org, emails, Role(role))
    if isinstance(form.error, AddressesRefused):
        with refusals:
            _draw_refusals(form, form.error)


def _invite(form: ui.Form, actor: Actor, org: Organization, emails: str, role: Role) -> None:
    """Invite people, and say how many of them wait for their turn."""
    invited = form.change(invitations.invite, actor, org.id, emails, role=role)
    if invited is None:
        return
    waiting = sum(each.sent_at > clock.now() for each in invited)
    notice = f"{ui.count(len(invited) - waiting, 'invitation')} sent"
    form.reset()
    ui.close_dialog()
    ui.show_notice(f"{notice}, {waiting:,} waiting" if waiting else notice)
    st.rerun()


def _draw_refusals(form: ui.Form, refused: AddressesRefused) -> None:
    """Draw the result for each address, and a button that drops the refused ones."""
    if not any(address for address, _ in refused.results):
        return
    form.set_error("emails", "Nothing sent yet. Fix these addresses or remove them.")
    wrong = [(address, why) for address, why in refused.results if why]
    for address, why in wrong[:_MAX_REFUSALS]:
        notice = why if address in why else f"{address or 'An empty line'}: {why}"
        st.markdown(ui.refusal(notice))
    if (others := len(wrong) - _MAX_REFUSALS) > 0:
        st.markdown(ui.refusal(f"{others:,} more can't be invited."))
    if fine := len(refused.valid):
        can = ui.count(fine, "other address", "other addresses")
        st.markdown(f":small[:green[:material/check: {can} can be invited.]]")
    if refused.valid:
        st.form_submit_button(
            "Remove invalid addresses",
            key="invite-leave-out",
            type="tertiary",
            on_click=_keep_valid,
            args=(form.key("emails"), refused.valid),
        )


def _keep_valid(key: str, fine: list[str]) -> None:
    st.session_state[key] = "\n".join(fine)

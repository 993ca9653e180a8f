"""The table of accounts, and the dialogs in which administrators change one."""

from typing import Any, Final

import pandas as pd
import streamlit as st

from core.access.permissions import Actor
from core.accounts import administration, password_reset
from core.accounts.administration import Page
from core.base import parameters
from core.base.clock import now
from core.database import db
from core.members import account_access
from core.models import Staff, User
from pages import ui
from pages.parts.organizations import hand_over
from pages.ui import authentication, elements
from pages.ui.column import Style
from pages.ui.dialogs import open_dialog
from pages.ui.forms import Form, fields, form
from pages.ui.text import ago, day, esc, quiet

_OLDER: Final = "older_than"
_NEWER: Final = "newer_than"
_NO_STAFF_ROLE: Final = "None"
_STAFF: Final = {staff: Style(staff.capitalize(), "blue") for staff in Staff}
_STATES: Final = {
    "active": Style("Active", ""),
    "disabled": Style("Disabled", "red", "block"),
    "not confirmed": Style("Not confirmed", "orange", "mark_email_unread"),
}


def draw_filter() -> tuple[str, bool]:
    """Draw the filters; return the search text and whether to list only staff."""
    with elements.row(key="people-filter"):
        search = elements.search_field("Name or email", width=280, on_change=_first_page)
        staff_only = st.toggle(
            "Staff only", key="staff", bind="query-params", on_change=_first_page
        )
    return search, staff_only


def read_cursor() -> dict[str, int]:
    """Return the keyset cursor in the page's address; empty for the first page."""
    for name in (_OLDER, _NEWER):
        account_id = parameters.find_row_id(st.query_params.get(name, ""))
        if account_id is not None:
            return {name: account_id}
    return {}


def paging(page: Page) -> ui.Paging:
    """Return the links to newer and older accounts, which keep the cursor in the address."""
    ids = page.rows["user_id"].tolist() or [0]
    newest = {_OLDER: "", _NEWER: ""}
    turns = (
        ui.Turn("Newest", newest if page.has_newer else None),
        ui.Turn("← Newer", newest | {_NEWER: str(ids[0])} if page.has_newer else None),
        ui.Turn("Older →", newest | {_OLDER: str(ids[-1])} if page.has_older else None),
    )
    number = len(ids) if not page.rows.empty else 0
    return ui.Paging(number, ui.count(number, "person", "people"), turns)


def _first_page() -> None:
    for name in (_OLDER, _NEWER):
        st.query_params.pop(name, None)


def draw_table(page: Page) -> None:
    """Draw a page of accounts; a click on a row opens its dialog."""
    asked = ui.table(
        page.rows.assign(
            two_factor=page.rows["two_factor_at"].notna(),
            state=[_state(row) for row in page.rows.to_dict("records")],
        ),
        {
            "name": ui.column.link("Name", seed="user_id"),
            "email": ui.column.text("Email", width=190),
            "staff": ui.column.badge("Staff role", _STAFF, width=130, phone="end"),
            "two_factor": ui.column.two_factor(),
            "state": ui.column.badge("Account", _STATES, width=116),
            "organizations": ui.column.number("Organizations", width=104, phone="hide"),
            "last_seen_at": ui.column.moment("Last seen", width=112, empty="Never"),
            "created_at": ui.column.moment("Joined", shows="day", width=104, phone="hide"),
        },
        key="people",
        label="Accounts",
        row_id="user_id",
        row_action="open",
        paging=paging(page),
        empty=("No matches", "Try the beginning of a name or an address."),
    )
    if asked.action == "open":
        ui.open_dialog("person", asked.row)


def _state(row: dict[Any, Any]) -> str:
    if pd.notna(row["disabled_at"]):
        return "disabled"
    return "active" if pd.notna(row["proven_at"]) else "not confirmed"


def draw_person(actor: Actor, user_id: int) -> None:
    """Draw one account, the form for its staff role and its other actions."""
    with db.read() as session:
        person = administration.get(session, actor, user_id)
    _draw_header(person)
    hand_over.draw_button_for(person.id)
    drawn = fields("person")
    staff = drawn.field(
        st.selectbox,
        "staff",
        "Staff role",
        options=[None, *Staff],
        index=[None, *Staff].index(person.staff),
        format_func=lambda role: role or _NO_STAFF_ROLE,
        hint="Takes effect once two-factor is on. Gaining access requires logging in again.",
    )
    is_same = staff is person.staff
    password = "" if is_same else drawn.current_password()
    drawn.reserve_footer()
    with elements.row():
        pressed = st.button("Save", key="person-save", type="primary", disabled=is_same)
        if pressed and drawn.prepare(authentication.verify_password, actor, password):
            notice = f"Staff role changed to {staff}" if staff else "Staff role removed"
            drawn.save(notice, account_access.set_staff, actor, person.id, staff)
        st.space("stretch")
        _draw_actions(drawn, actor, person)


def _draw_header(person: User) -> None:
    with elements.row(gap="small", wrap=False):
        elements.avatar(person.name, person.id, width=40)
        with st.container(gap=None, width="stretch"):
            st.markdown(f"**{esc(person.name)}**", wrap=False)
            st.text(person.email, wrap=False)
    seen = f"last seen {ago(person.last_seen_at, now())}" if person.last_seen_at else "never seen"
    facts = [f"Joined {day(person.created_at)}", seen]
    if person.proven_at is None:
        facts.append("address not confirmed")
    facts.append("with two-factor" if person.two_factor_at else "without two-factor")
    if person.disabled_at is not None:
        facts.append(f"disabled {ago(person.disabled_at, now())}")
    st.markdown(quiet(" · ".join(facts)))


def _draw_actions(form: Form, actor: Actor, person: User) -> None:
    if person.disabled_at is not None:
        if st.button("Enable", key="person-enable"):
            form.save(f"{person.name} enabled", administration.enable, actor, person.id)
        return
    if st.button("Send password link", key="person-reset"):
        notice = f"Password link sent to {person.name}"
        form.save(notice, password_reset.send_link, actor, person.id)
    if st.button("End sessions", key="person-end-sessions"):
        form.save(f"{person.name} logged out", administration.end_sessions, actor, person.id)
    may_reset = person.two_factor_at is not None and person.id != actor.user_id
    if may_reset and st.button("Reset two-factor", key="person-two-factor"):
        open_dialog("reset-two-factor", person.id)
        st.rerun()
    with st.popover("Disable", key="person-disabling"):
        st.markdown(
            "They're logged out and can't log in until the account is enabled again. Invitations "
            "they have sent are revoked."
        )
        if st.button("Disable account", key="person-disable", type="primary"):
            notice = f"{person.name} disabled and logged out"
            form.save(notice, account_access.disable, actor, person.id)


def draw_two_factor_reset(actor: Actor, user_id: int) -> None:
    """Draw the form that resets a person's two-factor, with a reason."""
    with db.read() as session:
        person = administration.get(session, actor, user_id)
    _draw_header(person)
    st.markdown(
        "For someone who has lost both the device and the recovery codes. Verify their identity "
        "first. All sessions end, and the password alone is enough until two-factor is on again."
    )
    with form("reset-two-factor") as drawn:
        hint = "Included in the email to the person and in history."
        reason = drawn.field(st.text_input, "reason", "Reason", hint=hint)
        pressed = drawn.submit("Reset two-factor")
    if pressed:
        drawn.save(
            f"Two-factor of {person.name} reset",
            administration.reset_two_factor,
            actor,
            person.id,
            reason=reason,
        )

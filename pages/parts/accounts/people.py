"""The table of accounts, and the dialogs in which administrators change one."""

from typing import Any, Final

import pandas as pd
import streamlit as st

from core.access.permissions import Actor
from core.accounts import administration, password_reset
from core.accounts.administration import Page
from core.base.clock import now
from core.database import db
from core.members import account_access
from core.models import Staff, User
from pages.ui import authentication, elements
from pages.ui.dialogs import open_dialog
from pages.ui.forms import Form, fields, form
from pages.ui.tables import RowMenu, truncate
from pages.ui.text import ago, day, esc, quiet

_OLDER: Final = "older_than"
_NEWER: Final = "newer_than"
_NO_STAFF_ROLE: Final = "None"
_ORDER: Final = (
    *("avatar", "name", "email", "staff", "two_factor", "state"),
    *("last_seen_at", "organizations", "created_at"),
)


def draw_filter() -> tuple[str, bool]:
    """Draw the filters; return the search text and whether to list only staff."""
    with elements.row(key="people-filter"):
        search = elements.search_field("Name or email", width=280, on_change=_move)
        staff_only = st.toggle("Staff only", key="staff", bind="query-params", on_change=_move)
    return search, staff_only


def read_cursor() -> dict[str, int]:
    """Return the keyset cursor in the page's address; empty for the first page."""
    for name in (_OLDER, _NEWER):
        account_id = st.query_params.get(name, "")
        if account_id.isascii() and account_id.isdigit() and len(account_id) < 16:
            return {name: int(account_id)}
    return {}


def draw_pagination(page: Page) -> None:
    """Draw the buttons for newer and older accounts, which keep the cursor in the address."""
    ids = page.rows["user_id"].tolist() or [0]
    with elements.row(key="people-turns", width="content"):
        for label, icon, name, account_id, is_enabled in (
            ("Newest", "first_page", "", 0, page.has_newer),
            ("Newer", "chevron_left", _NEWER, ids[0], page.has_newer),
            ("Older", "chevron_right", _OLDER, ids[-1], page.has_older),
        ):
            st.button(
                label,
                icon=f":material/{icon}:",
                icon_position="right" if name == _OLDER else "left",
                type="tertiary",
                disabled=not is_enabled,
                key=f"people-{label.lower()}",
                on_click=_move,
                args=(name, int(account_id)),
            )


def _move(name: str = "", account_id: int = 0) -> None:
    for each in (_OLDER, _NEWER):
        st.query_params.pop(each, None)
    if name:
        st.query_params[name] = str(account_id)


def draw_table(found: pd.DataFrame, *, key: str) -> None:
    """Draw a page of accounts; clicking a name opens its dialog."""
    names = RowMenu("people", found, "user_id")
    rows = found.to_dict("records")
    visible = found.assign(
        avatar=[elements.avatar_url(row["name"], row["user_id"]) for row in rows],
        name=found["name"].map(truncate),
        email=found["email"].map(truncate),
        staff=pd.Series([[str(staff)] if staff else [] for staff in found["staff"]], dtype=object),
        two_factor=["on" if pd.notna(row["two_factor_at"]) else "off" for row in rows],
        state=[_state(row) for row in rows],
    )
    st.dataframe(
        visible,
        key=key,
        hide_index=True,
        row_height=36,
        height="content",
        placeholder="",
        column_order=_ORDER,
        column_config=_columns(names.key),
    )
    if chosen := names.chosen():
        open_dialog("person", int(chosen[1]["user_id"]))


def _columns(names: str) -> dict[str, Any]:
    column = st.column_config
    staff = [str(each) for each in Staff]
    return {
        "avatar": column.ImageColumn("", width=36),
        "name": column.ButtonColumn(
            "Name", type="tertiary", alignment="left", width=145, key=names
        ),
        "email": column.TextColumn("Email", width=205),
        "staff": column.MultiselectColumn("Staff role", options=staff, width=108),
        "two_factor": column.TextColumn("Two-factor", width=78),
        "state": column.TextColumn("Account", width=84),
        "organizations": column.NumberColumn("Organizations", width=92),
        "last_seen_at": column.DatetimeColumn("Last seen", format="distance", width=96),
        "created_at": column.DatetimeColumn("Joined", format="D MMM YYYY", width=110),
    }


def _state(row: dict[Any, Any]) -> str:
    if pd.notna(row["disabled_at"]):
        return "disabled"
    return "active" if pd.notna(row["proven_at"]) else "not confirmed"


def draw_person(actor: Actor, user_id: int) -> None:
    """Draw one account, the form for its staff role and its other actions."""
    with db.read() as session:
        person = administration.get(session, actor, user_id)
    _draw_header(person)
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
    if st.button("Disable", key="person-disable"):
        form.save(
            f"{person.name} disabled and logged out", account_access.disable, actor, person.id
        )


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

"""The table of mails, and the dialog of one mail."""

from collections.abc import Mapping
from typing import Final

import pandas as pd
import streamlit as st

from core.access.permissions import Actor
from core.accounts import administration as accounts
from core.base.clock import now
from core.database import db
from core.mail import administration
from core.mail.administration import MAX_COUNT, PER_PAGE, MailDetails, State
from core.models import Mail
from pages import ui
from pages.ui import authentication, elements
from pages.ui.column import Style
from pages.ui.dialogs import open_dialog
from pages.ui.forms import form, save
from pages.ui.text import ago, capped, count, esc, exact, quiet

_STATES: Final = {
    State.WAITING: Style("Waiting", "gray", "schedule"),
    State.RETRYING: Style("Retrying", "orange", "sync_problem"),
    State.SENT: Style("Sent", "green", "check"),
    State.FAILED: Style("Failed", "red", "error"),
}


def draw_filter(counts: Mapping[State, int]) -> tuple[str, list[State]]:
    """Draw the filters; return the address searched for and the states."""
    with elements.row():
        recipient = elements.search_field("Address", on_change=ui.first_page)
        states = st.pills(
            "State",
            list(State),
            selection_mode="multi",
            format_func=lambda state: f"{state.capitalize()} {capped(counts[state], MAX_COUNT)}",
            label_visibility="collapsed",
            key="state",
            bind="query-params",
            on_change=ui.first_page,
        )
    return recipient or "", list(states)


def draw_retry(actor: Actor, recipient: str, counts: Mapping[State, int]) -> None:
    """Draw the button to retry failed mails if there are any."""
    failed = counts[State.RETRYING] + counts[State.FAILED]
    label = "Retry all failed" if not recipient else "Retry failed for this address"
    if failed and st.button(label, key="mail-retry-failed", icon=":material/send:"):
        notice = "Retrying all failed emails"
        save(notice, administration.retry_failed, actor, recipient=recipient)


def draw_table(found: pd.DataFrame, page: int, empty: tuple[str, str]) -> None:
    """Draw a page of mails, of which `found` has one more if another follows."""
    columns = {
        "subject": ui.column.link("Subject"),
        "recipient": ui.column.text("To", is_whole=True),
        "state": ui.column.badge("State", _STATES, width=108, phone="end"),
        "created_at": ui.column.moment("Queued", width=112),
        "attempts": ui.column.number("Attempts", width=84, phone="hide"),
        "due_at": ui.column.moment("Next attempt", width=112, phone="hide"),
        "error": ui.column.text("Server response", width=260, phone="hide"),
    }
    visible = found.head(PER_PAGE)
    has_more = len(found) > len(visible)
    text = f"{count(len(visible), 'email')}, page {page:,}{', more follow' if has_more else ''}"
    asked = ui.table(
        visible,
        {
            name: each
            for name, each in columns.items()
            if visible.empty or visible[name].notna().any()
        },
        key="mails",
        label="Emails",
        row_action="open",
        paging=ui.Paging(len(visible), text, ui.page_turns(page, has_more=has_more)),
        empty=empty,
    )
    if asked.action == "open":
        open_dialog("mail", asked.row)


def draw_mail(actor: Actor, mail_id: int) -> None:
    """Draw one mail: its state, its text, and what an administrator can do with it."""
    with db.read() as session:
        details = administration.get(session, actor, mail_id)
    st.markdown(f"**{esc(details.content.subject)}**")
    with elements.row(wrap=False):
        st.badge(_STATES[details.state].label, color=_STATES[details.state].color or "gray")
        st.text(details.mail.recipient)
    for line in _history(details):
        st.markdown(quiet(line))
    with st.container(border=True, key="mail-text"):
        st.text(details.content.text.strip())
    if details.has_link:
        _draw_link(actor, details.mail)
    if details.state is not State.SENT:
        _draw_actions(actor, details)


def _draw_link(actor: Actor, mail: Mail) -> None:
    """Draw the form that opens the link of a mail, and the link right after."""
    with form("mail-link") as drawn:
        hint = "Kept in the history of the person or organization, where they can read it."
        reason = drawn.field(st.text_input, "reason", "Reason", hint=hint)
        password = drawn.current_password("Your password")
        pressed = drawn.submit("Open link", kind="secondary")
    if pressed and drawn.prepare(authentication.verify_password, actor, password):
        link = drawn.change(accounts.open_link, actor, mail.id, reason=reason)
        if link:
            st.markdown("Send this link to the recipient only:")
            elements.code_block(link, "Copy link", key="mail-link-opened")


def _draw_actions(actor: Actor, details: MailDetails) -> None:
    with elements.row():
        if details.state is not State.WAITING and st.button(
            "Retry now", key="mail-retry", icon=":material/send:"
        ):
            save("Retrying email", administration.retry, actor, details.mail.id)
        if details.state is not State.FAILED and st.button("Cancel email", key="mail-cancel"):
            save("Email cancelled", administration.cancel, actor, details.mail.id)


def _history(details: MailDetails) -> list[str]:
    """Return the history of a mail, line by line."""
    mail = details.mail
    tried = f"tried {count(mail.attempts, 'time')}" if mail.attempts else "not tried yet"
    lines = [f"Queued {esc(exact(mail.created_at))}, {tried}"]
    if mail.sent_at:
        lines.append(f"Sent {ago(mail.sent_at, now())}")
    elif mail.due_at and mail.attempts:
        lines.append(f"Next attempt {esc(exact(mail.due_at))}")
    if mail.error:
        lines.append(esc(mail.error))
    return lines

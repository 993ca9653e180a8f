"""The table of mails, and the dialog of one mail."""

from collections.abc import Mapping
from typing import Any, Final, Literal

import pandas as pd
import streamlit as st

from core.access.permissions import Actor
from core.accounts import administration as accounts
from core.base.clock import now
from core.database import db
from core.mail import administration
from core.mail.administration import MAX_COUNT, PER_PAGE, MailDetails, State
from core.models import Mail
from pages.ui import authentication, elements
from pages.ui.dialogs import open_dialog
from pages.ui.forms import form, save
from pages.ui.tables import RowMenu, menu_cells, rows_key, truncate
from pages.ui.text import ago, count, esc, exact, quiet

_COLORS: Final[dict[State, Literal["gray", "orange", "green", "red"]]] = {
    State.WAITING: "gray",
    State.RETRYING: "orange",
    State.SENT: "green",
    State.FAILED: "red",
}
_MAX_SUBJECT: Final = 40
_PAGE: Final = "page"


def draw_filter(counts: Mapping[State, int]) -> tuple[str, list[State], int]:
    """Draw the filters; return the address searched for, the states and the page number."""
    with elements.row():
        recipient = elements.search_field("Address", on_change=_reset_page)
        states = st.pills(
            "State",
            list(State),
            selection_mode="multi",
            format_func=lambda state: f"{state.capitalize()} {_number(counts[state])}",
            label_visibility="collapsed",
            key="state",
            bind="query-params",
            on_change=_reset_page,
        )
        st.space("stretch")
        page = _page_number() if sum(counts.values()) > PER_PAGE else 1
    return recipient or "", list(states), page


def _page_number() -> int:
    return st.number_input(
        "Page",
        1,
        10_000,
        width=130,
        label_visibility="collapsed",
        key=_PAGE,
        bind="query-params",
    )


def _reset_page() -> None:
    """Go back to the first page."""
    if _PAGE in st.session_state:
        st.session_state[_PAGE] = 1


def draw_footer(actor: Actor, summary: str, recipient: str, counts: Mapping[State, int]) -> None:
    """Draw the summary, and the button to retry failed mails if there are any."""
    with elements.row():
        st.markdown(quiet(summary), width="stretch")
        failed = counts[State.RETRYING] + counts[State.FAILED]
        label = "Retry all failed" if not recipient else "Retry failed for this address"
        if failed and st.button(label, key="mail-retry-failed", icon=":material/send:"):
            save(
                "Retrying all failed emails",
                administration.retry_failed,
                actor,
                recipient=recipient,
            )


def _number(n: int) -> str:
    return f"{MAX_COUNT:,}+" if n > MAX_COUNT else f"{n:,}"


def draw_table(found: pd.DataFrame) -> None:
    """Draw a page of mails; clicking a subject opens the mail."""
    subjects = RowMenu("mails", found, "id")
    shown = found.assign(
        subject=[truncate(subject, _MAX_SUBJECT) for subject in found["subject"]],
        state=menu_cells([[state] for state in found["state"]]),
    )
    config = _config(subjects.key)
    st.dataframe(
        shown,
        key=rows_key("mails", found),
        hide_index=True,
        row_height=36,
        height="content",
        column_order=[name for name in config if found[name].notna().any()],
        column_config=config,
        placeholder="",
        alt="Emails",
    )
    if chosen := subjects.chosen():
        open_dialog("mail", int(chosen[1]["id"]))


def _config(subject_key: str) -> dict[str, Any]:
    column = st.column_config
    return {
        "subject": column.ButtonColumn(
            "Subject", type="tertiary", alignment="left", width=258, key=subject_key
        ),
        "recipient": column.TextColumn("To", width=200),
        "state": column.MultiselectColumn(
            "State", options=list(_COLORS), color=list(_COLORS.values()), width=86
        ),
        "created_at": column.DatetimeColumn("Queued", format="distance", width=114),
        "attempts": column.NumberColumn("Attempts", width=72),
        "due_at": column.DatetimeColumn("Next attempt", format="distance", width=114),
        "error": column.TextColumn("Server response", width=260),
    }


def draw_mail(actor: Actor, mail_id: int) -> None:
    """Draw one mail: its state, its text, and what an administrator can do with it."""
    with db.read() as session:
        details = administration.get(session, actor, mail_id)
    st.markdown(f"**{esc(details.content.subject)}**")
    with elements.row(wrap=False):
        st.badge(details.state, color=_COLORS[details.state])
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
            st.code(link, language=None, wrap_lines=True)


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

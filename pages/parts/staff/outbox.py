"""The outbox on the screen: its table, and one mail with what may be done about it."""

from collections.abc import Mapping
from typing import Any, Final, Literal

import pandas as pd
import streamlit as st

from core.access.permissions import Actor
from core.base.clock import now
from core.database import db
from core.mail import administration
from core.mail.administration import COUNTED, PER_PAGE, Shown, State
from pages.ui import elements
from pages.ui.dialogs import open_dialog
from pages.ui.forms import save
from pages.ui.tables import RowMenu, menu_cells, rows_key, truncate
from pages.ui.text import ago, count, esc, exact, quiet

_COLORS: Final[dict[State, Literal["gray", "orange", "green", "red"]]] = {
    State.WAITING: "gray",
    State.RETRYING: "orange",
    State.SENT: "green",
    State.GIVEN_UP: "red",
}
_LONGEST_SUBJECT: Final = 40
_PAGE: Final = "page"


def draw_filter(counts: Mapping[State, int]) -> tuple[str, list[State], int]:
    """Draw the line above the table; return part of an address, states, and the page's number."""
    with elements.row():
        recipient = elements.search_field("Address", on_change=_to_start)
        states = st.pills(
            "State",
            list(State),
            selection_mode="multi",
            format_func=lambda state: f"{state.capitalize()} {_number(counts[state])}",
            label_visibility="collapsed",
            key="state",
            bind="query-params",
            on_change=_to_start,
        )
        st.space("stretch")
        page = _ask_page() if sum(counts.values()) > PER_PAGE else 1
    return recipient or "", list(states), page


def _ask_page() -> int:
    return st.number_input(
        "Page",
        1,
        10_000,
        width=130,
        label_visibility="collapsed",
        key=_PAGE,
        bind="query-params",
    )


def _to_start() -> None:
    """Show the first page of what is asked for now."""
    if _PAGE in st.session_state:
        st.session_state[_PAGE] = 1


def draw_foot(actor: Actor, words: str, recipient: str, counts: Mapping[State, int]) -> None:
    """Draw how many there are, and the way to try again all that could not be sent."""
    with elements.row():
        st.markdown(quiet(words), width="stretch")
        failed = counts[State.RETRYING] + counts[State.GIVEN_UP]
        label = "Try all failed again" if not recipient else "Try failed ones to them again"
        if failed and st.button(label, key="mail-retry-failed", icon=":material/send:"):
            told = "What could not be sent is due now."
            save(told, administration.retry_failed, actor, recipient=recipient)


def _number(counted: int) -> str:
    return f"{COUNTED:,}+" if counted > COUNTED else f"{counted:,}"


def draw_table(found: pd.DataFrame) -> None:
    """Draw mails; a click on a subject opens the mail."""
    subjects = RowMenu("mails", found, "id")
    shown = found.assign(
        subject=[truncate(subject, _LONGEST_SUBJECT) for subject in found["subject"]],
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
        alt="Mails",
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
        "error": column.TextColumn("The server said", width=260),
    }


def draw_mail(actor: Actor, mail_id: int) -> None:
    """Draw one mail: what became of it, its link while somebody must pass it on, what it says."""
    with db.read() as session:
        shown = administration.show(session, actor, mail_id)
    st.markdown(f"**{esc(shown.content.subject)}**")
    with elements.row(wrap=False):
        st.badge(shown.state, color=_COLORS[shown.state])
        st.text(shown.mail.recipient)
    for line in _story(shown):
        st.markdown(quiet(line))
    if shown.link:
        st.markdown("Pass this link on to the recipient, and to nobody else:")
        st.code(shown.link, language=None, wrap_lines=True)
    with st.container(border=True, key="mail-text"):
        st.text(shown.content.text.strip())
    if shown.state is not State.SENT:
        _draw_actions(actor, shown)


def _draw_actions(actor: Actor, shown: Shown) -> None:
    with elements.row():
        if shown.state is not State.WAITING and st.button(
            "Try again now", key="mail-retry", icon=":material/send:"
        ):
            save("The mail is due now.", administration.retry, actor, shown.mail.id)
        if shown.state is not State.GIVEN_UP and st.button("Cancel mail", key="mail-cancel"):
            save("The mail will not be sent.", administration.cancel, actor, shown.mail.id)


def _story(shown: Shown) -> list[str]:
    """Return what became of a mail, line by line."""
    mail = shown.mail
    tried = f"tried {count(mail.attempts, 'time')}" if mail.attempts else "not tried yet"
    lines = [f"Queued {esc(exact(mail.created_at))}, {tried}"]
    if mail.sent_at:
        lines.append(f"Sent {ago(mail.sent_at, now())}")
    elif mail.due_at and mail.attempts:
        lines.append(f"Next attempt {esc(exact(mail.due_at))}")
    if mail.error:
        lines.append(esc(mail.error))
    return lines

"""The pages of an organization as it was at the end of a day: to read, with what changed since."""

from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from typing import Final, NamedTuple

import streamlit as st

from core.access.permissions import Action, Actor, Rights
from core.base import avatars, clock, parameters
from core.base.errors import NotCreatedYet
from core.changes import as_of
from core.changes.as_of import Snapshot
from core.database import db
from core.members.members import PER_PAGE
from core.models import Organization, Role
from pages import ui
from pages.parts.profile import facts, in_place
from pages.ui import details, elements
from pages.ui.details import Row
from pages.ui.text import esc, local, start_of

_PARAMETER: Final = "as_of"
_DAY: Final = timedelta(days=1)
_FIRST_DAY: Final = date(2000, 1, 1)
_NO_DATE: Final = "The address has no valid date. Choose one here."
_IN_THE_FUTURE: Final = "This date is in the future. Choose an earlier one."
_NOT_PERMITTED: Final = "You can't see what this page was like before. Ask an owner."
_MAX_OWNERS: Final = 5


class _Page(NamedTuple):
    """A page that can show an organization as it was."""

    name: str
    title: str
    """Its title, where that is not the name of the organization."""
    draw: Callable[[Snapshot], None]


def is_asked(page: str) -> bool:
    """Return whether the address asks for a page as of a date."""
    return page in _PAGES and _PARAMETER in st.query_params


def draw(actor: Actor, page: str) -> None:
    """Draw a page as of the date in the address; a wrong one gets a sentence."""
    name, title, draw_then = _PAGES[page]
    _, org, rights = ui.open_page(name)
    day = _find_day(st.query_params[_PARAMETER])
    then, refusal = _look(actor, org, rights, day)
    elements.page_header(org if then is None else then.org, title)
    with elements.row(key="as-of", border=True, gap="small"):
        if then is None or day is None:
            st.markdown(f":orange[:material/info:] {esc(refusal)}", width="stretch")
        else:
            words = f":material/history: **As it was on {day:%-d %B %Y}**"
            st.markdown(words, width="stretch")
            _draw_since(then, day)
        with elements.row(width="content", wrap=False, gap="small"):
            if Action.VIEW_HISTORY in rights:
                _choose_day(day or _today())
            st.button("Today", key="as-of-today", on_click=_return_to_today)
    if then is not None:
        if then.org.deleted_at is not None:
            st.markdown(f"Deleted on {ui.day(then.org.deleted_at)}, and restored later.")
        draw_then(then)


def _find_day(text: str) -> date | None:
    with suppress(ValueError):
        return parameters.day(text)
    return None


def _today() -> date:
    return local(clock.now()).date()


def _look(
    actor: Actor, org: Organization, rights: Rights, day: date | None
) -> tuple[Snapshot | None, str]:
    """Return the organization at the end of a day for its reader, or why it is not shown."""
    if Action.VIEW_HISTORY not in rights:
        return None, _NOT_PERMITTED
    if day is None:
        return None, _NO_DATE
    if day > _today():
        return None, _IN_THE_FUTURE
    end = start_of(day + _DAY) - timedelta(microseconds=1)
    with suppress(NotCreatedYet), db.read() as session:
        return as_of.get(session, actor, org.id, end), ""
    return None, str(NotCreatedYet())


def _draw_since(then: Snapshot, day: date) -> None:
    """Draw a link to what changed since, where each change can be undone."""
    if not then.number_since:
        st.markdown(ui.quiet("Nothing changed since"), width="content")
        return
    about = {"org": then.org.public_id, "from": (day + _DAY).isoformat()}
    label = f"What changed since ({then.number_since:,})"
    st.page_link("history.py", label=label, query_params=about, width="content")


def _choose_day(day: date) -> None:
    """Draw a date to choose; after each choice it is a new field, with that date in it."""
    key = f"as-of-{day}"
    st.date_input(
        "As of",
        value=day,
        min_value=min(_FIRST_DAY, day),
        max_value=max(_today(), day),
        format="YYYY-MM-DD",
        label_visibility="collapsed",
        width=140,
        key=key,
        on_change=_turn_to_chosen,
        args=(key,),
    )


def _turn_to_chosen(key: str) -> None:
    chosen: date | None = st.session_state[key]
    if chosen is not None:
        st.query_params[_PARAMETER] = chosen.isoformat()


def _return_to_today() -> None:
    st.query_params.pop(_PARAMETER, None)


def _draw_overview(then: Snapshot) -> None:
    left, right = st.columns([5, 3], gap="medium")
    with left:
        _draw_onboarding(then)
    with right:
        with st.container(border=True, key="contact-details"):
            rows = in_place.list_contact_details(then.org, may_edit=False)
            details.draw("details", rows, title="Contact details")
        with st.container(border=True, key="people"):
            _draw_people(then)


def _draw_people(then: Snapshot) -> None:
    """Draw how many members there were by role, and the first owners."""
    numbers = then.members["role"].value_counts()
    owners = then.members[then.members["role"] == Role.OWNER]
    rows = [
        Row(name, avatar=avatars.describe(name, user_id))
        for user_id, name in owners[["user_id", "name"]].head(_MAX_OWNERS).itertuples(index=False)
    ]
    if len(owners) > _MAX_OWNERS:
        rows.append(Row(ui.count(len(owners) - _MAX_OWNERS, "more owner"), is_quiet=True))
    details.draw(
        "people",
        rows,
        title=ui.count(len(then.members), "person", "people"),
        counts={role: int(numbers.get(role, 0)) for role in reversed(Role)},
    )


def _draw_profile(then: Snapshot) -> None:
    facts.draw(then.org)


def _draw_members(then: Snapshot) -> None:
    page = ui.page_number()
    columns = {
        "name": ui.column.person("Name", seed="user_id", phone="name"),
        "role": ui.column.role(),
        "joined_at": ui.column.day("Joined"),
    }
    ui.table(
        then.members.iloc[(page - 1) * PER_PAGE : page * PER_PAGE],
        columns,
        key="members",
        label="Users",
        row_id="user_id",
        paging=ui.numbered_pages(page, PER_PAGE, len(then.members), "person", "people"),
        empty=("No members", "It had none on this date."),
    )


def _draw_onboarding(then: Snapshot) -> None:
    with st.container(border=True, key="onboarding-then"):
        details.draw("onboarding-then", _list_onboarding(then), title="Onboarding")


def _list_onboarding(then: Snapshot) -> list[Row]:
    """Return stage and plan as rows; what was empty is left out."""
    org = then.org
    due = f"due {org.next_step_on:%-d %b %Y}" if org.next_step_on else ""
    asked = ui.day(org.requested_at) if org.requested_at else ""
    rows = [
        Row(org.stage.capitalize(), label="Stage", note=f"since {ui.day(org.stage_entered_at)}"),
        Row(then.rep or "Unassigned", label="Sales rep", is_quiet=not then.rep),
        Row(_date(org.target_on), label="Target date"),
        Row(org.next_step or "", label="Next step", note=due),
        Row(_date(org.snoozed_until), label="Snoozed until"),
        Row(asked, label="Onboarding requested", note=org.request_note or ""),
    ]
    return [row for row in rows if row.value]


def _date(day: date | None) -> str:
    return f"{day:%-d %b %Y}" if day else ""


_PAGES: Final = {
    "overview": _Page("Overview", "", _draw_overview),
    "profile": _Page("Organization Profile", "", _draw_profile),
    "members": _Page("Access Control", "Access Control", _draw_members),
    "onboarding": _Page("Onboarding", "Onboarding", _draw_onboarding),
}

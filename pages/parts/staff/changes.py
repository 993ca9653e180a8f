"""Drawing history: its entries as sentences, its filters, its pages and its downloads."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from core.access.permissions import Actor
from core.audit import events
from core.audit.activity import PAGE_SIZE
from core.audit.queries import EVERYTHING, Filters
from core.base import clock, parameters
from pages import ui
from pages.parts.changes import undo
from pages.ui import elements
from pages.ui.text import quiet, start_of
from pages.ui.timeline import LOOK, OFFER
from pages.ui.url_choices import choose, keep

KINDS: Final = {
    "": "Everything",
    "profile": "Profile",
    "member": "Members",
    "invitation": "Invitations",
    "stage": "Stage",
}
"""The first part of an event, with its label in the filter."""
_FIELDS: Final = {
    name: label[0].upper() + label[1:] for name, label in events.FIELDS.items() if name != "text"
}
_EMPTY: Final = ("No changes yet", "Every change is recorded here permanently.")
_NO_MATCHES: Final = ("No matching entries", "Change the search or clear the filters.")
_FIRST_DAY: Final = date(2000, 1, 1)
_PROFILE: Final = ("profile", "Profile")
_MEMBERS: Final = ("members", "Access Control")
_ONBOARDING: Final = ("onboarding", "Onboarding")
_PLACES: Final = {
    **dict.fromkeys(("profile", "logo", "alert_email", "alerts"), _PROFILE),
    **dict.fromkeys(("member", "invitation", "ownership"), _MEMBERS),
    **dict.fromkeys(("stage", "onboarding", "note"), _ONBOARDING),
}
"""The page where the thing that an event is about can be seen, by the first part of the event."""


def draw_filters(page: str, download: str, *, organizations: bool = False) -> Filters:
    """Draw the filters, kept in the address, and the download of what matches; return the filters.

    `page` is where they are kept, `download` the path of the file. `organizations` adds the filter
    by organization.
    """
    with elements.row():
        words = elements.search_field("Words, values, reasons", on_change=_turn_to_newest)
        person = _search(page, "person", "Person")
        organization = _search(page, "of", "Organization") if organizations else ""
        field = choose(
            *(page, st.selectbox, "field", "Field", _FIELDS),
            placeholder="Any field",
            index=None,
            width=190,
            on_change=_turn_to_newest,
        )
        first, last = _day(page, "from", "From"), _day(page, "to", "To")
    filters = Filters(
        words=words,
        person=person,
        organization=organization,
        field=field or "",
        since=start_of(first) if first else None,
        until=start_of(last + timedelta(days=1)) if last else None,
    )
    with elements.row():
        return _draw_second_row(filters, download)


def _draw_second_row(filters: Filters, download: str) -> Filters:
    kind = st.segmented_control(
        "Filter",
        list(KINDS),
        format_func=KINDS.__getitem__,
        default="",
        required=True,
        label_visibility="collapsed",
        key="kind",
        bind="query-params",
        on_change=_turn_to_newest,
    )
    filters = replace(filters, kind=kind or "")
    if filters != EVERYTHING:
        st.button("Clear filters", key="clear-filters", type="tertiary", on_click=_clear)
    st.space("stretch")
    address = elements.absolute_url(f"{download}?{filters.to_query()}".rstrip("?"))
    st.link_button(
        "Download CSV",
        address,
        icon=":material/download:",
        type="tertiary",
        help="All entries that match, with times in UTC. The download is recorded here.",
    )
    return filters


def _search(page: str, name: str, label: str) -> str:
    """Draw a search field by names, and return what was typed."""
    typed: str = keep(
        *(page, st.text_input, name, label),
        read=str,
        write=str,
        default="",
        type="search",
        live=elements.LIVE_PAUSE,
        placeholder=label,
        width=160,
        on_change=_turn_to_newest,
    )
    return typed


def _day(page: str, name: str, label: str) -> date | None:
    """Draw a date after its label, and return it if one is chosen."""
    requested = [parameters.day(day) for day in st.query_params.get_all(name)]
    with elements.row(width="content", wrap=False):
        st.markdown(quiet(label), width="content")
        chosen: date | None = keep(
            *(page, st.date_input, name, label),
            read=parameters.day,
            write=date.isoformat,
            min_value=min([_FIRST_DAY, *requested]),
            max_value=max([clock.now().date() + timedelta(days=1), *requested]),
            format="YYYY-MM-DD",
            width=140,
            on_change=_turn_to_newest,
        )
    return chosen


def draw_entries(
    actor: Actor,
    entries: pd.DataFrame,
    filters: Filters,
    since: datetime | None,
    *,
    key: str,
    of_org: int | None = None,
    focus: int | None = None,
    rest: str = "",
    as_of: str = "",
) -> int | None:
    """Draw a page of entries that match, with `Undo`, `Redo` or who has undone each.

    Each names its organization, unless it is `of_org`: then only those merged into that one do.
    Without `of_org` organizations have a button for the quick view; return the id of the one whose
    button was just pressed. That of the organization `focus` gets the focus. Addresses end with
    `rest`; `as_of` is where a date is added to one.
    `since` is the time of the first entry that words can find, if not all of them can be found yet.
    """
    note = "Entries can't be edited or deleted."
    if since is not None:
        note = f"Entries before {ui.day(since)} are still being prepared for search."
    marked = _placed(undo.with_marks(actor, entries))
    asked = ui.timeline(
        marked.assign(organization=marked["organization"].where(marked["org_id"] != of_org)),
        key=key,
        label="Changes",
        paging=_paging(entries, note),
        empty=_EMPTY if filters == EVERYTHING else _NO_MATCHES,
        as_of=as_of,
        can_look=of_org is None,
        focus=marked.loc[marked["org_id"] == focus, "id"].tolist(),
        rest=rest,
    )
    if asked is not None and asked.action == OFFER:
        undo.open_for_entry(marked, asked.id)
    return _organization_of(marked, asked.id) if asked and asked.action == LOOK else None


def _organization_of(entries: pd.DataFrame, entry_id: int) -> int | None:
    about = entries.loc[(entries["id"] == entry_id) & entries["public_id"].notna(), "org_id"]
    return next(iter(about.astype(int)), None)


def draw_latest(entries: pd.DataFrame, *, key: str) -> None:
    """Draw the latest entries of an organization beside other things."""
    ui.timeline(
        _placed(entries).drop(columns="organization"),
        key=key,
        label="Changes",
        empty=("No changes yet", ""),
        is_short=True,
    )


def _placed(entries: pd.DataFrame) -> pd.DataFrame:
    """Return entries with the page where each thing can be seen, and its name."""
    places = [_PLACES.get(event.partition(".")[0], ("", "")) for event in entries["event"].tolist()]
    orgs = [org if isinstance(org, str) else "" for org in entries["public_id"].tolist()]
    queries = {org: urlencode(ui.query_about(org)) for org in set(orgs)}
    pages = zip(places, orgs, strict=True)
    return entries.assign(
        place=[name for _, name in places],
        href=[f"/{page}?{queries[org]}" if page and org else "" for (page, _), org in pages],
    )


def _paging(entries: pd.DataFrame, words: str) -> ui.Paging:
    """Return the links to the newest and to older entries; the address has a cursor, `before`."""
    newest = {"before": ""} if "before" in st.query_params else None
    older = {"before": str(entries["id"].min())} if len(entries) == PAGE_SIZE else None
    turns = (ui.Turn("Newest", newest), ui.Turn("Older →", older)) if newest or older else ()
    return ui.Paging(len(entries), words, turns)


def find_cursor() -> int | None:
    """Return the id that the entries of the page come before, from the address."""
    return parameters.find_row_id(st.query_params.get("before", ""))


def _turn_to_newest() -> None:
    st.query_params.pop("before", None)


def _clear() -> None:
    st.session_state.update(q="", kind="")
    for name in set(st.query_params) - {"org"}:
        del st.query_params[name]

"""The filters of the organizations table: all of them are kept in the web address."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final
from urllib.parse import urlencode

import streamlit as st

from core.access.permissions import Action, Rights
from core.base import clock, parameters
from core.database import db
from core.models import Stage
from core.onboarding import onboarding
from core.organizations import queries
from core.organizations.filters import Activity, Filters, Members, Profile
from core.organizations.queries import MAX_COUNTED
from pages.parts.runs import progress
from pages.ui import badges, last_act, links, rerun_cache
from pages.ui.links import Link
from pages.ui.url_choices import choose, keep, refuse, validate_address

CURSOR: Final = "at"
"""The parameter of the address for the page of the table, which a new filter takes away."""
SIZES: Final = {each: each.replace("-", "–") for each in Members}
_ACTIVITY: Final = {
    Activity.ACTIVE: "Active",
    Activity.RECENT: "Recent",
    Activity.FADING: "Slowing",
    Activity.QUIET: "Inactive",
}
_PROFILE: Final = {each: each.capitalize() for each in Profile}
_ACTIVITY_HINT: Final = (
    "When a member last used Orgdesk. **Active**: in the last 7 days · **Recent**: 7 to 30 days "
    "ago · **Slowing**: 30 to 90 days ago · **Inactive**: longer ago, or never since it was created"
)
_PAGE: Final = "organizations"
_FILTERS: Final = ("rep", "from", "to", "members", "activity", "profile", "deleted")


def read_filters(words: str) -> Filters:
    """Return the filters in the address, with what was just typed into the search field.

    An address with a filter that does not exist ends the rerun: it must not show everything.
    """
    validate_address(Filters.from_query)
    address = st.query_params
    fields = {name: address.get_all(name) for name in address} | {"q": [words]}
    return Filters.from_query(urlencode(fields, doseq=True))


def turn_to_first_page() -> None:
    """Forget which page of the table was shown, as its filters have changed."""
    st.query_params.pop(CURSOR, None)


def draw_views(here: str, rights: Rights) -> None:
    """Draw the links to the views of organizations; `here` is the one that is shown."""
    is_list = here != "duplicates"
    views = [
        Link("list", "List", {"view": []}, "" if is_list else "/organizations"),
        Link(
            *("memberships", "Memberships", {"view": ["memberships"]}),
            "" if is_list else "/organizations?view=memberships",
        ),
    ]
    if Action.MERGE in rights:
        views.append(Link("duplicates", "Duplicates", href="/duplicates"))
    views = [view._replace(is_on=view.name == here) for view in views]
    links.draw(views, key="organizations-views", label="Views", variant="views", forgets=[CURSOR])


def draw_filters(rights: Rights) -> None:
    """Draw the less common filters in a popover; they change the address only."""
    popover = st.popover("Filters", icon=":material/tune:", key="filters", on_change="rerun")
    if not popover.open:
        return
    with db.read() as session:
        first_day = queries.first_day(session)
    with popover:
        _choose("rep", "Sales rep", rerun_cache.cached(_list_reps))
        left, right = st.columns(2, gap="small")
        with left:
            _date("from", "Created from (UTC)", first_day)
        with right:
            _date("to", "Created to (UTC)", first_day)
        _choose("members", "Members", SIZES)
        _choose("activity", "Activity", _ACTIVITY, hint=_ACTIVITY_HINT)
        _choose("profile", "Profile", _PROFILE)
        if Action.RESTORE in rights:
            _draw_deleted()


def _choose(name: str, label: str, choices: Mapping[Any, str], *, hint: str = "") -> None:
    choose(
        _PAGE,
        st.selectbox,
        name,
        label,
        choices,
        placeholder="Any",
        index=None,
        help=hint or None,
        label_visibility="visible",
        on_change=turn_to_first_page,
    )


def _date(name: str, label: str, first_day: date) -> None:
    """Draw a date from the first organization until today; one in the address widens that."""
    requested = [parameters.day(day) for day in st.query_params.get_all(name)]
    keep(
        _PAGE,
        st.date_input,
        name,
        label,
        read=parameters.day,
        write=date.isoformat,
        min_value=min([first_day, *requested]),
        max_value=max([clock.now().date(), *requested]),
        format="YYYY-MM-DD",
        label_visibility="visible",
        on_change=turn_to_first_page,
    )


def _list_reps() -> dict[int, str]:
    with db.read() as session:
        return onboarding.list_reps_to_filter(session)


def _draw_deleted() -> None:
    keep(
        _PAGE,
        st.toggle,
        "deleted",
        "Deleted only",
        read=lambda text: text == "true",
        write=lambda _: "true",
        default=False,
        label_visibility="visible",
        on_change=turn_to_first_page,
    )


def draw_stages(filters: Filters, counts: Mapping[Stage, int] | None) -> None:
    """Draw a tab for each stage; without `counts` the browser asks for them by itself."""
    total = sum(counts.values()) if counts is not None else 0
    tabs = [Link("all", "All", {"stage": []}, is_on=not filters.stages)]
    tabs += [_stage_tab(stage, filters) for stage in Stage]
    if counts is not None:
        numbers = [total, *(counts[stage] for stage in Stage)]
        tabs = [
            tab._replace(number=f"{number:,}", share=number / total if total else 0.0)
            for tab, number in zip(tabs, numbers, strict=True)
        ]
    links.draw(
        tabs,
        key="organizations-stages",
        label="Stages",
        forgets=[CURSOR],
        counts_from="" if counts is not None else "/counts/organizations",
        counts_as_of=(last_act.find_entries(), progress.last_drawn()),
        max_count=MAX_COUNTED,
    )


def _stage_tab(stage: Stage, filters: Filters) -> Link:
    """Return the tab that adds a stage to those that are shown, or takes it away."""
    is_on = stage in filters.stages
    stages = [each for each in Stage if (each in filters.stages) is not (each is stage)]
    return Link(
        str(stage),
        stage.capitalize(),
        {"stage": [str(each) for each in stages]},
        icon=badges.color_and_icon(stage)[1],
        is_on=is_on,
        color=badges.FILLS[stage],
    )


def _name_of(rep_id: int) -> str:
    """Return the name of a sales rep; an unknown one ends the rerun, as any unknown filter."""
    reps = rerun_cache.cached(_list_reps)
    return reps[rep_id] if rep_id in reps else refuse("Sales rep", str(rep_id))


def draw_chips(filters: Filters) -> None:
    """Draw what is filtered, each as a link that takes it away."""
    words = {
        "rep": filters.rep_id is not None and f"Sales rep: {_name_of(filters.rep_id)}",
        "from": filters.created_from and f"Created from {filters.created_from:%-d %b %Y} (UTC)",
        "to": filters.created_to and f"Created to {filters.created_to:%-d %b %Y} (UTC)",
        "members": filters.members and f"Members: {SIZES[filters.members]}",
        "activity": filters.activity and f"Activity: {_ACTIVITY[filters.activity]}",
        "profile": filters.profile and f"Profile: {_PROFILE[filters.profile]}",
        "deleted": filters.is_deleted and "Deleted only",
    }
    chips = [
        Link(name, str(text), {name: []}, icon="close", hint=f"Remove filter: {text}")
        for name, text in words.items()
        if text
    ]
    if chips:
        nothing: dict[str, Sequence[str]] = {name: [] for name in ("q", "stage", *_FILTERS)}
        chips.append(Link("clear", "Clear filters", nothing))
        links.draw(
            chips, key="organizations-chips", label="Filters", variant="chips", forgets=[CURSOR]
        )

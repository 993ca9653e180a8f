"""The first statement of every page: who is here, where, and what they may do there."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple, NoReturn, ParamSpec, TypeVar

import streamlit as st

from core.access.permissions import (
    Action,
    ActiveImpersonation,
    Actor,
    Rights,
    find_impersonation,
    find_organization,
    staff_rights,
)
from core.base.errors import DomainError
from core.database import db
from core.models import Organization
from core.staff import impersonation
from pages.ui import authentication, error_display, rerun_cache
from pages.ui.text import esc, local

P = ParamSpec("P")
R = TypeVar("R")

_TOLD = "told"
_HERE, _BEFORE = "here", "here before"


class Here(NamedTuple):
    """The organization in the address, what one may do there, and whether as a stand-in."""

    org: Organization
    rights: Rights
    standing_in: ActiveImpersonation | None


def open_page(title: str, action: Action = Action.VIEW) -> tuple[Actor, Organization, Rights]:
    """Open a page about the organization in the address; ends the run with words for who may not.

    Returns who is here, the organization as it is now, and what that person may do in it.
    """
    actor = open_person_page(title)
    public_id = st.query_params.get("org") or st.session_state.get("org", "")
    found = rerun_cache.once(find_place, actor, public_id)
    if found is None:
        _stop_at(
            "There is no such organization here",
            "It does not exist, or you do not belong to it. Choose one of yours under "
            "Manage Organizations, or ask one of its owners for an invitation.",
        )
    org, rights, standing_in = found
    if st.query_params.get("org") != org.public_id:
        st.query_params["org"] = org.public_id
    st.set_page_config(page_title=f"{title} · {org.name}")
    if action not in rights:
        _stop_at(f"You may not {action.value}", "Ask one of the owners to do it, or to let you.")
    if standing_in is not None:
        _draw_standing_in(actor, org, standing_in)
    return actor, org, rights


def find_place(actor: Actor, public_id: str) -> Here | None:
    """Return the organization with this ID and what the actor may do there; None for outsiders."""
    with db.read() as session:
        found = find_organization(session, actor, public_id)
        return found and Here(*found, find_impersonation(session, actor, found[0].id))


def _draw_standing_in(actor: Actor, org: Organization, standing_in: ActiveImpersonation) -> None:
    """Say on top of a page that an administrator acts as an owner, and let it end."""
    with st.container(
        horizontal=True,
        wrap=False,
        border=True,
        vertical_alignment="center",
        gap="small",
        key="standing-in",
    ):
        until = f"until {local(standing_in.until):%H:%M}: {esc(standing_in.reason)}"
        st.markdown(
            f":orange[:material/shield_person:] **You act as an owner of {esc(org.name)}** {until}",
            width="stretch",
        )
        st.button("End", key="standing-in-end", on_click=_end_standing_in, args=(actor, org.id))


def _end_standing_in(actor: Actor, org_id: int) -> None:
    with suppress(DomainError):  # it has ended, then
        db.run(impersonation.end, actor, org_id)


def open_person_page(title: str) -> Actor:
    """Open a page for anybody who is signed in, and return who that is."""
    open_stranger_page(title)
    actor = authentication.actor()
    if actor is None:
        st.stop()
    return actor


def open_staff_page(title: str, action: Action) -> tuple[Actor, Rights]:
    """Open a page of the staff desk; ends the run with words for who may not."""
    actor = open_person_page(title)
    with db.read() as session:
        rights = staff_rights(session, actor)
    if action not in rights:
        _stop_at("This page is for staff", "Ask an administrator of Orgdesk for a staff role.")
    return actor, rights


def open_stranger_page(title: str) -> None:
    """Open a page that needs no sign-in."""
    st.set_page_config(page_title=title)
    if told := st.session_state.pop(_TOLD, None):
        st.toast(esc(told), icon=":material/check:")


def arrive(page: str) -> None:
    """Note on which page a run begins, and from which other one somebody has just come."""
    here = st.session_state.get(_HERE, "")
    st.session_state[_BEFORE] = here if here != page else None
    st.session_state[_HERE] = page


def came_from() -> str | None:
    """Return the page that somebody just came from, empty for a new visit; None when at home."""
    page: str | None = st.session_state.get(_BEFORE)
    return page


def tell(sentence: str) -> None:
    """Say this once, on the next page that opens."""
    st.session_state[_TOLD] = sentence


def fragment(drawn: Callable[P, R], *, every: float | None = None) -> Callable[P, R | None]:
    """Make a part of a page that reruns on its own, and only for who is still signed in.

    With `every` it does so again after so many seconds, for as long as it is drawn.
    """

    def checked(*args: P.args, **kwargs: P.kwargs) -> R | None:
        with rerun_cache.one_look(), error_display.told(drawn.__name__):
            ensure_signed_in()
            return drawn(*args, **kwargs)

    checked.__name__, checked.__qualname__ = drawn.__name__, drawn.__qualname__
    again: Any = st.fragment(checked, run_every=every)
    return again  # type: ignore[no-any-return]


def ensure_signed_in() -> None:
    """Rerun the whole page, which then asks to sign in, when the session has ended meanwhile."""
    if authentication.actor() is None:
        st.rerun(scope="app")


def _stop_at(head: str, what_next: str) -> NoReturn:
    st.title(head, anchor=False)
    st.markdown(what_next)
    st.page_link("home.py", label="Go to the start", icon=":material/arrow_back:")
    st.stop()

"""The first statement of every page: who is signed in, where, and with which rights."""

import runpy
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, ParamSpec, TypeVar

import streamlit as st

from core.access import merged
from core.access.permissions import (
    Action,
    ActiveImpersonation,
    Actor,
    Rights,
    find_impersonation,
    find_organization,
    list_roles,
    staff_rights,
)
from core.base.errors import Unavailable
from core.database import db
from core.models import Organization, Role, Staff
from pages.ui import authentication, error_display, rerun_cache, url_choices
from pages.ui.text import day, esc

P = ParamSpec("P")
R = TypeVar("R")

_FOLDER = Path(__file__).parent.parent
_NOTICE = "notice"
OPEN_DIALOG = "dialog"
"""The name of the open dialog in `st.session_state`."""
_KEPT = ("list", "at", "as_of")
"""The list that an organization was opened from, its position there, and the date shown."""
_PAGE, _PREVIOUS_PAGE, _VISITS = "current page", "previous page", "page visits"


class PageContext(NamedTuple):
    """An organization, the rights and roles of a person in it, and whether they act as an owner."""

    org: Organization
    rights: Rights
    impersonation: ActiveImpersonation | None
    roles: Sequence[Role | Staff]


def open_page(title: str, action: Action = Action.VIEW) -> tuple[Actor, Organization, Rights]:
    """Open a page about the organization in the address, for people who may do `action` there.

    Return the actor, the organization, and the actor's rights in it. Everyone else gets an
    explanation instead of the page.
    """
    actor = open_signed_in_page(title)
    asked, found = st.query_params.get("org"), find_current(actor)
    if found is None and _was_merged(actor):
        run_instead("merged.py")
    if found is None:
        _stop_with(
            "Organization not found",
            "It doesn't exist, or you aren't a member. Choose one of yours under "
            "Manage Organizations, or ask an owner for an invitation.",
        )
    org, rights, *_ = found
    if asked != org.public_id:
        st.query_params["org"] = org.public_id
    if asked and asked != org.public_id:
        _say_merged(asked, org)
    st.set_page_config(page_title=f"{title} · {org.name}")
    if action not in rights:
        _stop_with(f"You don't have access to {title.lower()}", "Ask an owner to give you access.")
    return actor, org, rights


def query_about(public_id: str, **more: str) -> dict[str, str]:
    """Return the query of an address about an organization.

    If it is the one that this page is about, the list that it was opened from stays, and the date.
    """
    here = st.query_params.to_dict()  # asking it for each name takes longer
    names = _KEPT if here.get("org") == public_id else ()
    return {"org": public_id} | more | {name: here[name] for name in names if name in here}


def find_current(actor: Actor) -> PageContext | None:
    """Return the organization in the address, or else the last one opened; None for outsiders."""
    public_id = find_current_id()
    return find_context(actor, public_id) if public_id else None


def find_current_id() -> str:
    """Return the Organization ID in the address, or else the last one opened; empty if none."""
    return str(st.query_params.get("org") or st.session_state.get("org", ""))


def _say_merged(asked: str, org: Organization) -> None:
    """Say that the link to another organization has led here."""
    with db.read() as session:
        at = merged.find_moment(session, asked)
    if at is not None:
        st.toast(esc(f"{asked} was merged into {org.name} on {day(at)}"), icon=":material/info:")


def _was_merged(actor: Actor) -> bool:
    with db.read() as session:
        return merged.find_joined(session, actor, find_current_id()) is not None


def find_context(actor: Actor, public_id: str) -> PageContext | None:
    """Return an organization with the actor's rights in it, read once per rerun."""
    return rerun_cache.cached(_find_context, actor, public_id)


def _find_context(actor: Actor, public_id: str) -> PageContext | None:
    with db.read() as session:
        found = find_organization(session, actor, public_id)
        if found is None:
            return None
        about = (session, actor, found[0].id)
        return PageContext(*found, find_impersonation(*about), list_roles(*about))


def open_signed_in_page(title: str) -> Actor:
    """Open a page for everyone who is signed in, and return the actor."""
    open_public_page(title)
    actor = authentication.actor()
    if actor is None:
        st.stop()
    return actor


def open_staff_page(title: str, action: Action) -> tuple[Actor, Rights]:
    """Open a page of the staff desk, for staff who may do `action`; return actor and rights."""
    actor = open_signed_in_page(title)
    with db.read() as session:
        rights = staff_rights(session, actor)
    if action not in rights:
        _stop_with("This page is for staff", "Ask an administrator of Orgdesk for a staff role.")
    return actor, rights


def run_instead(file: str) -> NoReturn:
    """Run another page at the address of this one, for people who see something else there."""
    runpy.run_path(str(_FOLDER / file))
    st.stop()


def open_public_page(title: str) -> None:
    """Open a page that needs no sign-in, and show the notice that waits for the next page.

    While a dialog is open, the notice comes after it, at the end of the page: before it, it would
    take its place, and the browser would close the dialog and open it again.
    """
    st.set_page_config(page_title=title)
    if OPEN_DIALOG not in st.session_state:
        show_waiting_notice()


def record_page(page: str) -> None:
    """Remember the page of this rerun, and the one before it if that was another."""
    last = st.session_state.get(_PAGE, "")
    st.session_state[_PREVIOUS_PAGE] = last if last != page else None
    st.session_state[_VISITS] = count_visits() + (last != page)
    st.session_state[_PAGE] = page


def count_visits() -> int:
    """Return how many pages have been opened in this session, up to this one."""
    visits: int = st.session_state.get(_VISITS, 0)
    return visits


def previous_page() -> str | None:
    """Return the page that led to this one; empty on a new visit, None if it was this one."""
    page: str | None = st.session_state.get(_PREVIOUS_PAGE)
    return page


def show_notice(sentence: str) -> None:
    """Show a sentence as a toast, once, on the page that opens next."""
    st.session_state[_NOTICE] = sentence


def show_waiting_notice() -> None:
    """Show the notice that waits, if there is one."""
    if notice := st.session_state.pop(_NOTICE, None):
        st.toast(esc(notice), icon=":material/check:")


def fragment(draw: Callable[P, R], *, every: float | None = None) -> Callable[P, R | None]:
    """Make a part of a page rerun on its own, only while its reader is signed in.

    `every` is the number of seconds after which it reruns by itself.
    """

    def checked(roles: Sequence[Role | Staff], *args: P.args, **kwargs: P.kwargs) -> R | None:
        with (
            rerun_cache.rerun_scope(),
            url_choices.own_parameters(),
            error_display.show_errors(draw.__name__),
        ):
            ensure_signed_in()
            authentication.identify(roles)
            return draw(*args, **kwargs)

    checked.__name__, checked.__qualname__ = draw.__name__, draw.__qualname__
    part: Any = st.fragment(checked, run_every=every)

    def start(*args: P.args, **kwargs: P.kwargs) -> R | None:
        drawn: R | None = part(authentication.roles(), *args, **kwargs)
        return drawn

    return start


def callback(work: Callable[P, object]) -> Callable[P, None]:
    """Make a callback of a widget that changes something run only while its person is signed in.

    Callbacks run before the page does, so nothing has checked yet that the session is still live.
    """
    person = authentication.actor()

    def checked(*args: P.args, **kwargs: P.kwargs) -> None:
        with suppress(Unavailable):  # the rerun that follows says so
            actor = authentication.actor()
            if actor is not None and person is not None and actor.user_id == person.user_id:
                work(*args, **kwargs)

    return checked


def ensure_signed_in() -> None:
    """Rerun the whole page, which then shows the login, if the session has ended."""
    if authentication.actor() is None:
        st.rerun(scope="app")


def _stop_with(title: str, hint: str) -> NoReturn:
    st.title(title, anchor=False)
    st.markdown(hint)
    st.page_link("home.py", label="Go home", icon=":material/arrow_back:")
    st.stop()

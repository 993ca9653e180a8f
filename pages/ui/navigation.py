"""Where one can go: every page, the sidebar by what one may do, the user menu."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from core.access.permissions import Action, Actor, Rights, staff_rights
from core.database import db
from core.members import membership_rows
from core.models import Organization
from pages.ui import authentication, avatars, browser, rerun_cache
from pages.ui.cards import face, face_url
from pages.ui.open_page import arrive, find_place, fragment
from pages.ui.text import esc, quiet

_FOLDER: Final = Path(__file__).parent
_STYLE: Final = f"<style>{(_FOLDER / 'style.css').read_text()}</style>"
_BRAND: Final = (_FOLDER / "assets" / "brand.svg").read_text()
_MARK: Final = (_FOLDER / "assets" / "mark.svg").read_text()
_ORG = "org"
_SWITCHER_SHOWS = 8


@dataclass(frozen=True)
class Place:
    """One page: its address, its title, its icon, and who finds it in the sidebar."""

    address: str
    """What its address ends with, `/members`: links in mails and bookmarks rely on it."""
    title: str
    icon: str = ""
    section: str = ""
    action: Action | None = None
    module: str = ""
    """The name of its file, where that is not its address."""

    @property
    def file(self) -> str:
        """Return the file as Streamlit names it: relative to `pages/frame.py`."""
        return f"{self.module or self.address}.py"


_HERE, _DESK, _OPEN = "organization", "staff desk", "strangers"
PLACES: Final = (
    Place("home", "Orgdesk"),
    Place("welcome", "Welcome"),
    Place("overview", "Overview", "space_dashboard", _HERE, Action.VIEW),
    Place("profile", "Organization Profile", "badge", _HERE, Action.VIEW),
    Place("members", "Access Control", "group", _HERE, Action.VIEW),
    Place("onboarding", "Onboarding", "flag", _HERE, Action.VIEW),
    Place("history", "History", "history", _HERE, Action.VIEW_HISTORY),
    Place("solutions", "Connected solutions", "hub", _HERE),
    Place("organizations", "Organizations", "domain", _DESK, Action.VIEW_ALL),
    Place("board", "Onboarding board", "view_kanban", _DESK, Action.VIEW_ALL),
    Place("charts", "Onboarding charts", "bar_chart", _DESK, Action.VIEW_ALL),
    Place("notes", "Notes", "sticky_note_2", _DESK, Action.WRITE_NOTES),
    Place("activity", "Activity", "timeline", _DESK, Action.VIEW_ALL),
    Place("mail", "Mail", "mail", _DESK, Action.READ_MAIL),
    Place("people", "People", "manage_accounts", _DESK, Action.MANAGE_PEOPLE),
    Place("view", "Saved view", module="saved_view"),
    Place("account", "User Settings"),
    Place("sign_up", "Create an account", section=_OPEN),
    Place("forgotten", "Forgot password", section=_OPEN, module="forgot_password"),
    Place("reset", "Choose a password", section=_OPEN, module="reset_password"),
    Place("prove", "Confirm your address", section=_OPEN, module="confirm_address"),
    Place("confirm_alert", "Confirm alert address", section=_OPEN, module="confirm_alert_address"),
    Place("invitation", "Invitation", section=_OPEN),
    Place("setup", "Set up Orgdesk", section=_OPEN),
)
"""Every page; a new one is a line here and a file beside `frame.py`."""

_USER_MENU: Final = {
    "Manage Organizations": "organizations",
    "Organization Profile": "profile",
    "Access Control": "members",
    "User Settings": "account",
    "Log out": "",
}


def register() -> StreamlitPage:
    """Tell Streamlit of every page, always all of them, and return the one that is asked for."""
    st.set_page_config(layout="wide", initial_sidebar_state="auto")
    chosen = st.navigation([copy(page) for page in _pages().values()], position="hidden")
    arrive(chosen.url_path)
    st.html(_Style())
    return chosen


class _Style:
    """Our style; as a text, Streamlit would look on each run whether a file is called so."""

    def _repr_html_(self) -> str:
        return _STYLE


@cache
def _pages() -> dict[str, StreamlitPage]:
    """Return every page by address, unmarked: making one looks for its file; copies are chosen."""
    return {
        place.address: st.Page(
            place.file, title=place.title, url_path=place.address, default=place.address == "home"
        )
        for place in PLACES
    }


def is_for_strangers(page: StreamlitPage) -> bool:
    """Return whether a page needs no sign-in."""
    return any(page.url_path == place.address for place in PLACES if place.section == _OPEN)


@contextmanager
def narrow() -> Iterator[None]:
    """Draw a page for strangers: no sidebar, the brand, and one column in the middle."""
    st.html("<style>[data-testid=stSidebar] { display: none }</style>")
    with (
        st.container(horizontal_alignment="center"),
        st.container(key="narrow", width=380),
    ):
        st.space("medium")
        st.image(_BRAND, width=112, alt="Orgdesk")
        yield


def draw_sidebar(actor: Actor, here: str) -> None:
    """Draw where this person can go from `here`, the page in the address.

    Before the page, so that the sidebar stands there at once whatever the page does.
    """
    st.logo(_BRAND, icon_image=_MARK, size="large")
    org, rights = _where(actor)
    staff = rights if org is not None else rerun_cache.once(_find_staff_rights, actor)
    with st.sidebar, st.container(key="sidenav", vertical_alignment="distribute"):
        with st.container():
            if org is not None:
                _draw_switcher(actor, org)
            _draw_links(org, rights, staff)
            browser.uncover(f"{here} {org.public_id if org is not None else ''}")
        _draw_user_menu(actor, org)


def _where(actor: Actor) -> tuple[Organization | None, Rights]:
    """Return the organization in the address, else the last one seen, else the first of mine."""
    asked = st.query_params.get(_ORG) or st.session_state.get(_ORG)
    found = rerun_cache.once(find_place, actor, asked) if asked else None
    if found is None:
        with db.read() as session:
            first = membership_rows.list_organizations(session, actor, most=1)
        found = rerun_cache.once(find_place, actor, first[0].public_id) if first else None
    if found is None:
        return None, frozenset()
    st.session_state[_ORG] = found.org.public_id
    return found.org, found.rights


def _find_staff_rights(actor: Actor) -> Rights:
    with db.read() as session:
        return staff_rights(session, actor)


def _draw_links(org: Organization | None, rights: Rights, staff: Rights) -> None:
    here = {_ORG: org.public_id} if org is not None else None
    _draw_section(_HERE, rights, here)
    if any(place.action in staff for place in PLACES if place.section == _DESK):
        _draw_section(_DESK, staff, None, head="Staff desk")


def _draw_section(
    section: str, rights: Rights, here: dict[str, str] | None, *, head: str = ""
) -> None:
    with st.container(gap="xxsmall"):
        if head:
            st.markdown(quiet(head))
        for place in PLACES:
            if place.section == section and (place.action is None or place.action in rights):
                st.page_link(
                    _pages()[place.address],
                    label=place.title,
                    icon=f":material/{place.icon}:",
                    width="stretch",
                    query_params=here if place.action is not None else None,
                )


def _draw_switcher(actor: Actor, org: Organization) -> None:
    label = f"![]({face_url(org.name, org.public_id, org.logo)}) {esc(org.name)}"
    switcher = st.popover(label, width="stretch", key="switcher", on_change="rerun", wrap=False)
    if switcher.open:
        with switcher:
            _draw_mine(actor)


@fragment
def _draw_mine(actor: Actor) -> None:
    with db.read() as session:
        mine = membership_rows.list_organizations(session, actor)
    typed = st.text_input(
        "Search your organizations",
        type="search",
        live=True,
        placeholder="Search your organizations",
        label_visibility="collapsed",
        key="switcher-search",
    )
    _draw_choices([other for other in mine if typed.casefold() in other.name.casefold()])


def _draw_choices(found: Sequence[Organization]) -> None:
    for other in found[:_SWITCHER_SHOWS]:
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", wrap=False):
            face(other.name, other.public_id, other.logo)
            query = {_ORG: other.public_id}
            st.page_link("overview.py", label=esc(other.name), width="stretch", query_params=query)
    if len(found) > _SWITCHER_SHOWS:
        st.markdown(quiet(f"{len(found) - _SWITCHER_SHOWS} more: type a part of the name."))
    if not found:
        st.markdown(quiet("None of yours is called so."))
    st.page_link("organizations.py", label="Manage Organizations", icon=":material/domain:")


def _draw_user_menu(actor: Actor, org: Organization | None) -> None:
    face_of = avatars.face(actor.name, str(actor.user_id), round=True)
    chosen = st.menu_button(
        f"![]({face_of}) {esc(actor.name)}",
        list(_USER_MENU),
        type="tertiary",
        width="stretch",
        key="user-menu",
        wrap=False,
    )
    if chosen is None:
        return
    if chosen == "Log out":
        authentication.log_out()
    name = _USER_MENU[chosen]
    if name in {"profile", "members"}:
        if org is None:
            st.switch_page("welcome.py")
        st.switch_page(f"{name}.py", query_params={_ORG: org.public_id})
    st.switch_page(f"{name}.py")

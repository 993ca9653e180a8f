"""Navigation: the list of pages, the sidebar, the organization switcher, the user menu."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from core.access.permissions import Action, Actor, Rights, find_staff_role, rights_of
from core.database import db
from core.members import membership_rows
from core.models import Organization, Role, Staff
from pages.ui import authentication, avatars, browser, rerun_cache
from pages.ui.elements import avatar, avatar_url
from pages.ui.open_page import PageContext, find_context, find_current, fragment, record_page
from pages.ui.text import esc, quiet

_FOLDER: Final = Path(__file__).parent
_STYLE: Final = f"<style>{(_FOLDER / 'style.css').read_text()}</style>"
_BRAND: Final = (_FOLDER / "assets" / "brand.svg").read_text()
_MARK: Final = (_FOLDER / "assets" / "mark.svg").read_text()
_ORG = "org"
_MAX_CHOICES = 8


@dataclass(frozen=True)
class PageInfo:
    """A page: its address, its title, and for whom it is listed in the sidebar."""

    address: str
    """The path in its URL, such as `members`; links in emails and bookmarks rely on it."""
    title: str
    icon: str = ""
    section: str = ""
    action: Action | None = None
    module: str = ""
    """The name of its file, if that is not its address."""

    @property
    def file(self) -> str:
        """Return its file, relative to `pages/frame.py`."""
        return f"{self.module or self.address}.py"


_ORGANIZATION, _STAFF_DESK, _PUBLIC = "organization", "staff desk", "public"
PAGES: Final = (
    PageInfo("home", "Orgdesk"),
    PageInfo("welcome", "Welcome"),
    PageInfo("overview", "Overview", "space_dashboard", _ORGANIZATION, Action.VIEW),
    PageInfo("profile", "Organization Profile", "badge", _ORGANIZATION, Action.VIEW),
    PageInfo("members", "Access Control", "group", _ORGANIZATION, Action.VIEW),
    PageInfo("onboarding", "Onboarding", "flag", _ORGANIZATION, Action.VIEW),
    PageInfo("history", "History", "history", _ORGANIZATION, Action.VIEW_HISTORY),
    PageInfo("solutions", "Connected solutions", "hub", _ORGANIZATION),
    PageInfo("organizations", "Organizations", "domain", _STAFF_DESK, Action.VIEW_ALL),
    PageInfo("board", "Onboarding board", "view_kanban", _STAFF_DESK, Action.VIEW_ALL),
    PageInfo("charts", "Onboarding charts", "bar_chart", _STAFF_DESK, Action.VIEW_ALL),
    PageInfo("notes", "Notes", "sticky_note_2", _STAFF_DESK, Action.WRITE_NOTES),
    PageInfo("activity", "Activity", "timeline", _STAFF_DESK, Action.VIEW_ALL),
    PageInfo("mail", "Mail", "mail", _STAFF_DESK, Action.READ_MAIL),
    PageInfo("people", "People", "manage_accounts", _STAFF_DESK, Action.MANAGE_PEOPLE),
    PageInfo("view", "Saved view", module="saved_view"),
    PageInfo("account", "User Settings"),
    PageInfo("sign_up", "Create an account", section=_PUBLIC),
    PageInfo("forgotten", "Forgot password", section=_PUBLIC, module="forgot_password"),
    PageInfo("reset", "Choose a password", section=_PUBLIC, module="reset_password"),
    PageInfo("prove", "Confirm your address", section=_PUBLIC, module="confirm_address"),
    PageInfo(
        "confirm_alert", "Confirm alert address", section=_PUBLIC, module="confirm_alert_address"
    ),
    PageInfo("invitation", "Invitation", section=_PUBLIC),
    PageInfo("setup", "Set up Orgdesk", section=_PUBLIC),
)
"""Every page. To add one, add a line here and a file beside `frame.py`."""

_USER_MENU: Final = {
    "Manage Organizations": "organizations",
    "Organization Profile": "profile",
    "Access Control": "members",
    "User Settings": "account",
    "Log out": "",
}


def register() -> StreamlitPage:
    """Register all pages with Streamlit, whatever the rights, and return the requested one."""
    st.set_page_config(layout="wide", initial_sidebar_state="auto")
    requested = st.navigation([copy(page) for page in _pages().values()], position="hidden")
    record_page(requested.url_path)
    st.html(_Style())
    return requested


class _Style:
    """The stylesheet; of a plain string, Streamlit would check on each rerun if it names a file."""

    def _repr_html_(self) -> str:
        return _STYLE


@cache
def _pages() -> dict[str, StreamlitPage]:
    """Return all pages by address; they are kept since making one checks that its file exists."""
    return {
        info.address: st.Page(
            info.file, title=info.title, url_path=info.address, default=info.address == "home"
        )
        for info in PAGES
    }


def is_public(page: StreamlitPage) -> bool:
    """Return whether a page needs no sign-in."""
    return any(page.url_path == info.address for info in PAGES if info.section == _PUBLIC)


def is_about_organization(page: StreamlitPage) -> bool:
    """Return whether a page is about the organization in the address."""
    return any(
        page.url_path == info.address and info.section == _ORGANIZATION and info.action is not None
        for info in PAGES
    )


@contextmanager
def narrow_layout() -> Iterator[None]:
    """Draw a page without sidebar: the logo, and one narrow column in the middle."""
    st.html("<style>[data-testid=stSidebar] { display: none }</style>")
    with (
        st.container(horizontal_alignment="center"),
        st.container(key="narrow", width=380),
    ):
        st.space("medium")
        st.image(_BRAND, width=112, alt="Orgdesk")
        yield


def draw_sidebar(actor: Actor, here: str) -> None:
    """Draw the sidebar; `here` is the address of the page.

    It is drawn before the page, so that it appears first, whatever the page does.
    """
    st.logo(_BRAND, icon_image=_MARK, size="large")
    found = find_open_organization(actor)
    org, rights = (found.org, found.rights) if found is not None else (None, frozenset[Action]())
    staff = rights if org is not None else rights_of(None, _find_staff_role(actor))
    with st.sidebar, st.container(key="sidenav", vertical_alignment="distribute"):
        with st.container():
            if org is not None:
                _draw_switcher(actor, org)
            _draw_links(org, rights, staff)
            browser.close_sidebar_on_phones(f"{here} {org.public_id if org is not None else ''}")
        _draw_user_menu(actor, org)


def find_roles(actor: Actor) -> Sequence[Role | Staff]:
    """Return the actor's role in the open organization and staff role, as far as there are any."""
    found = find_open_organization(actor)
    if found is not None:
        return found.roles
    staff = _find_staff_role(actor)
    return [staff] if staff is not None else []


def find_open_organization(actor: Actor) -> PageContext | None:
    """Return the organization in the address, or else the last one opened, or the actor's first."""
    return rerun_cache.cached(_find_open_organization, actor)


def _find_open_organization(actor: Actor) -> PageContext | None:
    found = find_current(actor)
    if found is None:
        with db.read() as session:
            first = membership_rows.list_organizations(session, actor, limit=1)
        found = find_context(actor, first[0].public_id) if first else None
    if found is not None:
        st.session_state[_ORG] = found.org.public_id
    return found


def _find_staff_role(actor: Actor) -> Staff | None:
    with db.read() as session:
        return find_staff_role(session, actor)


def _draw_links(org: Organization | None, rights: Rights, staff: Rights) -> None:
    query = {_ORG: org.public_id} if org is not None else None
    _draw_section(_ORGANIZATION, rights, query)
    if any(info.action in staff for info in PAGES if info.section == _STAFF_DESK):
        _draw_section(_STAFF_DESK, staff, None, title="Staff desk")


def _draw_section(
    section: str, rights: Rights, query: dict[str, str] | None, *, title: str = ""
) -> None:
    with st.container(gap="xxsmall"):
        if title:
            st.markdown(quiet(title))
        for info in PAGES:
            if info.section == section and (info.action is None or info.action in rights):
                st.page_link(
                    _pages()[info.address],
                    label=info.title,
                    icon=f":material/{info.icon}:",
                    width="stretch",
                    query_params=query if info.action is not None else None,
                )


def _draw_switcher(actor: Actor, org: Organization) -> None:
    label = f"![]({avatar_url(org.name, org.public_id, org.logo)}) {esc(org.name)}"
    switcher = st.popover(label, width="stretch", key="switcher", on_change="rerun", wrap=False)
    if switcher.open:
        with switcher:
            _draw_memberships(actor)


@fragment
def _draw_memberships(actor: Actor) -> None:
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
    for other in found[:_MAX_CHOICES]:
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", wrap=False):
            avatar(other.name, other.public_id, other.logo)
            query = {_ORG: other.public_id}
            st.page_link("overview.py", label=esc(other.name), width="stretch", query_params=query)
    if len(found) > _MAX_CHOICES:
        st.markdown(quiet(f"{len(found) - _MAX_CHOICES} more. Keep typing."))
    if not found:
        st.markdown(quiet("No matches"))
    st.page_link("organizations.py", label="Manage Organizations", icon=":material/domain:")


def _draw_user_menu(actor: Actor, org: Organization | None) -> None:
    avatar_of = avatars.initials_url(actor.name, str(actor.user_id), round=True)
    chosen = st.menu_button(
        f"![]({avatar_of}) {esc(actor.name)}",
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

"""Navigation: the list of pages, the sidebar, the organization switcher, the user menu."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlencode, urlsplit

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from core.access.permissions import Action, Actor, Rights, find_staff_role, rights_of
from core.base import avatars
from core.base.settings import settings
from core.database import db
from core.members import membership_rows
from core.models import Organization, Role, Staff
from pages.ui import authentication, component, quick_search, rerun_cache
from pages.ui.elements import logo_url
from pages.ui.open_page import (
    PageContext,
    find_context,
    find_current,
    fragment,
    query_about,
    record_page,
)

_FOLDER: Final = Path(__file__).parent
_BRAND: Final = (_FOLDER / "assets" / "brand.svg").read_text()
_MARK: Final = (_FOLDER / "assets" / "mark.svg").read_text()
_ORG = "org"
_EVERYBODYS: Final = ("organizations", "solutions", "account")
_SIDEBAR: Final = "sidebar"
_SIDEBAR_WIDTH: Final = 216
_Json = dict[str, Any]
_sidebar = component.load("sidebar")


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
    label: str = ""
    """Its name in the sidebar, if that is not its title."""
    own: str = ""
    """The query that its link in the sidebar adds for people who can move stages."""
    beneath: str = ""
    """The address of the page in the sidebar that leads to it, if it is not listed itself."""

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
    PageInfo("duplicates", "Duplicates", "", _STAFF_DESK, Action.MERGE, beneath="organizations"),
    PageInfo(
        *("import", "Import", "", _STAFF_DESK, Action.IMPORT),
        module="imports",
        beneath="organizations",
    ),
    PageInfo(
        *("board", "Onboarding board", "view_kanban", _STAFF_DESK, Action.VIEW_ALL),
        label="Onboarding",
        own="rep=mine",
    ),
    PageInfo("charts", "Onboarding charts", "", _STAFF_DESK, Action.VIEW_ALL, beneath="board"),
    PageInfo("activity", "Activity", "timeline", _STAFF_DESK, Action.VIEW_ALL),
    PageInfo("notes", "Notes", "", _STAFF_DESK, Action.WRITE_NOTES, beneath="activity"),
    PageInfo("runs", "Runs", "", _STAFF_DESK, Action.VIEW_ALL, beneath="activity"),
    PageInfo("people", "People", "manage_accounts", _STAFF_DESK, Action.MANAGE_PEOPLE),
    PageInfo("mail", "Mail", "mail", _STAFF_DESK, Action.READ_MAIL),
    PageInfo("view", "Saved view", module="saved_view"),
    PageInfo("account", "User Settings", "settings"),
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


def register() -> StreamlitPage:
    """Register all pages with Streamlit, whatever the rights, and return the requested one."""
    st.set_page_config(layout="wide", initial_sidebar_state=_SIDEBAR_WIDTH)
    pages = [copy(page) for page in _pages().values()]
    requested = st.navigation([*pages, *_missing_page()], position="hidden")
    record_page(requested.url_path)
    return requested


def _missing_page() -> list[StreamlitPage]:
    """Return our page for the address in the browser if there is none, to show our own words."""
    address = unquote(urlsplit(st.context.url or "").path).strip("/")
    if not address or address in _pages():
        return []
    return [st.Page("not_found.py", title="Page not found", url_path=address)]


def name_of(page: StreamlitPage) -> str:
    """Return the name of a page for metrics: those that do not exist have one together."""
    return (page.url_path or "home") if page.url_path in {"", *_pages()} else "not_found"


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
    return any(page.url_path == info.address for info in PAGES if _is_about(info))


def _is_about(info: PageInfo) -> bool:
    return info.section == _ORGANIZATION and info.action is not None


@contextmanager
def narrow_layout() -> Iterator[None]:
    """Draw a page without sidebar: the logo, and one narrow column in the middle."""
    with (
        st.container(horizontal_alignment="center"),
        st.container(key="narrow", width=380),
    ):
        st.space("medium")
        st.image(_BRAND, width=112, alt="Orgdesk")
        yield


def draw_sidebar(actor: Actor, here: str) -> str:
    """Draw the sidebar and the search box; `here` is the address of the page.

    Return the ID of the organization whose quick view was just asked for, if any.

    They are drawn before the page, so that they appear first, whatever the page does.
    """
    st.logo(_BRAND, icon_image=_MARK, size="large")
    found = find_open_organization(actor)
    org, rights = (found.org, found.rights) if found is not None else (None, frozenset[Action]())
    staff = rights if org is not None else rights_of(None, _find_staff_role(actor))
    with st.sidebar:
        _draw_sidebar(actor, org, _list_sections(org, rights, staff, here))
    is_about = org is not None and any(info.address == here for info in PAGES if _is_about(info))
    opened = org.public_id if org is not None and is_about else ""
    return quick_search.draw(actor, org, rights, _list_pages(org, rights, staff), opened=opened)


@fragment
def _draw_sidebar(actor: Actor, org: Organization | None, sections: list[_Json]) -> None:
    is_open = st.session_state.get(_SIDEBAR, {}).get("open", False)
    avatar = avatars.describe(actor.name, actor.user_id or 0)
    result: Any = _sidebar(
        key=_SIDEBAR,
        data={
            "user": {"id": actor.user_id, "name": actor.name, "avatar": avatar},
            "org": _describe(org) if org is not None else None,
            "sections": sections,
            "menu": _list_menu(org),
            "organizations": _list_organizations(actor, org) if is_open else None,
            "idleMinutes": settings().session_idle_minutes,
        },
        on_open_change=component.ignore,
        on_log_out_change=component.ignore,
    )
    if result.log_out:
        authentication.log_out()


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


def _list_sections(
    org: Organization | None, rights: Rights, staff: Rights, here: str
) -> list[_Json]:
    """Return the pages that are listed, with the pages beneath them; `here` is the current one."""
    sections = []
    for section, title, allowed in (
        (_ORGANIZATION, "", rights),
        (_STAFF_DESK, "Staff desk", staff),
    ):
        links = [
            _describe_link(info, org, here, allowed)
            for info in PAGES
            if info.section == section
            and not info.beneath
            and (info.action is None or info.action in allowed)
        ]
        sections.append({"title": title, "links": links})
    return [section for section in sections if section["links"]]


def _describe_link(info: PageInfo, org: Organization | None, here: str, rights: Rights) -> _Json:
    own = f"?{info.own}" if info.own and Action.MOVE_STAGES in rights else ""
    paths = [each.address for each in PAGES if info.address in {each.address, each.beneath}]
    return {
        "label": info.label or info.title,
        "icon": info.icon,
        "href": address_of(info.address, org if _is_about(info) else None) + own,
        "paths": paths,
        "isCurrent": here in paths,
    }


def _list_pages(org: Organization | None, rights: Rights, staff: Rights) -> list[_Json]:
    """Return every page that the actor can open, for the search box."""
    allowed = {_ORGANIZATION: rights, _STAFF_DESK: staff}
    listed = [
        info
        for info in PAGES
        if info.address in _EVERYBODYS
        or (info.section in allowed and (info.action or Action.VIEW) in allowed[info.section])
    ]
    return [
        {
            "label": info.title,
            "icon": info.icon or "arrow_forward",
            "note": org.name if org is not None and _is_about(info) else "",
            "href": address_of(info.address, org if _is_about(info) else None),
        }
        for info in listed
    ]


def address_of(page: str, org: Organization | None = None) -> str:
    """Return the address of a page, and of an organization on it: `/members?org=ORG-ACME234`.

    One about the organization of this page keeps the list that it was opened from, and the date.
    """
    return f"/{page}" + (f"?{urlencode(query_about(org.public_id))}" if org is not None else "")


def _list_menu(org: Organization | None) -> list[_Json]:
    """Return the entries of the user menu, without `Log out`."""
    about = {"profile": "Organization Profile", "members": "Access Control"}
    return [
        {"label": "Manage Organizations", "href": "/organizations"},
        *(
            {"label": label, "href": address_of(page, org) if org is not None else "/welcome"}
            for page, label in about.items()
        ),
        {"label": "User Settings", "href": "/account"},
    ]


def _list_organizations(actor: Actor, here: Organization | None) -> list[_Json]:
    with db.read() as session:
        mine = membership_rows.list_organizations(session, actor)
    is_here = here.public_id if here is not None else ""
    return [
        _describe(org)
        | {"href": address_of("overview", org), "isCurrent": org.public_id == is_here}
        for org in mine
    ]


def _describe(org: Organization) -> _Json:
    avatar = [logo_url(org.logo)] if org.logo else [*avatars.describe(org.name, org.public_id)]
    return {"id": org.public_id, "name": org.name, "avatar": avatar}

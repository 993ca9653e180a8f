"""The picker of saved views: open, save, rename, share and delete them."""

from typing import Any, Final, NamedTuple, NoReturn
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from core.access.permissions import Action, Actor, Rights
from core.base.errors import InvalidInput
from core.database import db
from core.models import SavedView
from core.staff import saved_view_lists, saved_views
from pages.ui.dialogs import close_dialog, draw_dialog, open_dialog
from pages.ui.elements import row
from pages.ui.forms import change, form, save
from pages.ui.open_page import previous_page, show_notice
from pages.ui.text import capped, esc, quiet

_PICKER: Final = "views"
_MAX_LABEL: Final = 28


class _Opened(NamedTuple):
    """The view that was last opened on a page."""

    view_id: int
    name: str
    query: str


def open_view(actor: Actor, view_id: int) -> NoReturn:
    """Open the page of a view with its query."""
    view = change(saved_views.visit, actor, view_id)
    _set_opened(view)
    _go(view.page, view.query)


def open_without_view(page: str) -> NoReturn:
    """Open a page without a view, not even the default one."""
    page = page if page in saved_views.PAGES else "organizations"
    _set_opened(None, page)
    _go(page, "")


def _go(page: str, query: str) -> NoReturn:
    for name in saved_views.PAGES[page]:
        st.session_state.pop(name, None)
    st.switch_page(f"{page}.py", query_params=saved_views.parse_query(query))


def draw_views(actor: Actor, page: str, rights: Rights, *, entry: str = "") -> None:
    """Draw the picker, and open the default view when the page is entered without a query.

    `entry` is the query with which the sidebar opens the page.
    """
    current = _current_query(page)
    if current in {"", entry} and previous_page() not in {None, "view"}:
        _open_default(actor, page)
    opened: _Opened | None = st.session_state.get(_opened_key(page))
    label = "Views"
    if opened is not None:
        name = opened.name
        name = name if len(name) <= _MAX_LABEL else f"{name[: _MAX_LABEL - 1]}…"
        label = esc(name) + ("" if current == opened.query else " · changed")
    picker = st.popover(label, icon=":material/bookmarks:", key=_PICKER, on_change="rerun")
    if picker.open:
        with db.read() as session:
            views = saved_view_lists.table(session, actor, page)
        with picker:
            _draw_list(page, views, current)
    draw_dialog("save-view", "Save this view", _draw_save, actor, page)
    draw_dialog("view", "View", _draw_view, actor, page, rights)


def _open_default(actor: Actor, page: str) -> None:
    with db.read() as session:
        view_id = saved_views.find_default(session, actor, page)
    if view_id is not None:
        open_view(actor, view_id)


def _draw_list(page: str, views: pd.DataFrame, current: str | None) -> None:
    if views.empty:
        st.markdown(quiet("No saved views yet. Filter and sort the list, then save it."))
    for heading, part in (("Yours", views["is_mine"]), ("Shared by others", ~views["is_mine"])):
        if part.any() and not views["is_mine"].all():
            st.markdown(quiet(heading))
        for view in views[part].itertuples():
            _draw_row(view)
    with row():
        st.button(
            "Save this view",
            icon=":material/bookmark_add:",
            key="save-view",
            disabled=current is None,
            on_click=_open,
            args=("save-view",),
        )
        st.page_link("saved_view.py", label="All organizations", query_params={"all": page})


def _draw_row(view: Any) -> None:
    with row(wrap=False, key=f"view-{view.id}"):
        st.page_link(
            "saved_view.py",
            label=esc(view.name),
            icon=":material/star:" if view.is_default else ":material/bookmark:",
            width="stretch",
            query_params={"id": str(view.id)},
            help=_hint(view),
        )
        if view.new:
            number = capped(view.new, saved_view_lists.MAX_NEW)
            st.markdown(f":blue-badge[{number} new]", width="content")
        if view.is_mine and view.is_shared:
            st.markdown(":gray-badge[shared]", width="content")
        st.button(
            "More",
            type="tertiary",
            icon=":material/more_horiz:",
            key=f"view-more-{view.id}",
            on_click=_open,
            args=("view", int(view.id)),
        )


def _hint(view: Any) -> str:
    whose = "" if view.is_mine else f"Shared by {esc(view.owner)}. "
    return f"{whose}{esc(view.name)}"


def _open(name: str, about: int | None = None) -> None:
    st.session_state[_PICKER] = False
    open_dialog(name, about)


def _draw_save(actor: Actor, page: str) -> None:
    st.markdown(quiet("Saves the current search, filters, columns and sorting."))
    with form("save-view") as saving:
        name = saving.field(st.text_input, "name", "Name")
        is_shared = saving.field(
            st.toggle, "is_shared", "Share with staff", hint="Others can use it but not change it."
        )
        pressed = saving.submit("Save")
    if pressed:
        query = _query()
        view = saving.change(saved_views.save, actor, page, name, query, is_shared=is_shared)
        if view is not None:
            saving.reset()
            _finish(view, f"View {view.name} saved")


def _draw_view(actor: Actor, page: str, rights: Rights, view_id: int) -> None:
    with db.read() as session:
        views = saved_view_lists.table(session, actor, page)
    found: list[Any] = [view for view in views.itertuples() if view.id == view_id]
    if not found:
        st.markdown("This view was deleted or is no longer shared.")
        return
    view = found[0]
    if view.is_mine:
        _draw_own(actor, page, view)
    else:
        st.markdown(f"**{esc(view.name)}**  \n{quiet(f'Shared by {esc(view.owner)}')}")
    with row():
        _draw_default(actor, page, view)
        if view.is_mine or Action.REMOVE_VIEWS in rights:
            st.button("Delete", icon=":material/delete:", key="view-delete")
    if st.session_state.get("view-delete"):
        save(f"View {view.name} deleted", saved_views.remove, actor, view_id)


def _draw_own(actor: Actor, page: str, view: Any) -> None:
    view_id, current = int(view.id), _current_query(page)
    with form(f"view-{view_id}") as naming:
        name = naming.field(st.text_input, "name", "Name", value=view.name)
        pressed = naming.submit("Rename", kind="secondary")
    if pressed:
        renamed = naming.change(saved_views.rename, actor, view_id, name)
        if renamed is not None:
            _finish(renamed, "View renamed")
    with row():
        label, icon = ("Stop sharing", "lock") if view.is_shared else ("Share with staff", "group")
        if st.button(label, icon=f":material/{icon}:", key="view-share"):
            notice = "No longer shared" if view.is_shared else "Shared with staff"
            save(notice, saved_views.share, actor, view_id, is_shared=not view.is_shared)
        if current is not None and current != view.query:
            label = "Update to current filters"
            if st.button(label, icon=":material/sync:", key="view-replace"):
                replaced = change(saved_views.replace, actor, view_id, current)
                _finish(replaced, f"View {view.name} updated")


def _draw_default(actor: Actor, page: str, view: Any) -> None:
    label = "Remove default" if view.is_default else "Set as default"
    if st.button(label, icon=":material/star:", key="view-default"):
        notice = "Default view removed" if view.is_default else f"{view.name} set as default"
        view_id = None if view.is_default else int(view.id)
        save(notice, saved_views.set_default, actor, page, view_id)


def _finish(view: SavedView, notice: str) -> NoReturn:
    """Close the dialog with a notice, and name the picker after the view if it is on screen."""
    if _current_query(view.page) == view.query:
        _set_opened(view)
    close_dialog()
    show_notice(notice)
    st.rerun()
    raise AssertionError("the rerun has started")


def _set_opened(view: SavedView | None, page: str = "") -> None:
    opened = None if view is None else _Opened(view.id, view.name, view.query)
    st.session_state[_opened_key(view.page if view is not None else page)] = opened


def _opened_key(page: str) -> str:
    return f"{page} view"


def _query() -> str:
    """Return the current query of the address."""
    names = st.query_params.keys()
    return urlencode({name: st.query_params.get_all(name) for name in names}, doseq=True)


def _current_query(page: str) -> str | None:
    """Return the query of the address as a view has it; None if it is too long to save."""
    try:
        return saved_views.clean_query(page, _query())
    except InvalidInput:
        return None

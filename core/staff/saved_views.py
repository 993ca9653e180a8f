"""Saved views: lists that staff save under a name, for themselves or shared with staff."""

from typing import Final
from urllib.parse import parse_qsl, urlencode

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access_staff, lock_self, lock_user_or_none
from core.audit import history
from core.base import clock, tokenizer, validation
from core.base.errors import InvalidInput, NotFound, NotPermitted
from core.models import DefaultView, Organization, SavedView, ViewVisit

MAX_VIEWS: Final = 50
"""Views of one person, over all pages."""
PAGES: Final[dict[str, tuple[str, ...]]] = {
    "organizations": (
        *("q", "stage", "rep", "from", "to", "members", "profile", "activity", "deleted"),
        *("sort", "rows", "columns", "view"),
    ),
    "board": ("q", "rep", "only", "sort"),
}
"""The pages whose views can be saved, with the parameters of the address that make up a view."""
MAX_QUERY: Final = 1_500
"""Characters of a query."""
_MAX_PARAMETERS: Final = 60
_QUERY_TOO_LONG: Final = "This view is too large to save. Shorten the search, then save it again."


def save(
    session: Session, actor: Actor, page: str, name: str, query: str, *, is_shared: bool = False
) -> SavedView:
    """Save the query of a page under a name; at most `MAX_VIEWS` for each person.

    Raises `InvalidInput` for a name that the actor already uses and a page without saved views.
    """
    access_staff(session, actor, Action.SAVE_VIEWS)
    name, query = _clean_name(name), clean_query(page, query)
    owner_id = actor.user_id or 0
    lock_user_or_none(session, owner_id)
    _ensure_name_is_free(session, owner_id, page, name)
    number = session.scalar(select(func.count()).where(SavedView.owner_id == owner_id)) or 0
    if number >= MAX_VIEWS:
        raise InvalidInput({"name": f"You can save up to {MAX_VIEWS} views. Delete one first."})

    view = SavedView(
        owner_id=owner_id,
        page=page,
        name=name,
        name_key=tokenizer.name_key(name),
        query=query,
        is_shared=is_shared,
        created_at=clock.now(),
    )
    session.add(view)
    session.flush()  # assigns the id
    _record_visit(session, actor, view)
    history.record(session, actor, owner_id, "view.saved", view)
    return view


def rename(session: Session, actor: Actor, view_id: int, name: str) -> SavedView:
    """Rename one of the actor's views."""
    name = _clean_name(name)
    view = _get_own(session, actor, view_id)
    _ensure_name_is_free(session, view.owner_id, view.page, name, except_id=view.id)
    view.name, view.name_key = name, tokenizer.name_key(name)
    history.record(session, actor, view.owner_id, "view.renamed", view)
    return view


def replace(session: Session, actor: Actor, view_id: int, query: str) -> SavedView:
    """Replace the query of one of the actor's views."""
    view = _get_own(session, actor, view_id)
    view.query = clean_query(view.page, query)
    _record_visit(session, actor, view)
    history.record(session, actor, view.owner_id, "view.replaced", view)
    return view


def share(session: Session, actor: Actor, view_id: int, *, is_shared: bool) -> SavedView:
    """Share one of the actor's views with staff, or stop sharing it."""
    view = _get_own(session, actor, view_id)
    view.is_shared = is_shared
    if not is_shared:
        for model in (ViewVisit, DefaultView):
            others = delete(model).where(model.view_id == view.id, model.user_id != view.owner_id)
            session.execute(others)
    history.record(session, actor, view.owner_id, "view.shared", view)
    return view


def remove(session: Session, actor: Actor, view_id: int) -> SavedView:
    """Delete one of the actor's views; administrators can also delete shared views of others."""
    view = _get(session, actor, view_id)
    if view.owner_id != actor.user_id:
        access_staff(session, actor, Action.REMOVE_VIEWS)
    for model in (ViewVisit, DefaultView):
        session.execute(delete(model).where(model.view_id == view.id))
    session.delete(view)
    history.record(session, actor, view.owner_id, "view.removed", view)
    return view


def set_default(
    session: Session, actor: Actor, page: str, view_id: int | None
) -> DefaultView | None:
    """Open a page with a view for the actor by default; None removes the default."""
    access_staff(session, actor, Action.SAVE_VIEWS)
    view = None if view_id is None else _get(session, actor, view_id)
    if view is not None and view.page != page:
        raise NotFound("view of this page")
    lock_self(session, actor)
    default = session.get(DefaultView, (actor.user_id, page))
    if view is None:
        if default is not None:
            session.delete(default)
        return None
    if default is None:
        default = DefaultView(user_id=actor.user_id or 0, page=page, view_id=view.id)
        session.add(default)
    default.view_id = view.id
    return default


def visit(session: Session, actor: Actor, view_id: int) -> SavedView:
    """Return a view that the actor opens; later rows count as new."""
    view = _get(session, actor, view_id)
    _record_visit(session, actor, view)
    return view


def find_default(session: Session, actor: Actor, page: str) -> int | None:
    """Return the id of the actor's default view of a page."""
    return session.scalar(
        select(DefaultView.view_id)
        .join(SavedView, SavedView.id == DefaultView.view_id)
        .where(
            DefaultView.user_id == actor.user_id,
            DefaultView.page == page,
            SavedView.is_shared | (SavedView.owner_id == actor.user_id),
        )
    )


def clean_query(page: str, query: str) -> str:
    """Return a query with only the parameters of a page's view, in the order of `PAGES`.

    Cursors and unknown parameters are dropped, so that equal views have equal queries. Raises
    `InvalidInput(query)` for a page without saved views and for a query that is too long.
    """
    known = PAGES.get(page)
    if known is None:
        raise InvalidInput({"query": "Views of this page can't be saved."})
    try:
        parameters = parse_qsl(query, max_num_fields=_MAX_PARAMETERS)
    except ValueError as error:
        raise InvalidInput({"query": _QUERY_TOO_LONG}) from error
    kept = sorted(
        {parameter: None for parameter in parameters if parameter[0] in known},
        key=lambda parameter: known.index(parameter[0]),
    )
    cleaned = urlencode(kept, errors="replace")
    if len(cleaned) > MAX_QUERY:
        raise InvalidInput({"query": _QUERY_TOO_LONG})
    return cleaned


def parse_query(query: str) -> dict[str, list[str]]:
    """Return the parameters of a cleaned query, each with its values."""
    parameters: dict[str, list[str]] = {}
    for name, value in parse_qsl(query):
        parameters.setdefault(name, []).append(value)
    return parameters


def _clean_name(name: str) -> str:
    check = validation.Check()
    name = check("name", validation.person_name, name)
    check.done()
    return name


def _get(session: Session, actor: Actor, view_id: int) -> SavedView:
    """Return a view that the actor can see; in a write transaction, lock its owner first."""
    access_staff(session, actor, Action.SAVE_VIEWS)
    owner_id = session.scalar(select(SavedView.owner_id).where(SavedView.id == view_id))
    if owner_id is not None:
        lock_user_or_none(session, owner_id)
    view = session.get(SavedView, view_id, populate_existing=True)
    if view is None or not (view.is_shared or view.owner_id == actor.user_id):
        raise NotFound("view")
    return view


def _get_own(session: Session, actor: Actor, view_id: int) -> SavedView:
    view = _get(session, actor, view_id)
    if view.owner_id != actor.user_id:
        raise NotPermitted("change views of other people", ask="the person who saved it")
    return view


def _ensure_name_is_free(
    session: Session, owner_id: int, page: str, name: str, *, except_id: int = 0
) -> None:
    taken = select(SavedView.id).where(
        SavedView.owner_id == owner_id,
        SavedView.page == page,
        SavedView.name_key == tokenizer.name_key(name),
        SavedView.id != except_id,
    )
    if session.scalar(taken) is not None:
        raise InvalidInput({"name": "You already have a view with this name. Choose another name."})


def _record_visit(session: Session, actor: Actor, view: SavedView) -> None:
    last = session.scalar(select(func.max(Organization.id))) or 0
    visit = session.get(ViewVisit, (actor.user_id, view.id))
    if visit is None:
        session.add(
            ViewVisit(user_id=actor.user_id or 0, view_id=view.id, at=clock.now(), last_org_id=last)
        )
    else:
        visit.at, visit.last_org_id = clock.now(), last

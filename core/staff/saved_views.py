"""Saved views: lists as staff wants to find them again, one's own and those that are shared."""

from typing import Final

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access_staff, take_person
from core.audit import history
from core.base import clock, tokenizer, validation
from core.base.errors import InvalidInput, NotFound, NotPermitted
from core.models import DefaultView, Organization, SavedView, ViewVisit
from core.staff import view_queries

MOST: Final = 50
"""Views that one person may keep, over all pages."""


def save(
    session: Session, actor: Actor, page: str, name: str, query: str, *, is_shared: bool = False
) -> SavedView:
    """Keep the list that a page's query asks for under a name; at most `MOST` for each person.

    Raises `InvalidInput`: a name that is taken among one's own, a page that has no views.
    """
    access_staff(session, actor, Action.SAVE_VIEWS)
    check = validation.Check()
    name = check("name", validation.person_name, name)
    check.done()
    query = view_queries.clean(page, query)
    owner_id = _take(session, actor.user_id or 0)
    _ensure_free(session, owner_id, page, name)
    kept = session.scalar(select(func.count()).where(SavedView.owner_id == owner_id)) or 0
    if kept >= MOST:
        raise InvalidInput(
            {"name": f"You keep {MOST} views already, as many as one may. Delete one first."}
        )

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
    session.flush()  # the look needs its id
    _note_look(session, actor, view)
    history.record(session, actor, owner_id, "view.saved", view)
    return view


def rename(session: Session, actor: Actor, view_id: int, name: str) -> SavedView:
    """Give one's own view another name."""
    check = validation.Check()
    name = check("name", validation.person_name, name)
    check.done()
    view = _get_own(session, actor, view_id)
    _ensure_free(session, view.owner_id, view.page, name, apart_from=view.id)
    view.name, view.name_key = name, tokenizer.name_key(name)
    history.record(session, actor, view.owner_id, "view.renamed", view)
    return view


def replace(session: Session, actor: Actor, view_id: int, query: str) -> SavedView:
    """Let one's own view ask for something else: another query of its page."""
    view = _get_own(session, actor, view_id)
    view.query = view_queries.clean(view.page, query)
    _note_look(session, actor, view)
    history.record(session, actor, view.owner_id, "view.replaced", view)
    return view


def share(session: Session, actor: Actor, view_id: int, *, is_shared: bool) -> SavedView:
    """Let all of staff use one's own view, or nobody else any more."""
    view = _get_own(session, actor, view_id)
    view.is_shared = is_shared
    if not is_shared:
        for kind in (ViewVisit, DefaultView):
            others = delete(kind).where(kind.view_id == view.id, kind.user_id != view.owner_id)
            session.execute(others)
    history.record(session, actor, view.owner_id, "view.shared", view)
    return view


def remove(session: Session, actor: Actor, view_id: int) -> SavedView:
    """Delete one's own view; an administrator may take away what others share."""
    view = _get(session, actor, view_id)
    if view.owner_id != actor.user_id:
        access_staff(session, actor, Action.REMOVE_VIEWS)
    for kind in (ViewVisit, DefaultView):
        session.execute(delete(kind).where(kind.view_id == view.id))
    session.delete(view)
    history.record(session, actor, view.owner_id, "view.removed", view)
    return view


def set_default(
    session: Session, actor: Actor, page: str, view_id: int | None
) -> DefaultView | None:
    """Let a page open with a view for the actor alone; with None it opens with everything."""
    access_staff(session, actor, Action.SAVE_VIEWS)
    view = None if view_id is None else _get(session, actor, view_id)
    if view is not None and view.page != page:
        raise NotFound("view of this page")
    _take(session, actor.user_id or 0)
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


def look(session: Session, actor: Actor, view_id: int) -> SavedView:
    """Return a view that is being opened; what is in it now is not new to the actor from here."""
    view = _get(session, actor, view_id)
    _note_look(session, actor, view)
    return view


def find_default(session: Session, actor: Actor, page: str) -> int | None:
    """Return the id of the view that a page opens with for the actor."""
    return session.scalar(
        select(DefaultView.view_id)
        .join(SavedView, SavedView.id == DefaultView.view_id)
        .where(
            DefaultView.user_id == actor.user_id,
            DefaultView.page == page,
            SavedView.is_shared | (SavedView.owner_id == actor.user_id),
        )
    )


def _get(session: Session, actor: Actor, view_id: int) -> SavedView:
    """Return a view that the actor may see; in a write transaction, take its owner first."""
    access_staff(session, actor, Action.SAVE_VIEWS)
    owner_id = session.scalar(select(SavedView.owner_id).where(SavedView.id == view_id))
    if owner_id is not None:
        _take(session, owner_id)
    view = session.get(SavedView, view_id, populate_existing=True)
    if view is None or not (view.is_shared or view.owner_id == actor.user_id):
        raise NotFound("view")
    return view


def _get_own(session: Session, actor: Actor, view_id: int) -> SavedView:
    view = _get(session, actor, view_id)
    if view.owner_id != actor.user_id:
        raise NotPermitted("change what somebody else shares", ask="whoever saved it")
    return view


def _take(session: Session, user_id: int) -> int:
    take_person(session, user_id)
    return user_id


def _ensure_free(
    session: Session, owner_id: int, page: str, name: str, *, apart_from: int = 0
) -> None:
    taken = select(SavedView.id).where(
        SavedView.owner_id == owner_id,
        SavedView.page == page,
        SavedView.name_key == tokenizer.name_key(name),
        SavedView.id != apart_from,
    )
    if session.scalar(taken) is not None:
        raise InvalidInput({"name": "You have a view of that name here. Choose another name."})


def _note_look(session: Session, actor: Actor, view: SavedView) -> None:
    last = session.scalar(select(func.max(Organization.id))) or 0
    noted = session.get(ViewVisit, (actor.user_id, view.id))
    if noted is None:
        session.add(
            ViewVisit(user_id=actor.user_id or 0, view_id=view.id, at=clock.now(), last_org_id=last)
        )
    else:
        noted.at, noted.last_org_id = clock.now(), last

"""A view of all organizations as the query of an address, and back."""

from collections.abc import Callable
from datetime import date
from typing import TypeVar
from urllib.parse import parse_qs, urlencode

from core.models import Stage
from core.organizations.org_choices import Activity, Members, Profile, Sort, View

T = TypeVar("T")

_WHOLE = View()


def to_query(view: View) -> str:
    """Return the query that asks for these organizations in this order; empty for all of them."""
    asked = {
        "q": view.words,
        "stage": [str(stage) for stage in view.stages],
        "rep": view.rep_id,
        "from": view.created_from,
        "to": view.created_to,
        "members": view.members,
        "profile": view.profile,
        "activity": view.activity,
        "deleted": "true" if view.is_deleted else None,
        "sort": view.sort if view.sort is not _WHOLE.sort else None,
    }
    return urlencode({name: value for name, value in asked.items() if value}, doseq=True)


def from_query(query: str) -> View:
    """Return the view that a query asks for.

    Raises `ValueError` for what it cannot be: a mistaken filter never becomes the whole table.
    """
    asked = parse_qs(query, max_num_fields=50)

    def one(name: str, read: Callable[[str], T]) -> T | None:
        return read(asked[name][-1]) if name in asked else None

    return View(
        words=one("q", str) or "",
        stages=tuple(Stage(stage) for stage in asked.get("stage", ())),
        rep_id=one("rep", int),
        sort=one("sort", Sort) or _WHOLE.sort,
        created_from=one("from", date.fromisoformat),
        created_to=one("to", date.fromisoformat),
        members=one("members", Members),
        profile=one("profile", Profile),
        activity=one("activity", Activity),
        is_deleted=one("deleted", str) == "true",
    )

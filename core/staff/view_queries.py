"""What of an address makes a view: the parameters of each page that can be saved, in one order."""

from typing import Final
from urllib.parse import parse_qsl, urlencode

from core.base.errors import InvalidInput

PAGES: Final[dict[str, tuple[str, ...]]] = {
    "organizations": (
        *("q", "stage", "rep", "from", "to", "members", "profile", "activity", "deleted"),
        *("sort", "rows", "columns"),
    ),
    "board": ("q", "rep", "only", "sort"),
}
"""Pages whose views can be saved, and what narrows, sorts or cuts each of them."""

LONGEST: Final = 1_500
"""Characters of a query."""
_MOST_PARTS: Final = 60


def clean(page: str, query: str) -> str:
    """Return the query with only what belongs to the view of a page, in the order of `PAGES`.

    Places within the list, ids of organizations and what is unknown are left out. Two queries for
    the same view become equal. Raises `InvalidInput(query)` for what cannot be one.
    """
    known = PAGES.get(page)
    if known is None:
        raise InvalidInput({"query": "Views of this page cannot be saved."})
    try:
        parts = parse_qsl(query, max_num_fields=_MOST_PARTS)
    except ValueError as why:
        raise InvalidInput({"query": _TOO_MUCH}) from why
    kept = sorted(
        {part: None for part in parts if part[0] in known},
        key=lambda part: known.index(part[0]),
    )
    cleaned = urlencode(kept, errors="replace")
    if len(cleaned) > LONGEST:
        raise InvalidInput({"query": _TOO_MUCH})
    return cleaned


def split(query: str) -> dict[str, list[str]]:
    """Return the parameters of a cleaned query, each with its values."""
    asked: dict[str, list[str]] = {}
    for name, value in parse_qsl(query):
        asked.setdefault(name, []).append(value)
    return asked


_TOO_MUCH: Final = "This is more than a view can hold. Search for fewer words, then save it again."

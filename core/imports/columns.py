"""The columns of files: the fields that can be imported, and which column of a file is which."""

import csv
import io
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from rapidfuzz import fuzz, process

from core.base import formulas
from core.organizations import csv_export
from core.profile import profile

CLEAR: Final = "(clear)"
"""The cell that empties a field; an empty cell leaves it as it is."""
WHY: Final = "Why"
"""The column that rejects have in addition."""
_MIN_SIMILARITY: Final = 85.0


class What(StrEnum):
    """What a file is about."""

    ORGANIZATIONS = "organizations"
    MEMBERS = "members"


class Field(NamedTuple):
    """A field that can be imported: its title in files, and others by which it is recognized."""

    title: str
    also: tuple[str, ...] = ()


_ID: Final = Field("Organization ID", ("ID",))
FIELDS: Final[Mapping[What, Mapping[str, Field]]] = {
    What.ORGANIZATIONS: {
        "public_id": _ID,
        "name": Field("Name", (profile.FIELDS["name"], "Organization", "Company", "Company name")),
        "owner_email": Field("Owner email", ("Owner", "First owner", "Email of owner")),
        "overview": Field(profile.FIELDS["overview"], ("Overview", "Description")),
        "sales_email": Field(profile.FIELDS["sales_email"], ("Contact email",)),
        "phone": Field(profile.FIELDS["phone"], ("Phone number", "Telephone", "Tel")),
        "website": Field("Website", (profile.FIELDS["website"], "Web", "URL", "Homepage")),
        "twitter": Field(profile.FIELDS["twitter"], ("Twitter", "X", "Twitter handle")),
        "stage": Field("Stage"),
        "rep": Field("Sales rep", ("Rep",)),
        "target_on": Field("Target date"),
        "next_step": Field("Next step"),
        "next_step_on": Field("Next step due", ("Due",)),
    },
    What.MEMBERS: {
        "email": Field("Email", ("Email address", "Member email", "Address")),
        "public_id": _ID,
        "organization": Field("Organization", ("Organization name", "Company", "Company name")),
    },
}
REQUIRED: Final[Mapping[What, Sequence[frozenset[str]]]] = {
    What.ORGANIZATIONS: (frozenset({"public_id", "name"}),),
    What.MEMBERS: (frozenset({"email"}), frozenset({"public_id", "organization"})),
}
"""Sets of fields of which a file needs at least one each."""
_COUNTED: Final = ("member_count", "owners", "pending", "profile", "last_active_at", "created_at")
KEPT_BY_ORGDESK: Final = (*(csv_export.TITLES[name] for name in _COUNTED), WHY)
"""Titles of our own files that are never imported."""


def template(what: What) -> bytes:
    """Return an empty file with the titles of all fields, as CSV."""
    made = io.StringIO()
    csv.writer(made).writerow([field.title for field in FIELDS[what].values()])
    return made.getvalue().encode("utf-8-sig")  # Excel takes it for another encoding without


def match(what: What, titles: Sequence[str]) -> list[str]:
    """Return the field of each column by its title, empty where there is none; each field once."""
    known = {_plain(name): key for key, field in FIELDS[what].items() for name in _names(field)}
    found = [known.get(_plain(title), "") for title in titles]
    found = [key if key not in found[:at] else "" for at, key in enumerate(found)]
    ignored = {_plain(title) for title in KEPT_BY_ORGDESK}
    for at, title in enumerate(titles):
        if not found[at] and _plain(title) not in ignored:
            found[at] = _find_similar(title, {k: v for k, v in known.items() if v not in found})
    return found


def list_missing(what: What, columns: Sequence[str]) -> list[str]:
    """Return what a file still needs: the titles of required fields, alternatives joined."""
    fields = FIELDS[what]
    return [
        " or ".join(fields[key].title for key in fields if key in either)
        for either in REQUIRED[what]
        if not either & set(columns)
    ]


def texts(columns: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    """Return the cells of a row that are not empty, by the fields of their columns."""
    return {
        field: cell.strip()
        for field, cell in zip(columns, cells, strict=False)
        if field and cell.strip()
    }


def unguarded(cell: str) -> str:
    """Return a cell without the apostrophe with which we guard what would be a formula."""
    plain = cell[1:]
    return plain if cell[:1] == "'" and formulas.harmless(plain) == cell else cell


def _names(field: Field) -> tuple[str, ...]:
    return (field.title, *field.also)


def _plain(title: str) -> str:
    return "".join(sign for sign in title.casefold() if sign.isalnum())


def _find_similar(title: str, known: Mapping[str, str]) -> str:
    """Return the field whose title is nearly this one, such as `Web site`, or an empty text."""
    names = list(known)
    best = process.extractOne(_plain(title), names, scorer=fuzz.ratio, score_cutoff=_MIN_SIMILARITY)
    return known[best[0]] if best is not None else ""

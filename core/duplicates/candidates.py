"""Pairs of organizations that may be one: list and compare them, or say that they are two."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

import pandas as pd
from sqlalchemy import Select, exists, select, tuple_
from sqlalchemy.orm import Session, aliased

from core.access.permissions import Action, Actor, access, access_staff
from core.audit import history
from core.base import clock, parameters, phones
from core.base.errors import NotFound
from core.database.db import count_up_to, frame
from core.duplicates import matching
from core.members import invitation_rows
from core.models import (
    DuplicateGroup,
    DuplicatePair,
    NotDuplicate,
    Organization,
    Stage,
    UnmatchedOrganization,
    User,
)
from core.organizations.look_alikes import REORDERED, Reason
from core.profile import profile

PAGE_SIZE: Final = 50
MAX_COUNTED: Final = 1_000
MAX_GROUPS: Final = 20
"""Groups that are listed, the largest."""
_ONE, _OTHER = aliased(Organization), aliased(Organization)
_SHOWN: Final = ("id", "public_id", "name", "logo", "stage", "member_count")
LABELS: Final = profile.FIELDS | {
    "logo": "Logo",
    "stage": "Stage",
    "rep_id": "Sales rep",
    "target_on": "Target date",
    "next_step": "Next step",
    "next_step_on": "Next step due",
    "member_count": "Members",
    "owner_count": "Owners",
    "pending": "Pending invitations",
    "created_at": "Created",
    "last_active_at": "Last active",
}
"""What two organizations are compared by, with labels."""


class Position(NamedTuple):
    """The place of a pair in the list; as text it is what an address can have."""

    score: int
    first_id: int
    second_id: int

    def __str__(self) -> str:
        return ".".join(map(str, self))

    @classmethod
    def from_text(cls, text: str) -> "Position | None":
        """Return the place that a text stands for, or None for any other text."""
        numbers = [parameters.find_row_id(part) for part in text.split(".")]
        if len(numbers) != len(cls._fields) or None in numbers:
            return None
        return cls(*(number or 0 for number in numbers))


class Page(NamedTuple):
    """Pairs of organizations, the most likely first.

    Columns of `rows`: position, score, reasons (a list), and `id`, `public_id`, `name`, `logo`,
    `stage`, `member_count` of each of the two, which begin with `one_` and `other_`. `total` is
    counted up to `MAX_COUNTED` + 1.
    """

    rows: pd.DataFrame
    total: int
    next: Position | None
    """The place to continue after, if there are more."""


class Comparison(NamedTuple):
    """Two organizations side by side.

    Index of `fields`: those of `LABELS`. Columns: label, one, other (texts), differs.
    """

    one: Organization
    other: Organization
    fields: pd.DataFrame
    dismissed_by: str
    """Who marked them as not duplicates; empty if nobody did."""
    dismissed_at: datetime | None


def table(session: Session, actor: Actor, after: Position | None = None) -> Page:
    """Return a page of the pairs that may be duplicates, without those marked as not."""
    access_staff(session, actor, Action.MERGE)
    total = count_up_to(session, _pairs(), MAX_COUNTED)
    place = tuple_(DuplicatePair.score, DuplicatePair.first_id, DuplicatePair.second_id)
    pairs = _pairs().order_by(*(column.desc() for column in place.clauses)).limit(PAGE_SIZE + 1)
    rows = frame(session, pairs if after is None else pairs.where(place < tuple(after)))
    rows["reasons"] = [[Reason(each) for each in texts.split()] for texts in rows["reasons"]]
    places = rows[["score", "one_id", "other_id"]].itertuples(index=False)
    rows["position"] = [str(Position(*place)) for place in places]
    has_more, rows = len(rows) > PAGE_SIZE, rows.head(PAGE_SIZE)
    last = Position.from_text(rows["position"].iloc[-1]) if has_more else None
    return Page(rows, total, last)


def list_groups(session: Session, actor: Actor) -> pd.DataFrame:
    """Return what so many organizations share that its pairs are left out, the largest first.

    Columns: key, reason, value, size. At most `MAX_GROUPS` rows.
    """
    access_staff(session, actor, Action.MERGE)
    by_size = (
        select(DuplicateGroup.key, DuplicateGroup.size)
        .where(DuplicateGroup.key.not_like(f"{REORDERED}:%"))  # their names make a group, too
        .order_by(DuplicateGroup.size.desc(), DuplicateGroup.key.desc())
    )
    rows = frame(session, by_size.limit(MAX_GROUPS))
    parts = [key.partition(":") for key in rows["key"]]
    return rows.assign(
        reason=[Reason(reason) for reason, _, _ in parts], value=[value for _, _, value in parts]
    )


def is_matching(session: Session, actor: Actor) -> bool:
    """Return whether many organizations are still to be compared, as after an upgrade."""
    access_staff(session, actor, Action.MERGE)
    waiting = select(UnmatchedOrganization.id)
    return count_up_to(session, waiting, matching.BATCH) > matching.BATCH


def suggest_kept(found: Comparison) -> Organization:
    """Return the one of two to keep: it is further on, has owners, more members, is older."""
    stages = list(Stage)
    return max(
        (found.one, found.other),
        key=lambda org: (
            stages.index(org.stage),
            org.unclaimed_since is None,
            org.member_count,
            -org.id,
        ),
    )


def compare(session: Session, actor: Actor, one_id: int, other_id: int) -> Comparison:
    """Return two organizations side by side; fields that differ come first."""
    one, other = _open(session, actor, one_id, other_id)
    texts = [_texts(session, org) for org in (one, other)]
    rows = [
        {"field": field, "label": label, "one": texts[0][field], "other": texts[1][field]}
        for field, label in LABELS.items()
    ]
    fields = pd.DataFrame(rows).set_index("field")
    fields["differs"] = fields["one"] != fields["other"]
    fields = fields.sort_values("differs", ascending=False, kind="stable")
    mark = _find_mark(session, one, other)
    who = session.get(User, mark.user_id) if mark is not None else None
    name = "" if mark is None else (who and who.name) or "A deleted account"
    return Comparison(one, other, fields, name, mark.at if mark is not None else None)


def dismiss(session: Session, actor: Actor, one_id: int, other_id: int) -> NotDuplicate:
    """Mark two organizations as not duplicates, so that they are no longer listed as a pair."""
    one, other = _open(session, actor, one_id, other_id)
    mark = _find_mark(session, one, other)
    if mark is not None:
        return mark
    first, second = sorted((one, other), key=lambda org: org.id)
    mark = NotDuplicate(
        first_id=first.id,
        second_id=second.id,
        organizations=f"{first.public_id} and {second.public_id}",
        user_id=actor.user_id or 0,
        at=clock.now(),
    )
    session.add(mark)
    session.flush()  # assigns the id
    history.record(session, actor, None, "duplicate.dismissed", mark)
    return mark


def restore(session: Session, actor: Actor, one_id: int, other_id: int) -> NotDuplicate | None:
    """Take back that two organizations are not duplicates; return the mark, if there was one."""
    one, other = _open(session, actor, one_id, other_id)
    mark = _find_mark(session, one, other)
    if mark is not None:
        session.delete(mark)
        history.record(session, actor, None, "duplicate.restored", mark)
    return mark


def _open(
    session: Session, actor: Actor, one_id: int, other_id: int
) -> tuple[Organization, Organization]:
    """Return two different organizations; in a write transaction they are locked by id."""
    access_staff(session, actor, Action.MERGE)
    if one_id == other_id:
        raise NotFound("organization")
    ids = sorted((one_id, other_id))
    found = {each: access(session, actor, each, Action.MERGE) for each in ids}
    return found[one_id], found[other_id]


def _find_mark(session: Session, one: Organization, other: Organization) -> NotDuplicate | None:
    first_id, second_id = sorted((one.id, other.id))
    return session.scalar(
        select(NotDuplicate).where(
            NotDuplicate.first_id == first_id, NotDuplicate.second_id == second_id
        )
    )


def _pairs() -> Select[*tuple[Any, ...]]:
    """Select the pairs of live organizations that nobody has marked as not duplicates."""
    is_marked = exists().where(
        NotDuplicate.first_id == DuplicatePair.first_id,
        NotDuplicate.second_id == DuplicatePair.second_id,
    )
    of_both = [
        getattr(org, column).label(f"{side}_{column}")
        for side, org in (("one", _ONE), ("other", _OTHER))
        for column in _SHOWN
    ]
    return (
        select(DuplicatePair.score, DuplicatePair.reasons, *of_both)
        .join(_ONE, _ONE.id == DuplicatePair.first_id)
        .join(_OTHER, _OTHER.id == DuplicatePair.second_id)
        .where(_ONE.deleted_at.is_(None), _OTHER.deleted_at.is_(None), ~is_marked)
    )


def _texts(session: Session, org: Organization) -> Mapping[str, str]:
    """Return what is compared of an organization, as texts."""
    rep = session.get(User, org.rep_id) if org.rep_id else None
    numbers = {
        "member_count": org.member_count,
        "owner_count": org.owner_count,
        "pending": invitation_rows.count_open(session, org.id),
    }
    dates = ("target_on", "next_step_on", "created_at", "last_active_at")
    return {
        **{field: getattr(org, field) or "" for field in ("name", "overview", "sales_email")},
        "alert_email": org.alert_email or "",
        "phone": phones.format_international(org.phone) if org.phone else "",
        "website": org.website or "",
        "twitter": f"@{org.twitter}" if org.twitter else "",
        "logo": org.logo or "",
        "stage": org.stage.capitalize(),
        "rep_id": rep.name if rep is not None else "",
        "next_step": org.next_step or "",
        **{field: f"{number:,}" for field, number in numbers.items()},
        **{field: _day(getattr(org, field)) for field in dates},
    }


def _day(value: Any) -> str:
    return f"{value.day} {value:%b %Y}" if value else ""

"""An organization as it was: everything that history recorded since then, undone in memory.

    then = as_of.get(session, actor, org_id, moment)
    then.org.phone, then.members

Entries are undone from the newest back to the moment. Where that is, is looked up once, as a
position in the chain: the clocks of two processes differ, positions never do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pandas as pd
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access
from core.accounts import user_rows
from core.base.errors import NotCreatedYet
from core.changes import cells
from core.database import change_tracking
from core.models import Entry, Membership, Organization, Role

COLUMNS: Final = ("user_id", "name", "role", "joined_at")
_MEMBER_FIELDS: Final = ("role", "joined_at")
_GONE: Final = "A deleted account"
_ORGANIZATIONS: Final = Organization.__table__.c
_MEMBERSHIPS: Final = Membership.__table__.c

_Values = dict[str, Any]


@dataclass(frozen=True)
class Snapshot:
    """An organization at some moment in the past; people have the names of today."""

    org: Organization
    """Its row as it was, with the number of members; it is part of no session."""
    members: pd.DataFrame
    """Everyone who was a member, owners first, with `COLUMNS`."""
    rep: str
    """The name of the sales rep, or an empty text."""
    number_since: int
    """The entries of history since then."""


def get(session: Session, actor: Actor, org_id: int, moment: datetime) -> Snapshot:
    """Return an organization with its members as they were; needs the right to view its history.

    Raises `NotCreatedYet` for a moment before it was created.
    """
    org = access(session, actor, org_id, Action.VIEW_HISTORY)
    later = _list_since(session, org, moment)
    if org.created_at > moment or any(it.event == "organization.created" for it in later):
        raise NotCreatedYet
    values, people = _values_of(org), _list_members(session, org)
    for entry in later:
        _undo(session, entry, org, values, people)
    members = _frame(session, people)
    names = user_rows.find_names(session, [values["rep_id"]])
    return Snapshot(
        _row(org, values, members), members, names.get(values["rep_id"], ""), len(later)
    )


def _list_since(session: Session, org: Organization, moment: datetime) -> Sequence[Entry]:
    """Return the entries after the last one that was written until then, newest first."""
    chain = Entry.chain == f"org:{org.id}"
    until = select(Entry.position).where(chain, Entry.at <= moment).order_by(Entry.position.desc())
    position = session.scalar(until.limit(1)) or 0
    later = select(Entry).where(chain, Entry.position > position)
    return session.scalars(later.order_by(Entry.position.desc())).all()


def _values_of(org: Organization) -> _Values:
    columns = [it for it in _ORGANIZATIONS if not it.primary_key]
    return {it.name: getattr(org, it.name) for it in columns if not it.info.get("unrecorded")}


def _list_members(session: Session, org: Organization) -> dict[int, _Values]:
    """Return role and date of each member, by the id of the person."""
    members = session.scalars(select(Membership).where(Membership.org_id == org.id))
    return {it.user_id: {name: getattr(it, name) for name in _MEMBER_FIELDS} for it in members}


def _undo(
    session: Session, entry: Entry, org: Organization, values: _Values, people: dict[int, _Values]
) -> None:
    for change in reversed(entry.changes):
        row, field, old = change["row"], change["field"], change["old"]
        if row == f"organizations:{org.id}" and field in values:
            values[field] = change_tracking.as_stored(_ORGANIZATIONS[field], old)
        elif row.startswith("memberships:") and field in _MEMBER_FIELDS:
            person_id = cells.person_of(session, entry, change)
            if person_id is not None:
                member = people.setdefault(person_id, {})
                member[field] = change_tracking.as_stored(_MEMBERSHIPS[field], old)


def _frame(session: Session, people: dict[int, _Values]) -> pd.DataFrame:
    there = {user_id: values for user_id, values in people.items() if values.get("role")}
    names = user_rows.find_names(session, there)
    rows = [
        (user_id, names.get(user_id) or _GONE, values["role"], values["joined_at"])
        for user_id, values in there.items()
    ]
    rows.sort(key=lambda row: (-row[2].rank, row[1].casefold(), row[0]))
    return pd.DataFrame(rows, columns=pd.Index(COLUMNS))


def _row(org: Organization, values: _Values, members: pd.DataFrame) -> Organization:
    numbers = members["role"].value_counts()
    return Organization(
        id=org.id,
        member_count=len(members),
        owner_count=int(numbers.get(Role.OWNER, 0)),
        admin_count=int(numbers.get(Role.ADMIN, 0)),
        **values,
    )

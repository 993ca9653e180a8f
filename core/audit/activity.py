"""Activity: lists of history entries as sentences, with when and why."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import pandas as pd
from sqlalchemy import Row, Select, func, literal, select
from sqlalchemy.orm import Session

from core.access import merged
from core.access.permissions import (
    Action,
    Actor,
    access,
    access_staff,
    may,
    staff_rights,
)
from core.audit import search_texts, sentences
from core.audit.queries import EVERYTHING, Filters, find_ids
from core.audit.sentences import Names
from core.base.parameters import MAX_ID
from core.models import Entry, Invitation, Organization, User

COLUMNS: Final = (
    "id event who_id who what parts logos at reason org_id organization public_id org_logo".split()
)
PAGE_SIZE: Final = 50
"""Entries on one page."""

Found = Row[Entry, str | None, str | None, str | None]
"""An entry with name, ID and logo of its organization."""

_STAGES: Final = ("stage.flagged", "stage.moved", "stage.withdrawn", "stage.overridden")
_VISIBLE: Final = {
    Action.VIEW: (
        *("organization.created", "organization.restored", "onboarding.requested", *_STAGES),
        *("profile.changed", "profile.confirmed", "profile.listed", "profile.unlisted"),
        *("logo.changed", "logo.removed"),
        *("member.removed", "member.left", "member.reinstated", "invitation.accepted"),
    ),
    Action.VIEW_INVITATIONS: (
        *("invitation.sent", "invitation.resent", "invitation.declined", "invitation.revoked"),
        *("invitation.role_changed", "member.role_changed"),
        *("ownership.offered", "ownership.withdrawn", "ownership.declined"),
        *("ownership.transferred", "ownership.named"),
    ),
}
"""The events that people without the right to view history can see in excerpts, by their right."""
_WITH_VALUES: Final = (*_STAGES, "invitation.role_changed", "member.role_changed")
"""Those of them whose values before and after such people can see as well."""


def table(
    session: Session,
    actor: Actor,
    filters: Filters = EVERYTHING,
    *,
    org_id: int | None = None,
    before_id: int | None = None,
    limit: int = PAGE_SIZE,
) -> pd.DataFrame:
    """Return the latest entries that match, newest first, each as a sentence.

    Those of one organization need the right to view its history; those of all organizations are for
    staff. `before_id` continues after a page.

    The columns are `COLUMNS`: `who` and `what` are the sentence, `parts` is `what` in parts, and
    `logos` those before and after, by digest; moments are in UTC.
    """
    authorize(session, actor, org_id)
    others = find_merged(session, actor, org_id)
    ids = find_ids(session, filters, org_id=org_id, merged=others, before_id=before_id, limit=limit)
    return _frame(session, load(session, ids))


def find_merged(session: Session, actor: Actor, org_id: int | None) -> dict[int, int]:
    """Return the organizations merged into one, each with the first entry that the actor can see.

    Staff see the whole history of both; others see what has happened since the merge.
    """
    if org_id is None:
        return {}
    ids = merged.list_sources(session, actor, org_id)
    if Action.VIEW_ALL in staff_rights(session, actor):
        return dict.fromkeys(ids, 0)
    merges = select(func.max(Entry.id)).where(Entry.event == "organization.merged")
    return {each: session.scalar(merges.where(Entry.org_id == each)) or MAX_ID for each in ids}


def load(session: Session, ids: Sequence[int]) -> Sequence[Found]:
    """Return entries by id, newest first, each with name, ID and logo of its organization."""
    chosen = _entries().where(Entry.id.in_(ids)).order_by(Entry.id.desc())
    return session.execute(chosen).all()


def find_searchable_since(session: Session, filters: Filters) -> datetime | None:
    """Return the time of the first entry that these words can find; None if they find any."""
    if not filters.words.strip() and not filters.field:
        return None
    return search_texts.find_searchable_since(session)


def authorize(session: Session, actor: Actor, org_id: int | None) -> Organization | None:
    """Return the organization whose history is viewed, if the actor may; None for all of them."""
    if org_id is not None:
        return access(session, actor, org_id, Action.VIEW_HISTORY)
    access_staff(session, actor, Action.VIEW_ALL)
    return None


def latest(session: Session, actor: Actor, org_id: int, *, limit: int = 5) -> pd.DataFrame:
    """Return the latest entries of an organization, like `table`, that the actor can see.

    Without the right to view history these are the changes of what the actor can see anyway, and
    only stages and roles have their values before and after.
    """
    access(session, actor, org_id, Action.VIEW)
    entries = _entries().where(Entry.org_id == org_id).order_by(Entry.id.desc()).limit(limit)
    if may(session, actor, org_id, Action.VIEW_HISTORY):
        return _frame(session, session.execute(entries).all())
    visible = [
        event
        for action, events in _VISIBLE.items()
        if may(session, actor, org_id, action)
        for event in events
    ]
    found = session.execute(entries.where(Entry.event.in_(visible))).all()
    return _frame(session, found, with_values=False)


def of_account(session: Session, actor: Actor, *, limit: int = PAGE_SIZE) -> pd.DataFrame:
    """Return the latest entries about the actor's own account, like `table`, addressed to them."""
    entries = _entries().where(Entry.chain == f"person:{actor.user_id}")
    entries = entries.order_by(Entry.position.desc()).limit(limit)
    found = _frame(session, session.execute(entries).all())
    return found.apply(_address, axis=1, args=(actor,)) if len(found) else found


def _address(row: "pd.Series[Any]", reader: Actor) -> "pd.Series[Any]":
    """Return a row whose sentence says "you" where the reader did it."""
    if row["who_id"] != reader.user_id or row["who"] != reader.name:
        return row
    parts = [part._replace(text=part.text.replace("their ", "your ")) for part in row["parts"]]
    said = {"who": "You", "what": "".join(part.text for part in parts), "parts": parts}
    return pd.Series({**row, **said})


def _entries() -> Select[Entry, str, str, str | None]:
    return select(Entry, Organization.name, Organization.public_id, Organization.logo).outerjoin(
        Organization, Organization.id == Entry.org_id
    )


def _frame(session: Session, found: Sequence[Found], *, with_values: bool = True) -> pd.DataFrame:
    """Return entries as sentences; without values, only stages and roles have theirs."""
    names = find_names(session, [entry for entry, *_ in found])
    rows = []
    for entry, organization, public_id, logo in found:
        hides_values = not with_values and entry.event not in _WITH_VALUES
        said = sentences.describe(entry, names, hides_values=hides_values)
        who_id = entry.actor_id or entry.person_id if said.who != "Orgdesk" else None
        words = (entry.id, entry.event, who_id, said.who, said.what, said.parts, said.logos)
        reason = entry.reason if with_values else ""
        rows.append((*words, entry.at, reason, entry.org_id, organization, public_id, logo))
    return pd.DataFrame(rows, columns=pd.Index(COLUMNS))


def find_names(session: Session, entries: Sequence[Entry]) -> Names:
    """Return the names of the people and the addresses that the sentences of entries need."""
    if not entries:
        return Names()
    people, invited = sentences.list_people(entries), sentences.list_invitations(entries)
    merged_with = sentences.list_organizations(entries)
    named = select(literal("users"), User.id, User.name).where(User.id.in_(people))
    addressed = select(literal("invitations"), Invitation.id, Invitation.email)
    others = select(literal("organizations"), Organization.id, Organization.name)
    queries = [
        addressed.where(Invitation.id.in_(invited)),
        others.where(Organization.id.in_(merged_with)),
    ]
    found = session.execute(named.union_all(*queries)).all()
    return Names(
        {row_id: name for table, row_id, name in found if table == "users"},
        {f"{table}:{row_id}": name for table, row_id, name in found if table == "invitations"},
        {row_id: name for table, row_id, name in found if table == "organizations"},
    )

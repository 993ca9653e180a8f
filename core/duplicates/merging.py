"""Merge a duplicate into the organization that stays, and take it apart again.

The source goes out of sight, and the target takes the fields that were chosen. Nothing else moves:
people, invitations, notes and history stay with the source, so that an undo finds them as they
were. Nobody joins the target by a merge. Its owners hear how many people were in the source only,
and those can ask to join.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, aliased

from core.access.permissions import Action, Actor, access, has_merged, may, staff_rights
from core.base import clock, validation
from core.base.errors import CannotMerge, CannotUndo
from core.base.settings import settings
from core.database import search
from core.duplicates import merge_history
from core.members import leaving, member_mails, ownership_rows
from core.models import Impersonation, Membership, Organization, Stage
from core.organizations import organizations
from core.profile import profile

UNDO_TTL: Final = timedelta(days=30)
"""How long a merge can be undone."""
PLAN: Final = {"rep_id": "Sales rep", "target_on": "Target date", "next_step": "Next step"}
"""The fields of a plan that the target can take; the next step goes with its due date."""
TAKEABLE: Final = {
    "name": profile.FIELDS["name"],
    "logo": "Logo",
    **{field: profile.FIELDS[field] for field in ("overview", *profile.CONTACT_FIELDS)},
    **PLAN,
}
"""The fields that the target can take from the source, with their labels.

The alert address is not one: its owners alone say who reads their alerts.
"""
_OWNER_FIELDS: Final = "Only owners change this. Ask an owner of {name}."
_NO_PLAN: Final = "{name} is in Free, so it has no plan."
_ONLY_SALES: Final = "Only sales reps and administrators can change this."
_EMPTY: Final = "{name} has nothing here to take."


def merge(
    session: Session,
    actor: Actor,
    source_id: int,
    target_id: int,
    *,
    take: Collection[str] = (),
    reason: str,
) -> Organization:
    """Merge an organization into another one, and return the one that stays.

    `take` names fields of `TAKEABLE` whose value in the source replaces that of the target. The
    merge can be undone for `UNDO_TTL`. Raises `InvalidInput` for a missing reason and for fields
    that cannot be taken, and `CannotMerge`.
    """
    if source_id == target_id:
        raise CannotMerge("An organization can't be merged into itself. Choose another one.")
    source, target = _lock(session, actor, source_id, target_id)
    check = validation.Check()
    reason = check("reason", validation.reason, reason) or ""
    for field in take:
        if why := _refuse_field(session, actor, source, target, field):
            check.refuse(field, why)
    check.done()
    _ensure_mergeable(session, source, target)

    _end_impersonations(session, actor, source)
    for field in _with_step_date(take):
        setattr(target, field, getattr(source, field))
    search.index_organization(target)
    source.merged_into, source.deleted_at = target.id, clock.now()
    _notify_merged(session, actor, source, target, reason)
    undone = merge_history.find_pair(session, merge_history.find_undone(session))
    merge_history.record(session, actor, source, target, "organization.merged", undone, reason)
    return target


def undo_merge(
    session: Session,
    actor: Actor,
    source_id: int,
    *,
    fields: Collection[str] | None = None,
    reason: str,
) -> Organization:
    """Undo a merge and return the source, which is back as it was.

    What the target has taken is put back where nobody has changed it since; with `fields`, these
    only. Raises `CannotUndo`, `InvalidInput` without a reason, and what `organizations.restore`
    raises for people who meanwhile have reached their limit.
    """
    source, target = open_merge(session, actor, source_id)
    check = validation.Check()
    reason = check("reason", validation.reason, reason) or ""
    check.done()
    if source.deleted_at is None or clock.now() - source.deleted_at > UNDO_TTL:
        raise CannotUndo(f"A merge can be undone for {UNDO_TTL.days} days.")
    merged = merge_history.find_merge(session, source)
    if merged is None:
        raise CannotUndo("The history of this merge is missing.")

    before = merge_history.values_to_put_back(session, target, merged.of_target, fields)
    for field, value in before.items():
        setattr(target, field, value)
    search.index_organization(target)
    returned = organizations.bring_back(session, source)
    _notify_undone(session, actor, source, target, reason)
    event = "organization.unmerged"
    merge_history.record(session, actor, source, target, event, merged, reason, *returned)
    return source


def open_merge(session: Session, actor: Actor, source_id: int) -> tuple[Organization, Organization]:
    """Return a merged organization and the one that stayed, both locked in the usual order.

    Raises `NotFound` unless it is merged, and `CannotUndo` if the other one was deleted since.
    """
    stored = session.get(Organization, source_id)
    target_id = (stored.merged_into if stored is not None else None) or 0
    target = session.get(Organization, target_id, populate_existing=True)
    if target is not None and target.deleted_at is not None:
        raise CannotUndo(f"{target.name} was deleted. Ask an administrator to restore it first.")
    actions = {source_id: Action.UNDO_MERGE, target_id: Action.MERGE}
    locked = {org_id: access(session, actor, org_id, actions[org_id]) for org_id in sorted(actions)}
    return locked[source_id], locked[target_id]


def list_sources(session: Session, target_id: int) -> Sequence[Organization]:
    """Return the organizations that were merged into another one, in the order of their ids."""
    merged = select(Organization).where(Organization.merged_into == target_id)
    return session.scalars(merged.order_by(Organization.id)).all()


class MergedIn(NamedTuple):
    """An organization that was merged into another one, for the page of that one."""

    name: str
    public_id: str
    at: datetime
    entry_id: int | None
    """The entry whose undo takes them apart; None if the reader can't do that, or no longer."""


def list_merged_in(session: Session, actor: Actor, org_id: int) -> list[MergedIn]:
    """Return what was merged into an organization, for those who can view its history."""
    access(session, actor, org_id, Action.VIEW_HISTORY)
    if not has_merged(session, actor, org_id):
        return []
    may_undo = Action.UNDO_MERGE in staff_rights(session, actor)
    found = []
    for source in list_sources(session, org_id):
        merged, at = merge_history.find_merge(session, source), source.deleted_at
        if merged is not None and at is not None:
            can_undo = may_undo and clock.now() - at <= UNDO_TTL
            entry_id = merged.of_target.id if can_undo else None
            found.append(MergedIn(source.name, source.public_id, at, entry_id))
    return found


def count_people_only_in(session: Session, source: Organization, target: Organization) -> int:
    """Return how many members of one organization are not members of the other."""
    other = aliased(Membership)
    is_in_both = exists().where(other.org_id == target.id, other.user_id == Membership.user_id)
    number = select(func.count()).where(Membership.org_id == source.id, ~is_in_both)
    return session.scalar(number) or 0


def list_takeable(
    session: Session, actor: Actor, source: Organization, target: Organization
) -> list[str]:
    """Return the fields of `TAKEABLE` that a merge could take from the source."""
    return [field for field in TAKEABLE if not _refuse_field(session, actor, source, target, field)]


def _lock(
    session: Session, actor: Actor, source_id: int, target_id: int
) -> tuple[Organization, Organization]:
    """Return both organizations, locked in the order of their ids."""
    first, second = (
        access(session, actor, org_id, Action.MERGE) for org_id in sorted((source_id, target_id))
    )
    return (first, second) if first.id == source_id else (second, first)


def _refuse_field(
    session: Session, actor: Actor, source: Organization, target: Organization, field: str
) -> str:
    """Return why a field of the source cannot be taken, or an empty text."""
    if field not in TAKEABLE:
        return _OWNER_FIELDS.format(name=target.name)
    if getattr(source, field) is None:
        return _EMPTY.format(name=source.name)
    if field not in PLAN:
        return ""
    if not may(session, actor, target.id, Action.MOVE_STAGES):
        return _ONLY_SALES
    return _NO_PLAN.format(name=target.name) if target.stage is Stage.FREE else ""


def _ensure_mergeable(session: Session, source: Organization, target: Organization) -> None:
    if source.stage is Stage.PRODUCTION:
        raise CannotMerge(
            f"{source.name} is in production, so it stays. Merge the other one into it, or ask "
            f"{settings().sales_contact} to move it out of production first."
        )
    if sources := list_sources(session, source.id):
        raise CannotMerge(
            f"{sources[0].name} was merged into {source.name}. Undo that merge first, or merge "
            f"{target.name} into {source.name}."
        )
    if ownership_rows.is_any_open(session, source):
        raise CannotMerge(
            f"An offer of ownership is open in {source.name}. Wait until it is answered, or ask "
            "its owner to withdraw it."
        )
    if target.unclaimed_since is not None and source.unclaimed_since is None:
        raise CannotMerge(
            f"{target.name} has no owner yet, who could let anyone in. Merge it into {source.name}."
        )


def _end_impersonations(session: Session, actor: Actor, source: Organization) -> None:
    acting = select(Impersonation.user_id).where(
        Impersonation.org_id == source.id, Impersonation.ended_at.is_(None)
    )
    for user_id in sorted(session.scalars(acting).all()):
        leaving.end_offers(session, actor, [source], user_id)


def _with_step_date(fields: Collection[str]) -> set[str]:
    """Return fields with the date of the next step, which belongs to it even if it is empty."""
    return {*fields, merge_history.STEP_DATE} if "next_step" in fields else {*fields}


def _notify_merged(
    session: Session, actor: Actor, source: Organization, target: Organization, reason: str
) -> None:
    people = count_people_only_in(session, source, target)
    who = "1 person is" if people == 1 else f"{people:,} people are"
    left_out = f" {who} in {source.name} only, and can't see {target.name}." if people else ""
    said = f"{source.name} was merged into {target.name}"
    member_mails.add_to_digests(session, target, said, _by(actor, reason) + left_out)
    detail = f"{_by(actor, reason)} Open it to ask its owners for access."
    member_mails.add_to_digests(session, source, said, detail, page="overview")


def _notify_undone(
    session: Session, actor: Actor, source: Organization, target: Organization, reason: str
) -> None:
    said = f"The merge of {source.name} into {target.name} was undone"
    for org in (source, target):
        member_mails.add_to_digests(session, org, said, _by(actor, reason))


def _by(actor: Actor, reason: str) -> str:
    return f"By {actor.name} from the Orgdesk team. Reason: {reason}"

"""Merged organizations: who knows where one went, and who reads both histories as one."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, find_role, has_merged, staff_rights
from core.models import Organization


def find_joined(session: Session, actor: Actor, public_id: str) -> Organization | None:
    """Return a merged organization that the actor was a member of; None for everyone else."""
    org = session.scalar(
        select(Organization).where(
            Organization.public_id == public_id, Organization.merged_into.is_not(None)
        )
    )
    return org if org is not None and find_role(session, actor, org.id) is not None else None


def find_moment(session: Session, public_id: str) -> datetime | None:
    """Return when an organization was merged into another one; None if it was not."""
    is_merged = (Organization.public_id == public_id, Organization.merged_into.is_not(None))
    return session.scalar(select(Organization.deleted_at).where(*is_merged))


def list_sources(session: Session, actor: Actor, org_id: int) -> list[int]:
    """Return the ids of the organizations that were merged into another one."""
    if not has_merged(session, actor, org_id):
        return []
    merged = select(Organization.id).where(Organization.merged_into == org_id)
    return list(session.scalars(merged.order_by(Organization.id)))


def list_read_together(session: Session, actor: Actor, org_id: int) -> list[int]:
    """Return the id of an organization and, for staff, of those that were merged into it."""
    sources = list_sources(session, actor, org_id)
    if not sources or Action.VIEW_ALL not in staff_rights(session, actor):
        return [org_id]
    return [org_id, *sources]

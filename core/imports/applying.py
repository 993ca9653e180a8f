"""Apply what was planned for an organization, by the use cases behind the forms."""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, access
from core.base.errors import Stale
from core.imports import existing, unclaimed
from core.models import Organization, Stage
from core.onboarding import onboarding
from core.profile import profile


def apply_to_organization(
    session: Session,
    actor: Actor,
    org_id: int | None,
    edits: Mapping[str, str],
    base: Mapping[str, str],
    *,
    reason: str,
    run_id: int,
) -> Organization:
    """Change an organization, or add one if there is no id; return it.

    Raises `Stale` if one of the texts that are replaced is no longer that of `base`, and what the
    use cases refuse.
    """
    if org_id is None:
        return unclaimed.add(session, actor, edits, run_id=run_id)
    org = access(session, actor, org_id, Action.IMPORT)
    _ensure_current(session, org, edits, base)
    contact = {name: edits[name] for name in profile.CONTACT_FIELDS if name in edits}
    if contact:
        profile.save_contact_details(session, actor, org_id, base, contact, reason=reason)
    if "owner_email" in edits:
        unclaimed.invite_owner(session, actor, org_id, edits["owner_email"])
    _move(session, actor, org, edits, reason)
    return org


def _ensure_current(
    session: Session, org: Organization, edits: Mapping[str, str], base: Mapping[str, str]
) -> None:
    """Raise `Stale` if someone has changed one of these fields since the plan was made."""
    texts = existing.texts_of(org, existing.find_people(session, [org]))
    current = profile.form_texts(org) | texts
    theirs = {
        name: current[name] for name in base if name in current and current[name] != base[name]
    }
    if theirs:
        raise Stale(theirs, {name: edits[name] for name in theirs})


def _move(
    session: Session, actor: Actor, org: Organization, edits: Mapping[str, str], reason: str
) -> None:
    """Change the stage and the plan, in one step where the organization is flagged."""
    given = {name: edits[name] for name in existing.PLAN if name in edits}
    before, to_stage = org.stage, Stage(edits.get("stage", org.stage))
    plan = existing.plan_of(session, actor, org, given)
    if before is Stage.FREE and to_stage is Stage.ONBOARDING:
        onboarding.flag_one(session, actor, org.id, plan, note=reason)
        return
    if to_stage is not before:
        onboarding.move(session, actor, org.id, to_stage, from_stage=before, reason=reason)
    if given:
        onboarding.plan(session, actor, org.id, plan)

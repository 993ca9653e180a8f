"""What an import may change in existing organizations, and how each cell is judged.

Contact details are changed as by staff in the form, the plan and the stage as by sales reps. All
other fields are their owners', and a cell that differs from them is refused.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access.permissions import Action, Actor, Rights
from core.accounts import user_rows
from core.base import formulas, validation
from core.base.errors import DomainError, GateNotMet, InvalidInput
from core.imports.columns import CLEAR, unguarded
from core.models import Invitation, InvitationStatus, Membership, Organization, Role, Stage, User
from core.onboarding import onboarding, stages
from core.onboarding.onboarding import Plan
from core.profile import profile

PLAN: Final = {"rep": "rep_id", "target_on": "", "next_step": "", "next_step_on": ""}
"""The fields of a plan, with their names in `onboarding.Plan` where those differ."""
ONLY_LATER: Final = "New organizations start in Free. Leave this empty."
_ONLY_SALES: Final = "Only sales reps and administrators can change this."
_NO_STAGE: Final = "Enter Free, Onboarding, Preproduction or Production."
_NO_DATE: Final = "Enter a date like 2026-12-31."
_NO_REP: Final = "Enter the name or the email of someone who works in sales."
_NO_PLAN: Final = "Only organizations in onboarding have this. Set the stage to Onboarding as well."
_CLAIMED: Final = "This organization has owners. Ask one of them to invite this person."


class People(NamedTuple):
    """The people of some organizations that cells are compared with."""

    owners: Mapping[int, Set[str]]
    """The keys of the addresses of owners, or of who is invited as the first one, by id."""
    invited: Mapping[int, str]
    """The address that is invited as the first owner, by the id of the organization."""
    reps: Mapping[int, str]
    """The names of sales reps by their own id."""


@dataclass
class Judged:
    """The new texts of an organization, those they replace, and sentences about the others."""

    edits: dict[str, str] = field(default_factory=dict)
    base: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def change(self, name: str, before: str, after: str) -> None:
        """Note the new text of a field, if it is another one."""
        if before != after:
            self.edits[name], self.base[name] = after, before


def judge(
    session: Session,
    actor: Actor,
    org: Organization,
    typed: Mapping[str, str],
    *,
    rights: Rights,
    people: People,
) -> Judged:
    """Return what the cells of a row would change in an organization, without changing it."""
    judged = Judged()
    for name in ("name", "overview"):
        if name in typed and not _is_same(typed[name], getattr(org, name) or ""):
            judged.errors[name] = profile.ONLY_OWNERS
    if "owner_email" in typed:
        _judge_owner(org, typed["owner_email"], people, judged)
    _judge_contact(org, typed, judged)
    current = texts_of(org, people)
    moved = {
        name: _typed(typed[name])
        for name in ("stage", *PLAN)
        if name in typed and not _is_current(name, typed[name], current[name])
    }
    if moved and Action.MOVE_STAGES not in rights:
        judged.errors |= dict.fromkeys(moved, _ONLY_SALES)
    elif moved:
        _judge_stage(session, org, moved, judged)
        _judge_plan(session, actor, org, moved, current, judged)
    return judged


def texts_of(org: Organization, people: People) -> dict[str, str]:
    """Return who is invited as first owner, the stage and the plan, as texts."""
    return {
        "owner_email": people.invited.get(org.id, ""),
        "stage": org.stage.value,
        "rep": people.reps.get(org.rep_id or 0, ""),
        "target_on": str(org.target_on or ""),
        "next_step": org.next_step or "",
        "next_step_on": str(org.next_step_on or ""),
    }


def find_people(session: Session, orgs: Sequence[Organization]) -> People:
    """Return the people of these organizations that cells are compared with."""
    ids = [org.id for org in orgs]
    owners = (
        select(Membership.org_id, User.email_key)
        .join(User, User.id == Membership.user_id)
        .where(Membership.org_id.in_(ids), Membership.role == Role.OWNER)
    )
    waiting = (
        select(Invitation.org_id, Invitation.email_key, Invitation.email)
        .where(
            Invitation.org_id.in_([org.id for org in orgs if org.unclaimed_since]),
            Invitation.status == InvitationStatus.PENDING,
            Invitation.role == Role.OWNER,
        )
        .order_by(Invitation.id)
    )
    invited = session.execute(waiting).all()
    found: dict[int, set[str]] = defaultdict(set)
    for org_id, key, *_ in (*session.execute(owners), *invited):
        found[org_id].add(key)
    addresses = {org_id: address for org_id, _, address in invited}
    return People(found, addresses, user_rows.find_names(session, {org.rep_id for org in orgs}))


def _is_same(cell: str, stored: str) -> bool:
    """Return whether a cell has this text, also as our files guard it."""
    return " ".join(cell.split()) in {" ".join(text.split()) for text in _spellings(stored)}


def _spellings(stored: str) -> tuple[str, str]:
    return stored, formulas.harmless(stored)


def _typed(cell: str) -> str:
    """Return what a cell asks for: an empty text if it says so."""
    return "" if cell.casefold() == CLEAR else unguarded(cell)


def _is_current(name: str, cell: str, current: str) -> bool:
    if name == "stage":
        return cell.casefold() == current
    return _is_same("" if cell.casefold() == CLEAR else cell, current)


def _judge_owner(org: Organization, cell: str, people: People, judged: Judged) -> None:
    check = validation.Check()
    address = check("owner_email", validation.email, unguarded(cell))
    judged.errors |= check.errors
    if check.errors or validation.email_key(address) in people.owners.get(org.id, ()):
        return
    if org.unclaimed_since is None:
        judged.errors["owner_email"] = _CLAIMED
    else:
        judged.change("owner_email", people.invited.get(org.id, ""), address)


def _judge_contact(org: Organization, typed: Mapping[str, str], judged: Judged) -> None:
    """Judge contact details by the cleaners of the form."""
    differing = [
        name
        for name in profile.CONTACT_FIELDS
        if name in typed and not _is_same(typed[name], getattr(org, name) or "")
    ]
    current = profile.form_texts(org) if differing else {}
    check = validation.Check()
    for name in differing:
        text = _typed(typed[name])
        check(name, profile.CLEANERS[name], text)
        if name not in check.errors:
            judged.change(name, current[name], profile.preview({name: text})[name])
    judged.errors |= check.errors


def _judge_stage(
    session: Session, org: Organization, moved: Mapping[str, str], judged: Judged
) -> None:
    """Judge a move by its gate, as the organization will be once its other cells are imported."""
    if "stage" not in moved:
        return
    wanted = moved["stage"].casefold()
    if wanted not in list(Stage):
        judged.errors["stage"] = _NO_STAGE
        return
    after = _imagined(org, judged.edits)
    try:
        failed = stages.failed_checks(session, after, Stage(wanted), from_stage=org.stage)
        if failed:
            raise GateNotMet(Stage(wanted), {check.open_text: check.page for check in failed})
    except DomainError as refusal:
        judged.errors["stage"] = str(refusal)
    else:
        judged.change("stage", org.stage, wanted)


def _imagined(org: Organization, edits: Mapping[str, str]) -> Organization:
    """Return a copy of an organization with new contact details, which is not saved."""
    columns = Organization.__mapper__.column_attrs.keys()
    copy = Organization(**{name: getattr(org, name) for name in columns})
    for name in set(edits) & set(profile.CONTACT_FIELDS):
        setattr(copy, name, edits[name] or None)
    return copy


def _judge_plan(
    session: Session,
    actor: Actor,
    org: Organization,
    moved: Mapping[str, str],
    current: Mapping[str, str],
    judged: Judged,
) -> None:
    """Judge the plan as its form does."""
    given = {name: moved[name] for name in PLAN if name in moved}
    if not given or "stage" in judged.errors:
        return
    if judged.edits.get("stage", org.stage) == Stage.FREE:
        judged.errors |= dict.fromkeys(given, _NO_PLAN)
        return
    try:
        wanted = plan_of(session, actor, org, given)
        wanted = onboarding.clean_plan(session, wanted, org)
    except InvalidInput as refusal:
        names = {attribute or name: name for name, attribute in PLAN.items()}
        judged.errors |= {names[each]: why for each, why in refusal.fields.items()}
        return
    for name, text in given.items():
        if name == "rep" and wanted.rep_id != org.rep_id:
            judged.change(name, current[name], text)
        elif name != "rep":
            judged.change(name, current[name], str(getattr(wanted, name) or ""))


def plan_of(session: Session, actor: Actor, org: Organization, given: Mapping[str, str]) -> Plan:
    """Return the plan of an organization with these texts in place of its own.

    Raises `InvalidInput`, for the names of `Plan`.
    """
    plan = Plan.of(org)
    if org.stage is Stage.FREE:
        plan = replace(plan, rep_id=org.rep_id or actor.user_id)
    check = validation.Check()
    if "rep" in given:
        plan = replace(plan, rep_id=check("rep_id", _find_rep, given["rep"], session=session))
    if "next_step" in given:
        plan = replace(plan, next_step=given["next_step"])
    if "target_on" in given:
        plan = replace(plan, target_on=check("target_on", _read_date, given["target_on"]))
    if "next_step_on" in given:
        plan = replace(plan, next_step_on=check("next_step_on", _read_date, given["next_step_on"]))
    check.done()
    return plan


def _find_rep(text: str, *, session: Session) -> int:
    """Return the sales rep with this name or address."""
    reps = onboarding.list_reps(session)
    known = {label.casefold(): rep_id for rep_id, label in reps.items()}
    by_address = select(User.email_key, User.id).where(User.id.in_(reps))
    known |= dict(session.execute(by_address).all())
    rep_id = known.get(text.casefold()) or known.get(validation.email_key(text))
    if rep_id is None:
        raise validation.InvalidValue(_NO_REP)
    return rep_id


def _read_date(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10]) if text else None
    except ValueError as error:
        raise validation.InvalidValue(_NO_DATE) from error

"""Undo in random worlds: random people change things, time passes, and all of it is undone.

What a plan foresees is what happens, a plan changes nothing, a refusal changes nothing, an undo is
one entry, a redo gives back what the undo took, and once everything is undone the organization, its
members and the days they joined on are as before. As of any day it is what a copy kept that day is.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final
from unittest import mock

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.access.permissions import ORGDESK, Actor
from core.accounts import administration
from core.accounts.sessions import VerifiedPassword
from core.base import clock
from core.base.errors import DomainError
from core.changes import as_of, changes, undo_marks
from core.changes.changes import Act
from core.changes.inverses import INVERSES
from core.changes.judgement import State
from core.changes.undo_marks import Offer
from core.database import change_tracking, db
from core.duplicates import merging
from core.imports import applying
from core.members import account_access, invitations, leaving, members, ownership
from core.models import (
    Alert,
    Entry,
    Handover,
    Invitation,
    Membership,
    Note,
    Organization,
    Role,
    SavedView,
    Staff,
    Stage,
    User,
)
from core.notifications import alerts
from core.onboarding import onboarding, working_days
from core.onboarding.onboarding import Plan
from core.organizations import organizations
from core.profile import directory, logos, profile
from core.profile.logos import CleanLogo
from core.staff import notes, saved_views
from tests.support.cast import Cast

_FORWARD: Final = {"member.left", "member.reinstated"}
"""Events whose undo leaves something different, of those that happen here to what is compared."""
_WHY: Final = "A slip of the hand."
_PICTURES: Final = [CleanLogo(b"png", b"thumbnail", digest * 64) for digest in "ab"]
_TEXTS: Final = {
    "name": ("Acme", "Acme Health", "Acme Care"),
    "overview": ("", "Care for all", "Care for everyone"),
    "sales_email": ("", "sales@acme.example", "hello@acme.example"),
    "phone": ("", "+1 212 555 0100", "+49 30 123456"),
    "website": ("", "https://acme.example", "https://acme.test"),
    "twitter": ("", "acme", "acme_care"),
    "alert_email": ("", "ops@acme.example", "on-call@acme.example"),
}


@dataclass
class World:
    """A cast in one transaction that is never committed, and a clock to turn."""

    session: Session
    cast: Cast
    random: Random
    moment: datetime = field(default_factory=clock.now)
    has_left_some: bool = False
    """Whether an undo left a field as others had changed it since, for good."""
    kept: list[tuple[datetime, dict[str, Any]]] = field(default_factory=list)
    """Copies of Acme and its members after each act."""

    def undoers(self, entry: Entry) -> Iterator[Actor]:
        """Yield those who may be able to undo an entry: who made it, and two others at random."""
        cast = self.cast
        people = [cast.olga, cast.adam, cast.mia, cast.oda, cast.sam, cast.sue, cast.ada]
        people.append(cast.otto)
        yield from (person for person in people if person.user_id == entry.actor_id)
        yield from self.random.sample([cast.olga, cast.ada, self.one(people)], 2)

    def one(self, choices: Sequence[Any]) -> Any:
        """Return one of these, or None if there are none."""
        return self.random.choice(choices) if choices else None

    def rows(self, model: type[Any]) -> list[int]:
        """Return the ids of the rows of a table."""
        return list(self.session.scalars(select(model.id).order_by(model.id)))


@dataclass
class Tally:
    """How many worlds there were, plans, undos, and worlds that were put back whole."""

    worlds: int = 0
    plans: int = 0
    undos: int = 0
    redos: int = 0
    copies: int = 0
    whole: int = 0
    stuck: int = 0

    def lines(self, engine: str) -> list[str]:
        """Return a line for each property, with how often it was seen to hold."""
        return [
            f"undos {engine} 0 of {self.plans} plans changed anything, or foresaw it wrongly",
            f"undos {engine} 0 of {self.undos} undos left another number of entries than one",
            f"undos {engine} 0 of {self.redos} redos left anything but what the undo took",
            f"undos {engine} 0 of {self.copies} copies differ from the organization as of then",
            f"undos {engine} 0 of {self.whole} worlds undone whole differ from before; "
            f"{self.stuck} of {self.worlds} met refusals",
        ]


Step = Callable[[World, Actor], object]


def _save_profile(world: World, actor: Actor) -> object:
    org = world.session.get_one(Organization, world.cast.acme.id)
    shown = profile.form_texts(org)
    typed = {name: world.one(_TEXTS[name]) for name in world.random.sample(list(_TEXTS), 2)}
    if actor == world.cast.oda:
        typed = {name: text for name, text in typed.items() if name in profile.CONTACT_FIELDS}
        save = profile.save_contact_details
        return save(world.session, actor, org.id, shown, typed, reason=_WHY)
    return profile.save(world.session, actor, org.id, shown, shown | typed)


def _import(world: World, actor: Actor) -> object:
    """Apply a row of an import to Acme, as its run does."""
    org = world.session.get_one(Organization, world.cast.acme.id)
    shown = profile.form_texts(org)
    edits = {name: world.one(_TEXTS[name]) for name in profile.CONTACT_FIELDS}
    base = {name: shown[name] for name in edits}
    apply = applying.apply_to_organization
    with change_tracking.because(world.session, run_id=1):
        return apply(world.session, actor, org.id, edits, base, reason=_WHY, run_id=1)


def _set_logo(world: World, actor: Actor) -> object:
    picture = world.one([None, *_PICTURES])
    if picture is None:
        return logos.remove_logo(world.session, actor, world.cast.acme.id)
    return logos.set_logo(world.session, actor, world.cast.acme.id, picture)


def _of_acme(use_case: Callable[..., object], **options: Callable[[World], Any]) -> Step:
    """Return a step that calls a use case about Acme with random options."""

    def step(world: World, actor: Actor) -> object:
        given = {name: choose(world) for name, choose in options.items()}
        return use_case(world.session, actor, world.cast.acme.id, **given)

    return step


def _of_row(use_case: Callable[..., object], model: type[Any], *more: Any, acme: bool) -> Step:
    """Return a step that calls a use case about a random row."""

    def step(world: World, actor: Actor) -> object:
        row_id = world.one(world.rows(model)) or 0
        about = (world.cast.acme.id, row_id) if acme else (row_id,)
        return use_case(world.session, actor, *about, *(world.one(each) for each in more))

    return step


def _person(world: World) -> int:
    cast = world.cast
    return int(world.one([cast.olga, cast.adam, cast.mia]).user_id)


def _date(world: World) -> Any:
    days = world.random.choice([None, 1, 3, 30])
    return days and working_days.today() + timedelta(days=days)


def _plan(world: World) -> Plan:
    step = world.one(["", "Call them", "Send the contract"])
    on = _date(world) if step else None
    return Plan(world.one([world.cast.sam, world.cast.sue]).user_id, _date(world), step, on)


def _move(world: World, actor: Actor) -> object:
    org = world.session.get_one(Organization, world.cast.acme.id)
    to_stage, override = world.one([*Stage]), actor == world.cast.ada
    move = onboarding.move
    return move(
        world.session,
        actor,
        org.id,
        to_stage,
        from_stage=org.stage,
        reason=_WHY,
        override=override,
    )


def _set_staff(world: World, actor: Actor) -> object:
    people = [world.cast.otto, world.cast.oda, world.cast.sue]
    person_id, staff = world.one(people).user_id, world.one([None, *Staff])
    return account_access.set_staff(world.session, actor, person_id, staff)


def _disable(world: World, actor: Actor) -> object:
    act = world.one([account_access.disable, administration.enable])
    return act(world.session, actor, world.one([world.cast.otto, world.cast.mia]).user_id)


def _delete(world: World, actor: Actor) -> object:
    org = world.session.get_one(Organization, world.cast.acme.id)
    return organizations.delete(world.session, actor, org.id, name=org.name)


def _write_note(world: World, actor: Actor) -> object:
    is_shared = world.one([True, False])
    org_id = world.cast.acme.id
    return notes.write(world.session, actor, org_id, "A call", is_shared=is_shared)


def _save_view(world: World, actor: Actor) -> object:
    name = f"View {world.random.randrange(10**9)}"
    return saved_views.save(world.session, actor, "organizations", name, "stage=free")


def _save_other_profile(world: World, actor: Actor) -> object:
    org = world.session.get_one(Organization, world.cast.otto_ltd.id)
    shown = profile.form_texts(org)
    typed = {name: world.one(_TEXTS[name]) for name in ("phone", "website", "overview")}
    return profile.save(world.session, actor, org.id, shown, shown | typed)


def _merge(world: World, actor: Actor) -> object:
    """Merge one of the two into the other, with some of what the target can take."""
    both = [world.cast.acme.id, world.cast.otto_ltd.id]
    source, target = world.random.sample(both, 2)
    org = world.session.get_one(Organization, source)
    filled = [name for name in merging.TAKEABLE if getattr(org, name) is not None]
    take = [name for name in filled if world.random.random() < 0.5]
    return merging.merge(world.session, actor, source, target, take=take, reason=_WHY)


_ALERTS: Final = [[], [Alert.STAGE], [*Alert]]
STEPS: Final[dict[str, tuple[Step, str]]] = {
    "save the profile": (_save_profile, "olga oda"),
    "import": (_import, "oda ada"),
    "set the logo": (_set_logo, "olga"),
    "choose alerts": (_of_acme(alerts.choose, wanted=lambda w: w.one(_ALERTS)), "olga"),
    "list": (
        _of_acme(directory.list_in_solutions, listed=lambda w: w.one([True, False])),
        "olga",
    ),
    "limit members": (
        _of_acme(organizations.limit_members, limit=lambda w: w.one([None, 5, 50])),
        "ada",
    ),
    "delete": (_delete, "olga"),
    "restore": (_of_acme(organizations.restore), "ada"),
    "change a role": (
        _of_acme(members.change_role, user_id=_person, role=lambda w: w.one([*Role])),
        "olga adam",
    ),
    "remove": (_of_acme(members.remove, user_id=_person), "olga adam"),
    "leave": (_of_acme(leaving.leave), "adam mia"),
    "reinstate": (_of_acme(members.reinstate, user_id=_person), "olga adam"),
    "offer ownership": (_of_acme(ownership.offer, user_id=_person), "olga"),
    "accept ownership": (_of_row(ownership.accept, Handover, acme=True), "adam mia"),
    "decline ownership": (_of_row(ownership.decline, Handover, acme=True), "adam mia"),
    "withdraw the offer": (_of_row(ownership.withdraw, Handover, acme=True), "olga"),
    "invite": (
        _of_acme(invitations.invite, emails=lambda w: w.one(["a@b.example", "c@d.example"])),
        "olga adam",
    ),
    "revoke": (_of_row(invitations.revoke, Invitation, acme=True), "olga adam"),
    "change an invitation": (
        _of_row(invitations.change_role, Invitation, [*Role], acme=True),
        "olga",
    ),
    "request": (_of_acme(onboarding.request, note=lambda w: w.one(["", "Soon"])), "olga adam"),
    "withdraw the request": (_of_acme(onboarding.withdraw_request), "olga adam"),
    "flag": (_of_acme(onboarding.flag_one, plan=_plan), "sam sue"),
    "plan": (_of_acme(onboarding.plan, plan=_plan), "sam sue"),
    "snooze": (_of_acme(onboarding.snooze, until=_date), "sam ada"),
    "move": (_move, "sam ada"),
    "write a note": (_write_note, "sam"),
    "edit a note": (_of_row(notes.edit, Note, ["One", "Two"], acme=False), "sam"),
    "delete a note": (_of_row(notes.delete, Note, acme=False), "sam"),
    "save a view": (_save_view, "sue"),
    "rename a view": (_of_row(saved_views.rename, SavedView, ["Mine", "Ours"], acme=False), "sue"),
    "replace a view": (
        _of_row(saved_views.replace, SavedView, ["stage=free", "q=a"], acme=False),
        "sue",
    ),
    "remove a view": (_of_row(saved_views.remove, SavedView, acme=False), "sue"),
    "change staff": (_set_staff, "ada"),
    "save the other profile": (_save_other_profile, "otto"),
    "merge": (_merge, "oda ada"),
    "merge again": (_merge, "oda ada"),
    "disable": (_disable, "ada"),
}


def run(examples: int, seed: str, cast: Cast, *, acts: int) -> Tally:
    """Live through as many worlds of at most `acts`; an `AssertionError` names one that broke."""
    tally = Tally()
    for number in range(examples):
        with db.Session(db.writing_engine(), info={"writing": True}) as session:
            world = World(session, cast, Random(f"{seed} {number}"))
            with mock.patch.object(clock, "now", lambda world=world: world.moment):
                try:
                    _live(world, tally, world.random.randint(1, acts))
                except Exception as error:
                    raise AssertionError(f"world {seed} {number}: {error!r}") from error
            session.rollback()
    return tally


def _live(world: World, tally: Tally, acts: int) -> None:
    before = _state(world.session)
    _keep_copy(world, before=timedelta(minutes=1))
    for _ in range(acts):
        _act(world)
    events = {*world.session.scalars(select(Entry.event))}
    _undo_all(world, tally)
    _compare_copies(world, tally)
    tally.worlds += 1
    left = [entry.event for entry in _standing(world.session)]
    tally.stuck += bool(left)
    if not left and not world.has_left_some and not events & _FORWARD:
        assert _state(world.session) == before
        tally.whole += 1


def _act(world: World) -> None:
    """Do something at random, of which the use case may refuse anything; then time passes."""
    step, people = STEPS[world.one(list(STEPS))]
    actor = getattr(world.cast, world.one(people.split()))
    with suppress(DomainError), change_tracking.savepoint(world.session):
        step(world, actor)
    _keep_copy(world)
    world.moment += timedelta(minutes=world.random.choice([2, 90, 60 * 24, 60 * 24 * 4]))


def _keep_copy(world: World, *, before: timedelta = timedelta()) -> None:
    """Keep a copy of Acme as it is, and was some time before."""
    world.session.flush()
    org = world.session.get_one(Organization, world.cast.acme.id, populate_existing=True)
    of_acme = select(Membership).where(Membership.org_id == org.id)
    members_now = {it.user_id: (it.role, it.joined_at) for it in world.session.scalars(of_acme)}
    world.kept.append((world.moment - before, _facts_of(org) | members_now))


def _compare_copies(world: World, tally: Tally) -> None:
    """Compare each copy with the organization as of then."""
    is_deleted = Organization.deleted_at.is_not(None)
    if world.session.scalar(select(is_deleted).where(Organization.id == world.cast.acme.id)):
        return
    for moment, copy in world.kept:
        then = as_of.get(world.session, ORGDESK, world.cast.acme.id, moment)
        found = {it.user_id: (it.role, it.joined_at) for it in then.members.itertuples()}
        assert _facts_of(then.org) | found == copy, moment
        assert then.org.member_count == len(found)
        tally.copies += 1


def _facts_of(org: Organization) -> dict[Any, Any]:
    recorded = [it.name for it in Organization.__table__.c if not it.info.get("unrecorded")]
    return {name: getattr(org, name) for name in recorded}


def _undo_all(world: World, tally: Tally) -> None:
    """Undo what can be undone, in random order by whoever may, until nothing gives any more."""
    is_going = True
    while is_going:
        is_going = False
        entries = _standing(world.session)
        for entry in world.random.sample(entries, len(entries)):
            is_going |= any(_try(world, tally, entry.id, actor) for actor in world.undoers(entry))


def _try(world: World, tally: Tally, entry_id: int, actor: Actor) -> bool:
    """Undo an entry if the plan says so, and now and then redo it and undo that; else be refused.

    The plan says what happens.
    """
    act, before = _plan_one(world, tally, entry_id, actor)
    if act is None:
        return False
    made = _undo(world, actor, act)
    assert (made is None) is bool(act.refusal or not act.put_back), act
    if made is None:
        assert _state(world.session) == before, "a refusal has changed something"
        return False
    tally.undos += 1
    event = world.session.get_one(Entry, entry_id).event
    if INVERSES[event].lead:  # the rest is not offered once its leading field is put back
        world.has_left_some |= any(line.state is State.CHANGED for line in act.lines)
    if event == "organization.merged":  # what the other organization has left is in its own entry
        world.has_left_some = True
    _check(world.session)
    if world.random.random() < 0.3:
        again, _ = _plan_one(world, tally, made.id, actor)
        redone = again and again.put_back and _undo(world, actor, again)
        if redone and not again.caution:
            tally.redos += 1
            assert _state(world.session) == before, "a redo gives back what the undo took"
    return True


def _plan_one(
    world: World, tally: Tally, entry_id: int, actor: Actor
) -> tuple[Act | None, dict[str, Any]]:
    """Return the plan of an undo, None if the actor may not see it, and the state, which stays."""
    before, recorded = _state(world.session), _count(world.session, Entry)
    act = None
    with suppress(DomainError):
        (act,) = changes.plan(world.session, actor, [entry_id])
    after = _state(world.session), _count(world.session, Entry)
    assert after == (before, recorded), "a plan has changed something"
    tally.plans += act is not None
    return act, before


def _undo(world: World, actor: Actor, act: Act) -> Entry | None:
    """Undo as a person does who gives all that is asked for."""
    recorded = _count(world.session, Entry)
    proof = VerifiedPassword(
        actor.user_id or 0, world.session.get_one(User, actor.user_id).password_epoch
    )
    try:
        made = changes.undo(
            world.session,
            actor,
            act.entry_id,
            reason=_WHY,
            name=act.organization,
            proof=proof,
        )
    except DomainError:
        return None
    undone = world.session.get_one(Entry, act.entry_id)
    assert (made.chain, made.undoes_id) == (undone.chain, undone.id)
    undos = select(func.count()).where(Entry.undoes_id == undone.id, Entry.id >= made.id)
    assert world.session.scalar(undos) == 1, "one undo, one entry"
    assert _count(world.session, Entry) > recorded
    return made


def _standing(session: Session) -> list[Entry]:
    """Return the entries that are marked to be undone, whole or in part."""
    entries = session.scalars(select(Entry).order_by(Entry.id)).all()
    offered = set()
    for actor_id in {entry.actor_id for entry in entries}:
        own = [entry.id for entry in entries if entry.actor_id == actor_id]
        marks = undo_marks.find_marks(session, own, reader_id=actor_id)
        offered |= {entry_id for entry_id, mark in marks.items() if mark.offer is Offer.UNDO}
    return [entry for entry in entries if entry.id in offered]


def _count(session: Session, model: type[Any]) -> int:
    return session.scalar(select(func.count()).select_from(model)) or 0


def _check(session: Session) -> None:
    """Check the counts, and that every organization has an owner."""
    session.flush()
    for org in session.scalars(select(Organization).execution_options(populate_existing=True)):
        members_here = select(Membership.role).where(Membership.org_id == org.id)
        roles = session.scalars(members_here).all()
        assert org.member_count == len(roles)
        assert Role.OWNER in roles


def _state(session: Session) -> dict[str, Any]:
    """Return what is compared: organizations, members since when, staff roles, own notes, views."""
    session.flush()
    return dict(_facts(session))


def _facts(session: Session) -> Iterator[tuple[str, Any]]:
    recorded = [it for it in Organization.__table__.c if not it.info.get("unrecorded")]
    columns = [column for column in recorded if column.name != "confirmed_at"]
    for row in session.execute(select(*columns)).mappings():
        yield f"organization {row['id']}", dict(row)
    for member in session.execute(
        select(Membership.org_id, Membership.user_id, Membership.role, Membership.joined_at)
    ):
        yield f"member {member[:2]}", tuple(member[2:])
    for person in session.execute(select(User.id, User.staff, User.disabled_at.is_(None))):
        yield f"account {person[0]}", tuple(person[1:])
    texts = session.scalars(select(Note.text).order_by(Note.text)).all()
    yield "notes", texts
    views = select(SavedView.name, SavedView.query, SavedView.is_shared)
    yield "views", sorted(map(tuple, session.execute(views)))

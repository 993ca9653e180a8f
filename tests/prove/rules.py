"""What may happen in a world: every use case, and whom and what it may be asked about.

One text for Hypothesis, which chooses one after the other, and for races, which let chance choose
several at once. A rule aims at the invariants that it may break.
"""

import secrets
from collections.abc import Callable, Sequence
from datetime import timedelta
from random import Random
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import select

from core.access import throttling
from core.access.permissions import NOBODY, ORGDESK, Actor
from core.accounts import (
    accounts,
    administration,
    email_links,
    password_reset,
    registration,
    sessions,
)
from core.accounts.user_rows import NewAccount
from core.base import crypto
from core.database import db
from core.mail import delivery
from core.members import (
    acceptance,
    invitation_rows,
    invitations,
    leaving,
    members,
    ownership,
)
from core.models import Handover, Invitation, Link, Organization, Role, Staff, Stage, User
from core.onboarding import onboarding
from core.ops import cleanup
from core.organizations import organizations
from core.profile import alert_address, directory, logos, profile
from core.profile.logos import CleanLogo
from core.staff import impersonation
from tests.prove.world import PASSWORD_HASH, World

T = TypeVar("T")
Choose = Callable[[Sequence[Any]], Any]

OWNERS: Final = ("olga", "olga", "adam")
INSIDERS: Final = ("olga", "adam", "mia")
ADMINISTRATORS: Final = ("ada", "sue")
SALES: Final = ("sam", "sue", "mia")
ORGS: Final = ("acme", "acme", "acme", "otto", "gone")
ROLES: Final = (*Role,)
LIMITS: Final = ((10_000, timedelta(days=1000)),)
PICTURES: Final = tuple(
    CleanLogo(b"\x89PNG\r\n\x1a\n" + text, b"\x89PNG\r\n\x1a\n", crypto.fingerprint(text.decode()))
    for text in (b"one", b"two")
)


class Rule(NamedTuple):
    """A use case: what it aims at, what is chosen for it, and how it is called."""

    aims: tuple[str, ...]
    """What is named twice is chosen twice as often."""
    choices: tuple[Sequence[Any], ...]
    do: Callable[..., Any]


class Op(NamedTuple):
    """A rule and what was chosen for it: the same in every world."""

    rule: str
    what: tuple[Any, ...]

    def __str__(self) -> str:
        return f"{self.rule}({', '.join(map(str, self.what))})"

    def do(self, world: World) -> Any:
        """Let it happen in a world, and return what the use case returns."""
        return RULES[self.rule].do(world, *self.what)


RULES: dict[str, Rule] = {}


def rule(aims: str, *choices: Sequence[Any]) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Make a function of a world and of what is chosen a rule."""

    def keep(do: Callable[..., T]) -> Callable[..., T]:
        RULES[do.__name__] = Rule(tuple(aims.split()), choices, do)
        return do

    return keep


def draw(name: str, choose: Choose) -> Op:
    """Choose what a rule needs."""
    return Op(name, tuple(choose(options) for options in RULES[name].choices))


def draw_any(aim: str, chance: Random) -> Op:
    """Choose one of the rules that aim at an invariant, and what it needs."""
    names = [name for name, each in RULES.items() for _ in range(each.aims.count(aim))]
    return draw(chance.choice(names), chance.choice)


# Members


@rule("I1 I2 I7 I11 I12", OWNERS, INSIDERS, ROLES)
def change_role(world: World, who: str, whom: str, role: Role) -> object:
    acme = world.org("acme")
    return db.run(members.change_role, world.actor(who), acme, world.id(whom), role)


@rule("I1 I2 I7 I12", OWNERS, ("olga", "adam", "mia", "otto", "oda"))
def remove(world: World, who: str, whom: str) -> object:
    return db.run(members.remove, world.actor(who), world.org("acme"), world.id(whom))


@rule("I1 I2 I3 I7", INSIDERS)
def leave(world: World, who: str) -> object:
    return db.run(members.leave, world.actor(who), world.org("acme"))


@rule("I1 I7 I9 I11", ("olga", "adam", "mia", "oda", "otto"))
def delete_account(world: World, who: str) -> object:
    return db.run(leaving.delete_account, world.actor(who))


@rule("I1 I2 I7 I12", ("olga", "adam"), ("mia", "adam", "oda"))
def reinstate(world: World, who: str, whom: str) -> object:
    ids = world.org("acme"), world.id(whom)
    return db.run(members.reinstate, world.actor(who), *ids)


@rule("I1 I1 I7 I12", OWNERS, INSIDERS, (Role.MEMBER, Role.ADMIN))
def offer_ownership(world: World, who: str, whom: str, role: Role) -> object:
    ids = world.org("acme"), world.id(whom)
    return db.run(ownership.offer, world.actor(who), *ids, role=role)


@rule("I1 I1 I7 I12", ("adam", "mia", "mia"))
def accept_ownership(world: World, who: str) -> object:
    """Accept what was offered last, or what was offered when the world began."""
    ids = world.org("acme"), newest_handover(world, who)
    return db.run(ownership.accept, world.actor(who), *ids)


@rule("I1 I12", INSIDERS, ("decline", "withdraw"))
def refuse_ownership(world: World, who: str, how: str) -> object:
    ids = world.org("acme"), newest_handover(world, "mia")
    return db.run(getattr(ownership, how), world.actor(who), *ids)


def newest_handover(world: World, whom: str) -> int:
    """Return the id of the offer of ownership that somebody was made last."""
    with db.read() as session:
        ids = select(Handover.id).where(Handover.to_id == world.id(whom)).order_by(-Handover.id)
        return session.scalars(ids).first() or 0


@rule("I1 I12", ADMINISTRATORS, ("mia", "otto"))
def name_owner(world: World, who: str, whom: str) -> object:
    words = {"reason": "Nobody else can."}
    ids = world.org("acme"), world.email(whom)
    return db.run(ownership.assign_owner, world.actor(who), *ids, **words)


@rule("I1 I7 I11", ("ada", "sue", "sam"), ("start", "end"))
def stand_in(world: World, who: str, how: str) -> object:
    """Begin or end to act as an owner."""
    words = {"reason": "They asked."} if how == "start" else {}
    return db.run(getattr(impersonation, how), world.actor(who), world.org("acme"), **words)


@rule("I1 I7 I12", ("ada", "ada", "sue"), INSIDERS, ROLES)
def change_role_as_owner(world: World, who: str, whom: str, role: Role) -> object:
    return change_role(world, who, whom, role)


@rule("I5 I7 I16", ("ada", "ada", "sue"), ("p1", "oda"), ROLES)
def invite_as_owner(world: World, who: str, whom: str, role: Role) -> object:
    return invite(world, who, whom, role)


@rule("I1", ("ada",), ("olga", "adam"))
def disable_owner(world: World, who: str, whom: str) -> object:
    return db.run(administration.disable, world.actor(who), world.id(whom))


# Organizations


@rule("I3", ("oda",), ("Clinic", "Practice", "Ward"))
def create(world: World, who: str, name: str) -> object:
    return db.run(organizations.create, world.actor(who), f"{name} {world.number}")


@rule("I1 I16", OWNERS)
def delete(world: World, who: str) -> object:
    with db.read() as session:
        org = session.get(Organization, world.org("acme"))
    return org and db.run(organizations.delete, world.actor(who), org.id, name=org.name)


@rule("I1 I3 I16 I17", ADMINISTRATORS, ("gone", "gone", "acme"))
def restore(world: World, who: str, org: str) -> object:
    return db.run(organizations.restore, world.actor(who), world.org(org))


@rule("I1 I11 I16 I17")
def purge(_world: World) -> object:
    return db.run(cleanup.purge_organizations)


# Invitations


@rule("I5 I7 I11 I12", ("olga", "adam"), ("p1", "P1", "p2", "oda"), ROLES)
def invite(world: World, who: str, whom: str, role: Role) -> object:
    address = f"{whom}.{world.number}@{'EXAMPLE.com' if whom.isupper() else 'example.com'}"
    return db.run(invitations.invite, world.actor(who), world.org("acme"), address, role=role)


@rule("I4 I5 I12", ("olga", "adam"), (0, 1, 2))
def resend(world: World, who: str, place: int) -> object:
    ids = world.org("acme"), world.invitation(place)
    return db.run(invitations.resend, world.actor(who), *ids)


@rule("I4 I5 I16", ("olga", "adam"), (0, 1, 2))
def revoke(world: World, who: str, place: int) -> object:
    ids = world.org("acme"), world.invitation(place)
    return db.run(invitations.revoke, world.actor(who), *ids)


@rule("I7", ("olga", "adam"), (0, 1, 2), ROLES)
def change_offer(world: World, who: str, place: int, role: Role) -> object:
    ids = world.org("acme"), world.invitation(place)
    return db.run(invitations.change_role, world.actor(who), *ids, role)


@rule(
    "I1 I2 I3 I4 I7 I12 I16", ((0, "otto"), (0, "otto"), (1, "oda"), (3, "oda"), (0, "mia")), (0, 1)
)
def accept(world: World, answer: tuple[int, str], copied: int) -> object:
    place, who = answer
    return db.run(acceptance.accept, world.actor(who), invitation_token(world, place, copied))


@rule("I2 I4 I7")
def accept_newest(world: World) -> object:
    """Let whoever was invited last and has an account come in."""
    with db.read() as session:
        found = session.execute(
            select(Invitation.nonce, User)
            .join(User, User.email_key == Invitation.email_key)
            .where(Invitation.org_id == world.org("acme"))
            .order_by(Invitation.sent_at.desc(), Invitation.id.desc())
        ).first()
    if found is None:
        return None
    token = crypto.token(invitation_rows.MAILED, found[0])
    return db.run(acceptance.accept, Actor(found[1].id, found[1].name), token)


@rule("I4", ((0, "otto"), (1, "oda")))
def decline(world: World, answer: tuple[int, str]) -> object:
    place, who = answer
    return db.run(acceptance.decline, world.actor(who), invitation_token(world, place, 0))


@rule("I2 I4 I8", ("Newcomer", "Nina"))
def join(world: World, name: str) -> object:
    new = NewAccount(name, world.email("newcomer"), f"${name}")
    token = invitation_token(world, 2, 0)
    return db.run(acceptance.accept_with_new_account, NOBODY, token, new)


def invitation_token(world: World, place: int, copied: int) -> str:
    """Return the token of a mailed or a copied link, as it was made in the beginning."""
    nonce = world.nonce(invitation_rows.MAILED, place)
    if copied:
        return invitation_rows.copied_token(Invitation(id=world.invitation(place), nonce=nonce))
    return crypto.token(invitation_rows.MAILED, nonce)


# Accounts


@rule("I8 I12", ("newcomer", "Newcomer", "nora", "otto"))
def sign_up(world: World, whom: str) -> object:
    address = world.email(whom) if whom[0] != "N" else world.email(whom).upper()
    return db.run(registration.sign_up, NOBODY, NewAccount(whom, address, "$signed up"))


@rule("I8")
def prove(world: World) -> object:
    return db.run(
        registration.confirm_address, NOBODY, world.token(email_links.PROVE), PASSWORD_HASH
    )


@rule("I8", ("newcomer", "nora"))
def make_administrator(world: World, whom: str) -> object:
    new = NewAccount(whom.title(), world.email(whom), "$made")
    return db.run(registration.create_administrator, ORGDESK, new)


@rule("I11 I15", INSIDERS, ("One", "Two"))
def rename(world: World, who: str, name: str) -> object:
    return db.run(accounts.rename, world.actor(who), name)


def new_hash(text: str) -> str:
    """Return a hash as salt makes it: never the same twice."""
    return f"${text} {secrets.token_hex(8)}"


@rule("I9 I10 I12", ("mia",), ("one", "two"))
def change_password(world: World, who: str, password: str) -> object:
    return db.run(accounts.change_password, world.actor(who), new_hash(password))


@rule("I10 I12", ("mia", "otto"))
def send_reset(world: World, whom: str) -> object:
    return db.run(password_reset.start, NOBODY, world.email(whom), origin=f"10.0.0.{world.number}")


@rule("I9 I10", ("mia", "otto"), ADMINISTRATORS)
def send_reset_for(world: World, whom: str, who: str) -> object:
    return db.run(password_reset.send, world.actor(who), world.id(whom))


@rule("I10 I10 I9 I12", ("one", "two", "three"))
def reset(world: World, password: str) -> object:
    return db.run(password_reset.reset, NOBODY, world.token(email_links.RESET), new_hash(password))


@rule("I10")
def reset_newest(world: World) -> object:
    """Let Mia use the link that was mailed last."""
    with db.read() as session:
        nonce = session.scalar(
            select(Link.nonce)
            .where(Link.user_id == world.id("mia"), Link.kind == email_links.RESET)
            .order_by(Link.id.desc())
        )
    token = crypto.token(email_links.RESET, nonce or "")
    return db.run(password_reset.reset, NOBODY, token, new_hash("newest"))


@rule("I9", ("mia", "otto"), ("first", "second"))
def start_session(world: World, who: str, ticket: str) -> object:
    options = {"device": "Test", "place": "127.0.0.1"}
    return db.run(sessions.start, world.id(who), new_hash(ticket), **options)


@rule("I9", ("mia", "ada"))
def redeem(world: World, who: str) -> object:
    return db.run(sessions.redeem, world.secret("ticket", who), world.secret("redeemed", who))


@rule("I9 I14", ADMINISTRATORS, ("mia", "otto", "ada", "sue"))
def disable(world: World, who: str, whom: str) -> object:
    return db.run(administration.disable, world.actor(who), world.id(whom))


@rule("I9 I14", ADMINISTRATORS, ("mia", "ada", "sue"))
def enable(world: World, who: str, whom: str) -> object:
    return db.run(administration.enable, world.actor(who), world.id(whom))


@rule("I9", ADMINISTRATORS, ("mia", "ada"))
def end_sessions(world: World, who: str, whom: str) -> object:
    return db.run(administration.end_sessions, world.actor(who), world.id(whom))


@rule("I14 I9", ADMINISTRATORS, ("ada", "sue", "sam"), (None, Staff.SALES, Staff.ADMINISTRATOR))
def set_staff(world: World, who: str, whom: str, staff: Staff | None) -> object:
    return db.run(administration.set_staff, world.actor(who), world.id(whom), staff)


@rule("I14", ADMINISTRATORS)
def delete_administrator(world: World, who: str) -> object:
    return db.run(leaving.delete_account, world.actor(who))


# Profile


@rule("I6 I11 I12", OWNERS, ("overview", "sales_email", "twitter", "name"), ("one", "two"))
def save_profile(world: World, who: str, field: str, text: str) -> object:
    """Save what was typed into a form that was opened when the world began."""
    shown = first_texts(world)
    typed = f"{text}@example.com" if field == "sales_email" else f"{who}_{text}"
    return db.run(profile.save, world.actor(who), world.org("acme"), shown, shown | {field: typed})


def first_texts(world: World) -> dict[str, str]:
    """Return what the profile's form showed when the world began."""
    full = {
        "overview": "Connects clinics.",
        "sales_email": "sales@example.com",
        "phone": "+49 431 979900",
        "website": "https://example.com",
    }
    blank = dict.fromkeys(full, "")
    return {
        "name": "Acme",
        "alert_email": world.email("alerts"),
        "twitter": "",
        **(full if world.start.is_full else blank),
    }


@rule("I6 I11", ("sue", "sam"), ("sales_email", "twitter"), ("one", "two"))
def save_contact(world: World, who: str, field: str, text: str) -> object:
    """Save what staff typed into the form of contact data, opened when the world began."""
    shown = {field: first_texts(world)[field]}
    typed = {field: f"{text}@example.com" if field == "sales_email" else f"{who}_{text}"}
    words = {"reason": "They called."}
    return db.run(
        profile.save_contact_details, world.actor(who), world.org("acme"), shown, typed, **words
    )


@rule("I6 I12", OWNERS, ("one", "two"))
def save_alert_address(world: World, who: str, text: str) -> object:
    shown = first_texts(world)
    typed = shown | {"alert_email": f"{text}@example.com"}
    return db.run(profile.save, world.actor(who), world.org("acme"), shown, typed)


@rule("I6 I11 I13 I16")
def confirm_alert_address(world: World) -> object:
    return db.run(alert_address.confirm_alert_email, NOBODY, world.token(alert_address.KIND))


@rule("I6 I11", OWNERS)
def confirm_profile(world: World, who: str) -> object:
    return db.run(profile.confirm, world.actor(who), world.org("acme"))


@rule("I17 I16", OWNERS, (0, 1))
def set_logo(world: World, who: str, picture: int) -> object:
    return db.run(logos.set_logo, world.actor(who), world.org("acme"), PICTURES[picture])


@rule("I17", OWNERS)
def remove_logo(world: World, who: str) -> object:
    return db.run(logos.remove_logo, world.actor(who), world.org("acme"))


@rule("I6 I17", OWNERS, (True, False))
def list_in_solutions(world: World, who: str, listed: bool) -> object:
    return db.run(directory.list_in_solutions, world.actor(who), world.org("acme"), listed=listed)


# Onboarding


@rule("I13 I12 I16", SALES)
def flag(world: World, who: str) -> object:
    orgs = [world.org("acme"), world.org("otto")]
    return db.run(onboarding.flag, world.actor(who), orgs)


FORWARD: Final = (
    (Stage.FREE, Stage.ONBOARDING),
    (Stage.ONBOARDING, Stage.PREPRODUCTION),
    (Stage.PREPRODUCTION, Stage.PRODUCTION),
)
ANYWHERE: Final = tuple((shown, to) for shown in Stage for to in Stage)


@rule("I13 I12", SALES, (*FORWARD, *FORWARD, *ANYWHERE))
def move(world: World, who: str, step: tuple[Stage, Stage]) -> object:
    shown, to = step
    options = {"shown": shown, "reason": "They asked for it."}
    return db.run(onboarding.move, world.actor(who), world.org("acme"), to, **options)


@rule("I13", ("ada", "sam"), FORWARD)
def override(world: World, who: str, step: tuple[Stage, Stage]) -> object:
    shown, to = step
    options = {"shown": shown, "reason": "Go on.", "override": True}
    return db.run(onboarding.move, world.actor(who), world.org("acme"), to, **options)


@rule("I13 I16", ("olga", "adam"))
def request_onboarding(world: World, who: str) -> object:
    return db.run(onboarding.request, world.actor(who), world.org("acme"), note="Please.")


@rule("I13 I11", SALES, ("Call", "Write"))
def plan(world: World, who: str, step: str) -> object:
    plan = onboarding.Plan(world.id("sam"), next_step=step)
    return db.run(onboarding.plan, world.actor(who), world.org("acme"), plan)


# What goes on behind


@rule("I15 I15")
def knock(world: World) -> object:
    return db.run(throttling.hit, "knock", str(world.number), LIMITS)


@rule("I15")
def knock_and_take_back(world: World) -> object:
    db.run(throttling.hit, "knock", str(world.number), LIMITS)
    return db.run(throttling.give_back, "knock", str(world.number), LIMITS)


@rule("I12 I12 I12 I12 I12")
def claim_mail(_world: World) -> object:
    return db.run(delivery._claim)

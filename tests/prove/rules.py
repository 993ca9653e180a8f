"""The rules: every use case, and the people and values that it may be called with.

Hypothesis runs them in sequence, and races run several of them concurrently. A rule aims at the
invariants that it may violate.
"""

import secrets
from collections.abc import Callable, Sequence
from datetime import timedelta
from random import Random
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import select

from core.access import throttling
from core.access.permissions import ANONYMOUS, ORGDESK, Actor
from core.accounts import (
    accounts,
    administration,
    email_links,
    password_reset,
    registration,
    sessions,
)
from core.accounts.user_rows import NewAccount
from core.audit import checkpoints
from core.base import crypto
from core.database import db
from core.mail import delivery
from core.members import (
    acceptance,
    account_access,
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
from tests.prove.dataset import PASSWORD_HASH, Dataset

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
    """A use case, the invariants that it aims at, and the values to choose from."""

    aims: tuple[str, ...]
    """An invariant that is named twice makes the rule twice as likely."""
    choices: tuple[Sequence[Any], ...]
    do: Callable[..., Any]


class Operation(NamedTuple):
    """A rule and the values chosen for it, independent of a dataset."""

    rule: str
    what: tuple[Any, ...]

    def __str__(self) -> str:
        return f"{self.rule}({', '.join(map(str, self.what))})"

    def do(self, data: Dataset) -> Any:
        """Run it on a dataset, and return the result of the use case."""
        return RULES[self.rule].do(data, *self.what)


RULES: dict[str, Rule] = {}


def rule(aims: str, *choices: Sequence[Any]) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Register a function of a dataset and of chosen values as a rule."""

    def keep(do: Callable[..., T]) -> Callable[..., T]:
        RULES[do.__name__] = Rule(tuple(aims.split()), choices, do)
        return do

    return keep


def choose_operation(name: str, choose: Choose) -> Operation:
    """Choose the values of a rule."""
    return Operation(name, tuple(choose(options) for options in RULES[name].choices))


def choose_any(aim: str, random: Random) -> Operation:
    """Choose one of the rules that aim at an invariant, and its values."""
    names = [name for name, each in RULES.items() for _ in range(each.aims.count(aim))]
    return choose_operation(random.choice(names), random.choice)


# Members


@rule("I1 I2 I7 I11 I12", OWNERS, INSIDERS, ROLES)
def change_role(data: Dataset, who: str, whom: str, role: Role) -> object:
    acme = data.org("acme")
    return db.run(members.change_role, data.actor(who), acme, data.id(whom), role)


@rule("I1 I2 I7 I12", OWNERS, ("olga", "adam", "mia", "otto", "oda"))
def remove(data: Dataset, who: str, whom: str) -> object:
    return db.run(members.remove, data.actor(who), data.org("acme"), data.id(whom))


@rule("I1 I2 I3 I7", INSIDERS)
def leave(data: Dataset, who: str) -> object:
    return db.run(leaving.leave, data.actor(who), data.org("acme"))


@rule("I1 I7 I9 I11", ("olga", "adam", "mia", "oda", "otto"))
def delete_account(data: Dataset, who: str) -> object:
    return db.run(leaving.delete_account, data.actor(who))


@rule("I1 I2 I7 I12", ("olga", "adam"), ("mia", "adam", "oda"))
def reinstate(data: Dataset, who: str, whom: str) -> object:
    ids = data.org("acme"), data.id(whom)
    return db.run(members.reinstate, data.actor(who), *ids)


@rule("I1 I1 I7 I12", OWNERS, INSIDERS, (Role.MEMBER, Role.ADMIN))
def offer_ownership(data: Dataset, who: str, whom: str, role: Role) -> object:
    ids = data.org("acme"), data.id(whom)
    return db.run(ownership.offer, data.actor(who), *ids, role=role)


@rule("I1 I1 I7 I12", ("adam", "mia", "mia"))
def accept_ownership(data: Dataset, who: str) -> object:
    """Accept the last offer of ownership, or the initial one."""
    ids = data.org("acme"), newest_handover(data, who)
    return db.run(ownership.accept, data.actor(who), *ids)


@rule("I1 I12", INSIDERS, ("decline", "withdraw"))
def refuse_ownership(data: Dataset, who: str, how: str) -> object:
    ids = data.org("acme"), newest_handover(data, "mia")
    return db.run(getattr(ownership, how), data.actor(who), *ids)


def newest_handover(data: Dataset, whom: str) -> int:
    """Return the id of the last offer of ownership made to a person."""
    with db.read() as session:
        ids = select(Handover.id).where(Handover.to_id == data.id(whom)).order_by(-Handover.id)
        return session.scalars(ids).first() or 0


@rule("I1 I12", ADMINISTRATORS, ("mia", "otto"))
def name_owner(data: Dataset, who: str, whom: str) -> object:
    ids = data.org("acme"), data.email(whom)
    return db.run(ownership.assign_owner, data.actor(who), *ids, reason="Nobody else can.")


@rule("I1 I7 I11", ("ada", "sue", "sam"), ("start", "end"))
def impersonate(data: Dataset, who: str, how: str) -> object:
    """Start or end acting as an owner."""
    ids = data.actor(who), data.org("acme")
    if how == "start":
        return db.run(impersonation.start, *ids, reason="They asked.")
    return db.run(impersonation.end, *ids)


@rule("I1 I7 I12", ("ada", "ada", "sue"), INSIDERS, ROLES)
def change_role_as_owner(data: Dataset, who: str, whom: str, role: Role) -> object:
    return change_role(data, who, whom, role)


@rule("I5 I7 I16", ("ada", "ada", "sue"), ("p1", "oda"), ROLES)
def invite_as_owner(data: Dataset, who: str, whom: str, role: Role) -> object:
    return invite(data, who, whom, role)


@rule("I1", ("ada",), ("olga", "adam"))
def disable_owner(data: Dataset, who: str, whom: str) -> object:
    return db.run(account_access.disable, data.actor(who), data.id(whom))


# Organizations


@rule("I3", ("oda",), ("Clinic", "Practice", "Ward"))
def create(data: Dataset, who: str, name: str) -> object:
    return db.run(organizations.create, data.actor(who), f"{name} {data.number}")


@rule("I1 I16", OWNERS)
def delete(data: Dataset, who: str) -> object:
    with db.read() as session:
        org = session.get(Organization, data.org("acme"))
    return org and db.run(organizations.delete, data.actor(who), org.id, name=org.name)


@rule("I1 I3 I16 I17", ADMINISTRATORS, ("gone", "gone", "acme"))
def restore(data: Dataset, who: str, org: str) -> object:
    return db.run(organizations.restore, data.actor(who), data.org(org))


@rule("I1 I11 I16 I17")
def purge(_data: Dataset) -> object:
    return db.run(cleanup.purge_organizations)


# Invitations


@rule("I5 I7 I11 I12", ("olga", "adam"), ("p1", "P1", "p2", "oda"), ROLES)
def invite(data: Dataset, who: str, whom: str, role: Role) -> object:
    address = f"{whom}.{data.number}@{'EXAMPLE.com' if whom.isupper() else 'example.com'}"
    return db.run(invitations.invite, data.actor(who), data.org("acme"), address, role=role)


@rule("I4 I5 I12", ("olga", "adam"), (0, 1, 2))
def resend(data: Dataset, who: str, index: int) -> object:
    ids = data.org("acme"), data.invitation(index)
    return db.run(invitations.resend, data.actor(who), *ids)


@rule("I4 I5 I16", ("olga", "adam"), (0, 1, 2))
def revoke(data: Dataset, who: str, index: int) -> object:
    ids = data.org("acme"), data.invitation(index)
    return db.run(invitations.revoke, data.actor(who), *ids)


@rule("I7", ("olga", "adam"), (0, 1, 2), ROLES)
def change_offer(data: Dataset, who: str, index: int, role: Role) -> object:
    ids = data.org("acme"), data.invitation(index)
    return db.run(invitations.change_role, data.actor(who), *ids, role)


@rule(
    "I1 I2 I3 I4 I7 I12 I16", ((0, "otto"), (0, "otto"), (1, "oda"), (3, "oda"), (0, "mia")), (0, 1)
)
def accept(data: Dataset, invited: tuple[int, str], copied: int) -> object:
    index, who = invited
    return db.run(acceptance.accept, data.actor(who), invitation_token(data, index, copied))


@rule("I2 I4 I7")
def accept_newest(data: Dataset) -> object:
    """Accept the last invitation of a person who has an account."""
    with db.read() as session:
        found = session.execute(
            select(Invitation.nonce, User)
            .join(User, User.email_key == Invitation.email_key)
            .where(Invitation.org_id == data.org("acme"))
            .order_by(Invitation.sent_at.desc(), Invitation.id.desc())
        ).first()
    if found is None:
        return None
    token = crypto.token(invitation_rows.MAILED, found[0])
    return db.run(acceptance.accept, Actor(found[1].id, found[1].name), token)


@rule("I4", ((0, "otto"), (1, "oda")))
def decline(data: Dataset, invited: tuple[int, str]) -> object:
    index, who = invited
    return db.run(acceptance.decline, data.actor(who), invitation_token(data, index, 0))


@rule("I2 I4 I8", ("Newcomer", "Nina"))
def join(data: Dataset, name: str) -> object:
    new = NewAccount(name, data.email("newcomer"), f"${name}")
    token = invitation_token(data, 2, 0)
    return db.run(acceptance.accept_with_new_account, ANONYMOUS, token, new)


def invitation_token(data: Dataset, index: int, copied: int) -> str:
    """Return the initial token of a mailed or copied link."""
    nonce = data.nonce(invitation_rows.MAILED, index)
    if copied:
        return invitation_rows.copied_token(Invitation(id=data.invitation(index), nonce=nonce))
    return crypto.token(invitation_rows.MAILED, nonce)


# Accounts


@rule("I8 I12", ("newcomer", "Newcomer", "nora", "otto"))
def sign_up(data: Dataset, whom: str) -> object:
    address = data.email(whom) if whom[0] != "N" else data.email(whom).upper()
    return db.run(registration.sign_up, ANONYMOUS, NewAccount(whom, address, "$signed up"))


@rule("I8")
def prove(data: Dataset) -> object:
    return db.run(
        registration.confirm_address, ANONYMOUS, data.token(email_links.CONFIRM), PASSWORD_HASH
    )


@rule("I8", ("newcomer", "nora"))
def make_administrator(data: Dataset, whom: str) -> object:
    new = NewAccount(whom.title(), data.email(whom), "$made")
    return db.run(registration.create_administrator, ORGDESK, new)


@rule("I11 I15", INSIDERS, ("One", "Two"))
def rename(data: Dataset, who: str, name: str) -> object:
    return db.run(accounts.rename, data.actor(who), name)


def new_hash(text: str) -> str:
    """Return a salted hash, which is never the same twice."""
    return f"${text} {secrets.token_hex(8)}"


@rule("I9 I10 I12", ("mia",), ("one", "two"))
def change_password(data: Dataset, who: str, password: str) -> object:
    return db.run(accounts.change_password, data.actor(who), new_hash(password))


@rule("I10 I12", ("mia", "otto"))
def send_reset(data: Dataset, whom: str) -> object:
    return db.run(
        password_reset.request_link, ANONYMOUS, data.email(whom), origin=f"10.0.0.{data.number}"
    )


@rule("I9 I10", ("mia", "otto"), ADMINISTRATORS)
def send_reset_for(data: Dataset, whom: str, who: str) -> object:
    return db.run(password_reset.send_link, data.actor(who), data.id(whom))


@rule("I10 I10 I9 I12", ("one", "two", "three"))
def reset(data: Dataset, password: str) -> object:
    return db.run(
        password_reset.reset, ANONYMOUS, data.token(email_links.RESET), new_hash(password)
    )


@rule("I10")
def reset_newest(data: Dataset) -> object:
    """Use the last password reset link mailed to Mia."""
    with db.read() as session:
        nonce = session.scalar(
            select(Link.nonce)
            .where(Link.user_id == data.id("mia"), Link.kind == email_links.RESET)
            .order_by(Link.id.desc())
        )
    token = crypto.token(email_links.RESET, nonce or "")
    return db.run(password_reset.reset, ANONYMOUS, token, new_hash("newest"))


@rule("I9", ("mia", "otto"), ("first", "second"))
def start_session(data: Dataset, who: str, ticket: str) -> object:
    user_id, ticket_hash = data.id(who), new_hash(ticket)
    return db.run(sessions.start, user_id, ticket_hash, device="Test", ip_address="127.0.0.1")


@rule("I9", ("mia", "ada"))
def redeem(data: Dataset, who: str) -> object:
    token = data.secret("redeemed", who)
    return db.run(sessions.redeem, data.secret("ticket", who), token) is not None


@rule("I9 I14", ADMINISTRATORS, ("mia", "otto", "ada", "sue"))
def disable(data: Dataset, who: str, whom: str) -> object:
    return db.run(account_access.disable, data.actor(who), data.id(whom))


@rule("I9 I14", ADMINISTRATORS, ("mia", "ada", "sue"))
def enable(data: Dataset, who: str, whom: str) -> object:
    return db.run(administration.enable, data.actor(who), data.id(whom))


@rule("I9", ADMINISTRATORS, ("mia", "ada"))
def end_sessions(data: Dataset, who: str, whom: str) -> object:
    return db.run(administration.end_sessions, data.actor(who), data.id(whom))


@rule("I14 I9", ADMINISTRATORS, ("ada", "sue", "sam"), (None, Staff.SALES, Staff.ADMINISTRATOR))
def set_staff(data: Dataset, who: str, whom: str, staff: Staff | None) -> object:
    return db.run(account_access.set_staff, data.actor(who), data.id(whom), staff)


@rule("I14", ADMINISTRATORS)
def delete_administrator(data: Dataset, who: str) -> object:
    return db.run(leaving.delete_account, data.actor(who))


# Profile


@rule("I6 I11 I12", OWNERS, ("overview", "sales_email", "twitter", "name"), ("one", "two"))
def save_profile(data: Dataset, who: str, field: str, text: str) -> object:
    """Save a profile form that was opened initially."""
    before = first_texts(data)
    typed = f"{text}@example.com" if field == "sales_email" else f"{who}_{text}"
    return db.run(profile.save, data.actor(who), data.org("acme"), before, before | {field: typed})


def first_texts(data: Dataset) -> dict[str, str]:
    """Return the initial values of the profile form."""
    full = {
        "overview": "Connects clinics.",
        "sales_email": "sales@example.com",
        "phone": "+49 431 979900",
        "website": "https://example.com",
    }
    blank = dict.fromkeys(full, "")
    return {
        "name": "Acme",
        "alert_email": data.email("alerts"),
        "twitter": "",
        **(full if data.options.is_full else blank),
    }


@rule("I6 I11", ("sue", "sam"), ("sales_email", "twitter"), ("one", "two"))
def save_contact(data: Dataset, who: str, field: str, text: str) -> object:
    """Save a contact form of staff that was opened initially."""
    before = {field: first_texts(data)[field]}
    typed = {field: f"{text}@example.com" if field == "sales_email" else f"{who}_{text}"}
    ids = data.actor(who), data.org("acme")
    return db.run(profile.save_contact_details, *ids, before, typed, reason="They called.")


@rule("I6 I12", OWNERS, ("one", "two"))
def save_alert_address(data: Dataset, who: str, text: str) -> object:
    before = first_texts(data)
    typed = before | {"alert_email": f"{text}@example.com"}
    return db.run(profile.save, data.actor(who), data.org("acme"), before, typed)


@rule("I6 I11 I13 I16")
def confirm_alert_address(data: Dataset) -> object:
    return db.run(alert_address.confirm_alert_email, ANONYMOUS, data.token(alert_address.KIND))


@rule("I6 I11", OWNERS)
def confirm_profile(data: Dataset, who: str) -> object:
    return db.run(profile.confirm, data.actor(who), data.org("acme"))


@rule("I17 I16", OWNERS, (0, 1))
def set_logo(data: Dataset, who: str, picture: int) -> object:
    return db.run(logos.set_logo, data.actor(who), data.org("acme"), PICTURES[picture])


@rule("I17", OWNERS)
def remove_logo(data: Dataset, who: str) -> object:
    return db.run(logos.remove_logo, data.actor(who), data.org("acme"))


@rule("I6 I17", OWNERS, (True, False))
def list_in_solutions(data: Dataset, who: str, listed: bool) -> object:
    return db.run(directory.list_in_solutions, data.actor(who), data.org("acme"), listed=listed)


# Onboarding


@rule("I13 I12 I16", SALES)
def flag(data: Dataset, who: str) -> object:
    orgs = [data.org("acme"), data.org("otto")]
    return db.run(onboarding.flag, data.actor(who), orgs)


FORWARD: Final = (
    (Stage.FREE, Stage.ONBOARDING),
    (Stage.ONBOARDING, Stage.PREPRODUCTION),
    (Stage.PREPRODUCTION, Stage.PRODUCTION),
)
ANYWHERE: Final = tuple((start, end) for start in Stage for end in Stage)


@rule("I13 I12", SALES, (*FORWARD, *FORWARD, *ANYWHERE))
def move(data: Dataset, who: str, step: tuple[Stage, Stage]) -> object:
    from_stage, to_stage = step
    ids = data.actor(who), data.org("acme")
    return db.run(
        onboarding.move, *ids, to_stage, from_stage=from_stage, reason="They asked for it."
    )


@rule("I13", ("ada", "sam"), FORWARD)
def override(data: Dataset, who: str, step: tuple[Stage, Stage]) -> object:
    from_stage, to_stage = step
    ids = data.actor(who), data.org("acme")
    return db.run(
        onboarding.move, *ids, to_stage, from_stage=from_stage, reason="Go on.", override=True
    )


@rule("I13 I16", ("olga", "adam"))
def request_onboarding(data: Dataset, who: str) -> object:
    return db.run(onboarding.request, data.actor(who), data.org("acme"), note="Please.")


@rule("I13 I11", SALES, ("Call", "Write"))
def plan(data: Dataset, who: str, step: str) -> object:
    plan = onboarding.Plan(data.id("sam"), next_step=step)
    return db.run(onboarding.plan, data.actor(who), data.org("acme"), plan)


# Background and throttling


@rule("I11 I11")
def make_checkpoint(_data: Dataset) -> object:
    return db.run(checkpoints.make)


@rule("I15 I15")
def hit_throttle(data: Dataset) -> object:
    return db.run(throttling.hit, "hit_throttle", str(data.number), LIMITS)


@rule("I12 I12 I12 I12 I12")
def claim_mail(_data: Dataset) -> object:
    return db.run(delivery._claim)

"""The matrix: who may do what. One row for each use case, one column for each person of the cast.

`yes` it is done · `no` a refusal that says whom to ask · `hidden` as if it did not exist.
A new use case is a new line in MATRIX, and a line in ACTS if it needs more than the organization.
"""

import inspect
from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib import import_module
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from core import (
    db,
    invitations,
    keys,
    members,
    memberships,
    notes,
    offers,
    onboarding,
    organizations,
    ownership,
    persons,
    runs,
    saved_views,
    stand_ins,
    working_days,
)
from core.board_views import BoardView
from core.charts import Period
from core.errors import (
    GateNotMet,
    HasOwner,
    InvalidInput,
    LastOwner,
    NotFound,
    NotPermitted,
    NotTheInvited,
    RoleTooHigh,
)
from core.exports import Format
from core.models import Invitation, Mail, Membership, Role, Staff, Stage, User
from core.onboarding import Plan
from core.org_views import View
from core.permissions import (
    ALLOWED,
    NOBODY,
    ORGDESK,
    Action,
    Actor,
    access,
    access_staff,
    find_organization,
    may,
    rights_of,
    staff_rights,
)
from tests.cast import Cast, email
from tests.test_house import CORE, height

MATRIX = """
                               olga   adam   mia    otto   oda    sam    sue    ada    nobody
                               owner  admin  member elsew. ops    sales  sales  admin. -
members.table                  yes    yes    yes    hidden yes    yes    yes    yes    hidden
members.count                  yes    yes    yes    hidden yes    yes    yes    yes    hidden
members.summary                yes    yes    yes    hidden yes    yes    yes    yes    hidden
members.list_roles_to_give     yes    yes    yes    hidden yes    yes    yes    yes    hidden
members.change_role            yes    no     no     hidden no     no     no     no     hidden
members.remove                 yes    yes    no     hidden no     no     no     no     hidden
members.remove an owner        yes    no     no     hidden no     no     no     no     hidden
members.leave                  yes    yes    yes    hidden hidden hidden hidden hidden hidden
members.joined_by_month        yes    yes    yes    hidden yes    yes    yes    yes    hidden
former_members.table           yes    yes    no     hidden yes    yes    yes    yes    hidden
former_members.reinstate       yes    yes    no     hidden no     no     no     no     hidden
ownership.offer                yes    no     no     hidden no     no     no     no     hidden
ownership.withdraw             yes    no     no     hidden no     no     no     no     hidden
ownership.accept               hidden hidden yes    hidden hidden hidden hidden hidden hidden
ownership.decline              hidden hidden yes    hidden hidden hidden hidden hidden hidden
ownership.list_offers          yes    yes    yes    hidden yes    yes    yes    yes    hidden
ownerless.table                no     no     no     no     no     no     no     yes    no
ownerless.list_heirs           no     no     no     hidden no     no     no     yes    hidden
ownerless.name_owner           no     no     no     hidden no     no     no     yes    hidden
invitations.table              yes    yes    no     hidden yes    yes    yes    yes    hidden
invitations.counts             yes    yes    no     hidden yes    yes    yes    yes    hidden
invitations.invite             yes    yes    no     hidden no     no     no     no     hidden
invitations.invite an owner    yes    no     no     hidden no     no     no     no     hidden
invitations.resend             yes    yes    no     hidden no     no     no     no     hidden
invitations.link               yes    yes    no     hidden no     no     no     no     hidden
invitations.change_role        yes    yes    no     hidden no     no     no     no     hidden
invitations.revoke             yes    yes    no     hidden no     no     no     no     hidden
invitations.revoke an owner's  yes    no     no     hidden no     no     no     no     hidden
answers.find                   yes    yes    yes    yes    yes    yes    yes    yes    yes
answers.accept                 no     no     no     yes    no     no     no     no     no
answers.decline                no     no     no     yes    no     no     no     no     yes
organizations.create           yes    yes    yes    yes    yes    yes    yes    yes    no
organizations.delete           yes    no     no     hidden no     no     no     no     hidden
organizations.restore          no     no     no     hidden no     no     no     yes    hidden
organizations.limit_members    no     no     no     hidden no     no     no     yes    hidden
organizations.list_mine        yes    yes    yes    yes    yes    yes    yes    yes    yes
organizations.look_alikes      yes    yes    yes    yes    yes    yes    yes    yes    yes
org_tables.table               no     no     no     no     yes    yes    yes    yes    no
downloads.begin                no     no     no     no     yes    yes    yes    yes    no
summaries.organizations        no     no     no     no     yes    yes    yes    yes    no
summaries.roles                no     no     no     no     yes    yes    yes    yes    no
export_files.write             no     no     no     no     yes    yes    yes    yes    no
export_files.write deleted     no     no     no     no     no     no     no     yes    no
profile.save                   yes    no     no     hidden no     no     no     no     hidden
profile.confirm                yes    no     no     hidden no     no     no     no     hidden
profile.set_logo               yes    no     no     hidden no     no     no     no     hidden
profile.remove_logo            yes    no     no     hidden no     no     no     no     hidden
profile.list_in_solutions      yes    no     no     hidden no     no     no     no     hidden
profile.resend_alert_link      yes    no     no     hidden no     no     no     no     hidden
profile.alert_link_sent_at     yes    yes    yes    hidden yes    yes    yes    yes    hidden
profile.send_test              yes    no     no     hidden no     no     no     no     hidden
solutions.search               yes    yes    yes    yes    yes    yes    yes    yes    hidden
solutions.count                yes    yes    yes    yes    yes    yes    yes    yes    hidden
notes.write                    no     no     no     hidden yes    yes    yes    yes    hidden
notes.edit                     no     no     no     no     no     yes    no     no     no
notes.delete                   no     no     no     no     no     yes    no     no     no
notes.about                    yes    yes    yes    hidden yes    yes    yes    yes    hidden
notes.find                     no     no     no     no     yes    yes    yes    yes    no
alerts.choose                  yes    no     no     hidden no     no     no     no     hidden
onboarding.flag                no     no     no     hidden no     yes    yes    yes    hidden
onboarding.flag_one            no     no     no     hidden no     yes    yes    yes    hidden
onboarding.move                no     no     no     hidden no     yes    yes    yes    hidden
onboarding.move with override  no     no     no     hidden no     no     no     yes    hidden
onboarding.snooze              no     no     no     hidden no     yes    yes    yes    hidden
onboarding.plan                no     no     no     hidden no     yes    yes    yes    hidden
onboarding.request             yes    yes    no     hidden no     no     no     no     hidden
moves.table                    yes    no     no     hidden yes    yes    yes    yes    hidden
charts.show                    no     no     no     no     yes    yes    yes    yes    no
board.show                     no     no     no     no     yes    yes    yes    yes    no
saved_views.save               no     no     no     no     yes    yes    yes    yes    no
saved_views.look               no     no     no     no     yes    yes    yes    yes    no
saved_views.look at Sue's own  no     no     no     no     hidden hidden yes    hidden no
saved_views.rename             no     no     no     no     no     no     yes    no     no
saved_views.replace            no     no     no     no     no     no     yes    no     no
saved_views.share              no     no     no     no     no     no     yes    no     no
saved_views.remove             no     no     no     no     no     no     yes    yes    no
saved_views.set_default        no     no     no     no     yes    yes    yes    yes    no
saved_views.find_default       yes    yes    yes    yes    yes    yes    yes    yes    yes
view_lists.table               no     no     no     no     yes    yes    yes    yes    no
runs.count                     no     no     no     no     no     yes    yes    yes    no
runs.start                     no     no     no     no     no     yes    yes    yes    no
runs.cancel Sam's              no     no     no     no     no     yes    no     yes    no
runs.dismiss Sam's             no     no     no     no     no     yes    no     yes    no
runs.refused_file of Sam's     no     no     no     no     no     yes    no     yes    no
runs.refused of Sam's          no     no     no     no     no     yes    no     yes    no
runs.list_open                 yes    yes    yes    yes    yes    yes    yes    yes    yes
activity.table                 no     no     no     no     yes    yes    yes    yes    no
activity.table of one          yes    no     no     hidden yes    yes    yes    yes    hidden
activity.latest                yes    yes    yes    hidden yes    yes    yes    yes    hidden
moves.path                     yes    yes    yes    hidden yes    yes    yes    yes    hidden
contacts.save                  no     no     no     hidden yes    no     no     yes    hidden
stand_ins.start                no     no     no     hidden no     no     no     yes    hidden
stand_ins.end                  no     no     no     hidden no     no     no     yes    hidden
people.table                   no     no     no     no     no     no     no     yes    no
people.get                     no     no     no     no     no     no     no     yes    no
people.set_staff               no     no     no     no     no     no     no     yes    no
people.disable                 no     no     no     no     no     no     no     yes    no
people.enable                  no     no     no     no     no     no     no     yes    no
people.end_sessions            no     no     no     no     no     no     no     yes    no
people.reset_two_factor        no     no     no     no     no     no     no     yes    no
resets.send                    no     no     no     no     no     no     no     yes    no
mail_desk.table                no     no     no     no     no     no     no     yes    no
mail_desk.counts               no     no     no     no     no     no     no     yes    no
mail_desk.show                 no     no     no     no     no     no     no     yes    no
mail_desk.retry                no     no     no     no     no     no     no     yes    no
mail_desk.retry_failed         no     no     no     no     no     no     no     yes    no
mail_desk.cancel               no     no     no     no     no     no     no     yes    no
"""
"""Otto has an organization of his own, and no part in Acme, which it is all about."""
ABOUT_ONESELF = {
    "digests.choice",
    "digests.choose",
    "accounts.rename",
    "accounts.change_password",
    "accounts.find_words",
    "accounts.find_password_change",
    "accounts.end_session",
    "accounts.end_other_sessions",
    "accounts.delete_account",
    "two_factor.state",
    "two_factor.begin",
    "two_factor.cancel",
    "two_factor.confirm",
    "two_factor.make_recovery_codes",
    "two_factor.turn_off",
}
"""Each only ever about the actor: there is nobody to be refused."""
BY_PROOF = {
    "answers.accept_with_new_account",
    "profile.confirm_alert_email",
    "resets.start",
    "resets.reset",
    "setup.set_up",
    "setup.create_administrator",
    "sign_ups.sign_up",
    "sign_ups.prove",
}
"""For strangers: a mailed link, a code or the command line decides."""

OF_MEMBERS_THEMSELVES = {"members.leave", "ownership.offer"}

PEOPLE = tuple(MATRIX.split()[:9])

Act = Callable[[Session, Actor, Cast], object]


def invited(session: Session, cast: Cast, role: Role = Role.MEMBER) -> Invitation:
    """Invite Otto on Olga's behalf."""
    acme, to = cast.acme.id, email(cast.otto)
    return invitations.invite(session, cast.olga, acme, to, role=role)[0]


def token(session: Session, cast: Cast) -> str:
    return keys.token(offers.MAILED, invited(session, cast).nonce)


def second_owner(session: Session, cast: Cast) -> int:
    """Let somebody else be an owner besides Olga, so that an owner can go."""
    new = persons.NewAccount("Oona", "oona@example.com", "")
    oona = persons.make(session, new, is_proven=True)
    memberships.make(session, cast.acme, oona.id, Role.OWNER)
    return oona.id


def in_onboarding(session: Session, cast: Cast) -> int:
    onboarding.flag(session, cast.sam, [cast.acme.id])
    return cast.acme.id


def deleted(session: Session, cast: Cast) -> int:
    organizations.delete(session, ORGDESK, cast.acme.id, name=cast.acme.name)
    return cast.acme.id


def offered(session: Session, cast: Cast) -> int:
    """Let Olga offer Mia the ownership."""
    return ownership.offer(session, cast.olga, cast.acme.id, cast.mia.user_id or 0).id


def removed(session: Session, cast: Cast) -> int:
    """Let Otto have been a member once."""
    memberships.make(session, cast.acme, cast.otto.user_id or 0, Role.MEMBER)
    return members.remove(session, ORGDESK, cast.acme.id, cast.otto.user_id or 0).user_id


def a_mail(session: Session, cast: Cast) -> int:
    invited(session, cast)
    return session.scalars(select(Mail.id)).first() or 0


def about_view(called: str, /, *args: Any, for_all: bool = True, **options: Any) -> Act:
    """Return what calls a use case about a view that Sue saved."""

    def act(session: Session, actor: Actor, cast: Cast) -> object:
        view = saved_views.save(session, cast.sue, "organizations", "Hers", "", is_shared=for_all)
        return use_case(called)(session, actor, view.id, *args, **options)

    return act


def a_note(session: Session, cast: Cast) -> int:
    """Let Sam write a note about Acme."""
    return notes.write(session, cast.sam, cast.acme.id, "They call back.").id


def about_acme(called: str, /, *args: Any, **options: Any) -> Act:
    """Return what calls a use case about Acme, such as `members.table`."""
    return lambda session, actor, cast: use_case(called)(
        session, actor, cast.acme.id, *args, **options
    )


def about_invitation(name: str, *args: Any, role: Role = Role.MEMBER) -> Act:
    return lambda session, actor, cast: use_case(name)(
        session, actor, cast.acme.id, invited(session, cast, role).id, *args
    )


def about_offer(name: str) -> Act:
    return lambda session, actor, cast: use_case(name)(
        session, actor, cast.acme.id, offered(session, cast)
    )


def alone(name: str, *args: Any) -> Act:
    return lambda session, actor, _cast: use_case(name)(session, actor, *args)


def about_sam(name: str, *args: Any) -> Act:
    return lambda session, actor, cast: use_case(name)(session, actor, cast.sam.user_id, *args)


def about_a_run(name: str) -> Act:
    return lambda session, actor, cast: use_case(name)(
        session, actor, runs.start(session, cast.sam, View(), Plan(), shown=99).id
    )


def about_mail(name: str) -> Act:
    return lambda session, actor, cast: use_case(name)(session, actor, a_mail(session, cast))


def by_link(name: str) -> Act:
    return lambda session, actor, cast: use_case(name)(session, actor, token(session, cast))


def use_case(name: str) -> Callable[..., object]:
    module, _, function = name.partition(".")
    found: Callable[..., object] = getattr(import_module(f"core.{module}"), function)
    return found


PICTURE = SimpleNamespace(digest="0" * 64, png=b"png", thumbnail=b"png")
ACTS: dict[str, Act] = {
    "members.change_role": lambda session, actor, cast: use_case("members.change_role")(
        session, actor, cast.acme.id, cast.mia.user_id, Role.ADMIN
    ),
    "members.remove": lambda session, actor, cast: use_case("members.remove")(
        session, actor, cast.acme.id, cast.mia.user_id
    ),
    "members.remove an owner": lambda session, actor, cast: use_case("members.remove")(
        session, actor, cast.acme.id, second_owner(session, cast)
    ),
    "members.leave": lambda session, actor, cast: use_case("members.leave")(
        session, actor, cast.acme.id
    ),
    "former_members.reinstate": lambda session, actor, cast: use_case("former_members.reinstate")(
        session, actor, cast.acme.id, removed(session, cast)
    ),
    "ownership.offer": lambda session, actor, cast: use_case("ownership.offer")(
        session, actor, cast.acme.id, cast.mia.user_id
    ),
    "ownership.withdraw": about_offer("ownership.withdraw"),
    "ownership.accept": about_offer("ownership.accept"),
    "ownership.decline": about_offer("ownership.decline"),
    "ownerless.name_owner": about_acme("ownerless.name_owner", "mia@example.com", reason="Gone"),
    "organizations.limit_members": about_acme("organizations.limit_members", 50),
    "invitations.invite": about_acme("invitations.invite", "new@example.com"),
    "invitations.invite an owner": about_acme(
        "invitations.invite", "new@example.com", role=Role.OWNER
    ),
    "invitations.resend": about_invitation("invitations.resend"),
    "invitations.link": about_invitation("invitations.link"),
    "invitations.change_role": about_invitation("invitations.change_role", Role.ADMIN),
    "invitations.revoke": about_invitation("invitations.revoke"),
    "invitations.revoke an owner's": about_invitation("invitations.revoke", role=Role.OWNER),
    "answers.find": by_link("answers.find"),
    "answers.accept": by_link("answers.accept"),
    "answers.decline": by_link("answers.decline"),
    "organizations.create": alone("organizations.create", "Newcomer"),
    "organizations.look_alikes": alone("organizations.look_alikes", "Acme"),
    "organizations.delete": about_acme("organizations.delete", name="Acme"),
    "organizations.restore": lambda session, actor, cast: use_case("organizations.restore")(
        session, actor, deleted(session, cast)
    ),
    "org_tables.table": alone("org_tables.table", View()),
    "downloads.begin": alone("downloads.begin", View(), Format.CSV),
    "summaries.organizations": alone("summaries.organizations", View()),
    "summaries.roles": alone("summaries.roles", View()),
    "export_files.write": alone("export_files.write", View(), Format.CSV, BytesIO()),
    "export_files.write deleted": alone(
        "export_files.write", View(is_deleted=True), Format.CSV, BytesIO()
    ),
    "profile.save": about_acme("profile.save", {"overview": ""}, {"overview": "We heal."}),
    "profile.set_logo": about_acme("profile.set_logo", PICTURE),
    "profile.list_in_solutions": about_acme("profile.list_in_solutions", listed=False),
    "notes.write": about_acme("notes.write", "They call back."),
    "notes.edit": lambda session, actor, cast: use_case("notes.edit")(
        session, actor, a_note(session, cast), "They called back."
    ),
    "notes.delete": lambda session, actor, cast: use_case("notes.delete")(
        session, actor, a_note(session, cast)
    ),
    "alerts.choose": about_acme("alerts.choose", []),
    "onboarding.flag": lambda session, actor, cast: use_case("onboarding.flag")(
        session, actor, [cast.acme.id], Plan(cast.sue.user_id)
    ),
    "onboarding.flag_one": about_acme("onboarding.flag_one"),
    "onboarding.move": lambda session, actor, cast: use_case("onboarding.move")(
        session,
        actor,
        in_onboarding(session, cast),
        Stage.FREE,
        shown=Stage.ONBOARDING,
        reason="They asked for it.",
    ),
    "onboarding.move with override": lambda session, actor, cast: use_case("onboarding.move")(
        session,
        actor,
        in_onboarding(session, cast),
        Stage.PREPRODUCTION,
        shown=Stage.ONBOARDING,
        reason="The contract is signed.",
        override=True,
    ),
    "onboarding.plan": lambda session, actor, cast: use_case("onboarding.plan")(
        session, actor, in_onboarding(session, cast), Plan(cast.sue.user_id, None, "Call them")
    ),
    "onboarding.snooze": lambda session, actor, cast: use_case("onboarding.snooze")(
        session, actor, in_onboarding(session, cast), until=working_days.today() + timedelta(3)
    ),
    "charts.show": alone("charts.show", Period.QUARTER),
    "board.show": alone("board.show", BoardView()),
    "saved_views.save": alone("saved_views.save", "organizations", "All", "sort=name"),
    "saved_views.look": about_view("saved_views.look"),
    "saved_views.look at Sue's own": about_view("saved_views.look", for_all=False),
    "saved_views.rename": about_view("saved_views.rename", "Theirs"),
    "saved_views.replace": about_view("saved_views.replace", "sort=name"),
    "saved_views.share": about_view("saved_views.share", is_shared=False),
    "saved_views.remove": about_view("saved_views.remove"),
    "saved_views.set_default": alone("saved_views.set_default", "organizations", None),
    "saved_views.find_default": alone("saved_views.find_default", "organizations"),
    "view_lists.table": alone("view_lists.table", "organizations"),
    "runs.count": alone("runs.count", View()),
    "runs.start": lambda session, actor, cast: use_case("runs.start")(
        session, actor, View(), Plan(cast.sue.user_id), shown=99
    ),
    "runs.cancel Sam's": about_a_run("runs.cancel"),
    "runs.dismiss Sam's": about_a_run("runs.dismiss"),
    "runs.refused_file of Sam's": about_a_run("runs.refused_file"),
    "runs.refused of Sam's": about_a_run("runs.refused"),
    "activity.table of one": lambda session, actor, cast: use_case("activity.table")(
        session, actor, org_id=cast.acme.id
    ),
    "contacts.save": about_acme(
        "contacts.save", {"phone": ""}, {"phone": "+1 212 555 0100"}, reason="They called."
    ),
    "stand_ins.start": about_acme("stand_ins.start", reason="They asked for help."),
    "people.get": about_sam("people.get"),
    "people.set_staff": about_sam("people.set_staff", Staff.OPS),
    "people.disable": about_sam("people.disable"),
    "people.enable": about_sam("people.enable"),
    "people.end_sessions": about_sam("people.end_sessions"),
    "people.reset_two_factor": lambda session, actor, cast: use_case("people.reset_two_factor")(
        session, actor, cast.sam.user_id, reason="The phone is lost."
    ),
    "resets.send": about_sam("resets.send"),
    "mail_desk.show": about_mail("mail_desk.show"),
    "mail_desk.retry": about_mail("mail_desk.retry"),
    "mail_desk.cancel": about_mail("mail_desk.cancel"),
}


def act_of(name: str) -> Act:
    """Return what a row does: what ACTS says, else the use case about Acme or about nothing."""
    if name in ACTS:
        return ACTS[name]
    arguments = inspect.getfullargspec(use_case(name)).args
    return about_acme(name) if "org_id" in arguments else alone(name)


def rows() -> Iterator[tuple[str, list[str]]]:
    for line in MATRIX.strip().splitlines()[2:]:
        words = line.split()
        yield " ".join(words[:-9]), words[-9:]


def outcome(act: Act, actor: Actor, cast: Cast) -> str:
    """Do it, undo it, and return what the actor met; past the right, other rules may refuse."""
    with db.Session(db.writing_engine(), info={"writing": True}) as session:
        try:
            act(session, actor, cast)
        except NotFound:
            return "hidden"
        except (NotPermitted, RoleTooHigh, NotTheInvited):
            return "no"
        except (GateNotMet, HasOwner, InvalidInput, LastOwner):
            return "yes"
        finally:
            session.rollback()
    return "yes"


@pytest.mark.parametrize(("name", "expected"), [pytest.param(*row, id=row[0]) for row in rows()])
def test_the_matrix(engine: Engine, cast: Cast, name: str, expected: list[str]) -> None:
    people = [getattr(cast, person, NOBODY) for person in PEOPLE]
    met = [outcome(act_of(name), person, cast) for person in people]
    assert dict(zip(PEOPLE, met, strict=True)) == dict(zip(PEOPLE, expected, strict=True))


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_who_acts_as_an_owner_may_what_either_may(engine: Engine, cast: Cast) -> None:
    """Ada stands in at Acme; what is about a person's own membership stays that person's."""
    db.run(stand_ins.start, cast.ada, cast.acme.id, reason="They asked for help.")
    met, either = {}, {}
    for name, (olga, *others) in rows():
        if name not in OF_MEMBERS_THEMSELVES:
            ada = others[PEOPLE.index("ada") - 1]
            either[name] = "yes" if "yes" in (olga, ada) else ada
            met[name] = outcome(act_of(name), cast.ada, cast)
    assert met == either


def list_use_cases() -> Iterator[str]:
    """Yield every function of floor 3 that somebody acts by: `members.remove`."""
    for file in CORE:
        name = Path(file).stem
        if Path(file).parent.name != "core" or height(name) != height("members"):
            continue
        module = import_module(f"core.{name}")
        for function, value in inspect.getmembers(module, inspect.isfunction):
            parameters = list(inspect.signature(value).parameters.values())
            acts = len(parameters) > 1 and parameters[1].annotation is Actor
            if acts and value.__module__ == module.__name__ and not function.startswith("_"):
                yield f"{name}.{function}"


def test_every_use_case_has_its_row() -> None:
    judged = {" ".join(name.split()[:1]) for name, _ in rows()}
    assert set(list_use_cases()) - judged - ABOUT_ONESELF - BY_PROOF == set()


def test_no_row_is_about_what_is_gone() -> None:
    judged = {name.split()[0] for name, _ in rows()} | ABOUT_ONESELF | BY_PROOF
    assert judged - set(list_use_cases()) == set()


class TestTheTable:
    def test_it_judges_every_action(self) -> None:
        assert set(ALLOWED) == set(Action)

    def test_higher_roles_may_more(self) -> None:
        assert rights_of(Role.MEMBER) < rights_of(Role.ADMIN) < rights_of(Role.OWNER)

    def test_nobody_may_nothing(self) -> None:
        assert rights_of(None) == frozenset()

    def test_both_roles_of_a_person_count(self) -> None:
        both = rights_of(Role.MEMBER, Staff.SALES)
        assert both == rights_of(Role.MEMBER) | rights_of(None, Staff.SALES)

    @pytest.mark.parametrize("action", Action)
    def test_refusals_are_sentences(self, action: Action) -> None:
        assert str(NotPermitted(action.value)).startswith(f"You may not {action.value}. Ask ")


class TestAccess:
    def test_a_disabled_person_is_an_outsider_at_once(self, session: Session, cast: Cast) -> None:
        disabled = update(User).where(User.id == cast.olga.user_id)
        session.execute(
            disabled.values(disabled_at=cast.acme.created_at).execution_options(unrecorded=True)
        )
        with pytest.raises(NotFound):
            access(session, cast.olga, cast.acme.id, Action.VIEW)
        assert not may(session, cast.olga, cast.acme.id, Action.VIEW)
        assert find_organization(session, cast.olga, cast.acme.public_id) is None

    def test_disabled_staff_has_no_rights(self, session: Session, cast: Cast) -> None:
        disabled = update(User).where(User.id == cast.sam.user_id)
        session.execute(
            disabled.values(disabled_at=cast.acme.created_at).execution_options(unrecorded=True)
        )
        assert staff_rights(session, cast.sam) == frozenset()
        with pytest.raises(NotPermitted):
            access_staff(session, cast.sam, Action.MOVE_STAGES)

    def test_outsiders_and_unknown_ids_get_the_same_answer(
        self, session: Session, cast: Cast
    ) -> None:
        answers = []
        for org_id in (cast.acme.id, 999_999):
            with pytest.raises(NotFound) as refused:
                access(session, cast.otto, org_id, Action.VIEW)
            answers.append(str(refused.value))
        assert answers[0] == answers[1]

    def test_roles_count_from_the_next_look_on(self, session: Session, cast: Cast) -> None:
        access(session, cast.adam, cast.acme.id, Action.INVITE)
        lowered = update(Membership).where(Membership.user_id == cast.adam.user_id)
        session.execute(lowered.values(role=Role.MEMBER).execution_options(unrecorded=True))
        with pytest.raises(NotPermitted):
            access(session, cast.adam, cast.acme.id, Action.INVITE)

    def test_only_restoring_sees_what_is_deleted(self, session: Session, cast: Cast) -> None:
        deleted(session, cast)
        with pytest.raises(NotFound):
            access(session, cast.olga, cast.acme.id, Action.VIEW)
        assert access(session, cast.ada, cast.acme.id, Action.RESTORE).id == cast.acme.id

"""What hangs on an organization stays with it in a merge: a rule for every column, none a move."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Final

import pytest
from sqlalchemy import Column, func, select
from sqlalchemy.orm import Session

from core.access.permissions import Action, may
from core.audit import activity, history
from core.base.errors import DomainError, InvalidInput, LinkNotValid, NotFound
from core.base.settings import PROJECT
from core.duplicates import joining, merging
from core.mail import digests
from core.members import acceptance, invitations, members, ownership
from core.models import Base, DigestItem, Mail, Membership, Organization, Role
from core.onboarding import onboarding
from core.organizations import organizations
from core.profile import profile
from core.staff import impersonation, notes
from tests.conftest import Clock
from tests.support.cast import Cast, email

RULES: Final = {
    "organizations.merged_into": "points from the source to the target until the merge is undone",
    "memberships.org_id": "stay: nobody joins the target by a merge",
    "former_memberships.org_id": "stay",
    "invitations.org_id": "stay, and sleep: they work again after an undo, until they expire",
    "handovers.org_id": "stay; an open offer refuses the merge",
    "impersonations.org_id": "stay; those that go on are ended",
    "notes.org_id": "stay; staff read them with those of the target",
    "moves.org_id": "stay; staff read them with those of the target",
    "history.org_id": "stays, with an entry of the merge; both are read together",
    "links.org_id": "stay: they are dead while the source is out of sight",
    "mails.org_id": "stay",
    "digest_items.org_id": "stay; owners of both are told of the merge",
    "last_notifications.org_id": "stay",
    "run_items.org_id": "stay: a run that is going is refused by an organization out of sight",
    "unmatched_organizations.org_id": "stays: it is matched again when it is back",
    "duplicate_keys.org_id": "go with what is out of sight, and come back with it",
    "duplicate_pairs.first_id": "go with what is out of sight, and come back with it",
    "duplicate_pairs.second_id": "go with what is out of sight, and come back with it",
    "not_duplicates.first_id": "stay: it is remembered that they are two",
    "not_duplicates.second_id": "stay: it is remembered that they are two",
    "view_visits.last_org_id": "stays: the newest organization that a person has seen in a view",
}
"""What a merge does with each column that holds the id of an organization."""
GROWING: Final = {"history.org_id", "digest_items.org_id", "unmatched_organizations.org_id"}
WHY: Final = "The same company."


def columns_of_organizations() -> dict[str, Column[int]]:
    """Return the columns that hold the id of an organization, by table and name."""
    return {
        f"{table.name}.{column.name}": column
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if column.name.endswith(("org_id", "first_id", "second_id"))
        or any(key.column is Organization.__table__.c.id for key in column.foreign_keys)
    }


def test_every_column_with_an_organization_has_a_rule() -> None:
    assert columns_of_organizations().keys() == RULES.keys()
    told = (PROJECT / "core/duplicates/README.md").read_text()
    tables = {name.partition(".")[0] for name in RULES} - {"organizations"}
    assert {name for name in tables if f"`{name}`" not in told} == set()


def test_nothing_moves(session: Session, cast: Cast) -> None:
    """Every table that knows Otto Ltd keeps its rows there, and gets none for Acme."""
    otto_ltd = cast.otto_ltd.id
    shown = profile.form_texts(session.get_one(Organization, otto_ltd))
    changed = shown | {"alert_email": "alerts@example.com", "phone": "+1 212 555 0100"}
    profile.save(session, cast.otto, otto_ltd, shown, changed)
    for address in ("mia@example.com", "adam@example.com"):
        invitations.invite(session, cast.otto, otto_ltd, address)
    token = invitations.get_link(session, cast.otto, otto_ltd, 1).rpartition("#")[2]
    acceptance.accept(session, cast.mia, token)
    offer = ownership.offer(session, cast.otto, otto_ltd, cast.mia.user_id)
    ownership.withdraw(session, cast.otto, otto_ltd, offer.id)
    members.remove(session, cast.otto, otto_ltd, cast.mia.user_id)
    onboarding.flag(session, cast.sam, [otto_ltd])
    notes.write(session, cast.sam, otto_ltd, "They called.")
    impersonation.start(session, cast.ada, otto_ltd, reason="They asked.")
    columns = columns_of_organizations()

    def count(org_id: int) -> dict[str, int]:
        session.flush()
        numbers = {
            name: session.scalar(select(func.count()).where(column == org_id)) or 0
            for name, column in columns.items()
        }
        return {name: number for name, number in numbers.items() if name not in GROWING}

    before = {org_id: count(org_id) for org_id in (otto_ltd, cast.acme.id)}
    assert sum(number > 0 for number in before[otto_ltd].values()) >= 8
    merging.merge(session, cast.oda, otto_ltd, cast.acme.id, take=("phone",), reason=WHY)
    assert count(otto_ltd) == before[otto_ltd]
    assert count(cast.acme.id) == before[cast.acme.id] | {"organizations.merged_into": 1}


def look_alike(session: Session, cast: Cast) -> int:
    """Let Oda make an organization of her own, with Otto as its member, and an invitation."""
    org = organizations.create(session, cast.oda, "Acme Inc")
    invitation = invitations.invite(session, cast.oda, org.id, email(cast.otto))[0]
    token = invitations.get_link(session, cast.oda, org.id, invitation.id).rpartition("#")[2]
    acceptance.accept(session, cast.otto, token)
    return org.id


def become_an_owner(session: Session, cast: Cast) -> None:
    merging.merge(session, cast.oda, look_alike(session, cast), cast.acme.id, reason=WHY)


def swallow_it_and_undo(session: Session, cast: Cast) -> None:
    merging.merge(session, cast.oda, cast.acme.id, look_alike(session, cast), reason=WHY)
    merging.undo_merge(session, cast.oda, cast.acme.id, reason=WHY)


def accept_an_invitation_to_the_source(session: Session, cast: Cast) -> None:
    org_id = look_alike(session, cast)
    invitation = invitations.invite(session, cast.oda, org_id, email(cast.sue), role=Role.ADMIN)[0]
    link = invitations.get_link(session, cast.oda, org_id, invitation.id)
    merging.merge(session, cast.oda, org_id, cast.acme.id, reason=WHY)
    acceptance.accept(session, cast.sue, link.rpartition("#")[2])


def invite_into_the_source_later(session: Session, cast: Cast) -> None:
    org_id = look_alike(session, cast)
    merging.merge(session, cast.oda, org_id, cast.acme.id, reason=WHY)
    invitations.invite(session, cast.oda, org_id, email(cast.sue))


def read_its_alerts(session: Session, cast: Cast) -> None:
    org_id = look_alike(session, cast)
    session.get_one(Organization, org_id).alert_email = email(cast.oda)
    history.record(
        session,
        cast.oda,
        session.get_one(Organization, org_id),
        "profile.changed",
        session.get_one(Organization, org_id),
    )
    merging.merge(session, cast.oda, org_id, cast.acme.id, take=["alert_email"], reason=WHY)


def set_its_sales_rep(session: Session, cast: Cast) -> None:
    onboarding.flag(session, cast.sam, [cast.acme.id, cast.otto_ltd.id])
    merging.merge(session, cast.oda, cast.otto_ltd.id, cast.acme.id, take=["rep_id"], reason=WHY)


def become_an_owner_by_asking(session: Session, cast: Cast) -> None:
    org_id = look_alike(session, cast)
    merging.merge(session, cast.oda, org_id, cast.acme.id, reason=WHY)
    joining.ask_to_join(session, cast.otto, session.get_one(Organization, org_id).public_id)


TRIES: Final[tuple[tuple[Callable[[Session, Cast], None], type[DomainError] | None], ...]] = (
    (become_an_owner, None),
    (swallow_it_and_undo, None),
    (accept_an_invitation_to_the_source, LinkNotValid),
    (invite_into_the_source_later, NotFound),
    (read_its_alerts, InvalidInput),
    (set_its_sales_rep, InvalidInput),
    (become_an_owner_by_asking, None),
)
"""What she tries, and how it is refused; the others are allowed, and lead nowhere."""


@pytest.mark.parametrize(("attempt", "refusal"), TRIES)
def test_a_hostile_person_in_operations_gains_no_access(
    session: Session,
    cast: Cast,
    attempt: Callable[[Session, Cast], None],
    refusal: type[DomainError] | None,
) -> None:
    def people() -> list[object]:
        found = select(Membership.user_id, Membership.role).where(Membership.org_id == cast.acme.id)
        return [tuple(row) for row in session.execute(found.order_by(Membership.user_id))]

    before = people()
    with pytest.raises(refusal) if refusal else nullcontext():
        attempt(session, cast)
    acme = session.get_one(Organization, cast.acme.id, populate_existing=True)
    assert people() == before
    assert acme.deleted_at is None
    assert (acme.alert_email, acme.rep_id in {None, cast.sam.user_id}) == (None, True)
    assert not may(session, cast.otto, acme.id, Action.VIEW)
    assert not may(session, cast.oda, acme.id, Action.EDIT_PROFILE)


def test_she_shows_nobody_the_history_of_another_organization(session: Session, cast: Cast) -> None:
    """Merged, taken apart and merged the other way: each owner reads about the merges only."""
    for person, org in ((cast.otto, cast.otto_ltd), (cast.olga, cast.acme)):
        shown = profile.form_texts(session.get_one(Organization, org.id))
        profile.save(session, person, org.id, shown, shown | {"overview": f"Of {person.name}"})
    for source, target in ((cast.otto_ltd, cast.acme), (cast.acme, cast.otto_ltd)):
        merging.merge(session, cast.oda, source.id, target.id, reason=WHY)
        owner = cast.olga if target is cast.acme else cast.otto
        found = activity.table(session, owner, org_id=target.id)
        foreign = found[found["org_id"] == source.id]
        assert set(foreign["event"]) == {"organization.merged"}
        merging.undo_merge(session, cast.oda, source.id, reason=WHY)
        found = activity.table(session, owner, org_id=target.id)
        assert set(found["org_id"]) == {target.id}


def test_she_fills_nobodys_mailbox(session: Session, cast: Cast, clock: Clock) -> None:
    """Of eight merges and their undos, everyone gets one mail."""
    for _ in range(8):
        merging.merge(session, cast.oda, cast.otto_ltd.id, cast.acme.id, reason=WHY)
        merging.undo_merge(session, cast.oda, cast.otto_ltd.id, reason=WHY)
    assert session.scalar(select(func.count()).select_from(DigestItem)) >= 32
    assert session.scalars(select(Mail)).all() == []
    clock.turn(digests.DELAY)
    digests._run_batch(session)
    sent = session.scalars(select(Mail.recipient)).all()
    assert sorted(sent) == sorted([email(cast.olga), email(cast.otto)])

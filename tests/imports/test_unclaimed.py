"""Imported organizations: without an owner until the one who was invited claims them."""

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.access import throttling
from core.access.permissions import ORGDESK, Actor
from core.accounts import user_rows
from core.audit import history, verification
from core.base import crypto
from core.base.errors import (
    AlreadyClaimed,
    InvalidInput,
    LinkNotValid,
    NotPermitted,
    TooManyAttempts,
)
from core.database import db
from core.imports import unclaimed
from core.members import acceptance, account_access, invitation_rows, invitations, members
from core.models import (
    Entry,
    Invitation,
    InvitationStatus,
    Mail,
    Membership,
    Organization,
    Role,
    Staff,
)
from core.organizations import organizations
from tests.support.cast import Cast, email

NEW = {"name": "Blue Door", "owner_email": "otto@example.com", "phone": "+1 212 555 0100"}


def add(session: Session, cast: Cast, **texts: str) -> Organization:
    return unclaimed.add(session, cast.oda, NEW | texts, run_id=7)


def invitation_of(session: Session, org: Organization) -> Invitation:
    found = unclaimed.find_owner_invitation(session, ORGDESK, org.id)
    assert found is not None
    return found


def accept(session: Session, actor: Actor, invitation: Invitation) -> Membership:
    token = crypto.token(invitation_rows.MAILED, invitation.nonce)
    return acceptance.accept(session, actor, token)


def invite_member(session: Session, cast: Cast, org: Organization, to: Actor) -> Invitation:
    address = email(to)
    row = invitation_rows.make(
        session, org, address, address, Role.MEMBER, cast.oda.user_id or 0, run_id=7
    )
    history.record(session, cast.oda, org, "invitation.sent", row)
    return row


def test_one_is_added_without_members_and_its_owner_is_invited(
    session: Session, cast: Cast
) -> None:
    org = add(session, cast, website="blue.example", overview="Doors.")
    assert (org.member_count, org.phone, org.website) == (0, "+12125550100", "https://blue.example")
    assert (org.created_by, org.unclaimed_since) == (cast.oda.user_id, org.created_at)
    mail = session.scalars(select(Mail)).one()
    assert (mail.template, mail.recipient, mail.context["role"]) == (
        "invitation",
        "otto@example.com",
        "owner",
    )
    events = session.scalars(select(Entry.event).where(Entry.org_id == org.id)).all()
    assert events == ["organization.created"]


def test_the_first_owner_claims_it_by_accepting(session: Session, cast: Cast) -> None:
    org = add(session, cast)
    assert accept(session, cast.otto, invitation_of(session, org)).role is Role.OWNER
    session.refresh(org)
    assert (org.unclaimed_since, org.member_count, org.owner_count) == (None, 1, 1)
    assert unclaimed.find_owner_invitation(session, cast.otto, org.id) is None


def test_someone_without_an_account_claims_it_with_a_new_one(session: Session, cast: Cast) -> None:
    org = add(session, cast, owner_email="nora@example.com")
    token = crypto.token(invitation_rows.MAILED, invitation_of(session, org).nonce)
    new = user_rows.NewAccount("Nora", "nora@example.com", "")
    acceptance.accept_with_new_account(session, ORGDESK, token, new)
    assert org.unclaimed_since is None


def test_a_member_who_is_invited_as_its_owner_rises(session: Session, cast: Cast) -> None:
    org = add(session, cast)
    joined = accept(session, cast.mia, invite_member(session, cast, org, cast.mia))
    assert (joined.role, org.unclaimed_since is None) == (Role.MEMBER, False)
    instead = unclaimed.invite_owner(session, cast.oda, org.id, email(cast.mia))
    assert accept(session, cast.mia, instead).role is Role.OWNER


def test_the_owner_can_be_invited_again_or_replaced_until_it_is_claimed(
    session: Session, cast: Cast
) -> None:
    org = add(session, cast)
    first = invitation_of(session, org)
    again = unclaimed.invite_owner(session, cast.oda, org.id, "otto@example.com")
    other = unclaimed.invite_owner(session, cast.ada, org.id, "nora@example.com")
    assert (first.status, again.status) == (InvitationStatus.REVOKED, InvitationStatus.REVOKED)
    with pytest.raises(LinkNotValid):
        accept(session, cast.otto, again)
    assert invitation_of(session, org).email == other.email == "nora@example.com"

    third = unclaimed.invite_owner(session, cast.oda, org.id, "mia@example.com")
    accept(session, cast.mia, third)
    with pytest.raises(AlreadyClaimed):
        unclaimed.invite_owner(session, cast.oda, org.id, "otto@example.com")


def test_it_can_be_removed_until_somebody_has_joined(session: Session, cast: Cast) -> None:
    gone, joined = add(session, cast), add(session, cast, name="Red Door")
    invitation = invitation_of(session, gone)
    unclaimed.remove(session, cast.oda, gone.id)
    assert gone.deleted_at is not None
    assert invitation.status is InvitationStatus.REVOKED
    accept(session, cast.otto, invitation_of(session, joined))
    with pytest.raises(AlreadyClaimed, match="Red Door"):
        unclaimed.remove(session, cast.oda, joined.id)


def test_a_removed_one_is_restored_without_an_owner(session: Session, cast: Cast) -> None:
    org = add(session, cast)
    unclaimed.remove(session, cast.oda, org.id)
    organizations.restore(session, cast.ada, org.id)
    assert org.deleted_at is None


def test_what_was_done_is_in_history_and_verifies(cast: Cast) -> None:
    org = db.run(unclaimed.add, cast.oda, NEW, run_id=7)
    with db.read() as session:
        token = crypto.token(invitation_rows.MAILED, invitation_of(session, org).nonce)
    db.run(acceptance.accept, cast.otto, token)
    with db.inspect() as session:
        assert [str(it) for it in verification.verify(session) if hasattr(it, "why")] == []


@pytest.mark.parametrize(
    ("texts", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "www.example.com"}, "name"),
        ({"owner_email": ""}, "owner_email"),
        ({"owner_email": "ODA@example.com"}, "owner_email"),
        ({"phone": "12"}, "phone"),
        ({"website": "nope"}, "website"),
        ({"overview": "x" * 2_001}, "overview"),
    ],
)
def test_every_field_is_checked_as_in_the_forms(
    session: Session, cast: Cast, texts: dict[str, str], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        add(session, cast, **texts)
    assert set(refused.value.fields) == {field}


class TestHostile:
    """What somebody in operations gains by imports: nothing."""

    def test_an_address_is_not_flooded_by_many_organizations(
        self, session: Session, cast: Cast
    ) -> None:
        [(limit, _)] = throttling.IMPORTED
        for number in range(limit):
            add(session, cast, name=f"Door {number}")
        for spelling in ("otto@example.com", "Otto@EXAMPLE.com"):
            with pytest.raises(TooManyAttempts, match="10 invitations by imports"):
                add(session, cast, name="One more", owner_email=spelling)

    def test_an_owner_is_not_invited_again_and_again(self, session: Session, cast: Cast) -> None:
        org = add(session, cast)
        [(limit, _)] = throttling.INVITATIONS
        for _ in range(limit):
            unclaimed.invite_owner(session, cast.oda, org.id, "otto@example.com")
        with pytest.raises(TooManyAttempts):
            unclaimed.invite_owner(session, cast.oda, org.id, "otto@example.com")

    def test_nobody_in_operations_becomes_its_owner(self, session: Session, cast: Cast) -> None:
        org = add(session, cast)
        for colleague in (cast.oda, cast.sam, cast.ada):
            with pytest.raises(InvalidInput, match="colleague"):
                unclaimed.invite_owner(session, cast.oda, org.id, email(colleague))

    def test_an_organization_with_owners_gets_none_by_imports(
        self, session: Session, cast: Cast
    ) -> None:
        for act in (unclaimed.remove,):
            with pytest.raises(AlreadyClaimed):
                act(session, cast.oda, cast.acme.id)
        with pytest.raises(AlreadyClaimed):
            unclaimed.invite_owner(session, cast.oda, cast.acme.id, "accomplice@example.com")

    @pytest.mark.parametrize("role", [Role.ADMIN, Role.OWNER])
    def test_an_imported_invitation_admits_members_alone_where_there_are_owners(
        self, session: Session, cast: Cast, role: Role
    ) -> None:
        forged = invite_member(session, cast, cast.acme, cast.otto)
        assert accept(session, cast.otto, forged).role is Role.MEMBER
        members.remove(session, cast.olga, cast.acme.id, cast.otto.user_id or 0)
        forged = invite_member(session, cast, cast.acme, cast.otto)
        forged.role = role
        history.record(session, cast.olga, cast.acme, "invitation.role_changed", forged)
        with pytest.raises(LinkNotValid):
            accept(session, cast.otto, forged)

    def test_an_invitation_ends_with_the_right_to_import(
        self, session: Session, cast: Cast
    ) -> None:
        invitation = invitation_of(session, add(session, cast))
        account_access.set_staff(session, cast.ada, cast.oda.user_id or 0, Staff.SALES)
        with pytest.raises(LinkNotValid):
            accept(session, cast.otto, invitation)
        account_access.set_staff(session, cast.ada, cast.oda.user_id or 0, Staff.OPS)
        account_access.disable(session, cast.ada, cast.oda.user_id or 0)
        with pytest.raises(LinkNotValid):
            accept(session, cast.otto, invitation)

    def test_a_role_that_an_admin_gives_is_backed_by_the_admin(
        self, session: Session, cast: Cast
    ) -> None:
        invitation = invite_member(session, cast, cast.acme, cast.otto)
        invitations.change_role(session, cast.olga, cast.acme.id, invitation.id, Role.ADMIN)
        assert (invitation.run_id, invitation.invited_by) == (None, cast.olga.user_id)
        assert accept(session, cast.otto, invitation).role is Role.ADMIN

    def test_a_sales_rep_imports_nothing(self, session: Session, cast: Cast) -> None:
        with pytest.raises(NotPermitted):
            unclaimed.add(session, cast.sam, NEW, run_id=7)


class TestDatabase:
    """What the database itself refuses."""

    def test_it_is_not_claimed_without_an_owner(self, session: Session, cast: Cast) -> None:
        org = add(session, cast)
        with pytest.raises(IntegrityError, match="always has an owner"):
            session.execute(
                text(f"UPDATE organizations SET unclaimed_since = NULL WHERE id = {org.id}")
            )
        session.rollback()

    def test_one_with_owners_never_loses_its_claim(self, session: Session, cast: Cast) -> None:
        with pytest.raises(IntegrityError, match="stays claimed"):
            session.execute(text("UPDATE organizations SET unclaimed_since = created_at"))
        session.rollback()

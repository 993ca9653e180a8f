"""The counts of members and roles on the rows of organizations, as triggers maintain them."""

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from core.base import clock
from core.database import counters, db
from core.members import leaving, members, ownership
from core.models import Organization, Role, User
from core.ops import health
from core.organizations import organizations
from tests.support.cast import Cast


def counts(session: Session, org: Organization) -> tuple[int, int, int]:
    """Return how many members, owners and admins an organization is said to have."""
    columns = (Organization.member_count, Organization.owner_count, Organization.admin_count)
    members, owners, admins = session.execute(
        select(*columns).where(Organization.id == org.id)
    ).one()
    return members, owners, admins


class TestRoleCounts:
    def test_they_follow_every_change_of_a_membership(self, session: Session, cast: Cast) -> None:
        acme = cast.acme
        steps = [counts(session, acme)]

        members.change_role(session, cast.olga, acme.id, cast.mia.user_id, Role.ADMIN)
        steps.append(counts(session, acme))
        members.change_role(session, cast.olga, acme.id, cast.mia.user_id, Role.OWNER)
        steps.append(counts(session, acme))
        members.remove(session, cast.olga, acme.id, cast.adam.user_id)
        steps.append(counts(session, acme))
        members.reinstate(session, cast.olga, acme.id, cast.adam.user_id)
        steps.append(counts(session, acme))
        leaving.leave(session, cast.mia, acme.id)
        steps.append(counts(session, acme))
        offer = ownership.offer(session, cast.olga, acme.id, cast.adam.user_id, role=Role.MEMBER)
        ownership.accept(session, cast.adam, acme.id, offer.id)
        steps.append(counts(session, acme))
        leaving.delete_account(session, cast.olga)
        steps.append(counts(session, acme))

        assert steps == [
            *((3, 1, 1), (3, 1, 2), (3, 2, 1), (2, 2, 0), (3, 2, 1), (2, 1, 1), (2, 1, 0)),
            (1, 1, 0),
        ]
        assert counters.count_miscounted(session) == 0

    def test_a_new_organization_has_one_owner(self, session: Session, cast: Cast) -> None:
        made = organizations.create(session, cast.mia, "Mia & Co")
        assert counts(session, made) == (1, 1, 0)

    def test_a_membership_can_move_to_another_organization(
        self, engine: Engine, cast: Cast
    ) -> None:
        with engine.begin() as connection:
            connection.execute(
                text("UPDATE memberships SET org_id = :new WHERE user_id = :adam"),
                {"new": cast.otto_ltd.id, "adam": cast.adam.user_id},
            )
        with db.read() as session:
            assert counts(session, cast.acme)[1:] == (1, 0)
            assert counts(session, cast.otto_ltd)[1:] == (1, 1)


class TestUnprotectedOwners:
    def count(self, session: Session, org: Organization) -> int:
        number = Organization.unprotected_owner_count
        return session.scalars(select(number).where(Organization.id == org.id)).one()

    def test_they_follow_roles_and_two_factor(self, session: Session, cast: Cast) -> None:
        acme = cast.acme
        mia = session.get_one(User, cast.mia.user_id)
        steps = [self.count(session, acme)]
        members.change_role(session, cast.olga, acme.id, mia.id, Role.OWNER)
        steps.append(self.count(session, acme))
        mia.two_factor_at = clock.now()
        session.flush()
        steps.append(self.count(session, acme))
        mia.two_factor_at = clock.now()
        session.flush()
        steps.append(self.count(session, acme))
        members.change_role(session, cast.olga, acme.id, mia.id, Role.MEMBER)
        steps.append(self.count(session, acme))
        members.change_role(session, cast.olga, acme.id, mia.id, Role.OWNER)
        mia.two_factor_at = None
        session.flush()
        steps.append(self.count(session, acme))
        assert steps == [1, 2, 1, 1, 1, 2]
        assert counters.count_miscounted(session) == 0


class TestMiscounted:
    @pytest.mark.parametrize(
        "column", ["member_count", "owner_count", "admin_count", "unprotected_owner_count"]
    )
    def test_it_is_found_and_recounted(self, engine: Engine, cast: Cast, column: str) -> None:
        with engine.begin() as connection:
            connection.execute(
                text(f"UPDATE organizations SET {column} = 7 WHERE id = :acme"),
                {"acme": cast.acme.id},
            )
        found = {finding.check: finding for finding in health.run_checks()}["members"]
        assert not found.is_ok
        assert "admins: 1. Run `python -m core.manage recount`" in found.message
        with engine.begin() as connection:
            counters.recount(connection)
        with db.read() as session:
            assert counts(session, cast.acme) == (3, 1, 1)
            assert counters.count_miscounted(session) == 0

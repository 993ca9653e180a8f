"""The first steps of a new organization: what is done, and who sees it."""

import pytest
from sqlalchemy.orm import Session

from core.access.permissions import Actor
from core.members import invitations
from core.models import Organization
from core.onboarding import getting_started, onboarding
from core.profile import profile
from tests.support.cast import Cast


def done(session: Session, actor: Actor, org: Organization) -> list[str]:
    steps = getting_started.list_steps(session, actor, org.id)
    assert [step.key for step in steps] == ["logo", "alert_email", "invite", "request"]
    return [step.key for step in steps if step.is_met]


def test_a_new_organization_has_everything_ahead(session: Session, cast: Cast) -> None:
    assert done(session, cast.otto, cast.otto_ltd) == []


def test_steps_are_done_one_by_one(session: Session, cast: Cast) -> None:
    org_id = cast.otto_ltd.id
    profile.save(session, cast.otto, org_id, {"alert_email": ""}, {"alert_email": "a@example.com"})
    assert done(session, cast.otto, cast.otto_ltd) == ["alert_email"]
    onboarding.request(session, cast.otto, org_id)
    assert done(session, cast.otto, cast.otto_ltd) == ["alert_email", "request"]
    invitations.invite(session, cast.otto, org_id, "new@example.com")
    assert done(session, cast.otto, cast.otto_ltd) == ["alert_email", "invite", "request"]


def test_members_do_not_learn_of_invitations_by_them(session: Session, cast: Cast) -> None:
    session.get_one(Organization, cast.acme.id).member_count = 1
    invitations.invite(session, cast.olga, cast.acme.id, "new@example.com")
    session.flush()
    assert done(session, cast.olga, cast.acme) == ["invite"]
    assert done(session, cast.mia, cast.acme) == []


@pytest.mark.parametrize("person", ["olga", "sam"])
def test_there_are_none_once_in_onboarding(session: Session, cast: Cast, person: str) -> None:
    onboarding.flag(session, cast.sam, [cast.acme.id])
    assert getting_started.list_steps(session, getattr(cast, person), cast.acme.id) == []

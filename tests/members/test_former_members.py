"""Former members: removed people are reinstated with their old role."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access.permissions import ORGDESK
from core.base.errors import LeftByChoice, NotFound, RoleTooHigh
from core.mail import messages
from core.members import members, membership_rows
from core.models import Entry, FormerMembership, Mail, Role
from tests.conftest import Clock
from tests.support.cast import Cast, email


def remove(session: Session, cast: Cast) -> None:
    members.remove(session, cast.olga, cast.acme.id, cast.adam.user_id)


def test_a_removed_person_gets_the_old_role_back(session: Session, cast: Cast) -> None:
    remove(session, cast)
    again = members.reinstate(session, cast.olga, cast.acme.id, cast.adam.user_id)
    entry = session.scalars(select(Entry).order_by(Entry.id.desc())).first()
    mail = session.scalars(select(Mail).order_by(Mail.id.desc())).first()
    assert again.role is Role.ADMIN
    assert (entry.event, entry.person_id) == ("member.reinstated", cast.adam.user_id)
    assert (mail.template, mail.recipient) == ("member_reinstated", email(cast.adam))
    assert "your previous role, admin" in messages.render(mail).text
    assert session.scalars(select(FormerMembership)).all() == []


def test_reinstating_twice_is_harmless(session: Session, cast: Cast) -> None:
    remove(session, cast)
    acme, adam = cast.acme.id, cast.adam.user_id
    first = members.reinstate(session, cast.olga, acme, adam)
    assert members.reinstate(session, cast.olga, acme, adam) is first


def test_an_admin_cannot_reinstate_an_owner(session: Session, cast: Cast) -> None:
    acme, mia = cast.acme.id, cast.mia.user_id
    members.change_role(session, cast.olga, acme, mia, Role.OWNER)
    members.remove(session, cast.olga, acme, mia)
    with pytest.raises(RoleTooHigh):
        members.reinstate(session, cast.adam, acme, mia)
    assert members.reinstate(session, cast.olga, acme, mia).role is Role.OWNER


def test_people_cannot_be_reinstated_after_ninety_days(
    session: Session, cast: Cast, clock: Clock
) -> None:
    remove(session, cast)
    clock.turn(timedelta(days=89))
    assert len(members.former_table(session, cast.olga, cast.acme.id)) == 1
    clock.turn(timedelta(days=1))
    assert members.former_table(session, cast.olga, cast.acme.id).empty
    with pytest.raises(NotFound):
        members.reinstate(session, cast.olga, cast.acme.id, cast.adam.user_id)


def test_people_who_left_cannot_be_reinstated(session: Session, cast: Cast) -> None:
    members.leave(session, cast.mia, cast.acme.id)
    assert members.former_table(session, cast.olga, cast.acme.id)["has_left"].tolist() == [True]
    with pytest.raises(LeftByChoice, match="Mia left on their own"):
        members.reinstate(session, cast.olga, cast.acme.id, cast.mia.user_id)
    assert membership_rows.find(session, cast.acme, cast.mia.user_id) is None


def test_the_table_says_who_removed_whom(session: Session, cast: Cast) -> None:
    remove(session, cast)
    members.remove(session, ORGDESK, cast.acme.id, cast.mia.user_id)
    table = members.former_table(session, cast.olga, cast.acme.id).set_index("name")
    assert table["removed_by"].fillna("").to_dict() == {"Adam": "Olga", "Mia": ""}
    assert table.loc["Adam", "role"] == Role.ADMIN
    found = members.former_table(session, cast.olga, cast.acme.id, search="ADA")
    assert found["name"].tolist() == ["Adam"]


def test_outsiders_cannot_be_reinstated(session: Session, cast: Cast) -> None:
    with pytest.raises(NotFound):
        members.reinstate(session, cast.olga, cast.acme.id, cast.otto.user_id)

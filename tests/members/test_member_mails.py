"""Mails to owners: only to those who can act, and never to a crowd."""

from collections.abc import Callable
from typing import Final

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.access.permissions import ORGDESK
from core.members import member_mails, members
from core.models import Mail, User
from core.profile import profile
from core.staff import impersonation
from tests.conftest import Clock
from tests.support.cast import Cast, add_owners, email


def remove_a_member(session: Session, cast: Cast) -> None:
    members.remove(session, ORGDESK, cast.acme.id, cast.mia.user_id)


def edit_contact_details(session: Session, cast: Cast) -> None:
    old, new = {"phone": ""}, {"phone": "+1 212 555 0100"}
    profile.save_contact_details(
        session, cast.oda, cast.acme.id, old, new, reason="They called us."
    )


def act_as_owner(session: Session, cast: Cast) -> None:
    impersonation.start(session, cast.ada, cast.acme.id, reason="They asked us to.")


CAUSES: Final = {
    "member_news": remove_a_member,
    "contact_changed": edit_contact_details,
    "acting_as_owner": act_as_owner,
}


def recipients(session: Session, template: str) -> list[str]:
    mails = select(Mail.recipient).where(Mail.template == template).order_by(Mail.id)
    return list(session.scalars(mails))


@pytest.mark.parametrize(("template", "cause"), CAUSES.items())
def test_disabled_owners_get_no_mail(
    session: Session,
    cast: Cast,
    clock: Clock,
    template: str,
    cause: Callable[[Session, Cast], None],
) -> None:
    add_owners(session, cast.acme, count=2)
    disabled = update(User).where(User.name == "Owner1").values(disabled_at=clock.now())
    session.execute(disabled.execution_options(unrecorded=True))
    cause(session, cast)
    assert recipients(session, template) == [email(cast.olga), "owner2@example.com"]


@pytest.mark.parametrize(("template", "cause"), CAUSES.items())
def test_of_many_owners_the_longest_serving_twenty_are_mailed(
    session: Session, cast: Cast, template: str, cause: Callable[[Session, Cast], None]
) -> None:
    add_owners(session, cast.acme, count=member_mails.MAX_OWNERS_MAILED)
    cause(session, cast)
    mailed = recipients(session, template)
    assert len(mailed) == member_mails.MAX_OWNERS_MAILED == 20
    assert mailed[0] == email(cast.olga)
    assert mailed[-1] == "owner19@example.com"

"""Reminders: one mail after a day, for open invitations only."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from core.access.permissions import ANONYMOUS, ORGDESK
from core.base import crypto
from core.database import db
from core.mail import messages
from core.members import acceptance, invitation_rows, invitations, members, reminders
from core.models import Invitation, Mail, Role
from tests.conftest import Clock
from tests.support.cast import Cast

DAY = timedelta(hours=24)


def deliver(session: Session, clock: Clock) -> None:
    session.execute(update(Mail).values(sent_at=clock.now(), due_at=None))


@pytest.fixture
def invited(engine: Engine, cast: Cast, clock: Clock) -> Invitation:
    """An invitation sent by Adam, an admin, whose mail was delivered."""
    made = db.run(invitations.invite, cast.adam, cast.acme.id, "new@example.com", role=Role.ADMIN)
    db.run(deliver, clock)
    return made[0]


def reminded() -> list[str]:
    with db.read() as session:
        reminders = select(Mail).where(Mail.template == "invitation_reminder")
        return [messages.render(mail).text for mail in session.scalars(reminders)]


def test_after_a_day_the_same_link_is_emailed_once_more(
    invited: Invitation, cast: Cast, clock: Clock
) -> None:
    assert reminders.run_due() == 0
    clock.turn(DAY)
    assert reminders.run_due() == 1
    (text,) = reminded()
    assert crypto.token(invitation_rows.MAILED, invited.nonce) in text
    assert "expires in 48 hours" in text
    with db.read() as session:
        table = invitations.table(session, cast.olga, cast.acme.id)
    assert table["reminded_at"].tolist() == [clock.now()]
    assert table["delivery"].tolist() == ["queued"]
    db.run(deliver, clock)
    for _ in range(3):
        clock.turn(DAY)
        assert reminders.run_due() == 0


def test_a_resent_invitation_gets_no_second_reminder(
    invited: Invitation, cast: Cast, clock: Clock
) -> None:
    clock.turn(DAY)
    reminders.run_due()
    db.run(invitations.resend, cast.adam, cast.acme.id, invited.id)
    db.run(deliver, clock)
    clock.turn(DAY)
    assert reminders.run_due() == 0


def test_an_unsent_invitation_gets_no_reminder(engine: Engine, cast: Cast, clock: Clock) -> None:
    db.run(invitations.invite, cast.olga, cast.acme.id, "new@example.com")
    clock.turn(DAY)
    assert reminders.run_due() == 0


@pytest.mark.parametrize("what", ["declined", "revoked", "expired", "inviter lowered", "stopped"])
def test_closed_invitations_get_no_reminder(
    invited: Invitation, cast: Cast, clock: Clock, what: str
) -> None:
    acme, adam = cast.acme.id, cast.adam
    if what == "declined":
        db.run(acceptance.decline, ANONYMOUS, crypto.token(invitation_rows.MAILED, invited.nonce))
    if what == "revoked":
        db.run(invitations.revoke, adam, acme, invited.id)
    if what == "inviter lowered":
        db.run(members.change_role, ORGDESK, acme, adam.user_id or 0, Role.MEMBER)
    clock.turn(timedelta(hours=72) if what == "expired" else DAY)
    is_stopping = what == "stopped"
    assert reminders.run_due(lambda: is_stopping) == 0
    assert reminded() == []

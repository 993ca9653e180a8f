"""An import is undone but for what somebody has touched since."""

import pytest
from sqlalchemy import select

from core.access.permissions import Actor
from core.base import crypto
from core.base.errors import NotPermitted
from core.changes import changes, run_undo
from core.database import db
from core.imports import unclaimed
from core.imports.columns import What
from core.members import acceptance, invitation_rows
from core.models import Entry, Invitation, InvitationStatus, ItemState, Organization, Run, RunItem
from core.ops.run_types import RUN_TYPES
from core.profile import profile
from core.runs import advance
from tests.imports.test_imports import propose, run_all
from tests.support.cast import Cast, email
from tests.support.sheets import csv_file

REASON = "The wrong file."


def undo(actor: Actor, run: Run) -> list[str]:
    """Undo an import as a whole, and return why the rest was left alone."""
    plan = db.run(run_undo.propose, actor, run.id, reason=REASON)
    db.run(run_undo.start, actor, run.id, reason=REASON, shown=plan.run.total)
    while advance.run_due(RUN_TYPES):
        pass
    with db.read() as session:
        refused = select(RunItem.why).where(
            RunItem.run_id == plan.run.id, RunItem.state == ItemState.REFUSED
        )
        return list(session.scalars(refused.order_by(RunItem.n)))


def accept(actor: Actor, org: Organization) -> None:
    with db.read() as session:
        invitation = session.scalars(
            select(Invitation).where(Invitation.org_id == org.id).order_by(Invitation.id.desc())
        ).first()
        assert invitation is not None
    db.run(acceptance.accept, actor, crypto.token(invitation_rows.MAILED, invitation.nonce))


def find(name: str) -> Organization:
    with db.read() as session:
        return session.scalars(select(Organization).where(Organization.name == name)).one()


def test_everything_but_what_somebody_has_touched_is_undone(cast: Cast) -> None:
    rows = [
        ["Organization ID", "Name", "Owner email", "Phone"],
        ["", "Untouched", "nora@example.com"],
        ["", "Claimed", email(cast.mia)],
        ["", "Edited", "nils@example.com"],
        [cast.acme.public_id, "", "", "+12125550100"],
        [cast.otto_ltd.public_id, "", "", "+12125550101"],
    ]
    run = run_all(cast.oda, propose(cast.oda, csv_file(rows)))
    accept(cast.mia, find("Claimed"))
    shown, new = {"phone": ""}, {"phone": "+12125550102"}
    edited = find("Edited").id
    db.run(profile.save_contact_details, cast.ada, edited, shown, new, reason="They called.")
    shown = {"phone": "+1 212-555-0101"}
    db.run(profile.save, cast.otto, cast.otto_ltd.id, shown, {"phone": "+12125550199"})

    left = undo(cast.oda, run)
    assert len(left) == 3
    assert "An owner has joined since the import, so this organization stays." in left
    assert find("Untouched").deleted_at is not None
    assert find("Claimed").deleted_at is None
    assert find("Edited").deleted_at is None
    assert (find("Acme").phone, find("Otto Ltd").phone) == (None, "+12125550199")
    with db.read() as session:
        statuses = session.execute(select(Invitation.email, Invitation.status))
        assert dict(statuses.all())["nora@example.com"] is InvitationStatus.REVOKED


def test_pending_invitations_of_members_are_revoked_and_members_stay(cast: Cast) -> None:
    rows = [["Email", "Organization"], ["nora@example.com", "Acme"], [email(cast.mia), "Otto Ltd"]]
    run = run_all(cast.oda, propose(cast.oda, csv_file(rows), What.MEMBERS))
    accept(cast.mia, cast.otto_ltd)
    assert len(undo(cast.oda, run)) == 1
    with db.read() as session:
        found = session.execute(select(Invitation.email, Invitation.status)).all()
    assert dict(found) == {
        "nora@example.com": InvitationStatus.REVOKED,
        email(cast.mia): InvitationStatus.ACCEPTED,
    }


def test_the_redo_takes_an_administrator_and_the_owner_is_invited_again(cast: Cast) -> None:
    rows = [["Name", "Owner email"], ["Blue Door", "nora@example.com"]]
    run = run_all(cast.oda, propose(cast.oda, csv_file(rows)))
    assert undo(cast.oda, run) == []
    org = find("Blue Door")
    with db.read() as session:
        deletion = session.scalars(
            select(Entry).where(Entry.org_id == org.id).order_by(Entry.id.desc())
        ).first()
        assert deletion is not None
    with pytest.raises(NotPermitted):
        db.run(changes.undo, cast.oda, deletion.id, reason="A slip.")
    db.run(changes.undo, cast.ada, deletion.id, reason="A slip.")
    assert find("Blue Door").deleted_at is None
    db.run(unclaimed.invite_owner, cast.oda, org.id, email(cast.otto))
    accept(cast.otto, org)
    assert find("Blue Door").unclaimed_since is None

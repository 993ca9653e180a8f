"""Imports as runs: what was shown is what is applied, and what is left comes back as a file."""

from collections import Counter

import pytest
from sqlalchemy import select

from core.access.permissions import Actor
from core.accounts import uploads
from core.base import crypto
from core.base.errors import InvalidInput, NotPermitted, ProposalExpired, TooManyImportMails
from core.base.settings import Settings
from core.database import db
from core.imports import imports, planning, reader, results
from core.imports.columns import What
from core.imports.plans import Outcome, Plan
from core.members import acceptance, invitation_rows, invitations, invitees, leaving
from core.models import (
    Entry,
    Invitation,
    ItemState,
    Mail,
    Organization,
    Role,
    Run,
    RunItem,
    RunStatus,
    Upload,
)
from core.ops.run_types import RUN_TYPES
from core.profile import profile
from core.runs import advance, items
from tests.support.cast import Cast, email
from tests.support.sheets import csv_file, xlsx

TITLES = ["Organization ID", "Name", "Owner email", "Phone", "Color"]
REASON = "From the sales fair."

one = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


def organizations_file(cast: Cast) -> bytes:
    return csv_file(
        [
            TITLES,
            [cast.acme.public_id, "", "", "+12125550100", "blue"],
            ["", "Blue Door", "nora@example.com", "", ""],
            ["", "=cmd|calc", "nope", "12", "-red"],
            [cast.otto_ltd.public_id, "Otto Ltd"],
            ["", "Red Door", "oda@example.com"],
        ]
    )


def plan(actor: Actor, content: bytes, what: What = What.ORGANIZATIONS) -> Plan:
    sheet = reader.read(content)
    with db.read() as session:
        columns = imports.find_columns(session, actor, what, sheet.titles)
        return planning.plan(session, actor, what, sheet, columns, file="fair.csv")


def propose(actor: Actor, content: bytes, what: What = What.ORGANIZATIONS) -> Run:
    return db.run(imports.propose, actor, plan(actor, content, what), reason=REASON)


def run_all(actor: Actor, run: Run) -> Run:
    """Confirm an import and do all of it."""
    db.run(imports.confirm, actor, run.id, digest=run.digest)
    while advance.run_due(RUN_TYPES):
        pass
    with db.read() as session:
        return session.get_one(Run, run.id)


def states(run: Run) -> Counter[ItemState]:
    with db.read() as session:
        return Counter(session.scalars(select(RunItem.state).where(RunItem.run_id == run.id)))


def test_what_was_shown_is_what_is_applied(cast: Cast) -> None:
    run = run_all(cast.oda, propose(cast.oda, organizations_file(cast)))
    assert (run.total, run.done, run.refused, run.skipped) == (4, 2, 2, 0)
    with db.read() as session:
        acme = session.get_one(Organization, cast.acme.id)
        new = session.scalars(select(Organization).where(Organization.name == "Blue Door")).one()
        assert (acme.phone, new.member_count) == ("+12125550100", 0)
        entries = session.scalars(select(Entry).where(Entry.run_id == run.id)).all()
        assert [entry.event for entry in entries] == [
            "organization.created",
            "profile.changed",
        ]
        assert entries[-1].reason == REASON
        invited = session.scalars(select(Invitation)).one()
        assert (invited.run_id, invited.role) == (run.id, Role.OWNER)


@one
def test_the_file_is_kept_until_it_is_confirmed(cast: Cast) -> None:
    content = organizations_file(cast)
    kept = db.run(uploads.keep, cast.oda, "fair.csv", content, is_import=True)
    others = db.run(uploads.keep, cast.ada, "fair.csv", content, is_import=True)
    made = plan(cast.oda, content)
    run = db.run(imports.propose, cast.oda, made, reason=REASON, upload_id=kept.id)
    with db.read() as session:
        assert uploads.get(session, cast.oda, kept.id).content == content
    run_all(cast.oda, run)
    with db.read() as session:
        assert list(session.scalars(select(Upload.id))) == [others.id]


def test_the_rejects_come_back_as_the_same_file_with_a_reason(cast: Cast) -> None:
    run = run_all(cast.oda, propose(cast.oda, organizations_file(cast)))
    content = db.run(results.rejects, cast.oda, run.id)
    rejected = reader.read(content)
    assert rejected.titles == [*TITLES, "Why"]
    first, second = (list(row.cells) for row in rejected.rows)
    assert first[:5] == ["", "'=cmd|calc", "nope", "12", "'-red"]
    assert "Owner email: Enter an email" in first[5]
    assert "Phone: Enter the full number" in first[5]
    assert second[:3] == ["", "Red Door", "oda@example.com"]
    with db.read() as session:
        listed = items.list_refusals(session, cast.oda, run.id)
        assert listed["name"].tolist() == ["=cmd|calc", "Red Door"]
        entry = session.scalars(select(Entry).order_by(Entry.id.desc())).first()
        assert entry is not None
        assert (entry.event, entry.reason) == (
            "organizations.downloaded",
            f"Rejects of import {run.id}",
        )


def test_corrected_rejects_go_in_without_matching_columns_again(cast: Cast) -> None:
    content = organizations_file(cast).replace(b"Owner email", b"Boss")
    sheet = reader.read(content)
    chosen = ["public_id", "name", "owner_email", "phone", ""]
    with db.read() as session:
        by_hand = planning.plan(session, cast.oda, What.ORGANIZATIONS, sheet, chosen)
    run = run_all(cast.oda, db.run(imports.propose, cast.oda, by_hand, reason=REASON))
    rejected = reader.read(db.run(results.rejects, cast.oda, run.id))
    rows = [list(row.cells) for row in rejected.rows]
    rows[0][2:4], rows[1][2] = ["nils@example.com", "+12125550101"], "ria@example.com"
    corrected = plan(cast.oda, xlsx(list(rejected.titles), *rows))
    assert corrected.columns == [*chosen, ""]
    assert corrected.count() == {Outcome.NEW: 2}
    again = run_all(cast.oda, db.run(imports.propose, cast.oda, corrected, reason=""))
    assert (again.done, again.refused) == (2, 0)


def test_a_row_that_changed_after_the_check_is_skipped_and_listed(cast: Cast) -> None:
    run = propose(cast.oda, organizations_file(cast))
    db.run(profile.save, cast.olga, cast.acme.id, {"phone": ""}, {"phone": "+12125550199"})
    ended = run_all(cast.oda, run)
    assert (ended.done, ended.skipped) == (1, 1)
    rejected = reader.read(db.run(results.rejects, cast.oda, run.id))
    assert rejected.rows[0].cells[-1] == "Changed since the check: Phone."


def test_a_digest_of_another_list_starts_nothing(cast: Cast) -> None:
    run = propose(cast.oda, organizations_file(cast))
    for person, digest in ((cast.oda, "0" * 64), (cast.oda, "")):
        with pytest.raises(ProposalExpired):
            db.run(imports.confirm, person, run.id, digest=digest)
    assert states(run)[ItemState.WAITING] == 2
    assert propose(cast.oda, organizations_file(cast)).id == run.id


def test_changes_need_a_reason_which_owners_read(cast: Cast) -> None:
    with pytest.raises(InvalidInput, match="few words"):
        db.run(imports.propose, cast.oda, plan(cast.oda, organizations_file(cast)), reason=" ")


def test_many_invitations_are_started_by_an_administrator(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "settings", lambda: Settings(import_mails_a_day=1))
    content = csv_file([["Name", "Owner email"], *([f"D {n}", f"d{n}@x.org"] for n in range(2))])
    run = propose(cast.oda, content)
    with pytest.raises(TooManyImportMails, match="emails 2 people, and imports can email 1"):
        db.run(imports.confirm, cast.oda, run.id, digest=run.digest)
    run = propose(cast.ada, content)
    assert run_all(cast.ada, run).done == 2
    with pytest.raises(TooManyImportMails):
        run_all(cast.oda, propose(cast.oda, csv_file([["Name", "Owner email"], ["E", "e@x.org"]])))


@one
def test_confirming_it_twice_starts_it_once(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "settings", lambda: Settings(import_mails_a_day=1))
    run = propose(cast.oda, csv_file([["Name", "Owner email"], ["E", "e@x.org"]]))
    for _ in range(2):
        started = db.run(imports.confirm, cast.oda, run.id, digest=run.digest)
        assert started.status is RunStatus.GOING


def test_a_run_ends_with_the_right_to_import(cast: Cast) -> None:
    run = propose(cast.oda, organizations_file(cast))
    for person in (cast.olga, cast.sam):
        with pytest.raises(NotPermitted):
            db.run(imports.confirm, person, run.id, digest=run.digest)
        with pytest.raises(NotPermitted):
            db.run(results.rejects, person, run.id)


def test_the_rows_of_an_erased_account_are_empty_and_not_imported(cast: Cast) -> None:
    rows = [["Name", "Owner email"], ["Blue", "MIA@example.com"], ["Red", "nora@example.com"]]
    run = propose(cast.oda, csv_file(rows))
    db.run(leaving.delete_account, cast.mia)
    with db.read() as session:
        inputs = session.scalars(select(RunItem.input).order_by(RunItem.n)).all()
    assert [each is None for each in inputs] == [True, False]
    ended = run_all(cast.oda, run)
    assert (ended.done, ended.skipped) == (1, 1)
    rejected = reader.read(db.run(results.rejects, cast.oda, run.id))
    assert "erased" in rejected.rows[0].cells[-1]


@one
def test_an_erased_address_is_not_kept_as_what_a_row_replaces(cast: Cast) -> None:
    address = email(cast.mia)
    db.run(profile.save, cast.olga, cast.acme.id, {"sales_email": ""}, {"sales_email": address})
    titles = ["Organization ID", "Sales email"]
    run = propose(cast.oda, csv_file([titles, [cast.acme.public_id, "new@example.com"]]))
    db.run(leaving.delete_account, cast.mia)
    with db.read() as session:
        assert session.get_one(RunItem, (run.id, 1)).base is None


class TestMembers:
    """Members are invited, never added."""

    def file(self, cast: Cast) -> bytes:
        return csv_file(
            [
                ["Email", "Organization ID", "Organization"],
                ["nora@example.com", cast.acme.public_id],
                ["NORA@example.com", "", "ACME"],
                ["paul@example.com", "", "otto ltd"],
                [email(cast.mia), cast.acme.public_id],
                ["sam@example.com", cast.acme.public_id],
                ["x@example.com", "", "Nowhere"],
                ["x@example.com"],
                ["nope", "ORG-2222223"],
            ]
        )

    def test_each_row_is_judged(self, cast: Cast) -> None:
        found = plan(cast.oda, self.file(cast), What.MEMBERS).rows
        assert [row.outcome for row in found[:4]] == [
            Outcome.NEW,
            Outcome.ERROR,
            Outcome.NEW,
            Outcome.UNCHANGED,
        ]
        sentences = [" ".join(row.errors.values()) for row in (found[1], *found[4:])]
        for sentence, part in zip(
            sentences,
            ("Row 2", "colleague", "No organization has this name", "Enter the Org", "typing"),
            strict=True,
        ):
            assert part in sentence

    def test_they_are_invited_as_members_and_owners_are_told(self, cast: Cast) -> None:
        run = run_all(cast.oda, propose(cast.oda, self.file(cast), What.MEMBERS))
        assert (run.done, run.refused) == (2, 5)
        with db.read() as session:
            found = session.scalars(select(Invitation).order_by(Invitation.org_id)).all()
            assert {(each.role, each.run_id) for each in found} == {(Role.MEMBER, run.id)}
            told = session.scalars(select(Mail).where(Mail.template == "member_news")).all()
            assert {mail.recipient for mail in told} == {email(cast.olga), email(cast.otto)}

    def test_whoever_accepts_is_a_member(self, cast: Cast) -> None:
        content = csv_file([["Email", "Organization"], [email(cast.otto), "Acme"]])
        run_all(cast.oda, propose(cast.oda, content, What.MEMBERS))
        with db.read() as session:
            invitation = session.scalars(select(Invitation)).one()
        token = crypto.token(invitation_rows.MAILED, invitation.nonce)
        assert db.run(acceptance.accept, cast.otto, token).role is Role.MEMBER

    def test_a_plan_foresees_the_limit_of_an_organization(self, cast: Cast) -> None:
        rows = [[f"p{n}@example.com", "Acme"] for n in range(invitees.MAX_PENDING + 2)]
        found = plan(cast.oda, csv_file([["Email", "Organization"], *rows]), What.MEMBERS)
        assert found.count() == {Outcome.NEW: invitees.MAX_PENDING, Outcome.ERROR: 2}

    def test_who_is_invited_already_stays_as_they_are(self, cast: Cast) -> None:
        db.run(invitations.invite, cast.olga, cast.acme.id, "nora@example.com", role=Role.ADMIN)
        [first, *_] = plan(cast.oda, self.file(cast), What.MEMBERS).rows
        assert first.outcome is Outcome.UNCHANGED

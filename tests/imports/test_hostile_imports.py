"""What a hostile person in operations tries by imports, and what it gains: nothing."""

from collections import Counter

import pytest
from sqlalchemy import select

from core.base import formulas
from core.database import db
from core.imports import reader, results
from core.imports.columns import What
from core.models import Invitation, Mail, Membership, Organization, Role, Stage, User
from tests.imports.test_imports import propose, run_all
from tests.support.cast import Cast
from tests.support.sheets import csv_file

FLOOD = [["Name", "Owner email"], *([f"Flood {n}", "victim@example.com"] for n in range(1_000))]
SPELLINGS = [
    "Victim@example.com",
    "victim@EXAMPLE.com",
    "<victim@example.com>",
    "mailto:victim@example.com",
]
TRIES: dict[str, tuple[What, list[list[str]]]] = {
    "become the owner of an organization with owners": (
        What.ORGANIZATIONS,
        [["Organization ID", "Owner email"], ["ACME", "accomplice@example.com"]],
    ),
    "become the owner of a new one": (
        What.ORGANIZATIONS,
        [["Name", "Owner email"], ["Mine", "oda@example.com"], ["Ours", "Ada <ADA@example.com>"]],
    ),
    "join as a colleague": (
        What.MEMBERS,
        [["Email", "Organization ID"], ["oda@example.com", "ACME"], ["SAM@example.com", "ACME"]],
    ),
    "give a role": (
        What.MEMBERS,
        [["Email", "Organization ID", "Role"], ["accomplice@example.com", "ACME", "owner"]],
    ),
    "add a member without asking": (
        What.MEMBERS,
        [["Email", "Organization"], ["otto@example.com", "Acme"]],
    ),
    "rename, and speak for it": (
        What.ORGANIZATIONS,
        [["Organization ID", "Name", "Company overview"], ["ACME", "Evil", "Call us at +1."]],
    ),
    "move a stage": (What.ORGANIZATIONS, [["Organization ID", "Stage"], ["ACME", "production"]]),
    "send a thousand emails to one address": (What.ORGANIZATIONS, FLOOD),
    "send many in other spellings": (
        What.ORGANIZATIONS,
        [["Name", "Owner email"], *([f"N{n}", SPELLINGS[n % 4]] for n in range(60))],
    ),
    "run a formula in the file of a colleague": (
        What.ORGANIZATIONS,
        [["Name", "=Title"], ["=HYPERLINK(1)", "@SUM(1)"], ["+cmd|' /C calc'!A0", "\t=1+1"]],
    ),
    "phish by a name": (
        What.ORGANIZATIONS,
        [["Name", "Owner email"], ["Log in at evil.example", "victim@example.com"]],
    ),
    "pick another's organization by a look-alike ID": (
        What.ORGANIZATIONS,
        [["Organization ID", "Phone"], ["ORG-2222222", "+12125550100"], ["ORG-OOOOOOO", "1"]],
    ),
}


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("tried", TRIES)
def test_it_gains_nothing(cast: Cast, tried: str) -> None:
    what, rows = TRIES[tried]
    known = {"ACME": cast.acme.public_id}
    rows = [[known.get(cell, cell) for cell in row] for row in rows]
    with db.read() as session:
        before = session.execute(select(Membership.org_id, Membership.user_id, Membership.role))
        members = set(before.all())
    run = run_all(cast.oda, propose(cast.oda, csv_file(rows), what))

    with db.read() as session:
        after = session.execute(select(Membership.org_id, Membership.user_id, Membership.role))
        assert set(after.all()) == members
        acme = session.get_one(Organization, cast.acme.id)
        assert (acme.name, acme.overview, acme.phone, acme.stage) == (
            *("Acme", None, None),
            Stage.FREE,
        )
        invited = session.scalars(select(Invitation)).all()
        staff = set(session.scalars(select(User.email_key).where(User.staff.is_not(None))))
        assert not staff & {each.email_key for each in invited}
        assert {each.role for each in invited if each.org_id == cast.acme.id} <= {Role.MEMBER}
        mails = Counter(address.casefold() for address in session.scalars(select(Mail.recipient)))
        assert max(mails.values(), default=0) <= 10
    rejected = reader.read(db.run(results.rejects, cast.oda, run.id)) if run.refused else None
    for row in rejected.rows if rejected else ():
        assert [formulas.harmless(cell) for cell in row.cells] == list(row.cells)

"""The plan of an import says for each row what its import then does."""

import io
from collections import Counter
from datetime import date
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update
from sqlalchemy.orm import Session

from core.access import throttling
from core.access.permissions import Actor
from core.base.errors import NotPermitted, Stale
from core.base.settings import PROJECT
from core.database import change_tracking, db
from core.duplicates import matching
from core.imports import applying, columns, plan_organizations, reader, unclaimed
from core.imports.columns import What
from core.imports.plans import Outcome, Plan, PlannedRow
from core.imports.reader import Row, Sheet
from core.models import Organization, Stage
from core.onboarding import onboarding
from core.organizations import export_process, organizations, public_ids
from core.organizations.csv_export import Format
from core.organizations.filters import Filters
from core.profile import profile
from tests.support.cast import Cast
from tests.support.depth import rounds

TITLES = [field.title for field in columns.FIELDS[What.ORGANIZATIONS].values()]
REASON = "From the sales fair."
NEW = {"Name": "Blue Door", "Owner email": "nora@example.com"}


def sheet_of(*rows: dict[str, str]) -> Sheet:
    numbered = enumerate(rows, start=2)
    cells = [Row(number, [row.get(title, "") for title in TITLES]) for number, row in numbered]
    return Sheet(TITLES, cells)


def plan(session: Session, actor: Actor, *rows: dict[str, str]) -> Plan:
    sheet = sheet_of(*rows)
    matched = columns.match(What.ORGANIZATIONS, sheet.titles)
    return plan_organizations.plan(session, actor, sheet, matched)


def row(session: Session, actor: Actor, **cells: str) -> PlannedRow:
    return plan(
        session, actor, {name.replace("_", " "): cell for name, cell in cells.items()}
    ).rows[0]


def apply(session: Session, actor: Actor, planned: PlannedRow, run_id: int = 1) -> Organization:
    return applying.apply_to_organization(
        session, actor, planned.org_id, planned.edits, planned.base, reason=REASON, run_id=run_id
    )


def test_a_row_without_an_id_creates_and_one_with_an_id_changes(
    session: Session, cast: Cast
) -> None:
    acme = {"Organization ID": cast.acme.public_id}
    planned = plan(
        session,
        cast.oda,
        NEW,
        acme | {"Phone": "+1 212 555 0100", "Website": "acme.com"},
        acme,
        {"Organization ID": cast.otto_ltd.public_id.lower(), "Name": "Otto  Ltd"},
    )
    new, change, twice, unchanged = planned.rows
    assert (new.outcome, new.number, new.label) == (Outcome.NEW, 2, "Blue Door")
    assert (change.outcome, change.label) == (Outcome.CHANGE, "Acme")
    assert change.edits == {"phone": "+1 212-555-0100", "website": "https://acme.com"}
    assert change.base == {"phone": "", "website": ""}
    assert twice.errors == {"public_id": "Row 3 has the same Organization ID."}
    assert unchanged.outcome is Outcome.UNCHANGED
    assert planned.mails == 1


def test_our_own_download_changes_nothing(session: Session, cast: Cast) -> None:
    names = ["=1+1 & Co", "'=quoted", "+44 x5", "-Dash", "@Sign", "00123", 'Müller, "M"', "1e5"]
    for number, name in enumerate(names):
        org = organizations.create(session, cast.otto, f"Door {number}")
        values = {"name": name, "phone": "+12125550100x5", "website": "https://müller.example"}
        session.execute(
            update(Organization)
            .where(Organization.id == org.id)
            .values(values)
            .execution_options(unrecorded=True)
        )
    onboarding.flag(session, cast.sue, [cast.acme.id])
    for person, form in product((cast.oda, cast.ada), (Format.CSV, Format.XLSX)):
        written = io.BytesIO()
        export_process.write(session, person, Filters(), form, written)
        sheet = reader.read(written.getvalue())
        matched = columns.match(What.ORGANIZATIONS, sheet.titles)
        planned = plan_organizations.plan(session, person, sheet, matched)
        assert [it for it in planned.rows if it.outcome is not Outcome.UNCHANGED] == []
        assert len(planned.rows) == len(names) + 2


def test_an_empty_cell_leaves_and_a_word_clears(session: Session, cast: Cast) -> None:
    contact = {"phone": "+1 212 555 0100", "website": "https://acme.com"}
    empty = dict.fromkeys(contact, "")
    profile.save_contact_details(session, cast.oda, cast.acme.id, empty, contact, reason=REASON)
    planned = row(session, cast.oda, Organization_ID=cast.acme.public_id, Phone="(Clear)")
    assert planned.edits == {"phone": ""}
    acme = apply(session, cast.oda, planned)
    assert (acme.phone, acme.website) == (None, "https://acme.com")


REFUSED: list[tuple[str, dict[str, str], str, str]] = [
    ("oda", {"Organization ID": "ORG-2222223"}, "public_id", "typing errors"),
    ("oda", {"Organization ID": public_ids.encode(77)}, "public_id", "No organization has"),
    ("oda", {"Organization ID": "ACME", "Name": "Acme Inc"}, "name", "Only owners can change"),
    ("oda", {"Organization ID": "ACME", "Company overview": "x"}, "overview", "Only owners"),
    ("oda", {"Organization ID": "ACME", "Owner email": "x@example.com"}, "owner_email", "has"),
    ("oda", {"Organization ID": "ACME", "Phone": "12"}, "phone", "full number"),
    ("oda", {"Organization ID": "ACME", "Stage": "onboarding"}, "stage", "Only sales reps"),
    ("oda", {"Organization ID": "ACME", "Sales rep": "Sue"}, "rep", "Only sales reps"),
    ("ada", {"Organization ID": "ACME", "Stage": "gold"}, "stage", "Enter Free"),
    ("ada", {"Organization ID": "ACME", "Stage": "production"}, "stage", "preproduction"),
    (
        "ada",
        {"Organization ID": "ACME", "Target date": "2030-01-01"},
        "target_on",
        "onboarding",
    ),
    ("ada", NEW | {"Stage": "onboarding"}, "stage", "start in Free"),
    ("oda", NEW | {"Owner email": ""}, "owner_email", "Enter an email"),
    ("oda", NEW | {"Owner email": "sam@example.com"}, "owner_email", "colleague"),
    ("oda", NEW | {"Name": "www.example.com"}, "name", "web address"),
]


def test_what_cannot_be_imported_is_an_error_with_a_sentence(session: Session, cast: Cast) -> None:
    for person, cells, field, sentence in REFUSED:
        is_acme = cells.get("Organization ID") == "ACME"
        acme = {"Organization ID": cast.acme.public_id} if is_acme else {}
        planned = plan(session, getattr(cast, person), cells | acme).rows[0]
        assert (planned.outcome, set(planned.errors)) == (Outcome.ERROR, {field}), cells
        assert sentence in planned.errors[field], cells


def test_all_errors_of_a_row_are_found_at_once(session: Session, cast: Cast) -> None:
    planned = row(session, cast.oda, Name="", Owner_email="x", Phone="12", Website="no way")
    assert set(planned.errors) == {"name", "owner_email", "phone", "website"}


def test_a_deleted_organization_is_an_error(session: Session, cast: Cast) -> None:
    organizations.delete(session, cast.olga, cast.acme.id, name="Acme")
    planned = row(session, cast.oda, Organization_ID=cast.acme.public_id)
    assert "was deleted" in planned.errors["public_id"]


def test_a_row_with_more_cells_than_titles_is_an_error(session: Session, cast: Cast) -> None:
    sheet = Sheet(["Name"], [Row(2, ["Acme", "", "x"])])
    planned = plan_organizations.plan(session, cast.oda, sheet, ["name"]).rows[0]
    assert planned.errors == {"": "This row has 3 cells, but only 1 columns have a title."}


def test_look_alikes_are_warned_of_and_never_matched(session: Session, cast: Cast) -> None:
    website = {"website": "https://www.acme.example/about"}
    profile.save_contact_details(
        session, cast.oda, cast.acme.id, {"website": ""}, website, reason=REASON
    )
    session.flush()
    matching.match_some(session)
    planned = plan(
        session,
        cast.oda,
        NEW | {"Name": "ACME"},
        NEW | {"Name": "Acme, Inc."},
        NEW | {"Name": "Ltd Otto"},
        NEW | {"Name": "Other", "Website": "acme.example"},
        NEW,
        NEW | {"Name": "BLUE door"},
    )
    acme, otto_ltd = cast.acme.public_id, cast.otto_ltd.public_id
    assert {it.outcome for it in planned.rows} == {Outcome.NEW}
    assert [it.warning for it in planned.rows] == [
        f"This may be {acme}, which has the same name.",
        f"This may be {acme}, Acme: the names read alike.",
        f"This may be {otto_ltd}, Otto Ltd: the names read alike.",
        f"This may be {acme}, which has the same website.",
        "",
        "Row 6 has the same name.",
    ]


def test_the_guide_names_every_column() -> None:
    guide = (PROJECT / "core/imports/README.md").read_text()
    titles = [field.title for what in What for field in columns.FIELDS[what].values()]
    assert [title for title in titles if f"`{title}`" not in guide] == []


def test_an_address_that_a_file_invites_too_often_is_an_error(session: Session, cast: Cast) -> None:
    [(limit, _)] = throttling.IMPORTED
    rows = [NEW | {"Name": f"Door {number}"} for number in range(limit + 2)]
    rows[-1]["Owner email"] = "NORA@example.com"
    outcomes = Counter(it.outcome for it in plan(session, cast.oda, *rows).rows)
    assert outcomes == {Outcome.NEW: limit, Outcome.ERROR: 2}


def test_an_administrator_imports_stages_and_plans_through_the_gates(
    session: Session, cast: Cast
) -> None:
    wanted = {
        "Organization ID": cast.acme.public_id,
        "Stage": "Onboarding",
        "Sales rep": "sue@example.com",
        "Target date": "2030-01-31",
        "Next step": "Call",
        "Next step due": "2030-01-15 00:00:00",
    }
    planned = plan(session, cast.ada, wanted).rows[0]
    acme = apply(session, cast.ada, planned)
    assert (acme.stage, acme.rep_id) == (Stage.ONBOARDING, cast.sue.user_id)
    assert (acme.target_on, acme.next_step_on) == (date(2030, 1, 31), date(2030, 1, 15))
    assert plan(session, cast.ada, wanted).rows[0].outcome is Outcome.UNCHANGED

    further = {"Organization ID": acme.public_id, "Stage": "preproduction", "Phone": "+12125550100"}
    missing = plan(session, cast.ada, further).rows[0].errors["stage"]
    assert "phone" not in missing
    assert "website" in missing


def test_the_owner_of_an_unclaimed_organization_is_replaced(session: Session, cast: Cast) -> None:
    org = apply(session, cast.oda, plan(session, cast.oda, NEW).rows[0])
    same = {"Organization ID": org.public_id, "Owner email": "Nora@Example.com"}
    assert plan(session, cast.oda, same).rows[0].outcome is Outcome.UNCHANGED
    planned = plan(session, cast.oda, same | {"Owner email": "paul@example.com"}).rows[0]
    assert planned.base == {"owner_email": "nora@example.com"}
    apply(session, cast.oda, planned)
    invitation = unclaimed.find_owner_invitation(session, cast.oda, org.id)
    assert invitation is not None
    assert invitation.email == "paul@example.com"
    with pytest.raises(Stale):
        apply(session, cast.oda, planned)


def test_a_row_that_somebody_has_changed_since_is_not_applied(session: Session, cast: Cast) -> None:
    planned = row(session, cast.oda, Organization_ID=cast.acme.public_id, Phone="+12125550100")
    now, later = {"phone": ""}, {"phone": "+12125550199"}
    profile.save(session, cast.olga, cast.acme.id, now, later)
    with pytest.raises(Stale):
        apply(session, cast.oda, planned)


def test_only_who_may_import_makes_a_plan(session: Session, cast: Cast) -> None:
    for person in (cast.olga, cast.sam, cast.otto):
        with pytest.raises(NotPermitted):
            plan(session, person, NEW)


CELLS = st.fixed_dictionaries(
    {
        "Organization ID": st.sampled_from(["", "acme", "otto_ltd", "ORG-2222223"]),
        "Name": st.sampled_from(["", "Acme", "Otto Ltd", "Blue Door", "=1+1", "x.com"]),
    },
    optional={
        "Owner email": st.sampled_from(["", "nora@example.com", "oda@example.com", "nope"]),
        "Sales email": st.sampled_from(["", "a@example.com", "(clear)", "a@"]),
        "Phone": st.sampled_from(["", "+12125550100", "+1 212 555 0100", "(clear)", "12"]),
        "Website": st.sampled_from(["", "acme.com", "https://acme.com", "no way"]),
        "Twitter (X) handle": st.sampled_from(["", "@acme", "x.com/acme", "a b"]),
        "Company overview": st.sampled_from(["", "About us"]),
        "Stage": st.sampled_from(["", "free", "onboarding", "preproduction", "x"]),
        "Sales rep": st.sampled_from(["", "Sue", "sam@example.com", "Otto"]),
        "Target date": st.sampled_from(["", "2031-01-01", "2001-01-01", "soon"]),
        "Next step": st.sampled_from(["", "Call", "(clear)"]),
        "Next step due": st.sampled_from(["", "2031-01-01"]),
    },
)


@given(rows=st.lists(CELLS, min_size=1, max_size=5), person=st.sampled_from(["oda", "ada"]))
@settings(
    max_examples=rounds(40, 2_000),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_each_row_is_applied_as_it_was_planned(
    cast: Cast, rows: list[dict[str, str]], person: str
) -> None:
    actor = getattr(cast, person)
    for cells in rows:
        known = getattr(cast, cells["Organization ID"], None)
        cells["Organization ID"] = known.public_id if known else cells["Organization ID"]
    with db.Session(db.writing_engine(), info={"writing": True}) as session:
        planned = plan(session, actor, *rows)
        assert not session.dirty | session.new
        for each in planned.rows:
            if each.outcome in {Outcome.NEW, Outcome.CHANGE}:
                org = apply(session, actor, each)
                again = dict(zip(TITLES, each.cells, strict=True))
                again["Organization ID"] = org.public_id
                if each.outcome is Outcome.CHANGE:
                    after = plan(session, actor, again).rows[0]
                    assert (after.outcome, after.errors) == (Outcome.UNCHANGED, {})
                else:
                    assert org.unclaimed_since is not None
        change_tracking.ensure_all_recorded(session)
        session.rollback()

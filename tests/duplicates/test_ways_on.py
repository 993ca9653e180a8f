"""What leads from a merged organization to the one that stays, and who reads both as one."""

from contextlib import nullcontext
from io import BytesIO

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access.permissions import Actor, find_organization
from core.audit import activity, csv_export, queries
from core.base.errors import NotFound, TooManyAttempts
from core.database import search
from core.duplicates import joining, merging
from core.imports import plan_organizations
from core.imports.plans import Outcome
from core.imports.reader import Row, Sheet
from core.members import invitations
from core.members.invitation_rows import INVITATION_TTL
from core.members.invitations import State
from core.models import Mail, Organization
from core.onboarding import onboarding, stages
from core.organizations import organizations, quick_search
from core.organizations.filters import Filters
from core.organizations.table import table
from core.profile import profile
from core.staff import notes
from tests.conftest import Clock
from tests.support.cast import Cast, email


@pytest.fixture
def merged(session: Session, cast: Cast) -> str:
    """The Organization ID of Otto Ltd, merged into Acme after some history."""
    otto_ltd = session.get_one(Organization, cast.otto_ltd.id)
    shown = profile.form_texts(otto_ltd)
    profile.save(session, cast.otto, otto_ltd.id, shown, shown | {"phone": "+1 212 555 0100"})
    notes.write(session, cast.sam, otto_ltd.id, "They called.", is_shared=True)
    onboarding.flag(session, cast.sam, [otto_ltd.id])
    merging.merge(session, cast.oda, otto_ltd.id, cast.acme.id, reason="The same company.")
    return otto_ltd.public_id


def test_the_old_id_leads_to_the_target_for_those_who_see_it(
    session: Session, cast: Cast, merged: str
) -> None:
    def leads_to(person: Actor) -> str | None:
        found = find_organization(session, person, merged)
        return found and found[0].name

    assert [leads_to(each) for each in (cast.olga, cast.mia, cast.oda)] == ["Acme"] * 3
    assert leads_to(cast.otto) is None
    merging.undo_merge(session, cast.oda, cast.otto_ltd.id, reason="Two companies.")
    assert (leads_to(cast.otto), leads_to(cast.olga)) == ("Otto Ltd", None)


@pytest.mark.parametrize("words", ["otto ltd", "otto"])
def test_search_finds_the_target_by_the_name_of_the_source(
    session: Session, cast: Cast, merged: str, words: str
) -> None:
    for person in (cast.oda, cast.olga):
        found = quick_search.find_organizations(session, person, words)
        assert [each.name for each in found] == ["Acme"]
    assert quick_search.find_organizations(session, cast.oda, merged)[0].name == "Acme"
    assert quick_search.find_organizations(session, cast.otto, words) == []
    rows = table(session, cast.oda, Filters(words=words)).rows
    assert rows["name"].tolist() == ["Acme"]


def test_a_name_of_the_target_is_found_as_before(session: Session, cast: Cast, merged: str) -> None:
    matches = search.match_organizations(session, "acme")
    found = session.scalars(select(matches.id).select_from(matches.source).where(matches.is_found))
    assert found.all() == [cast.acme.id]


class TestReading:
    def test_staff_read_both_histories_with_their_names(
        self, session: Session, cast: Cast, merged: str
    ) -> None:
        found = activity.table(session, cast.sue, org_id=cast.acme.id)
        of_source = found[found["org_id"] == cast.otto_ltd.id]
        assert set(of_source["event"]) >= {"profile.changed", "note.written", "organization.merged"}
        assert set(of_source["organization"]) == {"Otto Ltd"}

    def test_owners_of_the_target_read_the_other_history_from_the_merge_on(
        self, session: Session, cast: Cast, merged: str
    ) -> None:
        found = activity.table(session, cast.olga, org_id=cast.acme.id)
        of_source = found[found["org_id"] == cast.otto_ltd.id]
        assert of_source["event"].tolist() == ["organization.merged"]
        file = BytesIO()
        csv_export.write(session, cast.olga, queries.EVERYTHING, file, org_id=cast.acme.id)
        assert b"merged it into" in file.getvalue()
        assert b"555-0100" not in file.getvalue()

    def test_after_the_undo_each_history_is_its_own(
        self, session: Session, cast: Cast, merged: str
    ) -> None:
        merging.undo_merge(session, cast.oda, cast.otto_ltd.id, reason="Two companies.")
        found = activity.table(session, cast.sue, org_id=cast.acme.id)
        assert set(found["org_id"]) == {cast.acme.id}

    def test_staff_read_notes_and_moves_of_both_and_owners_neither(
        self, session: Session, cast: Cast, merged: str
    ) -> None:
        def read(person: Actor) -> tuple[list[str], list[str]]:
            found = notes.list_about(session, person, cast.acme.id)
            moves = stages.move_history(session, person, cast.acme.id)
            return [note.organization for note in found], moves["merged"].tolist()

        assert read(cast.sue) == (["Otto Ltd"], ["Otto Ltd"])
        assert read(cast.olga) == ([], [])


class TestAskingToJoin:
    def test_the_owners_get_the_name_the_address_and_the_filled_in_invitation(
        self, session: Session, cast: Cast, merged: str
    ) -> None:
        found = joining.find_merged(session, cast.otto, merged)
        assert (found.source.name, found.target.name) == ("Otto Ltd", "Acme")
        joining.ask_to_join(session, cast.otto, merged)
        mail = session.scalars(select(Mail).where(Mail.template == "ask_to_join")).one()
        assert mail.recipient == email(cast.olga)
        assert (mail.context["by"], mail.context["email"]) == ("Otto", email(cast.otto))
        page = f"members?org={cast.acme.public_id}&invite=otto%40example.com"
        assert mail.context["link"] == {"page": page}

    def test_asking_again_sends_nothing(self, session: Session, cast: Cast, merged: str) -> None:
        for _ in range(30):
            joining.ask_to_join(session, cast.otto, merged)
        mails = session.scalars(select(Mail).where(Mail.template == "ask_to_join"))
        assert len(mails.all()) == 1

    def test_strangers_and_members_of_the_target_cannot_ask(
        self, session: Session, cast: Cast, merged: str
    ) -> None:
        for person in (cast.mia, cast.oda):
            with pytest.raises(NotFound):
                joining.ask_to_join(session, person, merged)

    def test_one_person_cannot_fill_the_mailbox_of_an_owner_of_many(
        self, session: Session, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Merged into one after the other of Olga's organizations, and asked to join each."""
        monkeypatch.setattr(joining, "_BY_ONE", ((2, joining.timedelta(days=1)),))
        otto_ltd = cast.otto_ltd
        for number in range(3):
            target = organizations.create(session, cast.olga, f"Olga {number}")
            merging.merge(session, cast.oda, otto_ltd.id, target.id, reason="The same company.")
            with pytest.raises(TooManyAttempts) if number == 2 else nullcontext():
                joining.ask_to_join(session, cast.otto, otto_ltd.public_id)
            merging.undo_merge(session, cast.oda, otto_ltd.id, reason="Two companies.")
        mails = select(Mail).where(Mail.template == "ask_to_join")
        assert len(session.scalars(mails).all()) == 2

    def test_a_crowd_is_stopped(
        self, session: Session, cast: Cast, merged: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(joining, "_FOR_ONE", ((0, joining.timedelta(days=1)),))
        with pytest.raises(TooManyAttempts):
            joining.ask_to_join(session, cast.otto, merged)


def test_staff_read_open_invitations_of_both_and_owners_do_not(
    session: Session, cast: Cast, clock: Clock
) -> None:
    acme, otto_ltd = cast.acme.id, cast.otto_ltd.id
    invitations.invite(session, cast.otto, otto_ltd, "late@example.com")
    clock.turn(INVITATION_TTL)
    invitations.invite(session, cast.otto, otto_ltd, "new@example.com, gone@example.com")
    [revoked] = invitations.table(session, cast.otto, otto_ltd, search="gone")["id"]
    invitations.revoke(session, cast.otto, otto_ltd, int(revoked))
    invitations.invite(session, cast.olga, acme, "own@example.com")
    merging.merge(session, cast.oda, otto_ltd, acme, reason="The same company.")

    found = invitations.table(session, cast.oda, acme).set_index("email")
    assert found["state"].to_dict() == {
        "own@example.com": State.PENDING,
        "new@example.com": State.PAUSED,
    }
    assert found["organization"].tolist() == ["Acme", "Otto Ltd"]
    for states in ([State.PAUSED], [State.PENDING]):
        listed = invitations.table(session, cast.oda, acme, states=states)
        assert set(listed["state"]) == set(states)
    counts = invitations.count_by_state(session, cast.oda, acme)
    assert (counts[State.PENDING], counts[State.PAUSED]) == (1, 1)
    assert invitations.table(session, cast.olga, acme)["email"].tolist() == ["own@example.com"]
    assert invitations.count_by_state(session, cast.olga, acme)[State.PAUSED] == 0

    merging.undo_merge(session, cast.oda, otto_ltd, reason="Two companies.")
    assert invitations.count_by_state(session, cast.oda, acme)[State.PAUSED] == 0
    pending = invitations.table(session, cast.otto, otto_ltd, states=[State.PENDING])
    assert pending["email"].tolist() == ["new@example.com"]


def test_an_imported_row_with_the_old_id_names_the_target(
    session: Session, cast: Cast, merged: str
) -> None:
    sheet = Sheet(["ID", "Phone"], [Row(2, [merged, "+1 212 555 0100"])])
    (row,) = plan_organizations.plan(session, cast.oda, sheet, ["public_id", "phone"]).rows
    assert row.outcome is Outcome.ERROR
    assert cast.acme.public_id in row.errors["public_id"]

"""Activity: history entries in words."""

import csv
import io
from datetime import timedelta
from itertools import pairwise

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from core.access.permissions import ANONYMOUS, Actor
from core.accounts import accounts
from core.audit import activity, csv_export, search_texts
from core.audit.queries import Filters
from core.base import clock as clock_module
from core.base import crypto
from core.base.errors import NotFound, NotPermitted
from core.database import db
from core.members import acceptance, account_access, invitations, members
from core.members.invitation_rows import MAILED
from core.models import Entry, EntryText, Role
from core.onboarding import onboarding
from core.onboarding.onboarding import Plan
from core.profile import logos, profile
from tests.conftest import Clock
from tests.support.cast import Cast


def read(session: Session, cast: Cast) -> list[str]:
    """Return what Olga reads in the history of Acme, newest first."""
    found = activity.table(session, cast.olga, org_id=cast.acme.id)
    return (found["who"] + " " + found["what"]).tolist()


class TestTable:
    def test_an_entry_is_a_sentence_with_everything_that_changed(
        self, session: Session, cast: Cast
    ) -> None:
        onboarding.flag(session, cast.sam, [cast.acme.id], Plan(next_step="Call Olga"))
        assert read(session, cast) == [
            "Sam moved it from free to onboarding, set the sales rep to Sam "
            "and set the next step to Call Olga"
        ]

    def test_it_names_the_person_concerned(self, session: Session, cast: Cast) -> None:
        members.change_role(session, cast.olga, cast.acme.id, cast.mia.user_id, Role.ADMIN)
        members.remove(session, cast.olga, cast.acme.id, cast.mia.user_id)
        assert read(session, cast) == [
            "Olga removed Mia",
            "Olga changed the role of Mia from member to admin",
        ]

    def test_it_names_the_addresses_of_invitations_and_who_declined(
        self, session: Session, cast: Cast
    ) -> None:
        many = ", ".join(f"{name}@example.com" for name in "abcde")
        invitations.invite(session, cast.olga, cast.acme.id, many)
        (invited,) = invitations.invite(session, cast.olga, cast.acme.id, "new@example.com")
        acceptance.decline(session, ANONYMOUS, crypto.token(MAILED, invited.nonce))
        (mine,) = invitations.invite(session, cast.olga, cast.acme.id, "otto@example.com")
        acceptance.decline(session, cast.otto, crypto.token(MAILED, mine.nonce))
        (last,) = invitations.invite(session, cast.olga, cast.acme.id, "last@example.com")
        invitations.revoke(session, cast.olga, cast.acme.id, last.id)
        assert read(session, cast) == [
            "Olga revoked the invitation of last@example.com",
            "Olga invited last@example.com as member",
            "Otto declined the invitation sent to otto@example.com",
            "Olga invited otto@example.com as member",
            "new@example.com declined the invitation",
            "Olga invited new@example.com as member",
            "Olga invited a@example.com, b@example.com, c@example.com and 2 others as member",
        ]

    def test_a_logo_has_its_pictures_before_and_after(self, session: Session, cast: Cast) -> None:
        first, second = (logos.CleanLogo(b"png", b"png", each * 64) for each in "ab")
        for each in (first, second):
            logos.set_logo(session, cast.olga, cast.acme.id, each)
        found = activity.table(session, cast.olga, org_id=cast.acme.id)
        assert found["logos"].tolist() == [("a" * 64, "b" * 64), (None, "a" * 64)]
        assert found["what"].tolist() == ["changed the logo"] * 2

    def test_the_next_page_continues(self, session: Session, cast: Cast) -> None:
        for role in (Role.ADMIN, Role.OWNER, Role.MEMBER):
            members.change_role(session, cast.olga, cast.acme.id, cast.mia.user_id, role)
        first = activity.table(session, cast.olga, org_id=cast.acme.id, limit=2)
        rest = activity.table(
            session, cast.olga, org_id=cast.acme.id, limit=2, before_id=int(first["id"].min())
        )
        roles = [what.split()[-1] for what in (*first["what"], *rest["what"])]
        assert roles == ["member", "owner", "admin"]

    @pytest.mark.parametrize("who", ["adam", "mia"])
    def test_only_owners_and_staff_can_view_history(
        self, session: Session, cast: Cast, who: str
    ) -> None:
        with pytest.raises(NotPermitted):
            activity.table(session, getattr(cast, who), org_id=cast.acme.id)

    def test_an_outsider_learns_nothing(self, session: Session, cast: Cast) -> None:
        with pytest.raises(NotFound):
            activity.table(session, cast.otto, org_id=cast.acme.id)
        with pytest.raises(NotPermitted):
            activity.table(session, cast.otto)


class TestFilters:
    @pytest.fixture
    def changes(self, session: Session, cast: Cast, clock: Clock) -> None:
        """A day of Acme, and another one two days later, and something at Otto Ltd."""
        profile.save(session, cast.olga, cast.acme.id, {"phone": ""}, {"phone": "+15072842511"})
        profile.save(session, cast.olga, cast.acme.id, {"overview": ""}, {"overview": "Cafés."})
        clock.turn(timedelta(days=2))
        members.change_role(session, cast.olga, cast.acme.id, cast.mia.user_id, Role.ADMIN)
        members.remove(session, cast.adam, cast.acme.id, cast.mia.user_id, reason="She retired.")
        invitations.invite(session, cast.adam, cast.acme.id, "new@example.com")
        onboarding.flag(session, cast.sam, [cast.otto_ltd.id], Plan(next_step="Call Otto"))

    PHONE = "set the phone to +1 507-284-2511"
    OVERVIEW = "set the company overview to Cafés."
    ROLE = "changed the role of Mia from member to admin"
    REMOVED = "removed Mia"
    INVITED = "invited new@example.com as member"
    FLAGGED = "moved it from free to onboarding"

    FOUND = (
        ({"words": "retired"}, [REMOVED]),
        ({"words": "cafe"}, [OVERVIEW]),
        ({"words": "507"}, [PHONE]),
        ({"words": "phone set"}, [PHONE]),
        ({"words": "nothing"}, []),
        ({"words": "?"}, []),
        ({"person": "Adam"}, [INVITED, REMOVED]),
        ({"person": "mia"}, [REMOVED, ROLE]),
        ({"person": "nobody"}, []),
        ({"field": "phone"}, [PHONE]),
        ({"field": "role"}, [INVITED, ROLE]),
        ({"kind": "member"}, [REMOVED, ROLE]),
        ({"kind": "member", "person": "Olga"}, [ROLE]),
        ({"kind": "profile", "words": "phone"}, [PHONE]),
        ({"person": "Adam", "words": "retired"}, [REMOVED]),
    )

    @pytest.mark.usefixtures("changes")
    @pytest.mark.parametrize("of_one", [True, False], ids=["one", "all"])
    def test_entries_can_be_filtered(self, session: Session, cast: Cast, of_one: bool) -> None:
        org_id = cast.acme.id if of_one else None
        for filters, found in self.FOUND:
            listed = activity.table(session, cast.oda, Filters(**filters), org_id=org_id)
            if filters == {"field": "role"}:
                listed = listed[listed["event"] != "member.removed"]
            assert listed["what"].tolist() == found, filters

    @pytest.mark.usefixtures("changes")
    def test_they_can_be_filtered_by_time(self, session: Session, cast: Cast, clock: Clock) -> None:
        between = clock.now() - timedelta(days=1)
        for org_id in (cast.acme.id, None):
            before = activity.table(session, cast.oda, Filters(until=between), org_id=org_id)
            after = activity.table(session, cast.oda, Filters(since=between), org_id=org_id)
            assert before["what"].tolist() == [self.OVERVIEW, self.PHONE]
            assert after["what"].tolist()[-3:] == [self.INVITED, self.REMOVED, self.ROLE]
        later = Filters(since=clock.now() + timedelta(days=1), words="phone")
        assert activity.table(session, cast.oda, later).empty

    @pytest.mark.usefixtures("changes")
    def test_staff_filter_by_organization(self, session: Session, cast: Cast) -> None:
        for words in ("otto", cast.otto_ltd.public_id):
            found = activity.table(session, cast.oda, Filters(organization=words))
            assert [each.startswith(self.FLAGGED) for each in found["what"]] == [True]
        assert activity.table(session, cast.oda, Filters(organization="nowhere")).empty

    @pytest.mark.usefixtures("changes")
    def test_an_invited_address_is_a_person_in_the_history_of_its_organization(
        self, session: Session, cast: Cast
    ) -> None:
        found = activity.table(
            session, cast.olga, Filters(person="new@example.com"), org_id=cast.acme.id
        )
        assert found["what"].tolist() == [self.INVITED]

    @pytest.mark.usefixtures("changes")
    def test_pages_continue_with_filters(self, session: Session, cast: Cast) -> None:
        filters = Filters(person="Adam")
        first = activity.table(session, cast.oda, filters, limit=1)
        rest = activity.table(session, cast.oda, filters, before_id=int(first["id"].iloc[0]))
        assert [*first["what"], *rest["what"]] == [self.INVITED, self.REMOVED]

    def test_names_of_people_are_in_no_text(self, session: Session, cast: Cast) -> None:
        members.remove(session, cast.olga, cast.acme.id, cast.mia.user_id)
        texts = session.scalars(select(EntryText.search_text)).all()
        assert len(texts) == 1
        assert not {"mia", "olga"} & set(" ".join(texts).split())

    def test_a_query_of_an_address_keeps_every_filter(self, clock: Clock) -> None:
        filters = Filters("a&b", "Mia", "Acme", "member", "phone", clock.now(), clock.now())
        assert Filters.from_query(filters.to_query()) == filters
        for odd in ("field=id", "since=2026-01-01", "since=x", "unknown=1"):
            with pytest.raises(ValueError, match=r"."):
                Filters.from_query(odd)


def write_overviews(cast: Cast, *texts: str) -> None:
    for old, new in pairwise(("", *texts)):
        db.run(profile.save, cast.olga, cast.acme.id, {"overview": old}, {"overview": new})


def test_the_worker_adds_the_texts_of_older_entries(cast: Cast) -> None:
    write_overviews(cast, "One", "Two", "Three")
    with db.transaction() as session:
        session.execute(
            delete(EntryText).where(EntryText.id < select(func.max(Entry.id)).scalar_subquery())
        )
        session.commit()
    with db.read() as session:
        assert activity.find_searchable_since(session, Filters(words="one")) is not None
        assert activity.table(session, cast.oda, Filters(words="one")).empty
    assert [search_texts.run_due() for _ in range(2)] == [2, 0]
    with db.read() as session:
        assert activity.find_searchable_since(session, Filters(words="one")) is None
        assert len(activity.table(session, cast.oda, Filters(words="one"))) == 2


def test_a_file_has_every_entry_that_matches_and_no_formula(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_export, "_BATCH", 2)
    write_overviews(cast, "=1+1", "x" * 900, "Three", "Four", "Five")
    db.run(members.remove, cast.olga, cast.acme.id, cast.mia.user_id, reason="=cmd")
    filters, sink = Filters(since=clock_module.now() - timedelta(days=1)), io.BytesIO()
    db.run(csv_export.begin, cast.olga, filters, org_id=cast.acme.id)
    with db.read() as session:
        assert csv_export.write(session, cast.olga, filters, sink, org_id=cast.acme.id) == 7
    rows = list(csv.DictReader(io.StringIO(sink.getvalue().decode("utf-8-sig"), newline="")))
    assert [row["What"] for row in rows][:2] == ["downloaded the history", "removed Mia"]
    assert (rows[0]["Reason"][:10], rows[1]["Reason"]) == ("CSV: since", "'=cmd")
    assert rows[-2]["What"].endswith("x" * 900)
    assert rows[-1]["Organization ID"] == cast.acme.public_id
    with db.read() as session, pytest.raises(NotPermitted):
        csv_export.write(session, cast.adam, filters, io.BytesIO(), org_id=cast.acme.id)


class TestLatest:
    @pytest.fixture
    def changes(self, session: Session, cast: Cast) -> None:
        """A stage, a profile field, a role and an invitation, in this order."""
        onboarding.flag(session, cast.sam, [cast.acme.id], note="They called.")
        profile.save(session, cast.olga, cast.acme.id, {"phone": ""}, {"phone": "+15072842511"})
        members.change_role(session, cast.olga, cast.acme.id, cast.mia.user_id, Role.ADMIN)
        members.change_role(session, cast.olga, cast.acme.id, cast.mia.user_id, Role.MEMBER)
        invitations.invite(session, cast.olga, cast.acme.id, "new@example.com")

    def excerpt(self, session: Session, cast: Cast, who: str) -> list[str]:
        found = activity.latest(session, getattr(cast, who), cast.acme.id, limit=9)
        assert set(found["reason"]) <= ({""} if who in {"mia", "adam"} else {"", "They called."})
        return found["what"].tolist()

    FLAGGED = "moved it from free to onboarding and set the sales rep to Sam"

    @pytest.mark.usefixtures("changes")
    def test_members_see_changes_of_what_they_can_see(self, session: Session, cast: Cast) -> None:
        assert self.excerpt(session, cast, "mia") == ["changed the phone", self.FLAGGED]

    @pytest.mark.usefixtures("changes")
    def test_admins_see_roles_and_invitations_as_well(self, session: Session, cast: Cast) -> None:
        assert self.excerpt(session, cast, "adam") == [
            "invited new@example.com",
            "changed the role of Mia from admin to member",
            "changed the role of Mia from member to admin",
            "changed the phone",
            self.FLAGGED,
        ]

    @pytest.mark.usefixtures("changes")
    @pytest.mark.parametrize("who", ["olga", "oda"])
    def test_owners_and_staff_see_everything(self, session: Session, cast: Cast, who: str) -> None:
        found = self.excerpt(session, cast, who)
        assert "set the phone to +1 507-284-2511" in found
        assert "invited new@example.com as member" in found

    def test_members_see_no_role_in_an_answer_or_a_reinstatement(
        self, session: Session, cast: Cast
    ) -> None:
        members.remove(session, cast.olga, cast.acme.id, cast.adam.user_id)
        members.reinstate(session, cast.olga, cast.acme.id, cast.adam.user_id)
        (invited,) = invitations.invite(session, cast.olga, cast.acme.id, "otto@example.com")
        acceptance.accept(session, cast.otto, crypto.token(MAILED, invited.nonce))
        assert self.excerpt(session, cast, "mia") == [
            "accepted the invitation",
            "reinstated Adam",
            "removed Adam",
        ]
        assert read(session, cast)[0] == "Otto accepted the invitation and joined as member"


def test_people_read_what_they_did_to_their_own_account(session: Session, cast: Cast) -> None:
    accounts.rename(session, cast.mia, "Mia Lund")
    account_access.disable(session, cast.ada, cast.mia.user_id or 0)
    found = activity.of_account(session, Actor(cast.mia.user_id, "Mia Lund"))
    assert (found["who"] + " " + found["what"]).tolist() == [
        "Ada disabled the account of Mia Lund",
        "You changed your name",
    ]
